/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast unwind tables are built and searched, and how large they are, over every ELF file of
 * some folders (default /usr/bin and /usr/lib): bench_unwind [-r ROUNDS] [-v] [FOLDER | FILE]...
 * As they are built at first: what it takes to read code that none describes, as is done when samples
 * fall in it, is told besides.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "array.h"
#include "cleanup.h"
#include "clock.h"
#include "fdutil.h"
#include "hash.h"
#include "hindex.h"
#include "unwind.h"

struct file {
	char *path;
	dev_t dev;
	ino_t ino;
};

/* nftw() has no context for its callback. */
static ARRAY(struct file) files;
static struct hindex seen;

struct totals {
	uint64_t files, failed, ns, fdes, raw_rows, rows, long_rows, words, index_words, rule_words;
	uint64_t code_rows, bad_fdes, overlapping, unsorted, text, unsupported[UNWIND_WHY_MAX];
};

/* Of this process: other programs on the machine count for less. */
static uint64_t cpu_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static int add_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	uint64_t hash = hash_add(hash_u64(st->st_dev), st->st_ino);
	_cleanup_close_ int fd = -1;
	char magic[4];

	(void)ftw;
	if (type != FTW_F || !S_ISREG(st->st_mode) || st->st_size < 64)
		return 0;
	hindex_each(&seen, hash, i) {
		if (files.items[i].dev == st->st_dev && files.items[i].ino == st->st_ino)
			return 0;
	}
	if (open_regular(AT_FDCWD, path, &fd) < 0 || read(fd, magic, 4) != 4 ||
	    memcmp(magic, "\177ELF", 4) != 0)
		return 0;
	if (hindex_add(&seen, hash, (uint32_t)files.n) < 0)
		return -1;
	return array_push(&files, (struct file){ strdup(path), st->st_dev, st->st_ino });
}

static void count(struct totals *t, const struct unwind_table *table)
{
	const struct unwind_stats *s = &table->stats;

	t->files++;
	t->fdes += s->fdes;
	t->raw_rows += s->raw_rows;
	t->code_rows += s->code_rows;
	t->rows += s->rows;
	t->long_rows += s->long_rows;
	t->words += table->n_words;
	t->index_words += table->place.rules;
	t->rule_words += table->n_rules * UNWIND_RULE_WORDS;
	t->bad_fdes += s->bad_fdes;
	t->overlapping += s->overlapping_fdes;
	t->unsorted += s->was_unsorted;
	t->text += table->place.span;
	for (int i = 0; i < UNWIND_WHY_MAX; i++)
		t->unsupported[i] += s->unsupported[i];
}

static void print_file(const struct unwind_table *t, const char *path, uint64_t ns)
{
	printf("%9.2f ms %9" PRIu64 " rows %6u rules %5.2f B/row  %s\n", (double)ns / 1e6,
	       t->stats.rows, t->n_rules, 4.0 * (double)t->n_words / (double)t->stats.rows, path);
	if (t->stats.bad_fdes)
		printf("%9" PRIu64 " FDEs broken\n", t->stats.bad_fdes);
	for (int i = 0; i < UNWIND_WHY_MAX; i++) {
		if (t->stats.unsupported[i])
			printf("%9" PRIu64 " rows unsupported: %s\n", t->stats.unsupported[i],
			       unwind_why_text((enum unwind_why)i));
	}
}

static void build_all(struct totals *t, enum unwind_code code, bool verbose)
{
	const struct unwind_opts opts = { .code = code };
	uint64_t start = cpu_ns();

	*t = (struct totals){ 0 };
	array_each(&files, f) {
		_cleanup_(unwind_table_freep) struct unwind_table *table = NULL;
		_cleanup_close_ int fd = -1;
		uint64_t begun = cpu_ns();
		int r = open_regular(AT_FDCWD, f->path, &fd);

		if (r == 0)
			r = unwind_table_from_fd(fd, &opts, &table);
		if (r == 0)
			count(t, table);
		else
			t->failed++;
		if (verbose && r == 0)
			print_file(table, f->path, cpu_ns() - begun);
		else if (verbose)
			printf("%s  %s\n", strerror(-r), f->path);
	}
	t->ns = cpu_ns() - start;
}

