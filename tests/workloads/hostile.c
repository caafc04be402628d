/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What costs a profiler dear, or would lead it astray:
 *
 *	hostile storm RATE SECONDS	maps, runs and unmaps a page of code so often a second, each
 *					time elsewhere; "maps N"
 *	hostile regions N SECONDS	runs code in N pages with a hole behind each; "regions N"
 *					before
 *	hostile files N SECONDS		maps N files of its own as code, and goes on working
 *	hostile pretend SECONDS		has a name that moves the cursor, and a perf map that is
 *					endless
 *	hostile jail SECONDS		calls the code that it made inside_code, in a perf map in
 * /jit; "code ADDRESS" before; works by itself for as long again
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "workload.h"

#define PAGE   4096ul
#define PLACES 100000 /* of the storm */

/* push rbp; mov rbp, rsp; mov rax, rdi; 1: dec rax; jnz 1b; pop rbp; ret */
static const unsigned char countdown[] = { 0x55, 0x48, 0x89, 0xe5, 0x48, 0x89, 0xf8,
					   0x48, 0xff, 0xc8, 0x75, 0xfb, 0x5d, 0xc3 };

NOINLINE void hostile_work(double until)
{
	while (process_s() < until)
		BURN(20000);
}

NOINLINE void run(const void *code, long rounds)
{
	void (*f)(long);

	memcpy(&f, &code, sizeof(f));
	f(rounds);
}

static int storm(double rate, double seconds)
{
	double start = seconds_of(CLOCK_MONOTONIC), now;
	uintptr_t base = 0x200000000000ul;
	long n = 0;

	while ((now = seconds_of(CLOCK_MONOTONIC) - start) < seconds) {
		void *want = (void *)(base + (uintptr_t)(n % PLACES) * 16 * PAGE), *p;

		if ((double)n > now * rate) {
			usleep(100);
			continue;
		}
		p = mmap(want, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		if (p == MAP_FAILED)
			return 1;
		memcpy(p, countdown, sizeof(countdown));
		run(p, 5000);
		munmap(p, PAGE);
		n++;
	}
	printf("maps %ld\n", n);
	return 0;
}

static int regions(long n, double seconds)
{
	char *all = mmap(NULL, (size_t)n * 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	long made = 0, step;
	double until;

	if (all == MAP_FAILED)
		return 1;
	while (made < n && mprotect(all + (made * 2 + 1) * (long)PAGE, PAGE, PROT_NONE) == 0)
		made++;
	printf("regions %ld\n", made);
	fflush(stdout);
	step = made / 1000 + 1;
	for (long i = 0; i < made; i += step)
		memcpy(all + i * 2 * (long)PAGE, countdown, sizeof(countdown));
	wait_for_go();
	until = process_s() + seconds;
	while (process_s() < until)
		for (long i = 0; i < made; i += step)
			run(all + i * 2 * (long)PAGE, 10000);
	return 0;
}

/* Each is a file of its own that begins as a program does. */
static int files(long n, double seconds)
{
	for (long i = 0; i < n; i++) {
		int fd = memfd_create("piece", MFD_CLOEXEC);

		if (fd < 0 ||
		    write(fd,
			  "\x7f"
			  "ELF",
			  4) != 4 ||
		    ftruncate(fd, PAGE) < 0 ||
		    mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED)
			return errno == EMFILE ? 77 : 1;
		close(fd);
	}
	printf("files %ld\n", n);
	fflush(stdout);
	hostile_work(process_s() + seconds);
	return 0;
}

static int pretend(double seconds)
{
	char map[64];
	void *code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	double until = process_s() + seconds;

	if (code == MAP_FAILED)
		return 1;
	snprintf(map, sizeof(map), "/tmp/perf-%d.map", getpid());
	if (symlink("/dev/zero", map) < 0)
		return 1;
	prctl(PR_SET_NAME, "\033[2J\033[31m\xff\n;x");
	memcpy(code, countdown, sizeof(countdown));
	while (process_s() < until)
		run(code, 100000);
	unlink(map);
	return 0;
}

static int jail(double seconds)
{
	void *code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char path[64];
	FILE *map;

	snprintf(path, sizeof(path), "/jit/perf-%d.map", getpid());
	map = fopen(path, "w");
	if (code == MAP_FAILED || !map)
		return 1;
	fprintf(map, "%lx %lx inside_code\n", (unsigned long)code, PAGE);
	fclose(map);
	printf("code %lx\n", (unsigned long)code);
	fflush(stdout);
	memcpy(code, countdown, sizeof(countdown));
	wait_for_go();
	while (process_s() < seconds)
		run(code, 100000);
	hostile_work(2 * seconds);
	return 0;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	alarm(80);
	if (argc > 3 && strcmp(mode, "storm") == 0)
		return storm(strtod(argv[2], NULL), strtod(argv[3], NULL));
	if (argc > 3 && strcmp(mode, "regions") == 0)
		return regions(strtol(argv[2], NULL, 10), strtod(argv[3], NULL));
	if (argc > 3 && strcmp(mode, "files") == 0)
		return files(strtol(argv[2], NULL, 10), strtod(argv[3], NULL));
	if (argc > 2 && strcmp(mode, "pretend") == 0)
		return pretend(strtod(argv[2], NULL));
	if (argc > 2 && strcmp(mode, "jail") == 0)
		return jail(strtod(argv[2], NULL));
	return 2;
}
