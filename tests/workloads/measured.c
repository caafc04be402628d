/* SPDX-License-Identifier: Apache-2.0 */
/* measured FILE COMMAND...: runs the command and writes what it used to FILE. */
#include <sys/wait.h>

#include "workload.h"

int main(int argc, char **argv)
{
	struct rusage u;
	int status;
	FILE *f;
	pid_t pid;

	if (argc < 3)
		return 2;
	alarm(60);
	pid = fork();
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (wait4(pid, &status, 0, &u) < 0)
		return 125;
	f = fopen(argv[1], "w");
	if (!f)
		return 125;
	fprintf(f, "pid %d\n", pid);
	fprintf(f, "utime %.6f\n", (double)u.ru_utime.tv_sec + (double)u.ru_utime.tv_usec / 1e6);
	fprintf(f, "stime %.6f\n", (double)u.ru_stime.tv_sec + (double)u.ru_stime.tv_usec / 1e6);
	fclose(f);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
