/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files made to be slow: reading each of them as it asks for would take a time that grows with the
 * square of its size, minutes for some megabytes. All are to be read, or given up, in a second or
 * two; the bound leaves room for sanitizers and busy machines.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "dwmaker.h"
#include "dwobject.h"
#include "elf_fixture.h"

#define TIME_MAX (60 * NSEC_PER_SEC)

static const struct dwline_span code[] = { { 0x1000, 0x10000000 } };

/* Codes of the table. */
enum { UNIT = 1, LOOSE, RANGES_UNIT, FUNC, RANGES_FUNC };

static void put_table(struct dwmaker *m)
{
	DWMAKER_ABBREV(m, UNIT, DW_TAG_compile_unit, true, DW_AT_low_pc, DW_FORM_addr,
		       DW_AT_high_pc, DW_FORM_data4, DW_AT_stmt_list, DW_FORM_sec_offset);
	DWMAKER_ABBREV(m, LOOSE, DW_TAG_compile_unit, true, DW_AT_stmt_list, DW_FORM_sec_offset);
	DWMAKER_ABBREV(m, RANGES_UNIT, DW_TAG_compile_unit, true, DW_AT_ranges, DW_FORM_sec_offset,
		       DW_AT_stmt_list, DW_FORM_sec_offset);
	DWMAKER_ABBREV(m, FUNC, DW_TAG_subprogram, false, DW_AT_name, DW_FORM_string, DW_AT_low_pc,
		       DW_FORM_addr, DW_AT_high_pc, DW_FORM_data4);
	DWMAKER_ABBREV(m, RANGES_FUNC, DW_TAG_subprogram, false, DW_AT_ranges, DW_FORM_sec_offset);
	dwmaker_uint(m, DW_ABBREV, 0, 1);
}

static void begin_unit(struct dwmaker *m, unsigned kind)
{
	if (m->s[DW_ABBREV].n == 0)
		put_table(m);
	dwmaker_unit(m, 4, 0, 0);
	dwmaker_uleb(m, DW_INFO, kind);
}

static void put_bounds(struct dwmaker *m, uint64_t lo, uint64_t n)
{
	dwmaker_u64(m, lo);
	dwmaker_u32(m, n);
	dwmaker_u32(m, 0); /* the line program */
}

static void put_func(struct dwmaker *m, uint64_t lo, uint64_t n)
{
	dwmaker_uleb(m, DW_INFO, FUNC);
	dwmaker_str(m, DW_INFO, "f");
	dwmaker_u64(m, lo);
	dwmaker_u32(m, n);
}

static void end_unit(struct dwmaker *m)
{
	dwmaker_u8(m, 0);
	dwmaker_unit_end(m);
}

/* A line program of @n opcodes, each a row. */
static void put_lines(struct dwmaker *m, size_t n)
{
	static const uint8_t lengths[] = { 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1 };
	static const uint8_t head[] = { 1, 1, 1, 0xfb, 14, 13 };

	dwmaker_uint(m, DW_LINE, 2 + 4 + 6 + 12 + 2 + 11 + n + 3, 4);
	dwmaker_uint(m, DW_LINE, 4, 2);
	dwmaker_uint(m, DW_LINE, 6 + 12 + 2, 4);
	for (size_t i = 0; i < sizeof(head); i++)
		dwmaker_uint(m, DW_LINE, head[i], 1);
	for (size_t i = 0; i < sizeof(lengths); i++)
		dwmaker_uint(m, DW_LINE, lengths[i], 1);
	dwmaker_uint(m, DW_LINE, 0, 2); /* no directories, no files */
	dwmaker_uint(m, DW_LINE, 0x020900, 3);
	dwmaker_uint(m, DW_LINE, 0x1000, 8);
	for (size_t i = 0; i < n; i++)
		dwmaker_uint(m, DW_LINE, i % 2 ? 0x4a : 0x4b, 1);
	dwmaker_uint(m, DW_LINE, 0x010100, 3);
}

/* An open object and what asking it for many addresses gave. */
struct asked {
	struct dwobject *o;
	struct dwquery *queries;
	size_t n, found, limited;
	uint64_t ns;
};

