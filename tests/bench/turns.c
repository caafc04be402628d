/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turns MS ROUNDS CPU PROFILER:PROGRAM... lets running profilers (pids) sample in turns, each
 * beside the program whose stacks it takes, so that all of them meet the same machine: whatever
 * else runs on it changes more slowly than they do. It takes over the profilers' perf events, which
 * are one a CPU, and enables the one of CPU for MS milliseconds while the other programs are
 * stopped. Each round has another order. Prints a line a turn:
 *
 *	ROUND INDEX NS RUNS SHARE
 *
 * the time and number of runs of the profiler's BPF programs, as the kernel counts them, and the
 * share of that time in which the program ran, so of the ticks that found it.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/perf_event.h>

#define MAX_TURNS  64
#define MAX_EVENTS 4096

struct turn {
	pid_t profiler, program;
	int events[MAX_EVENTS];
	int n_events;
};

struct stats {
	uint64_t ns, runs;
};

static void die(const char *what)
{
	fprintf(stderr, "turns: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Sums up what /proc/PID/fdinfo/FD says of a BPF program for perf events. */
static void add_stats(pid_t pid, const char *fd, struct stats *s)
{
	unsigned long long type = 0, ns = 0, runs = 0;
	char path[300], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%s", (int)pid, fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "prog_type: %llu", &type);
		sscanf(line, "run_time_ns: %llu", &ns);
		sscanf(line, "run_cnt: %llu", &runs);
	}
	if (f)
		fclose(f);
	if (type == 7) { /* BPF_PROG_TYPE_PERF_EVENT */
		s->ns += ns;
		s->runs += runs;
	}
}

/*
 * Whether a descriptor of another process is a perf event with a BPF program: of such the kernel
 * says that it cannot describe them, of one without that there is nothing to describe.
 */
static bool has_program(pid_t pid, int fd)
{
	union bpf_attr attr = { .task_fd_query = { .pid = (__u32)pid, .fd = (__u32)fd } };

	return syscall(SYS_bpf, BPF_TASK_FD_QUERY, &attr, sizeof(attr)) < 0 && errno == EOPNOTSUPP;
}

/* Duplicates a descriptor of another process if it is such an event; -1 = it is none. */
static int take_event(pid_t pid, int pidfd, const char *fd)
{
	char path[300], target[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/fd/%s", (int)pid, fd);
	n = readlink(path, target, sizeof(target) - 1);
	target[n < 0 ? 0 : n] = '\0';
	if (strcmp(target, "anon_inode:[perf_event]") != 0 || !has_program(pid, atoi(fd)))
		return -1;
	return (int)syscall(SYS_pidfd_getfd, pidfd, atoi(fd), 0);
}

static int by_number(const struct dirent **a, const struct dirent **b)
{
	int x = atoi((*a)->d_name), y = atoi((*b)->d_name);

	return (x > y) - (x < y);
}

/* Goes through the descriptors of a profiler in order: its stats, and its events into @t if given.
 */
static struct stats look(pid_t pid, struct turn *t)
{
	int pidfd = t ? (int)syscall(SYS_pidfd_open, pid, 0) : -1, n, fd;
	struct stats s = { 0 };
	struct dirent **names;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	n = scandir(path, &names, NULL, by_number);
	if (n < 0)
		die(path);
	for (int i = 0; i < n; i++) {
		add_stats(pid, names[i]->d_name, &s);
		fd = t ? take_event(pid, pidfd, names[i]->d_name) : -1;
		if (fd >= 0 && t->n_events < MAX_EVENTS)
			t->events[t->n_events++] = fd;
		free(names[i]);
	}
	free(names);
	if (pidfd >= 0)
		close(pidfd);
	return s;
}

/* CPU time that @pid used so far. */
static double cpu_seconds(pid_t pid)
{
	struct timespec ts;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &ts) < 0)
		die("the program's CPU time");
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void take_turn(struct turn *t, int round, int index, int ms, int cpu)
{
	int event = t->events[t->n_events == 1 ? 0 : cpu];
	struct timespec wait = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000l };
	struct stats before, after;
	double cpu_before, start;

	kill(t->program, SIGCONT);
	usleep(20000);
	before = look(t->profiler, NULL);
	cpu_before = cpu_seconds(t->program);
	start = now();
	if (ioctl(event, PERF_EVENT_IOC_ENABLE, 0) < 0)
		die("enabling an event");
	nanosleep(&wait, NULL);
	ioctl(event, PERF_EVENT_IOC_DISABLE, 0);
	start = now() - start;
	cpu_before = cpu_seconds(t->program) - cpu_before;
	after = look(t->profiler, NULL);
	kill(t->program, SIGSTOP);
	printf("%d %d %llu %llu %.4f\n", round, index, (unsigned long long)(after.ns - before.ns),
	       (unsigned long long)(after.runs - before.runs), cpu_before / start);
}

/* Puts the numbers below @n into an order of this round's own. */
static void shuffle(int *order, int n)
{
	static uint64_t x = 88172645463325252ull;

	for (int i = 0; i < n; i++) {
		int k;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		k = (int)(x % (uint64_t)(i + 1));
		order[i] = order[k];
		order[k] = i;
	}
}

int main(int argc, char **argv)
{
	int order[MAX_TURNS];
	static struct turn turns[MAX_TURNS];
	int n = argc - 4, ms, rounds, cpu;

	if (n < 1 || n > MAX_TURNS) {
		fprintf(stderr, "usage: turns MS ROUNDS CPU PROFILER:PROGRAM...\n");
		return 2;
	}
	ms = atoi(argv[1]);
	rounds = atoi(argv[2]);
	cpu = atoi(argv[3]);
	for (int i = 0; i < n; i++) {
		struct turn *t = &turns[i];

		if (sscanf(argv[4 + i], "%d:%d", &t->profiler, &t->program) != 2)
			return 2;
		look(t->profiler, t);
		if (!t->n_events || (t->n_events > 1 && t->n_events <= cpu)) {
			fprintf(stderr, "turns: process %d has no event for CPU %d\n",
				(int)t->profiler, cpu);
			return 1;
		}
		for (int e = 0; e < t->n_events; e++)
			ioctl(t->events[e], PERF_EVENT_IOC_DISABLE, 0);
		kill(t->program, SIGSTOP);
	}
	for (int round = 0; round < rounds; round++) {
		shuffle(order, n);
		for (int i = 0; i < n; i++)
			take_turn(&turns[order[i]], round, order[i], ms, cpu);
	}
	for (int i = 0; i < n; i++)
		kill(turns[i].program, SIGCONT);
	return 0;
}
