/* SPDX-License-Identifier: Apache-2.0 */
#include "live_log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/perf_event.h>

#include "err.h"

#define FORMAT_LOST (1u << 4) /* PERF_FORMAT_LOST, in headers since Linux 6.0 */

struct live_refused live_refused;
struct live_log live_log;

long __real_syscall(long nr, ...);
/* Takes six words as syscall(2) itself does, however many the caller gave: no bug, whatever ASan says. */
long __wrap_syscall(long nr, ...);
__attribute__((no_sanitize("address"))) long __wrap_syscall(long nr, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (nr == SYS_perf_event_open) {
		struct perf_event_attr attr;

		memcpy(&attr, (void *)a[0], sizeof(attr));
		if (live_refused.descriptor) {
			errno = EMFILE;
			return -1;
		}
		if ((live_refused.build_id && attr.build_id) ||
		    (live_refused.format_lost && attr.read_format & FORMAT_LOST)) {
			errno = EINVAL;
			return -1;
		}
	}
	return __real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static struct live_record *see(enum live_kind kind, uint64_t time_ns, const char *text)
{
	struct live_record s = { .kind = kind, .time_ns = time_ns };

	snprintf(s.text, sizeof(s.text), "%s", text);
	cr_assert_eq(array_push(&live_log.all, s), 0);
	return &live_log.all.items[live_log.all.n - 1];
}

static void on_mmap(void *ctx, uint64_t time_ns, const struct sideband_mmap *m)
{
	struct live_record *s = see(LIVE_MMAP, time_ns, m->name);

	(void)ctx;
	s->tgid = m->tgid;
	s->tid = m->tid;
	s->mmap = *m;
	if (m->build_id_n)
		memcpy(s->build_id, m->build_id, m->build_id_n);
	cr_expect(m->prot & PROT_EXEC, "%s", m->name);
}

static void on_comm(void *ctx, uint64_t time_ns, const struct sideband_comm *c)
{
	struct live_record *s = see(c->exec ? LIVE_EXEC : LIVE_COMM, time_ns, c->comm);

	(void)ctx;
	s->tgid = c->tgid;
	s->tid = c->tid;
}

static void see_task(enum live_kind kind, uint64_t time_ns, const struct sideband_task *t)
{
	struct live_record *s = see(kind, time_ns, "");

	s->tgid = t->tgid;
	s->tid = t->tid;
	s->parent_tgid = t->parent_tgid;
}

static void on_fork(void *ctx, uint64_t time_ns, const struct sideband_task *t)
{
	(void)ctx;
	see_task(LIVE_FORK, time_ns, t);
}

static void on_death(void *ctx, uint64_t time_ns, const struct sideband_task *t)
{
	(void)ctx;
	see_task(LIVE_EXIT, time_ns, t);
}

static void on_lost(void *ctx, uint64_t time_ns, unsigned cpu, uint64_t n)
{
	(void)ctx;
	(void)time_ns;
	(void)cpu;
	cr_expect_gt(n, 0);
	live_log.lost += n;
}

const struct sideband_callbacks live_callbacks = {
	.on_mmap = on_mmap,
	.on_comm = on_comm,
	.on_fork = on_fork,
	.on_exit = on_death,
	.on_lost = on_lost,
};

struct sideband *live_start(size_t ring_bytes)
{
	struct sideband *s = NULL;
	struct err e = { "" };
	int r = sideband_new(&s, &(struct sideband_opts){ .ring_bytes = ring_bytes, .build_ids = true }, &live_callbacks, &e);

	if (r == -EACCES || r == -EPERM)
		cr_skip("needs CAP_PERFMON");
	cr_assert_eq(r, 0, "%s", e.text);
	return s;
}

void live_expect_sound(struct sideband *s)
{
	const struct sideband_counts *c = sideband_counts(s);

	if (sideband_refresh(s) != 0)
		cr_skip("a CPU went offline or came online meanwhile");
	cr_expect_eq(c->malformed, 0);
	cr_expect_eq(c->unknown, 0);
	cr_expect_eq(c->lost, live_log.lost);
	for (size_t i = 1; i < live_log.all.n; i++)
		cr_expect_leq(live_log.all.items[i - 1].time_ns, live_log.all.items[i].time_ns,
			      "record %zu", i);
}

const struct live_record *live_expect(enum live_kind kind, pid_t tgid, pid_t tid, const char *text)
{
	for (size_t i = live_log.cursor; i < live_log.all.n; i++) {
		const struct live_record *s = &live_log.all.items[i];

		if (s->kind == kind && s->tgid == (uint32_t)tgid && s->tid == (uint32_t)tid &&
		    (!text || strcmp(s->text, text) == 0)) {
			live_log.cursor = i + 1;
			return s;
		}
	}
	cr_assert_fail("no record %d of %d/%d '%s' after number %zu of %zu", kind, tgid, tid,
		       text ? text : "", live_log.cursor, live_log.all.n);
	return NULL;
}

void live_wait(pid_t pid, int *ret_status)
{
	cr_assert_gt(pid, 0, "fork(2)");
	cr_assert_eq(waitpid(pid, ret_status, 0), pid);
}

void live_fork_and_wait(void)
{
	pid_t pid = vfork(); /* cheap in a large address space, such as that of a sanitizer */

	if (pid == 0)
		_exit(0);
	live_wait(pid, NULL);
}

uint64_t live_count_children(void)
{
	uint64_t n = 0;

	array_each(&live_log.all, s) {
		if ((s->kind != LIVE_FORK && s->kind != LIVE_EXIT) ||
		    s->parent_tgid != (uint32_t)getpid())
			continue;
		cr_expect_eq(s->tgid, s->tid);
		cr_expect_neq(s->tgid, (uint32_t)getpid());
		n++;
	}
	return n;
}
