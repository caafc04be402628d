/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over the entries of a unit, and what it makes of them. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dwmaker.h"
#include "dwwalk.h"
#include "elf_fixture.h"

/* Codes of the table. */
enum {
	UNIT = 1,
	FUNC,	       /* name, low_pc, high_pc as a size; with children */
	LEAF,	       /* the same without children */
	INLINED,       /* origin, ranges, call_file, call_line; with children */
	EMPTY_INLINED, /* origin alone; with children */
	BLOCK,
	ABSTRACT,    /* name, sibling; with children */
	STRUCT,	     /* sibling; with children */
	DECLARED,    /* a declaration: sibling; with children */
	RANGES_FUNC, /* name, ranges; with children */
	ADDRX_FUNC,  /* name, low_pc as an index */
	UNKNOWN,     /* of a form that nobody knows */
};

static void put_table(struct dwmaker *m)
{
	DWMAKER_ABBREV(m, UNIT, DW_TAG_compile_unit, true, DWMAKER_NO_ATTRS);
	DWMAKER_ABBREV(m, FUNC, DW_TAG_subprogram, true, DW_AT_name, DW_FORM_string, DW_AT_low_pc,
		       DW_FORM_addr, DW_AT_high_pc, DW_FORM_data4);
	DWMAKER_ABBREV(m, LEAF, DW_TAG_subprogram, false, DW_AT_name, DW_FORM_string, DW_AT_low_pc,
		       DW_FORM_addr, DW_AT_high_pc, DW_FORM_data4);
	DWMAKER_ABBREV(m, INLINED, DW_TAG_inlined_subroutine, true, DW_AT_abstract_origin,
		       DW_FORM_ref4, DW_AT_ranges, DW_FORM_sec_offset, DW_AT_call_file,
		       DW_FORM_data1, DW_AT_call_line, DW_FORM_udata);
	DWMAKER_ABBREV(m, EMPTY_INLINED, DW_TAG_inlined_subroutine, true, DW_AT_abstract_origin,
		       DW_FORM_ref4);
	DWMAKER_ABBREV(m, BLOCK, DW_TAG_lexical_block, true, DW_AT_decl_line, DW_FORM_data2);
	DWMAKER_ABBREV(m, ABSTRACT, DW_TAG_subprogram, true, DW_AT_name, DW_FORM_string,
		       DW_AT_sibling, DW_FORM_ref4);
	DWMAKER_ABBREV(m, STRUCT, DW_TAG_structure_type, true, DW_AT_sibling, DW_FORM_ref4);
	DWMAKER_ABBREV(m, DECLARED, DW_TAG_subprogram, true, DW_AT_declaration,
		       DW_FORM_flag_present, DW_AT_sibling, DW_FORM_ref4);
	DWMAKER_ABBREV(m, RANGES_FUNC, DW_TAG_subprogram, true, DW_AT_name, DW_FORM_string,
		       DW_AT_ranges, DW_FORM_sec_offset);
	DWMAKER_ABBREV(m, ADDRX_FUNC, DW_TAG_subprogram, true, DW_AT_name, DW_FORM_string,
		       DW_AT_low_pc, DW_FORM_addrx, DW_AT_high_pc, DW_FORM_udata);
	DWMAKER_ABBREV(m, UNKNOWN, DW_TAG_variable, false, DW_AT_name, 0x7f);
	dwmaker_uint(m, DW_ABBREV, 0, 1);
}

static void begin_unit(struct dwmaker *m)
{
	put_table(m);
	dwmaker_unit(m, 4, 0, 0);
	dwmaker_uleb(m, DW_INFO, UNIT);
}

static void end_unit(struct dwmaker *m)
{
	dwmaker_u8(m, 0);
	dwmaker_unit_end(m);
}

static size_t put_func(struct dwmaker *m, unsigned code, const char *name, uint64_t lo, uint64_t n)
{
	size_t at = dwmaker_at(m, DW_INFO);

	dwmaker_uleb(m, DW_INFO, code);
	dwmaker_str(m, DW_INFO, name);
	dwmaker_u64(m, lo);
	dwmaker_u32(m, n);
	return at;
}

/* An abstract function whose sibling is at @to; 0 = behind it and its end. */
static size_t put_abstract(struct dwmaker *m, const char *name, uint64_t to)
{
	size_t at = dwmaker_at(m, DW_INFO);

	dwmaker_uleb(m, DW_INFO, ABSTRACT);
	dwmaker_str(m, DW_INFO, name);
	dwmaker_u32(m, to ? to : at + 1 + strlen(name) + 1 + 4 + 1);
	if (!to)
		dwmaker_u8(m, 0);
	return at;
}

