/* SPDX-License-Identifier: Apache-2.0 */
#include "maplater.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/resource.h>

#include "aspace.h"
#include "cleanup.h"
#include "clock.h"
#include "proctab.h"
#include "threadstart.h"

static void *read_maps(void *arg)
{
	struct maplater *m = arg;
	char path[48];

	if (getpriority(PRIO_PROCESS, 0) < 0)
		(void)setpriority(PRIO_PROCESS, 0, 0); /* unlike who asks, it is in no hurry */
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/maps", m->task ? m->task : m->tgid);
	m->result = aspace_read(path, PROCTAB_MAX_AREAS, UINT64_MAX, &m->stop, &m->as);
	m->took_ns = clock_thread_ns();
	atomic_store(&m->done, true);
	return NULL;
}

int maplater_ask(struct maplater *m, uint32_t tgid, uint32_t task)
{
	int r;

	if (m->busy)
		return -EBUSY;
	*m = (struct maplater){ .tgid = tgid, .task = task, .asked_ns = clock_mono_ns() };
	r = thread_start(&m->thread, read_maps, m);
	m->busy = r == 0;
	return r;
}

bool maplater_take(struct maplater *m, struct aspace **ret)
{
	if (!m->busy || !atomic_load(&m->done))
		return false;
	pthread_join(m->thread, NULL);
	m->busy = false;
	*ret = take_ptr(m->as);
	return true;
}

void maplater_done(struct maplater *m)
{
	if (!m->busy)
		return;
	atomic_store(&m->stop, true);
	pthread_join(m->thread, NULL);
	m->busy = false;
	aspace_unref(m->as);
	m->as = NULL;
}
