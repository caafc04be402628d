/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>

#include "threadstart.h"

static void *look(void *arg)
{
	pthread_sigmask(SIG_SETMASK, NULL, arg);
	return NULL;
}

Test(threadstart, signals_are_for_who_called)
{
	sigset_t before, after, in;
	pthread_t thread;

	sigemptyset(&before);
	sigaddset(&before, SIGUSR1);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	cr_assert_eq(thread_start(&thread, look, &in), 0);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (int s = 1; s < SIGRTMAX; s++)
		cr_expect_eq(sigismember(&after, s), s == SIGUSR1, "signal %d of who called", s);
	cr_expect(sigismember(&in, SIGINT));
	cr_expect(sigismember(&in, SIGTERM));
	cr_expect(sigismember(&in, SIGCHLD));
	cr_expect(sigismember(&in, SIGALRM));
}

/* Waits until it may run wherever its maker may. */
static void *wait_for_cpus(void *arg)
{
	cpu_set_t *all = arg, mine;

	do {
		sched_yield();
		sched_getaffinity(0, sizeof(mine), &mine);
	} while (!CPU_EQUAL(&mine, all));
	return NULL;
}

Test(threadstart, runs_on_all_cpus_of_who_called, .timeout = 20)
{
	cpu_set_t all;

	cr_assert_eq(sched_getaffinity(0, sizeof(all), &all), 0);
	for (int i = 0; i < 50; i++) {
		pthread_t thread;

		cr_assert_eq(thread_start(&thread, wait_for_cpus, &all), 0);
		cr_assert_eq(pthread_join(thread, NULL), 0);
	}
}