static void ask(struct asked *a, const struct dwmaker *m, size_t max_images, uint64_t first,
		uint64_t step, size_t n)
{
	struct dwobject_opts opts = { .alt_fd = -1,
				      .code = code,
				      .n_code = 1,
				      .max_inflated = 1 << 30,
				      .max_images = max_images,
				      .threads = 1 };
	uint64_t begin = clock_mono_ns();
	struct dwframes frames = { 0 };

	*a = (struct asked){ .n = n, .queries = calloc(n, sizeof(*a->queries)) };
	cr_assert_eq(dwobject_open(dwmaker_elf(m), &opts, &a->o), 0);
	for (size_t i = 0; i < n; i++)
		a->queries[i].addr = first + step * i;
	cr_assert_eq(dwobject_find(a->o, a->queries, n, &frames), 0);
	for (size_t i = 0; i < n; i++) {
		a->found += a->queries[i].n > 0 && !a->queries[i].line_only;
		a->limited += a->queries[i].limited;
	}
	a->ns = clock_mono_ns() - begin;
	cr_expect_lt(a->ns, TIME_MAX, "%.1f s", (double)a->ns / 1e9);
	array_free(&frames.frames);
}

static void asked_done(struct asked *a)
{
	dwobject_free(a->o);
	free(a->queries);
}

Test(dwlimits, units_that_share_a_line_program)
{
	enum { UNITS = 4000 };
	struct dwmaker m = { 0 };
	struct asked a;

	put_lines(&m, 300000);
	for (unsigned i = 0; i < UNITS; i++) {
		begin_unit(&m, UNIT);
		put_bounds(&m, 0x1000 + 16 * i, 16);
		put_func(&m, 0x1000 + 16 * i, 16);
		end_unit(&m);
	}
	ask(&a, &m, SIZE_MAX, 0x1000, 16, UNITS);
	cr_expect_gt(a.found, 10);
	cr_expect_gt(a.limited, 100);
	cr_expect_eq(a.found + a.limited, UNITS);
	cr_expect_eq(dwobject_limited(a.o), a.limited);
	asked_done(&a);
	dwmaker_done(&m);
}

Test(dwlimits, units_that_do_not_say_where_they_are_share_a_line_program)
{
	enum { UNITS = 4000 };
	struct dwmaker m = { 0 };
	struct asked a;

	put_lines(&m, 300000);
	for (unsigned i = 0; i < UNITS; i++) {
		begin_unit(&m, LOOSE);
		dwmaker_u32(&m, 0);
		put_func(&m, 0x9000000, 1);
		end_unit(&m);
	}
	ask(&a, &m, 0, 0x8000000, 1, 1000);
	cr_expect_gt(dwobject_limited(a.o), 100);
	asked_done(&a);
	dwmaker_done(&m);
}

Test(dwlimits, units_that_all_claim_the_same_addresses)
{
	enum { UNITS = 30000 };
	struct dwmaker m = { 0 };
	struct asked a;

	for (unsigned i = 0; i < UNITS; i++) {
		begin_unit(&m, UNIT);
		put_bounds(&m, 0x1000, 0x100000);
		put_func(&m, 0x800000 + i, 1);
		end_unit(&m);
	}
	for (int kept = 0; kept < 2; kept++) {
		ask(&a, &m, kept ? SIZE_MAX : 0, 0x1000, 16, 2000);
		cr_expect_eq(a.found, 0);
		cr_expect_eq(a.limited, 2000);
		asked_done(&a);
	}
	dwmaker_done(&m);
}

/* A table of files whose entries have 255 parts and take no byte. */
Test(dwlimits, tables_of_nothing)
{
	enum { ENTRIES = 200000, FORMATS = 255 };
	static const uint8_t head[] = { 1, 1, 1, 0xfb, 14, 1, FORMATS };
	struct dwmaker m = { 0 };
	struct asked a;

	dwmaker_uint(&m, DW_LINE, 2 + 2 + 4 + sizeof(head) + 2 * FORMATS + 3 + ENTRIES, 4);
	dwmaker_uint(&m, DW_LINE, 0x00080005, 4);
	dwmaker_uint(&m, DW_LINE, sizeof(head) + 2 * FORMATS + 3 + ENTRIES, 4);
	for (size_t i = 0; i < sizeof(head); i++)
		dwmaker_uint(&m, DW_LINE, head[i], 1);
	for (size_t i = 0; i < FORMATS; i++)
		dwmaker_uint(&m, DW_LINE, DW_LNCT_size | DW_FORM_flag_present << 8, 2);
	dwmaker_uleb(&m, DW_LINE, ENTRIES);
	for (size_t i = 0; i < ENTRIES; i++)
		dwmaker_uint(&m, DW_LINE, 0, 1);
	for (unsigned i = 0; i < 2000; i++) {
		begin_unit(&m, UNIT);
		put_bounds(&m, 0x1000, 1);
		put_func(&m, 0x1000 + 16 * i, 16);
		end_unit(&m);
	}
	ask(&a, &m, 0, 0x1000, 16, 2000);
	cr_expect_gt(dwobject_broken(a.o), 0);
	asked_done(&a);
	dwmaker_done(&m);
}

