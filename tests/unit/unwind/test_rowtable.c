/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole tables: of the assembled fixtures against fixtures/frames.expected (`make golden-unwind`
 * rewrites it), and of this program when memory runs out at every point.
 */
#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cfimaker.h"
#include "cleanup.h"
#include "fdutil.h"

#define FRAMES	 TEST_BUILD "/fixtures/unwind/frames"
#define EXPECTED "tests/unit/unwind/fixtures/frames.expected"

static struct unwind_table *table_of_file(const char *path)
{
	struct unwind_table *t = NULL;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = unwind_table_from_fd(fd, NULL, &t);

	cr_assert_eq(r, 0, "%s: %s", path, strerror(-r));
	return t;
}

/* Rows of the whole table, then its numbers. */
static struct buf *dump_table(const struct unwind_table *t)
{
	struct buf *b = calloc(1, sizeof(*b));
	uint64_t start = t->base + t->place.start;
	char line[160];
	int n;

	dump(t, start, start + t->place.span + 1, b);
	n = snprintf(line, sizeof(line), "%u rules, %u rows, %u functions, %s\n", t->n_rules,
		     (unsigned)t->stats.rows, (unsigned)t->stats.fdes,
		     t->stats.was_unsorted ? "unsorted" : "sorted");
	put(b, line, (size_t)n);
	return b;
}

static void check_golden(const struct unwind_table *t)
{
	_cleanup_free_ struct buf *b = dump_table(t);
	_cleanup_free_ char *expected = NULL;
	size_t n;
	FILE *f;

	if (getenv("GOLDEN_UPDATE")) {
		f = fopen(EXPECTED, "we");
		cr_assert_eq(fwrite(b->b, 1, b->n, f), b->n);
		fclose(f);
		return;
	}
	cr_assert_eq(read_whole_file(EXPECTED, 1 << 20, &expected, &n), 0);
	if (n == b->n && memcmp(expected, b->b, n) == 0)
		return;
	f = popen("diff -u " EXPECTED " - >&2", "we");
	fwrite(b->b, 1, b->n, f);
	pclose(f);
	cr_expect_fail("rows differ from %s", EXPECTED);
}

Test(rowtable, agrees_with_the_golden_file)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = table_of_file(FRAMES);

	check_golden(t);
	cr_expect_not(t->stats.from_debug_frame);
	cr_expect_eq(t->base, 0x401000);
	cr_expect_eq(t->stats.unsupported[UNWIND_WHY_FP], 1);
}

Test(rowtable, is_the_same_from_debug_frame)
{
	_cleanup_(unwind_table_freep) struct unwind_table *eh = table_of_file(FRAMES);
	_cleanup_(unwind_table_freep) struct unwind_table *debug = table_of_file(FRAMES "-debug");

	cr_expect(debug->stats.from_debug_frame);
	cr_expect_eq(debug->n_words, eh->n_words);
	cr_expect_eq(memcmp(debug->words, eh->words, eh->n_words * sizeof(*eh->words)), 0);
}

Test(rowtable, is_the_same_without_section_headers)
{
	_cleanup_(unwind_table_freep) struct unwind_table *eh = table_of_file(FRAMES), *t = NULL;
	_cleanup_free_ char *data = NULL;
	Elf64_Ehdr *header;
	size_t n;

	cr_assert_eq(read_whole_file(FRAMES, 1 << 24, &data, &n), 0);
	header = (Elf64_Ehdr *)data;
	header->e_shoff = 0;
	header->e_shnum = header->e_shstrndx = 0;
	cr_assert_eq(unwind_table_from_bytes(data, n, NULL, &t), 0);
	cr_expect_eq(t->n_words, eh->n_words);
	cr_expect_eq(memcmp(t->words, eh->words, eh->n_words * sizeof(*eh->words)), 0);
}

/* --- memory that runs out (linked with --wrap) --------------------------------------------------
 */
static long allocations_left = -1; /* < 0: no limit */

static bool is_refused(void)
{
	return allocations_left >= 0 && allocations_left-- == 0;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);

void *__wrap_malloc(size_t n)
{
	return is_refused() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return is_refused() ? NULL : __real_calloc(n, size);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return is_refused() ? NULL : __real_reallocarray(p, n, size);
}

Test(rowtable, survives_every_failed_allocation)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct unwind_table *t = NULL;
	long failures = 0;
	int r;

	for (;; failures++) {
		allocations_left = failures;
		r = unwind_table_from_fd(fd, NULL, &t);
		if (r == 0)
			break;
		cr_assert_eq(r, -ENOMEM, "allocation %ld: %s", failures, strerror(-r));
		cr_assert_null(t);
		cr_assert_lt(failures, 10000);
	}
	allocations_left = -1;
	cr_expect_gt(failures, 10);
	unwind_table_free(t);
}