static uint64_t xorshift(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

/* Lookups a second: pcs at random over the text of the largest table, or over 64 of its pcs. */
static double lookups(const struct unwind_table *t, bool is_hot)
{
	const size_t n = 4000000;
	uint64_t state = 88172645463325252ull, sum = 0, start;
	uint32_t *pcs = reallocarray(NULL, n, sizeof(*pcs));
	struct unwind_rule rule;

	if (!pcs)
		return 0;
	for (size_t i = 0; i < n; i++)
		pcs[i] = is_hot && i >= 64
				 ? pcs[xorshift(&state) % 64]
				 : t->place.start + (uint32_t)(xorshift(&state) % t->place.span);
	start = cpu_ns();
	for (size_t i = 0; i < n; i++) {
		unwind_table_find(t, pcs[i] ^ (uint32_t)(sum & 1), &rule); /* one after the other */
		sum += rule.bits;
	}
	start = cpu_ns() - start;
	free(pcs);
	return (double)n * 1e3 / (double)start;
}

static struct unwind_table *largest_table(void)
{
	struct unwind_table *largest = NULL;

	array_each(&files, f) {
		struct unwind_table *t = NULL;
		_cleanup_close_ int fd = open(f->path, O_RDONLY | O_CLOEXEC);

		if (unwind_table_from_fd(fd, NULL, &t) < 0)
			continue;
		if (!largest || t->n_words > largest->n_words) {
			unwind_table_free(largest);
			largest = t;
		} else {
			unwind_table_free(t);
		}
	}
	return largest;
}

static void print(const struct totals *t, double median_s)
{
	double rows = (double)t->rows;

	printf("files with tables            %12" PRIu64 "   (%" PRIu64 " ELF files without)\n",
	       t->files, t->failed);
	printf("FDEs                         %12" PRIu64 "   (%" PRIu64 " broken, %" PRIu64
	       " overlapping; %" PRIu64 " files unsorted)\n",
	       t->fdes, t->bad_fdes, t->overlapping, t->unsorted);
	printf("rows raw / merged            %12" PRIu64 " / %" PRIu64 "\n", t->raw_rows, t->rows);
	printf("rows with long codes         %12" PRIu64 "   (%.2f %%)\n", t->long_rows,
	       100.0 * (double)t->long_rows / rows);
	printf("bytes a row                  %12.3f   (index %.3f, rules %.3f, rows %.3f)\n",
	       4.0 * (double)t->words / rows, 4.0 * (double)t->index_words / rows,
	       4.0 * (double)t->rule_words / rows,
	       4.0 * (double)(t->words - t->index_words - t->rule_words) / rows);
	printf("table bytes                  %12" PRIu64 "   (%.1f MB of text)\n", 4 * t->words,
	       (double)t->text / 1e6);
	for (int i = 0; i < UNWIND_WHY_MAX; i++)
		printf("unsupported rows             %12" PRIu64 "   (%s)\n", t->unsupported[i],
		       unwind_why_text((enum unwind_why)i));
	printf("CPU seconds, median          %12.3f\n", median_s);
	printf("raw rows a second            %12.2f M\n", (double)t->raw_rows / median_s / 1e6);
	printf("FDEs a second                %12.2f M\n", (double)t->fdes / median_s / 1e6);
}

static int compare_ns(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Builds all tables @rounds times: the median. */
static double build_rounds(struct totals *t, enum unwind_code code, int rounds)
{
	uint64_t *ns = calloc((size_t)rounds, sizeof(*ns)), median;

	if (!ns)
		exit(1);
	for (int i = 0; i < rounds; i++) {
		build_all(t, code, false);
		ns[i] = t->ns;
	}
	qsort(ns, (size_t)rounds, sizeof(*ns), compare_ns);
	median = ns[rounds / 2];
	free(ns);
	return (double)median / 1e9;
}

static void measure(int rounds, bool verbose)
{
	_cleanup_(unwind_table_freep) struct unwind_table *largest = NULL;
	struct totals t, with_code;
	double s, s_code;

	build_all(&t, UNWIND_CODE_LATER, verbose); /* also fills the page cache */
	s = build_rounds(&t, UNWIND_CODE_LATER, rounds);
	s_code = build_rounds(&with_code, UNWIND_CODE_READ, rounds);
	print(&t, s);
	printf("code read, too: CPU seconds  %12.3f   (%" PRIu64 " rows of it)\n", s_code,
	       with_code.code_rows);
	largest = largest_table();
	if (!largest)
		return;
	printf("lookups a second, 64 pcs     %12.1f M\n", lookups(largest, true));
	printf("lookups a second, any pc     %12.1f M   (largest table, %.1f MB)\n",
	       lookups(largest, false), 4.0 * (double)largest->n_words / 1e6);
}

int main(int argc, char **argv)
{
	static const char *const defaults[] = { "/usr/bin", "/usr/lib" };
	bool verbose = false;
	int rounds = 3, c;

	while ((c = getopt(argc, argv, "r:v")) >= 0) {
		if (c == 'v')
			verbose = true;
		else if (c != 'r' || (rounds = atoi(optarg)) < 1)
			return 2;
	}
	for (size_t i = 0; i < ARRAY_LEN(defaults) && optind == argc; i++)
		nftw(defaults[i], add_file, 64, FTW_PHYS);
	for (int i = optind; i < argc; i++)
		nftw(argv[i], add_file, 64, FTW_PHYS);
	if (files.n == 0) {
		fprintf(stderr, "no ELF files\n");
		return 1;
	}
	measure(rounds, verbose);
	array_each(&files, f)
		free(f->path);
	array_free(&files);
	hindex_free(&seen);
	return 0;
}
