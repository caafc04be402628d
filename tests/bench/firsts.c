/* SPDX-License-Identifier: Apache-2.0 */
/*
 * firsts [-p PID | -x NAME] SECONDS COMMAND... starts a profiler and tells from outside, for
 * SECONDS, what it reached when. Prints lines of a word and a number:
 *
 *	start S   CLOCK_MONOTONIC at its exec
 *	tick S    from there to the first run of a BPF program of its for perf events; needs
 *	          kernel.bpf_stats_enabled
 *	tables S  of wick: to when all of PID's code, or that of its child called NAME, has its
 *	          unwind tables in the sampler; for a child from the child's exec
 *	maps B    bytes of its BPF maps, as the kernel charges them
 *	peak B    its largest resident memory
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/bpf.h>

#include "wire_unwind.h"

#define MAX_FDS 512

static struct {
	int pidfd, progs[16], n_progs, spaces, areas, seen[MAX_FDS];
} its = { .spaces = -1, .areas = -1 };

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* One line of a file below /proc that begins with @name, in bytes or whatever it counts; 0 = none.
 */
static unsigned long long proc_number(const char *path, const char *name)
{
	unsigned long long v = 0;
	FILE *f = fopen(path, "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, name, strlen(name)) == 0)
			v = strtoull(line + strlen(name), NULL, 10);
	if (f)
		fclose(f);
	return v;
}

static long bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static int info(int fd, void *ret, __u32 size)
{
	union bpf_attr attr = {
		.info = { .bpf_fd = (__u32)fd, .info_len = size, .info = (uintptr_t)ret },
	};

	memset(ret, 0, size);
	return (int)bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
}

static int look_up(int fd, const void *key, void *ret)
{
	union bpf_attr attr = {
		.map_fd = (__u32)fd,
		.key = (uintptr_t)key,
		.value = (uintptr_t)ret,
	};

	return (int)bpf(BPF_MAP_LOOKUP_ELEM, &attr);
}

/* Keeps a descriptor that the profiler just got, if it is one to be watched. */
static void take(int number, const char *target)
{
	struct bpf_prog_info prog;
	struct bpf_map_info map;
	int fd = (int)syscall(SYS_pidfd_getfd, its.pidfd, number, 0);

	if (fd < 0)
		return;
	if (strstr(target, "bpf-prog") && info(fd, &prog, sizeof(prog)) == 0 &&
	    prog.type == BPF_PROG_TYPE_PERF_EVENT && its.n_progs < 16) {
		its.progs[its.n_progs++] = fd;
	} else if (strstr(target, "bpf-map") && info(fd, &map, sizeof(map)) == 0 &&
		   strcmp(map.name, "spaces") == 0 && its.spaces < 0) {
		its.spaces = fd;
	} else if (strstr(target, "bpf-map") && info(fd, &map, sizeof(map)) == 0 &&
		   strcmp(map.name, "areas") == 0 && its.areas < 0) {
		its.areas = fd;
	} else {
		close(fd);
	}
}

/* Looks for new descriptors; returns the bytes of all its maps if they are wanted. */
static unsigned long long look(pid_t pid, int want_bytes)
{
	unsigned long long bytes = 0;
	char path[64], target[64];
	struct dirent *e;
	DIR *d;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		int fd = atoi(e->d_name);

		n = readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		if (want_bytes && strstr(target, "bpf-map")) {
			snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)pid, fd);
			bytes += proc_number(path, "memlock:");
		}
		/* A map's or program's number may have been a file's before. */
		if (strstr(target, "bpf-") && fd < MAX_FDS && !its.seen[fd]) {
			its.seen[fd] = 1;
			take(fd, target);
		}
	}
	if (d)
		closedir(d);
	return bytes;
}

static int has_ticked(void)
{
	struct bpf_prog_info prog;

	for (int i = 0; i < its.n_progs; i++)
		if (info(its.progs[i], &prog, sizeof(prog)) == 0 && prog.run_cnt)
			return 1;
	return 0;
}

/* Whether some of the code of @pid has tables in the sampler and none waits for its. */
static int has_tables(pid_t pid)
{
	__u32 tgid = (__u32)pid, rows = 0;
	struct wire_space space;
	struct wire_area area;

	if (its.spaces < 0 || its.areas < 0 || look_up(its.spaces, &tgid, &space) < 0)
		return 0;
	for (__u32 i = space.first; i < space.first + space.n; i++) {
		if (look_up(its.areas, &i, &area) < 0 || area.how == WIRE_HOW_WAIT)
			return 0;
		rows += area.how == WIRE_HOW_ROWS;
	}
	return rows > 0;
}

/* The child of @parent if it is called @name by now, else 0. */
static pid_t find_child(pid_t parent, const char *name)
{
	char path[96], comm[32] = "";
	int pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
	f = fopen(path, "re");
	if (f && fscanf(f, "%d", &pid) != 1)
		pid = 0;
	if (f)
		fclose(f);
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = pid ? fopen(path, "re") : NULL;
	if (f && !fgets(comm, sizeof(comm), f))
		comm[0] = '\0';
	if (f)
		fclose(f);
	comm[strcspn(comm, "\n")] = '\0';
	return pid && strcmp(comm, name) == 0 ? pid : 0;
}

static void watch(pid_t pid, pid_t program, const char *child, double start, double seconds)
{
	int ticked = 0, ready = 0;
	double from = start;

	while (now() - start < seconds) {
		look(pid, 0);
		if (!program && child && (program = find_child(pid, child)))
			from = now();
		if (!ticked && has_ticked())
			ticked = printf("tick %.3f\n", now() - start);
		if (!ready && program && has_tables(program))
			ready = printf("tables %.3f\n", now() - from);
		usleep(500);
	}
}

/*
 * Asks the profiler to end and waits. bpftrace misses a signal that comes just before it sleeps, so
 * it is asked again after a while, but not sooner: to wick a second Ctrl-C says to give up.
 */
static int interrupt(pid_t pid)
{
	int status;

	for (int i = 0; i < 4; i++) {
		kill(pid, i < 3 ? SIGINT : SIGKILL);
		for (int k = 0; k < 100; k++) {
			if (waitpid(pid, &status, WNOHANG) == pid)
				return 0;
			usleep(100000);
		}
	}
	return 1;
}

int main(int argc, char **argv)
{
	const char *child = NULL;
	pid_t program = 0, pid;
	char path[64];
	double start;
	int c;

	while ((c = getopt(argc, argv, "+p:x:")) >= 0) {
		if (c == 'p')
			program = atoi(optarg);
		else if (c == 'x')
			child = optarg;
		else
			return 2;
	}
	if (argc - optind < 2)
		return 2;
	start = now();
	printf("start %.3f\n", start);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		int out = open("/dev/null", O_WRONLY);

		dup2(out, 1);
		dup2(out, 2);
		execvp(argv[optind + 1], &argv[optind + 1]);
		_exit(127);
	}
	its.pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	watch(pid, program, child, start, atof(argv[optind]));
	printf("maps %llu\n", look(pid, 1));
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	printf("peak %llu\n", proc_number(path, "VmHWM:") * 1024);
	return interrupt(pid);
}
