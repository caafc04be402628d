/* SPDX-License-Identifier: Apache-2.0 */
#include "threadstart.h"

#include <sched.h>
#include <signal.h>

/* A thread that waits on this CPU's queue goes to another one's. */
static void send_away(pthread_t thread)
{
	cpu_set_t all, others;
	int cpu = sched_getcpu();

	if (cpu < 0 || cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof(all), &all) < 0)
		return;
	others = all;
	CPU_CLR(cpu, &others);
	if (CPU_COUNT(&others) > 0 && pthread_setaffinity_np(thread, sizeof(others), &others) == 0)
		pthread_setaffinity_np(thread, sizeof(all), &all);
}

int thread_start(pthread_t *ret, void *(*run)(void *arg), void *arg)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(ret, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r == 0)
		send_away(*ret);
	return r;
}