/* Each query has units of its own to be asked, a few of them at a time. */
Test(dwlimits, units_that_overlap_like_tiles)
{
	enum { UNITS = 20000 };
	struct dwmaker m = { 0 };
	struct asked a;

	for (unsigned i = 0; i < UNITS; i++) {
		begin_unit(&m, UNIT);
		put_bounds(&m, 0x1000 + i, 0x1000);
		put_func(&m, 0x800000 + i, 1);
		end_unit(&m);
	}
	ask(&a, &m, 0, 0x1000, 1, UNITS);
	cr_expect_gt(a.limited, UNITS / 2);
	asked_done(&a);
	dwmaker_done(&m);
}

static void put_ranges(struct dwmaker *m, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		dwmaker_uint(m, DW_RANGES, 0x1000 + 2 * i, 8);
		dwmaker_uint(m, DW_RANGES, 0x1001 + 2 * i, 8);
	}
	dwmaker_uint(m, DW_RANGES, 0, 8);
	dwmaker_uint(m, DW_RANGES, 0, 8);
}

Test(dwlimits, units_that_share_a_list_of_ranges)
{
	enum { UNITS = 20000 };
	struct dwmaker m = { 0 };
	struct asked a;

	put_ranges(&m, 50000);
	begin_unit(&m, UNIT);
	put_bounds(&m, 0x900000, 0x10);
	put_func(&m, 0x900000, 0x10);
	end_unit(&m);
	for (unsigned i = 0; i < UNITS; i++) {
		begin_unit(&m, RANGES_UNIT);
		dwmaker_u32(&m, 0);
		dwmaker_u32(&m, 0);
		end_unit(&m);
	}
	ask(&a, &m, SIZE_MAX, 0x8ffff0, 1, 0x30);
	cr_expect_eq(a.found, 0x10, "who needs no list is not hurt");
	cr_expect_gt(dwobject_limited(a.o), UNITS / 2);
	cr_expect_lt(dwobject_bytes(a.o), 64 << 20);
	asked_done(&a);
	dwmaker_done(&m);
}

Test(dwlimits, functions_of_many_units_that_share_a_list)
{
	enum { UNITS = 5000 };
	struct dwmaker m = { 0 };
	struct asked a;

	put_ranges(&m, 50000);
	for (unsigned i = 0; i < UNITS; i++) {
		begin_unit(&m, UNIT);
		put_bounds(&m, 0x200000 + i, 1);
		for (unsigned k = 0; k < 20; k++) {
			dwmaker_uleb(&m, DW_INFO, RANGES_FUNC);
			dwmaker_u32(&m, 0);
		}
		put_func(&m, 0x200000 + i, 1);
		end_unit(&m);
	}
	ask(&a, &m, 0, 0x200000, 1, UNITS);
	cr_expect_gt(a.limited, 100);
	cr_expect_gt(a.found, 100);
	asked_done(&a);
	dwmaker_done(&m);
}

Test(dwlimits, what_honest_programs_ask_for_is_far_from_the_limit)
{
	static const char *const fixtures[] = { "debug-gcc-5", "debug-clang-4", "debugxx-gcc-5" };

	for (size_t i = 0; i < ARRAY_LEN(fixtures); i++) {
		static struct dwquery queries[5000];
		struct dwframes frames = { 0 };
		struct dwobject_opts opts = {
			.alt_fd = -1, .code = code, .n_code = 1, .threads = 1
		};
		struct dwobject *o;

		/* Nothing is kept, so that every call reads all of it again. */
		cr_assert_eq(dwobject_open(fixture_open(fixtures[i]), &opts, &o), 0);
		for (int round = 0; round < 20; round++) {
			for (size_t k = 0; k < ARRAY_LEN(queries); k++)
				queries[k].addr = 0x1000 + k;
			cr_assert_eq(dwobject_find(o, queries, ARRAY_LEN(queries), &frames), 0);
			frames.frames.n = 0;
		}
		cr_expect_eq(dwobject_limited(o), 0);
		array_free(&frames.frames);
		dwobject_free(o);
	}
}