static uint64_t put_list(struct dwmaker *m, uint64_t lo, uint64_t hi)
{
	uint64_t at = dwmaker_at(m, DW_RANGES);

	dwmaker_uint(m, DW_RANGES, lo, 8);
	dwmaker_uint(m, DW_RANGES, hi, 8);
	dwmaker_uint(m, DW_RANGES, 0, 8);
	dwmaker_uint(m, DW_RANGES, 0, 8);
	return at;
}

static void put_inlined(struct dwmaker *m, size_t origin, uint64_t list, unsigned line)
{
	dwmaker_uleb(m, DW_INFO, INLINED);
	dwmaker_u32(m, origin);
	dwmaker_u32(m, list);
	dwmaker_u8(m, 0);
	dwmaker_uleb(m, DW_INFO, line);
}

/* A walk that is done. */
struct walked {
	struct dwfile f;
	struct dwwalk w;
	struct symunit_builder b;
	struct symunit *u;
	int r;
};

static const struct dwline_span code[] = { { 0x1000, 0x3000 }, { 0x8000, 0x9000 } };

static void walk(struct walked *k, const struct dwmaker *m)
{
	struct dwwalk_unit in = { .file = &k->f, .code = code, .n_code = ARRAY_LEN(code) };
	size_t n;

	*k = (struct walked){ .f = { .s = dwmaker_sections(m) } };
	cr_assert_eq(dwfile_read_units(&k->f), 0);
	in.unit = k->f.units;
	k->r = dwwalk_run(&k->w, &in, &k->b);
	cr_assert_eq(symunit_build(&k->b, &k->u, &n), 0);
	cr_assert_eq(symunit_check(k->u, n), 0);
}

static void walked_done(struct walked *k)
{
	free(k->u);
	symunit_builder_done(&k->b);
	dwwalk_done(&k->w);
	dwfile_close(&k->f);
}

/* "inner<outer:line", the line that of the call; "-" for nothing. */
static const char *show(const struct walked *k, uint64_t addr)
{
	static char text[4096];
	struct symunit_frame f[SYMUNIT_DEPTH_MAX];
	size_t n = symunit_find(k->u, addr, f), at = 0;
	char buf[64];

	strcpy(text, "-");
	for (size_t i = 0; i < n; i++) {
		strref_t s = f[i].name.name;
		const char *name =
			s ? dwsection_str(&k->f.s, DW_INFO, strref_off(s), 64, buf) : "?";

		at += (size_t)snprintf(text + at, sizeof(text) - at, i ? "<%s:%u" : "%s", name,
				       f[i].line);
	}
	return text;
}

#define EXPECT(k, addr, want)                                                                      \
	do {                                                                                       \
		const char *got_ = show(k, addr);                                                  \
		cr_expect(strcmp(got_, want) == 0, "%#lx: got %s, want %s", (unsigned long)(addr), \
			  got_, want);                                                             \
	} while (0)

Test(dwwalk, functions_and_what_was_inlined_into_them)
{
	struct dwmaker m = { 0 };
	size_t a, b;
	struct walked k;

	begin_unit(&m);
	a = put_abstract(&m, "a", 0);
	b = put_abstract(&m, "b", 0);
	put_func(&m, FUNC, "f", 0x1000, 0x100);
	dwmaker_uleb(&m, DW_INFO, BLOCK); /* blocks are no scopes of their own */
	dwmaker_uint(&m, DW_INFO, 1, 2);
	put_inlined(&m, a, put_list(&m, 0x1010, 0x1030), 11);
	put_inlined(&m, b, put_list(&m, 0x1010, 0x1020), 22);
	dwmaker_uint(&m, DW_INFO, 0, 2);
	put_inlined(&m, b, put_list(&m, 0x1040, 0x1050), 33);
	dwmaker_uint(&m, DW_INFO, 0, 3);
	put_func(&m, LEAF, "g", 0x1100, 0x10);
	end_unit(&m);
	walk(&k, &m);
	cr_expect_eq(k.r, 0);
	cr_expect_not(k.w.limited);
	EXPECT(&k, 0xfff, "-");
	EXPECT(&k, 0x1000, "f");
	EXPECT(&k, 0x1010, "b<a:22<f:11");
	EXPECT(&k, 0x1020, "a<f:11");
	EXPECT(&k, 0x1030, "f");
	EXPECT(&k, 0x1040, "b<f:33");
	EXPECT(&k, 0x10ff, "f");
	EXPECT(&k, 0x1100, "g");
	EXPECT(&k, 0x1110, "-");
	cr_expect_eq(k.b.names.n, 4, "each name once");
	walked_done(&k);
	dwmaker_done(&m);
}

