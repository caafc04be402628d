/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-formats FILE...: how long the codecs take, without processes and disks: each file is read
 * five times and written five times to nowhere in its own format. Milliseconds: the median of the
 * wall time, the least CPU time of all threads together.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "err.h"
#include "formats.h"
#include "profile.h"

#define RUNS 5

struct times {
	double wall[RUNS], cpu[RUNS];
};

static double ms_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void start(struct times *t, int run)
{
	t->wall[run] = ms_of(CLOCK_MONOTONIC);
	t->cpu[run] = ms_of(CLOCK_PROCESS_CPUTIME_ID);
}

static void stop(struct times *t, int run)
{
	t->wall[run] = ms_of(CLOCK_MONOTONIC) - t->wall[run];
	t->cpu[run] = ms_of(CLOCK_PROCESS_CPUTIME_ID) - t->cpu[run];
}

static int compare(const void *x, const void *y)
{
	const double *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

static void print_times(const char *what, struct times *t)
{
	qsort(t->wall, RUNS, sizeof(*t->wall), compare);
	qsort(t->cpu, RUNS, sizeof(*t->cpu), compare);
	printf("  %-12s %8.1f %8.1f\n", what, t->wall[RUNS / 2], t->cpu[0]);
}

static int fail(const struct err *e)
{
	fprintf(stderr, "bench-formats: %s\n", e->text);
	return 1;
}

static int measure(const char *path)
{
	static const enum format formats[] = { FORMAT_PPROF_RAW, FORMAT_PPROF, FORMAT_PPROF_ZSTD };
	static const char *const names[] = { "pprof-raw", "pprof", "pprof-zst" };
	struct profile *p = NULL;
	struct err e = { 0 };
	struct times t;

	for (int i = 0; i < RUNS; i++) {
		profile_free(p);
		start(&t, i);
		if (format_read(path, &p, &e) < 0)
			return fail(&e);
		stop(&t, i);
	}
	printf("%s: %zu samples, %zu places, %zu functions\n", path, p->samples.n, p->locations.n,
	       p->functions.n);
	print_times("read", &t);
	for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
		for (int i = 0; i < RUNS; i++) {
			start(&t, i);
			if (format_write(p, "/dev/null", formats[f], NULL, &e) < 0)
				return fail(&e);
			stop(&t, i);
		}
		print_times(names[f], &t);
	}
	profile_free(p);
	return 0;
}

int main(int argc, char **argv)
{
	struct rusage use;

	if (argc < 2) {
		fprintf(stderr, "usage: bench-formats FILE...\n");
		return 2;
	}
	for (int i = 1; i < argc; i++)
		if (measure(argv[i]) != 0)
			return 1;
	getrusage(RUSAGE_SELF, &use);
	printf("peak %.1f MB\n", (double)use.ru_maxrss * 1024 / 1e6);
	return 0;
}
