/* SPDX-License-Identifier: Apache-2.0 */
#include "workers.h"

#include <pthread.h>

#include "threadstart.h"

struct worker {
	void (*work)(void *ctx, unsigned i);
	void *ctx;
	unsigned i;
	pthread_t thread;
};

static void *run(void *arg)
{
	const struct worker *w = arg;

	w->work(w->ctx, w->i);
	return NULL;
}

void workers_run(unsigned n, void (*work)(void *ctx, unsigned i), void *ctx)
{
	struct worker w[WORKERS_MAX];
	unsigned started = 1;

	if (n > WORKERS_MAX)
		n = WORKERS_MAX;
	for (; started < n; started++) {
		w[started] = (struct worker){ .work = work, .ctx = ctx, .i = started };
		if (thread_start(&w[started].thread, run, &w[started]) < 0)
			break;
	}
	if (n > 0)
		work(ctx, 0);
	for (unsigned i = started; i < n; i++)
		work(ctx, i);
	for (unsigned i = 1; i < started; i++)
		pthread_join(w[i].thread, NULL);
}