Test(dwwalk, an_inlined_call_without_code_passes_its_inner_ones_on)
{
	struct dwmaker m = { 0 };
	size_t a, b;
	struct walked k;

	begin_unit(&m);
	a = put_abstract(&m, "a", 0);
	b = put_abstract(&m, "b", 0);
	put_func(&m, FUNC, "f", 0x1000, 0x100);
	dwmaker_uleb(&m, DW_INFO, EMPTY_INLINED);
	dwmaker_u32(&m, a);
	put_inlined(&m, b, put_list(&m, 0x1010, 0x1020), 22);
	dwmaker_uint(&m, DW_INFO, 0, 3);
	end_unit(&m);
	walk(&k, &m);
	cr_expect_eq(k.r, 0);
	EXPECT(&k, 0x1010, "b<a:22<f:0");
	EXPECT(&k, 0x1020, "f");
	walked_done(&k);
	dwmaker_done(&m);
}

Test(dwwalk, code_that_was_thrown_away_is_left_out)
{
	struct dwmaker m = { 0 };
	struct walked k;

	begin_unit(&m);
	put_func(&m, LEAF, "zero", 0, 0x2000);
	put_func(&m, LEAF, "minus_one", UINT64_MAX - 1, 1);
	put_func(&m, FUNC, "outside", 0x7000, 0x1100);
	put_func(&m, LEAF, "within", 0x8000, 0x10);
	dwmaker_u8(&m, 0);
	put_func(&m, LEAF, "far", 0x8800, 0xffffffff); /* ends where the code does */
	put_func(&m, LEAF, "last", 0x8fff, 0x10);
	end_unit(&m);
	walk(&k, &m);
	cr_expect_eq(k.r, 0);
	EXPECT(&k, 0, "-");
	EXPECT(&k, 0x1000, "-");
	EXPECT(&k, 0x7fff, "-");
	EXPECT(&k, 0x8000, "within");
	EXPECT(&k, 0x8010, "-");
	EXPECT(&k, 0x8ffe, "far");
	EXPECT(&k, 0x8fff, "last");
	EXPECT(&k, 0x9000, "-");
	walked_done(&k);
	dwmaker_done(&m);
}

Test(dwwalk, functions_within_types_and_functions_are_found)
{
	struct dwmaker m = { 0 };
	struct walked k;
	size_t at;

	begin_unit(&m);
	put_func(&m, FUNC, "outer", 0x1000, 0x100);
	put_func(&m, LEAF, "nested", 0x1020, 0x10);
	dwmaker_u8(&m, 0);
	/* The code of a lambda: in its class, in the abstract instance of the function around it. Both
	 * say where they end. */
	at = dwmaker_at(&m, DW_INFO);
	put_abstract(&m, "around", at + 200);
	dwmaker_uleb(&m, DW_INFO, STRUCT);
	dwmaker_u32(&m, at + 199);
	put_func(&m, LEAF, "lambda", 0x2000, 0x10);
	while (dwmaker_at(&m, DW_INFO) < at + 198)
		put_func(&m, LEAF, "", 0, 0);
	dwmaker_u8(&m, 0);
	dwmaker_u8(&m, 0);
	end_unit(&m);
	walk(&k, &m);
	cr_expect_eq(k.r, 0);
	EXPECT(&k, 0x1000, "outer");
	EXPECT(&k, 0x1020, "nested");
	EXPECT(&k, 0x1030, "outer");
	EXPECT(&k, 0x2000, "lambda");
	walked_done(&k);
	dwmaker_done(&m);
}

