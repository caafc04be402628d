/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How processes live:
 *
 *	lives brief SECONDS	works so long and says nothing
 *	lives brood N		forks N children that all work 4 ms, at most 8 at a time;
 *				"children CPU"
 *	lives idle N		forks N children that sleep; "ready"; sleeps until it is ended
 *	lives again PROGRAM...	works as a child whose number is given to another process at once,
 *				which executes PROGRAM; "pid N"
 *	lives rate N SECONDS COMMAND... [, COMMAND...]...
 *				starts N commands a second, in turn, at even distances, and
 *				waits for all; "started N", "failed N", "seconds SECONDS"
 *	lives leaderless SECONDS	a thread works so long after the first one has ended; "ready"
 *	lives renames		a thread works 0.25 s each as phase-1, phase-2, phase-3
 *	lives memory PROGRAM...	executes a copy of PROGRAM that no file system has
 *	lives shares SECONDS	forks children that write to one page of the common stack after the
 *				other, and return through a frame on each; "children N"
 *
 * Under other names it is what a root needs that has nothing else:
 *
 *	in-true, in-echo, in-cat	nearly what these are elsewhere
 *	in-sh				"in-echo | in-cat >/dev/null", of /bin
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <linux/sched.h>

#include "workload.h"

extern char **environ;

NOINLINE void brief_work(double until)
{
	while (process_s() < until)
		BURN(20000);
}

NOINLINE void brood_work(double until)
{
	while (process_s() < until)
		BURN(20000);
}

NOINLINE void first_work(double until)
{
	while (process_s() < until)
		BURN(20000);
}

NOINLINE void phase_work(double until)
{
	while (thread_s() < until)
		BURN(20000);
}

