/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timed SECONDS COMMAND [ARG...] 3>FIGURES: runs a command and writes "wall cpu memory" to
 * descriptor 3: seconds, seconds of user and system time, and the most memory that it had at one
 * time, in MB (10^6). Ended after SECONDS it is "over over over". Small itself: a child's peak
 * counts what it was before exec.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(struct timeval t)
{
	return t.tv_sec + t.tv_usec / 1e6;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Waits for @pid, which has until @limit. 0, or 1 when it was killed. */
static int outcome(pid_t pid, int limit, struct rusage *use, int *status)
{
	sigset_t chld;
	struct timespec left = { .tv_sec = limit };

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	while (sigtimedwait(&chld, NULL, &left) < 0 && errno == EINTR)
		;
	if (wait4(pid, status, WNOHANG, use) == pid)
		return 0;
	kill(pid, SIGKILL);
	wait4(pid, status, 0, use);
	return 1;
}

int main(int argc, char **argv)
{
	struct rusage use = { 0 };
	sigset_t chld, old;
	double start;
	int status = 0;
	pid_t pid;

	if (argc < 3) {
		fprintf(stderr, "usage: timed SECONDS COMMAND [ARG...] 3>FIGURES\n");
		return 2;
	}
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, &old);
	start = now();
	pid = fork();
	if (pid == 0) {
		sigprocmask(SIG_SETMASK, &old, NULL);
		close(3);
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	if (pid < 0) {
		perror("fork");
		return 1;
	}
	if (outcome(pid, atoi(argv[1]), &use, &status)) {
		dprintf(3, "over over over\n");
		return 124;
	}
	dprintf(3, "%.4f %.4f %.1f\n", now() - start, seconds(use.ru_utime) + seconds(use.ru_stime),
		use.ru_maxrss * 1024 / 1e6);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
