/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that runs out: every operation is repeated with its first, second, … allocation failing
 * until it succeeds. Each failure must be -ENOMEM and leak nothing, which the asan variant sees.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "callgrind.h"
#include "compress.h"
#include "err.h"
#include "firefox.h"
#include "folded.h"
#include "folded_diff.h"
#include "made_profile.h"
#include "perfscript.h"
#include "pprof.h"
#include "profile_filter.h"
#include "speedscope.h"

static int countdown; /* allocations until the one that fails; 0 = none does */

static bool fails(void)
{
	return countdown && --countdown == 0;
}

/* The linker puts these in the place of the functions without the prefix (unit_ld.formats). */
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return fails() ? NULL : __real_reallocarray(p, n, size);
}

/* Runs @op until nothing fails any more; it must have failed at least @least times. */
static void until_it_works(int (*op)(void), int least)
{
	int n = 0, r;

	do {
		countdown = ++n;
		r = op();
		cr_assert(r == 0 || r == -ENOMEM, "allocation %d: %d", n, r);
		cr_assert_lt(n, 100000);
		if (r == 0 && countdown == 0)
			cr_assert_fail("allocation %d failed and nobody noticed", n);
	} while (r < 0);
	countdown = 0;
	cr_assert_geq(n, least);
}

static struct profile *input;
static struct buffer encoded, folded;

static int drop(void *ctx, const void *data, size_t n)
{
	(void)ctx;
	(void)data;
	(void)n;
	return 0;
}

static const struct sink nowhere = { .write = drop };

static void setup(void)
{
	struct sink to_encoded = buffer_sink(&encoded), to_folded = buffer_sink(&folded);

	input = demo_profile();
	cr_assert_eq(pprof_encode(input, &to_encoded), 0);
	cr_assert_eq(folded_write(input, 0, true, &to_folded, NULL), 0);
}

static void teardown(void)
{
	profile_free(input);
	array_free(&encoded);
	array_free(&folded);
}

TestSuite(memory, .init = setup, .fini = teardown);

static int encode(void)
{
	return pprof_encode(input, &nowhere);
}

static int decode(void)
{
	struct profile *p = NULL;
	int r = pprof_decode(encoded.items, encoded.n, &p, NULL);

	profile_free(p);
	return r;
}

static int write_text(void)
{
	return folded_write(input, 0, true, &nowhere, NULL);
}

static int read_text(void)
{
	struct source in = buffer_source(&folded);
	struct profile *p = NULL;
	int r;

	folded.pos = 0;
	r = folded_read(&in, &p, NULL);
	profile_free(p);
	return r;
}

static int merge(void)
{
	struct profile_builder *b = NULL;
	struct profile *p = NULL;
	int r = profile_new(&p);

	if (r == 0)
		r = profile_builder_new(&b, p);
	for (int i = 0; i < 2 && r == 0; i++)
		r = profile_builder_merge(b, input);
	/* What a failed merge left must still be a profile. */
	if (p && profile_check(p) < 0)
		r = -EBADMSG;
	profile_builder_free(b);
	profile_free(p);
	return r;
}

static int start_compression(void)
{
	struct compressor *c = NULL;
	struct inflater *f = NULL;
	struct source in = buffer_source(&encoded);
	int r = compressor_new(&c, COMPRESSION_GZIP, &nowhere);

	if (r == 0)
		r = inflater_new(&f, &in, 0);
	compressor_free(c);
	inflater_free(f);
	return r;
}

Test(memory, encoding_survives)
{
	until_it_works(encode, 7);
}

Test(memory, decoding_survives)
{
	until_it_works(decode, 20);
}

Test(memory, writing_folded_stacks_survives)
{
	until_it_works(write_text, 10);
}

Test(memory, reading_folded_stacks_survives)
{
	until_it_works(read_text, 20);
}

Test(memory, merging_survives)
{
	until_it_works(merge, 30);
}

Test(memory, compression_survives)
{
	until_it_works(start_compression, 3);
}

/* --- readers and writers of other formats ----------------------------------------------------- */

static int write_others(void)
{
	int r = speedscope_write(input, 0, &nowhere, NULL);

	if (r == 0)
		r = callgrind_write(input, &nowhere, NULL);
	return r < 0 ? r : firefox_write(input, 0, &nowhere, NULL);
}

static int read_with(int (*read)(const struct source *, struct profile **, struct err *),
		     const char *text)
{
	struct buffer buf = { 0 };
	struct source in = buffer_source(&buf);
	struct profile *p = NULL;
	int saved = countdown, r;

	countdown = 0; /* not what the test itself needs */
	buffer_add(&buf, text, strlen(text));
	countdown = saved;
	r = read(&in, &p, NULL);
	profile_free(p);
	array_free(&buf);
	return r;
}

static int read_perf(void)
{
	return read_with(perf_script_read,
			 "x 1/2 1.5: 9 cycles:\n\t1 in (inlined)\n\t1 f (/x)\n  a.c:3\n\n"
			 "x 1/2 1.5: 9 faults:\n\t1 [unknown] (/x)\n\n");
}

static int read_speedscope(void)
{
	return read_with(speedscope_read,
			 "{\"profiles\":[{\"name\":\"a\",\"samples\":[[0,1]],\"weights\":[2]},"
			 "{\"name\":\"b\",\"unit\":\"bytes\",\"samples\":[[1]],\"weights\":[2]}],"
			 "\"shared\":{\"frames\":[{\"name\":\"f\"},{\"file\":\"g\"}]}}");
}

static int read_diff(void)
{
	return read_with(folded_diff_read, "a;b 1 2\nc 3 0\n");
}

static int filter(void)
{
	static const struct filter filters[] = { { FILTER_HIDE, "read" },
						 { FILTER_SHOW_FROM, "main" } };
	struct buffer copy = { .items = encoded.items, .n = encoded.n };
	struct profile *p = NULL;
	int r = pprof_decode(copy.items, copy.n, &p, NULL);

	if (r == 0)
		r = profile_filter(p, filters, 2, NULL);
	if (r == 0)
		r = profile_by_label(p, "comm", NULL);
	profile_free(p);
	return r;
}

Test(memory, writing_other_formats_survives)
{
	until_it_works(write_others, 30);
}

Test(memory, reading_perf_script_survives)
{
	until_it_works(read_perf, 30);
}

Test(memory, reading_speedscope_survives)
{
	until_it_works(read_speedscope, 30);
}

Test(memory, reading_two_columns_survives)
{
	until_it_works(read_diff, 20);
}

Test(memory, filtering_survives)
{
	until_it_works(filter, 20);
}
