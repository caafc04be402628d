/* SPDX-License-Identifier: Apache-2.0 */
/*
 * orphan SECONDS FILE: forks a process that waits for its parent to end, then forks one that works
 * SECONDS and writes "pid", "cpu" to FILE. The command itself goes on in a third until FILE is
 * there.
 */
#include <sys/prctl.h>
#include <sys/wait.h>

#include "workload.h"

NOINLINE void orphan_work(double until)
{
	while (process_s() < until)
		BURN(50000);
}

static void be_orphan(double seconds, const char *path)
{
	char tmp[4096];
	FILE *f;

	prctl(PR_SET_NAME, "orphan-late");
	orphan_work(seconds);
	snprintf(tmp, sizeof(tmp), "%s.tmp", path);
	f = fopen(tmp, "w");
	if (!f)
		_exit(3);
	fprintf(f, "pid %d\ncpu %.9f\n", getpid(), process_s());
	fclose(f);
	rename(tmp, path);
	_exit(0);
}

int main(int argc, char **argv)
{
	double seconds = arg_seconds(argc, argv, 0.3);
	pid_t parent;

	if (argc < 3)
		return 2;
	if (fork() == 0) {
		parent = getpid();
		if (fork() == 0) { /* the child of a parent that ends at once */
			while (getppid() == parent)
				usleep(1000);
			if (fork() == 0)
				be_orphan(seconds, argv[2]);
			_exit(0);
		}
		_exit(0);
	}
	wait(NULL);
	while (access(argv[2], F_OK) != 0)
		usleep(1000);
	return 0;
}
