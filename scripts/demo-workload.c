/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `make demo` profiles: something like a web server, of which is known where its time goes: 40 %
 * in compress_page, 30 % in render_page, 20 % in parse_request, 10 % in append_log, there mostly in the
 * kernel. Runs for as many seconds as its argument says.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#ifdef __clang__ /* knows no noclone, and makes no clones */
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noinline, noclone))
#endif

static int log_fd;
static volatile uint64_t result;

/*
 * Something to do for about a tenth of a millisecond: more or less, or the steps would follow each other
 * in a rhythm of their own, and a sampler that ticks as evenly would meet some of them too often.
 */
static inline __attribute__((always_inline)) void burn(void)
{
	static uint32_t random = 1;
	uint64_t x = result, n;

	random = random * 1664525u + 1013904223u;
	n = 20000 + (random >> 15);
	for (uint64_t i = 0; i < n; i++) {
		x = x * 6364136223846793005u + i;
		__asm__ volatile("" : "+r"(x)); /* keeps the loop */
	}
	result = x;
}

static NOINLINE void parse_request(void)
{
	burn();
}

static NOINLINE void render_page(void)
{
	burn();
}

static NOINLINE void compress_page(void)
{
	burn();
}

/* libc's pwrite() keeps no frame pointer, which hides its caller from those that follow these. */
static NOINLINE void write_line(const char *line, size_t size)
{
	if (pwrite(log_fd, line, size, 0) < 0) {
		perror("pwrite");
		exit(1);
	}
}

static NOINLINE void append_log(void)
{
	static char line[1 << 18];

	write_line(line, sizeof(line));
	__asm__ volatile(""); /* no tail call */
}

static struct step {
	void (*run)(void);
	double share;
	double used_s;
} steps[] = {
	{ parse_request, 0.2, 0 },
	{ render_page, 0.3, 0 },
	{ compress_page, 0.4, 0 },
	{ append_log, 0.1, 0 },
};

static double seconds_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Takes the step that has had the least of its share of CPU time. */
static NOINLINE void handle_requests(double end_s)
{
	double before = seconds_of(CLOCK_PROCESS_CPUTIME_ID), after;

	while (seconds_of(CLOCK_MONOTONIC) < end_s) {
		struct step *s = steps;

		for (size_t i = 1; i < sizeof(steps) / sizeof(steps[0]); i++)
			if (steps[i].used_s / steps[i].share < s->used_s / s->share)
				s = &steps[i];
		s->run();
		after = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
		s->used_s += after - before;
		before = after;
	}
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 5;

	log_fd = memfd_create("log", MFD_CLOEXEC);
	if (log_fd < 0) {
		perror("memfd_create");
		return 1;
	}
	handle_requests(seconds_of(CLOCK_MONOTONIC) + seconds);
	return 0;
}
