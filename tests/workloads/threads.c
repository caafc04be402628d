/* SPDX-License-Identifier: Apache-2.0 */
/*
 * threads SECONDS N: N busy threads, the i-th pinned to the i-th CPU it may use, each SECONDS of
 * CPU time. Thread 1 is called "busy-1" and so on. Prints "tid-I TID" and "ready" before they
 * begin.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "workload.h"

static double limit, spent[64];
static pid_t tids[64];
static pthread_barrier_t begin;

static void pin(long nth)
{
	cpu_set_t may, one;

	sched_getaffinity(0, sizeof(may), &may);
	nth %= CPU_COUNT(&may);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &may) && nth-- == 0) {
			CPU_ZERO(&one);
			CPU_SET(cpu, &one);
			sched_setaffinity(0, sizeof(one), &one);
		}
}

NOINLINE void thread_work(void)
{
	while (thread_s() < limit)
		BURN(200000);
}

static void *thread(void *arg)
{
	long i = (long)(intptr_t)arg;
	char name[16];

	snprintf(name, sizeof(name), "busy-%ld", i);
	prctl(PR_SET_NAME, name);
	pin(i - 1);
	tids[i] = (pid_t)syscall(SYS_gettid);
	pthread_barrier_wait(&begin);
	pthread_barrier_wait(&begin);
	thread_work();
	spent[i] = thread_s();
	return NULL;
}

int main(int argc, char **argv)
{
	long n = argc > 2 ? strtol(argv[2], NULL, 10) : 2;
	pthread_t t[64];

	limit = arg_seconds(argc, argv, 2);
	if (n < 1 || n > 63)
		return 2;
	pthread_barrier_init(&begin, NULL, (unsigned)n + 1);
	for (long i = 1; i <= n; i++)
		pthread_create(&t[i], NULL, thread, (void *)(intptr_t)i);
	pthread_barrier_wait(&begin);
	for (long i = 1; i <= n; i++)
		printf("tid-%ld %d\n", i, tids[i]);
	printf("ready\n");
	fflush(stdout);
	wait_for_go();
	pthread_barrier_wait(&begin);
	for (long i = 1; i <= n; i++)
		pthread_join(t[i], NULL);
	for (long i = 1; i <= n; i++)
		printf("thread-%ld %.9f\n", i, spent[i]);
	say_usage();
	return 0;
}
