/* SPDX-License-Identifier: Apache-2.0 */
/*
 * family N: N children one after another, each works 5 ms as "child-I", forks a grandchild that
 * works 5 ms as "grandchild-I", and ends. Every process writes "member PID COMM CPU" before it
 * ends.
 */
#include <sys/prctl.h>
#include <sys/wait.h>

#include "workload.h"

static void report(const char *comm)
{
	char line[96];
	int n = snprintf(line, sizeof(line), "member %d %s %.9f\n", getpid(), comm, process_s());

	if (write(STDOUT_FILENO, line, (size_t)n) != n)
		_exit(3);
}

NOINLINE void child_work(double until)
{
	while (process_s() < until)
		BURN(20000);
}

NOINLINE void grandchild_work(double until)
{
	while (process_s() < until)
		BURN(20000);
}

static void live(const char *kind, long i, void (*work)(double until))
{
	char comm[16];

	snprintf(comm, sizeof(comm), "%s-%ld", kind, i);
	prctl(PR_SET_NAME, comm);
	work(0.005);
	report(comm);
}

static void one_child(long i)
{
	if (fork() == 0) {
		live("child", i, child_work);
		if (fork() == 0) {
			live("grandchild", i, grandchild_work);
			_exit(0);
		}
		wait(NULL);
		_exit(0);
	}
	wait(NULL);
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? strtol(argv[1], NULL, 10) : 10;

	struct rusage u;

	alarm(60);
	for (long i = 0; i < n; i++)
		one_child(i);
	/* What they used up to their last instruction, which they cannot say themselves. */
	getrusage(RUSAGE_CHILDREN, &u);
	printf("children %.6f\n", (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
					  (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
	return 0;
}