Test(dwwalk, what_a_declaration_holds_is_jumped_over)
{
	struct dwmaker m = { 0 };
	struct walked k;
	size_t at;

	begin_unit(&m);
	at = dwmaker_at(&m, DW_INFO);
	dwmaker_uleb(&m, DW_INFO, DECLARED);
	dwmaker_u32(&m, at + 5 + 30);
	for (unsigned i = 0; i < 30; i++)
		dwmaker_u8(&m, 0xfe); /* no entries at all */
	put_func(&m, LEAF, "next", 0x1000, 0x10);
	end_unit(&m);
	walk(&k, &m);
	cr_expect_eq(k.r, 0);
	EXPECT(&k, 0x1000, "next");
	walked_done(&k);
	dwmaker_done(&m);
}

Test(dwwalk, siblings_that_lie_are_not_followed)
{
	/* The unit's beginning, the entry itself, behind the end, far beyond. */
	static const uint64_t to[] = { 1, 12, 0x1000, 0xffffffff };

	for (size_t i = 0; i < ARRAY_LEN(to); i++) {
		struct dwmaker m = { 0 };
		struct walked k;

		begin_unit(&m);
		put_abstract(&m, "liar", to[i]);
		put_func(&m, LEAF, "child", 0x1000, 0x10);
		dwmaker_u8(&m, 0);
		put_func(&m, LEAF, "next", 0x1010, 0x10);
		end_unit(&m);
		walk(&k, &m);
		cr_expect_eq(k.r, 0);
		EXPECT(&k, 0x1000, "child");
		EXPECT(&k, 0x1010, "next");
		walked_done(&k);
		dwmaker_done(&m);
	}
}

Test(dwwalk, what_stands_before_the_broken_place_stays)
{
	static const unsigned codes[] = { UNKNOWN, 99 };

	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		struct dwmaker m = { 0 };
		struct walked k;

		begin_unit(&m);
		put_func(&m, LEAF, "before", 0x1000, 0x10);
		dwmaker_uleb(&m, DW_INFO, codes[i]);
		put_func(&m, LEAF, "behind", 0x1010, 0x10);
		end_unit(&m);
		walk(&k, &m);
		cr_expect_eq(k.r, -EBADMSG);
		EXPECT(&k, 0x1000, "before");
		EXPECT(&k, 0x1010, "-");
		walked_done(&k);
		dwmaker_done(&m);
	}
}

Test(dwwalk, levels_without_end_are_refused)
{
	struct dwmaker m = { 0 };
	struct walked k;

	begin_unit(&m);
	put_func(&m, LEAF, "before", 0x1000, 0x10);
	for (unsigned i = 0; i < 100000; i++) {
		dwmaker_uleb(&m, DW_INFO, BLOCK);
		dwmaker_uint(&m, DW_INFO, 1, 2);
	}
	end_unit(&m);
	walk(&k, &m);
	cr_expect_eq(k.r, -EFBIG);
	EXPECT(&k, 0x1000, "before");
	walked_done(&k);
	dwmaker_done(&m);
}

/* A hundred thousand entries that refer to one list of a hundred thousand ranges. */
Test(dwwalk, a_list_that_all_refer_to_is_read_as_often_as_the_unit_is_long)
{
	enum { EACH = 100000 };
	struct dwmaker m = { 0 };
	struct walked k;

	for (unsigned i = 0; i < EACH; i++) {
		dwmaker_uint(&m, DW_RANGES, 0x1000 + i % 0x1000, 8);
		dwmaker_uint(&m, DW_RANGES, 0x1001 + i % 0x1000, 8);
	}
	dwmaker_uint(&m, DW_RANGES, 0, 8);
	dwmaker_uint(&m, DW_RANGES, 0, 8);
	begin_unit(&m);
	put_func(&m, LEAF, "before", 0x8000, 0x10);
	for (unsigned i = 0; i < EACH; i++) {
		dwmaker_uleb(&m, DW_INFO, RANGES_FUNC);
		dwmaker_uint(&m, DW_INFO, 0, 1); /* no name */
		dwmaker_u32(&m, 0);
		dwmaker_u8(&m, 0);
	}
	put_func(&m, LEAF, "behind", 0x8010, 0x10);
	end_unit(&m);
	walk(&k, &m);
	cr_expect_eq(k.r, 0);
	cr_expect(k.w.limited);
	cr_expect_leq(k.b.ranges.n, m.s[DW_INFO].n + 10000);
	EXPECT(&k, 0x8000, "before");
	EXPECT(&k, 0x8010, "behind"); /* who needs no list is not hurt */
	walked_done(&k);
	dwmaker_done(&m);
}