static int brood(long n)
{
	struct rusage u;

	for (long i = 0; i < n; i++) {
		if (i >= 8)
			wait(NULL);
		if (fork() == 0) {
			brood_work(0.004);
			_exit(0);
		}
	}
	while (wait(NULL) > 0)
		;
	getrusage(RUSAGE_CHILDREN, &u);
	printf("children %.6f\n", (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
					  (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
	return 0;
}

static int idle(long n)
{
	for (long i = 0; i < n; i++) {
		pid_t child = fork();

		if (child < 0)
			return 1;
		if (child == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			alarm(0);
			pause();
			_exit(0);
		}
	}
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}

/* Forks a child with number @pid; 0 = any. */
static pid_t fork_as(pid_t pid)
{
	struct clone_args args = { .exit_signal = SIGCHLD };

	if (pid) {
		args.set_tid = (uintptr_t)&pid;
		args.set_tid_size = 1;
	}
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static int again(char **program)
{
	pid_t pid = fork_as(0), next;

	if (pid < 0)
		return errno == ENOSYS ? 77 : 1;
	if (pid == 0) {
		first_work(0.2);
		_exit(0);
	}
	printf("pid %d\n", pid);
	fflush(stdout);
	waitpid(pid, NULL, 0);
	next = fork_as(pid);
	if (next < 0)
		return 77; /* not privileged, or a stranger has it */
	if (next == 0) {
		execv(program[0], program);
		_exit(1);
	}
	waitpid(next, NULL, 0);
	return 0;
}

#define COMMANDS_MAX 8

/* Reaps those that have ended, or all: how many failed. */
static long reap(int flags)
{
	long failed = 0;
	int status;

	while (waitpid(-1, &status, flags) > 0)
		failed += status != 0;
	return failed;
}

static int rate(double per_second, double seconds, char **words)
{
	char **commands[COMMANDS_MAX] = { words };
	double begin = seconds_of(CLOCK_MONOTONIC), now;
	long n = 0, kinds = 1, failed = 0;

	for (char **w = words; *w; w++)
		if (strcmp(*w, ",") == 0 && kinds < COMMANDS_MAX) {
			*w = NULL;
			commands[kinds++] = w + 1;
		}
	while ((now = seconds_of(CLOCK_MONOTONIC) - begin) < seconds) {
		double early = (double)n / per_second - now;

		failed += reap(WNOHANG);
		if (early > 0) {
			usleep((useconds_t)(early * 1e6));
			continue;
		}
		if (fork() == 0) {
			execv(commands[n % kinds][0], commands[n % kinds]);
			_exit(127);
		}
		n++;
	}
	failed += reap(0);
	printf("started %ld\nfailed %ld\nseconds %.3f\n", n, failed,
	       seconds_of(CLOCK_MONOTONIC) - begin);
	return 0;
}

static int cat(void)
{
	char buf[256];
	ssize_t n;

	while ((n = read(STDIN_FILENO, buf, sizeof(buf))) > 0)
		if (write(STDOUT_FILENO, buf, (size_t)n) != n)
			return 1;
	return n < 0;
}

/* Starts @program of /bin with @from and @to as input and output. */
static void start_in_pipeline(const char *program, int from, int to, int other)
{
	char path[32];

	if (fork())
		return;
	dup2(from, STDIN_FILENO);
	dup2(to, STDOUT_FILENO);
	close(other);
	snprintf(path, sizeof(path), "/bin/%s", program);
	execl(path, program, NULL);
	_exit(127);
}

static int pipeline(void)
{
	int p[2], null = open("/dev/null", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (null < 0 || pipe2(p, O_CLOEXEC) < 0)
		return 1;
	start_in_pipeline("in-echo", null, p[1], p[0]);
	start_in_pipeline("in-cat", p[0], null, p[1]);
	close(p[0]);
	close(p[1]);
	return reap(0) != 0;
}

/* What a program of another name does, -1 = this is no such name. */
static int by_name(const char *name)
{
	if (strcmp(name, "in-true") == 0)
		return 0;
	if (strcmp(name, "in-echo") == 0)
		return puts("x") < 0;
	if (strcmp(name, "in-cat") == 0)
		return cat();
	return strcmp(name, "in-sh") == 0 ? pipeline() : -1;
}

static void *rename_itself(void *arg)
{
	(void)arg;
	for (int i = 1; i <= 3; i++) {
		char name[16];

		snprintf(name, sizeof(name), "phase-%d", i);
		prctl(PR_SET_NAME, name);
		phase_work(0.25 * i);
	}
	return NULL;
}

/* Whether the first thread has ended. proc_pid_stat(5) */
static int is_leaderless(void)
{
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	char buf[256] = "", *end;

	if (fd < 0 || read(fd, buf, sizeof(buf) - 1) <= 0)
		exit(1);
	close(fd);
	end = strrchr(buf, ')');
	return end && end[2] == 'Z';
}

NOINLINE void outliving_work(double until)
{
	while (thread_s() < until)
		BURN(20000);
}

static void *outlive(void *arg)
{
	while (!is_leaderless())
		usleep(1000);
	puts("ready");
	fflush(stdout);
	outliving_work(*(double *)arg);
	exit(0);
}

static int leaderless(double seconds)
{
	static double until;
	pthread_t t;

	until = seconds;
	if (pthread_create(&t, NULL, outlive, &until))
		return 1;
	pthread_exit(NULL);
}

static int renames(void)
{
	pthread_t t;

	return pthread_create(&t, NULL, rename_itself, NULL) || pthread_join(t, NULL);
}

static int memory(char **program)
{
	int from = open(program[0], O_RDONLY | O_CLOEXEC), to = memfd_create("copy", MFD_CLOEXEC);
	char buf[65536];
	ssize_t n;

	if (from < 0 || to < 0)
		return 1;
	while ((n = read(from, buf, sizeof(buf))) > 0)
		if (write(to, buf, (size_t)n) != n)
			return 1;
	fexecve(to, program, environ);
	return 1;
}

/* The end of the way down: a child comes back with 0, its parent with its number. */
NOINLINE int share_stack(void)
{
	pid_t child = fork();

	if (child > 0)
		waitpid(child, NULL, 0);
	return child;
}

/* A page of stack each: coming back writes to the one of the caller. */
NOINLINE int share_frames(int depth)
{
	volatile int page[1024 - 16];
	int r;

	page[0] = depth;
	r = depth > 1 ? share_frames(depth - 1) : share_stack();
	page[0] = r;
	return page[0];
}

static int shares(double seconds)
{
	double end = seconds_of(CLOCK_MONOTONIC) + seconds;
	long n = 0;

	for (; seconds_of(CLOCK_MONOTONIC) < end; n++)
		if (share_frames(6) == 0)
			_exit(0);
	printf("children %ld\n", n);
	return 0;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	long n = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
	int r = by_name(strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0]);

	if (r >= 0)
		return r;
	alarm(80);
	if (argc > 2 && strcmp(mode, "brief") == 0)
		brief_work(strtod(argv[2], NULL));
	else if (argc > 2 && strcmp(mode, "brood") == 0)
		return brood(n);
	else if (argc > 2 && strcmp(mode, "idle") == 0)
		return idle(n);
	else if (argc > 2 && strcmp(mode, "again") == 0)
		return again(argv + 2);
	else if (argc > 4 && strcmp(mode, "rate") == 0)
		return rate(strtod(argv[2], NULL), strtod(argv[3], NULL), argv + 4);
	else if (argc > 2 && strcmp(mode, "leaderless") == 0)
		return leaderless(strtod(argv[2], NULL));
	else if (strcmp(mode, "renames") == 0)
		return renames();
	else if (argc > 2 && strcmp(mode, "memory") == 0)
		return memory(argv + 2);
	else if (argc > 2 && strcmp(mode, "shares") == 0)
		return shares(strtod(argv[2], NULL));
	else
		return 2;
	return 0;
}
