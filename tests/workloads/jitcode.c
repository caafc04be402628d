/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jitcode SECONDS MODE: a JIT compiler in small. It writes machine code into memory, tells of it as
 * compilers do, and works in it. MODE:
 *
 *	map		in a perf map, as "jit_hot one" and, for a quarter of the time, "jit_cold"
 *	unlink		the same, and removes the perf map before it ends
 *	late		the same, and writes the perf map when it ends
 *	dump		in a jitdump, jit-PID.dump in the working directory, with source lines
 *	memfd		as map, with code in memory that is mapped twice
 *	reuse-map	after half of the time other code, "second", takes the place of "first"
 *	reuse-dump	the same in a jitdump
 *	fork		two processes with code of their own at one address, "jit_parent",
 *"jit_child" inherit		a child without a perf map works in code of its parent, "jit_parent"
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "workload.h"

#define BYTES 4096
#define COLD  256 /* where the second piece of code begins */

/* A countdown of its argument, with a frame. */
#if defined(__x86_64__)
#define MACHINE 62
static const unsigned char code[] = {
	0x55,		  /* push %rbp */
	0x48, 0x89, 0xe5, /* mov %rsp,%rbp */
	0x48, 0xff, 0xcf, /* 1: dec %rdi */
	0x75, 0xfb,	  /* jnz 1b */
	0x5d,		  /* pop %rbp */
	0xc3,		  /* ret */
};
#elif defined(__aarch64__)
#define MACHINE 183
static const unsigned int code[] = {
	0xa9bf7bfd, /* stp x29, x30, [sp, #-16]! */
	0x910003fd, /* mov x29, sp */
	0xf1000400, /* 1: subs x0, x0, #1 */
	0x54ffffe1, /* b.ne 1b */
	0xa8c17bfd, /* ldp x29, x30, [sp], #16 */
	0xd65f03c0, /* ret */
};
#endif

typedef void countdown_fn(unsigned long rounds);

static countdown_fn *hot, *cold;
static int out = -1;

static void must(int ok)
{
	if (!ok)
		_exit(3);
}

static void *executable(int shared)
{
	char *at;
	int fd = -1;

	if (shared) {
		fd = memfd_create("code", MFD_CLOEXEC);
		must(fd >= 0 && ftruncate(fd, BYTES) == 0);
		at = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	} else {
		at = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	}
	must(at != MAP_FAILED);
	memcpy(at, code, sizeof(code));
	memcpy(at + COLD, code, sizeof(code));
	if (shared)
		at = mmap(NULL, BYTES, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	else
		must(mprotect(at, BYTES, PROT_READ | PROT_EXEC) == 0);
	must(at != MAP_FAILED);
	__builtin___clear_cache(at, at + BYTES);
	return at;
}

/* --- perf map -------------------------------------------------------------------------------- */

static const char *map_path(void)
{
	static char path[64];

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	return path;
}

static void map_add(const void *at, const char *name)
{
	if (out < 0)
		out = open(map_path(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	must(dprintf(out, "%lx %zx %s\n", (unsigned long)(uintptr_t)at, sizeof(code), name) > 0);
}

/* --- jitdump --------------------------------------------------------------------------------- */

static void put(const void *p, size_t n)
{
	must(write(out, p, n) == (ssize_t)n);
}

static void put32(uint32_t v)
{
	put(&v, sizeof(v));
}

static void put64(uint64_t v)
{
	put(&v, sizeof(v));
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void dump_open(void)
{
	char path[64];

	snprintf(path, sizeof(path), "jit-%d.dump", getpid());
	out = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	must(out >= 0);
	put32(0x4a695444);
	put32(1);
	put32(40);
	put32(MACHINE);
	put32(0);
	put32((uint32_t)getpid());
	put64(now());
	put64(0);
	must(mmap(NULL, BYTES, PROT_READ | PROT_EXEC, MAP_PRIVATE, out, 0) != MAP_FAILED);
}

static void dump_add(const void *at, const char *name, const char *file, uint32_t line)
{
	if (out < 0)
		dump_open();
	put32(2); /* lines */
	put32((uint32_t)(16 + 16 + 16 + strlen(file) + 1));
	put64(now());
	put64((uintptr_t)at);
	put64(1);
	put64((uintptr_t)at);
	put32(line);
	put32(0);
	put(file, strlen(file) + 1);
	put32(0); /* code */
	put32((uint32_t)(16 + 40 + strlen(name) + 1 + sizeof(code)));
	put64(now());
	put32((uint32_t)getpid());
	put32((uint32_t)getpid());
	put64((uintptr_t)at);
	put64((uintptr_t)at);
	put64(sizeof(code));
	put64(1);
	put(name, strlen(name) + 1);
	put(code, sizeof(code));
}

/* --- work ------------------------------------------------------------------------------------ */

NOINLINE void work(double until)
{
	while (process_s() < until) {
		for (int i = 0; i < 3; i++)
			hot(100000);
		cold(100000);
	}
}

static void reuse(const char *mode, double limit)
{
	int dump = strcmp(mode, "reuse-dump") == 0;

	cold = hot;
	dump ? dump_add((void *)(uintptr_t)hot, "first", "first.js", 1)
	     : map_add((void *)(uintptr_t)hot, "first");
	work(limit / 2);
	dump ? dump_add((void *)(uintptr_t)hot, "second", "second.js", 2)
	     : map_add((void *)(uintptr_t)hot, "second");
	work(limit);
}

static void with_child(const char *mode, double limit)
{
	int own = strcmp(mode, "fork") == 0;
	pid_t child;

	cold = hot;
	if (!own)
		map_add((void *)(uintptr_t)hot, "jit_parent");
	child = fork();
	if (child == 0) {
		if (own)
			map_add((void *)(uintptr_t)hot, "jit_child");
		work(limit);
		if (own)
			unlink(map_path());
		_exit(0);
	}
	printf("child %d\n", child);
	if (own)
		map_add((void *)(uintptr_t)hot, "jit_parent");
	work(limit);
	wait(NULL);
}

static void single(const char *mode, double limit)
{
	const char *at = (const char *)(uintptr_t)hot;

	if (strcmp(mode, "dump") == 0) {
		dump_add(at, "jit_hot one", "/src/hot.js", 7);
		dump_add(at + COLD, "jit_cold", "/src/cold.js", 9);
	} else if (strcmp(mode, "late") != 0) {
		map_add(at, "jit_hot one");
		map_add(at + COLD, "jit_cold");
	}
	work(limit);
	if (strcmp(mode, "unlink") == 0)
		unlink(map_path());
	if (strcmp(mode, "late") != 0)
		return;
	map_add(at, "jit_hot one");
	map_add(at + COLD, "jit_cold");
}

int main(int argc, char **argv)
{
	double limit = arg_seconds(argc, argv, 1);
	const char *mode = argc > 2 ? argv[2] : "map";
	char *at = executable(strcmp(mode, "memfd") == 0);

	memcpy(&hot, &at, sizeof(at));
	at += COLD;
	memcpy(&cold, &at, sizeof(at));
	if (strncmp(mode, "reuse", 5) == 0)
		reuse(mode, limit);
	else if (strcmp(mode, "fork") == 0 || strcmp(mode, "inherit") == 0)
		with_child(mode, limit);
	else
		single(mode, limit);
	say_usage();
	return 0;
}