/* The state of a walk is used again: nothing of one unit is seen in the next. */
Test(dwwalk, units_follow_one_another)
{
	struct dwmaker m = { 0 };
	struct dwwalk w = { 0 };
	struct dwfile f;

	put_table(&m);
	for (unsigned i = 0; i < 3; i++) {
		dwmaker_unit(&m, 4, 0, 0);
		dwmaker_uleb(&m, DW_INFO, UNIT);
		put_func(&m, LEAF, i == 1 ? "second" : "other", 0x1000, 0x10 + i);
		dwmaker_u8(&m, 0);
		dwmaker_unit_end(&m);
	}
	f = (struct dwfile){ .s = dwmaker_sections(&m) };
	cr_assert_eq(dwfile_read_units(&f), 0);
	for (unsigned i = 0; i < 3; i++) {
		struct dwwalk_unit in = {
			.file = &f, .unit = &f.units[i], .code = code, .n_code = 2
		};
		struct symunit_builder b = { 0 };
		char buf[32];

		cr_assert_eq(dwwalk_run(&w, &in, &b), 0);
		cr_assert_eq(b.names.n, 1);
		cr_assert_eq(b.ranges.n, 1);
		cr_expect_eq(b.ranges.items[0].hi, 0x1010 + i);
		cr_expect_str_eq(
			dwsection_str(&f.s, DW_INFO, strref_off(b.names.items[0].name), 32, buf),
			i == 1 ? "second" : "other");
		symunit_builder_done(&b);
	}
	dwwalk_done(&w);
	dwfile_close(&f);
	dwmaker_done(&m);
}

Test(dwwalk, cut_or_changed_anywhere_it_stays_inside)
{
	struct dwmaker m = { 0 };
	size_t a;
	struct walked k;

	begin_unit(&m);
	a = put_abstract(&m, "a", 0);
	put_func(&m, FUNC, "f", 0x1000, 0x100);
	put_inlined(&m, a, put_list(&m, 0x1010, 0x1030), 11);
	dwmaker_uint(&m, DW_INFO, 0, 2);
	end_unit(&m);
	/* Only what is behind the first entry: the unit itself stays one. */
	for (size_t i = 12; i < m.s[DW_INFO].n; i++)
		for (unsigned change = 1; change < 256; change += 51) {
			m.s[DW_INFO].items[i] ^= (uint8_t)change;
			walk(&k, &m);
			for (uint64_t addr = 0x0fff; addr < 0x1110; addr += 0x11)
				show(&k, addr);
			walked_done(&k);
			m.s[DW_INFO].items[i] ^= (uint8_t)change;
		}
	for (size_t i = 0; i < m.s[DW_ABBREV].n; i++) {
		uint8_t was = m.s[DW_ABBREV].items[i];

		for (unsigned value = 0; value < 256; value += 17) {
			struct dwfile f;

			m.s[DW_ABBREV].items[i] = (uint8_t)value;
			f = (struct dwfile){ .s = dwmaker_sections(&m) };
			if (dwfile_read_units(&f) == 0 && f.n_units > 0) {
				walk(&k, &m);
				show(&k, 0x1020);
				walked_done(&k);
			}
			dwfile_close(&f);
		}
		m.s[DW_ABBREV].items[i] = was;
	}
	dwmaker_done(&m);
}

Test(dwwalk, fails_for_want_of_memory_and_leaks_none)
{
	struct dwmaker m = { 0 };
	int r = -ENOMEM;
	struct dwfile f;

	begin_unit(&m);
	for (unsigned i = 0; i < 30; i++)
		put_func(&m, FUNC, "f", 0x1000 + 16 * i, 0x10);
	for (unsigned i = 0; i < 30; i++)
		dwmaker_u8(&m, 0);
	end_unit(&m);
	f = (struct dwfile){ .s = dwmaker_sections(&m) };
	cr_assert_eq(dwfile_read_units(&f), 0);
	for (long i = 0; r < 0; i++) {
		struct dwwalk_unit in = { .file = &f, .unit = f.units, .code = code, .n_code = 2 };
		struct symunit_builder b = { 0 };
		struct dwwalk w = { 0 };

		alloc_fail_at(i);
		r = dwwalk_run(&w, &in, &b);
		cr_assert(r == 0 || r == -ENOMEM);
		dwwalk_done(&w);
		symunit_builder_done(&b);
		cr_expect_eq(alloc_live(), 0);
		alloc_fail_at(-1);
	}
	dwfile_close(&f);
	dwmaker_done(&m);
}
