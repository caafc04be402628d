/* SPDX-License-Identifier: Apache-2.0 */
/*
 * users UID SECONDS: works as whoever started it, and then, without another program, as UID; a
 * child of the second half works as long again. It writes "before", "after" and "child" with the
 * CPU time of each.
 */
#include <sys/wait.h>

#include "workload.h"

NOINLINE void before_work(double until)
{
	while (process_s() < until)
		BURN(20000);
}

NOINLINE void after_work(double until)
{
	while (process_s() < until)
		BURN(20000);
}

NOINLINE void child_work(double until)
{
	while (process_s() < until)
		BURN(20000);
}

int main(int argc, char **argv)
{
	uid_t uid = argc > 1 ? (uid_t)strtoul(argv[1], NULL, 10) : 65534;
	double seconds = arg_seconds(argc - 1, argv + 1, 0.3), start;
	pid_t child;

	wait_for_go();
	start = process_s();
	before_work(start + seconds);
	printf("before %.9f\n", process_s() - start);
	if (setresuid(uid, uid, uid) < 0)
		return 1;
	start = process_s();
	after_work(start + seconds);
	printf("after %.9f\n", process_s() - start);
	fflush(stdout);
	child = fork();
	if (child == 0) {
		child_work(seconds);
		printf("child %.9f\n", process_s());
		fflush(stdout);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	say_usage();
	return 0;
}
