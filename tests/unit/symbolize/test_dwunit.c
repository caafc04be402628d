/* SPDX-License-Identifier: Apache-2.0 */
/* Headers of units and their first entries. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dwmaker.h"
#include "dwunit.h"
#include "elf_fixture.h"

enum { TABLE_ONE }; /* where it is */

/* Code 1: a unit with its name in place and a low_pc; code 2: a partial one. */
static void put_table(struct dwmaker *m)
{
	DWMAKER_ABBREV(m, 1, DW_TAG_compile_unit, true, DW_AT_name, DW_FORM_string, DW_AT_low_pc,
		       DW_FORM_addr, DW_AT_stmt_list, DW_FORM_sec_offset);
	DWMAKER_ABBREV(m, 2, DW_TAG_partial_unit, false, DW_AT_name, DW_FORM_string);
	dwmaker_uint(m, DW_ABBREV, 0, 1);
}

static void put_entry(struct dwmaker *m, const char *name, uint64_t low_pc)
{
	dwmaker_uleb(m, DW_INFO, 1);
	dwmaker_str(m, DW_INFO, name);
	dwmaker_u64(m, low_pc);
	dwmaker_uint(m, DW_INFO, 0x10, m->wide ? 8 : 4);
	dwmaker_u8(m, 0);
}

static int read_units(const struct dwmaker *m, struct dwfile *ret)
{
	*ret = (struct dwfile){ .s = dwmaker_sections(m) };
	return dwfile_read_units(ret);
}

static const char *string_at(const struct dwfile *f, strref_t s)
{
	static char buf[256];
	enum dwsection_id id = strref_place(s) == STRREF_STR ? DW_STR : DW_INFO;

	return dwsection_str(&f->s, id, strref_off(s), sizeof(buf), buf);
}

Test(dwunit, reads_headers_of_every_version)
{
	for (unsigned version = 2; version <= 5; version++)
		for (int wide = 0; wide < 2; wide++) {
			struct dwmaker m = { .wide = wide };
			struct dwfile f;

			put_table(&m);
			dwmaker_unit(&m, version, 0, TABLE_ONE);
			put_entry(&m, "a.c", 0x1000);
			dwmaker_unit_end(&m);
			dwmaker_unit(&m, version, 0, TABLE_ONE);
			put_entry(&m, "b.c", 0x2000);
			dwmaker_unit_end(&m);
			cr_assert_eq(read_units(&m, &f), 0);
			cr_assert_eq(f.n_units, 2);
			cr_expect_eq(f.units[1].shape.version, version);
			cr_expect_eq(f.units[1].shape.offset_size, wide ? 8 : 4);
			cr_expect_eq(f.units[1].base_pc, 0x2000);
			cr_expect_eq(f.units[1].stmt_list, 0x10);
			cr_expect_eq(f.units[1].end, m.s[DW_INFO].n);
			cr_expect_str_eq(string_at(&f, f.units[0].name), "a.c");
			cr_expect_str_eq(string_at(&f, f.units[1].name), "b.c");
			cr_expect_eq(dwfile_unit_at(&f, 0), &f.units[0]);
			cr_expect_eq(dwfile_unit_at(&f, f.units[1].off - 1), &f.units[0]);
			cr_expect_eq(dwfile_unit_at(&f, f.units[1].off), &f.units[1]);
			cr_expect_null(dwfile_unit_at(&f, f.units[1].end));
			dwfile_close(&f);
			dwmaker_done(&m);
		}
}

Test(dwunit, units_of_types_and_of_unknown_versions_are_passed_over)
{
	struct dwmaker m = { 0 };
	struct dwfile f;

	put_table(&m);
	dwmaker_unit(&m, 5, DW_UT_type, TABLE_ONE);
	put_entry(&m, "type", 0);
	dwmaker_unit_end(&m);
	dwmaker_unit(&m, 6, 0, TABLE_ONE);
	put_entry(&m, "future", 0);
	dwmaker_unit_end(&m);
	dwmaker_unit(&m, 5, DW_UT_skeleton, TABLE_ONE);
	put_entry(&m, "skeleton", 0);
	dwmaker_unit_end(&m);
	dwmaker_unit(&m, 4, 0, TABLE_ONE);
	dwmaker_uleb(&m, DW_INFO, 2);
	dwmaker_str(&m, DW_INFO, "partial");
	dwmaker_unit_end(&m);
	cr_assert_eq(read_units(&m, &f), 0);
	cr_assert_eq(f.n_units, 2);
	cr_expect_eq(f.units[0].dwo_id, 0x1122334455667788);
	cr_expect_str_eq(string_at(&f, f.units[0].name), "skeleton");
	cr_expect(f.units[1].partial);
	cr_expect_not(f.units[1].children);
	dwfile_close(&f);
	dwmaker_done(&m);
}

/* A unit of @bytes whose first entry is of a code that is not there, and a good one behind it. */
static void check_broken_entry(size_t bytes)
{
	struct dwmaker m = { 0 };
	struct dwfile f;

	put_table(&m);
	dwmaker_unit(&m, 4, 0, TABLE_ONE);
	dwmaker_uleb(&m, DW_INFO, 77);
	while (m.s[DW_INFO].n < bytes)
		dwmaker_u64(&m, 0);
	dwmaker_unit_end(&m);
	dwmaker_unit(&m, 4, 0, TABLE_ONE);
	put_entry(&m, "good", 0x1000);
	dwmaker_unit_end(&m);
	cr_assert_eq(read_units(&m, &f), 0);
	cr_expect_eq(f.n_units, 1, "%zu", bytes);
	dwfile_close(&f);
	dwmaker_done(&m);
}

Test(dwunit, one_with_a_broken_first_entry_does_not_hide_the_next)
{
	check_broken_entry(12);
	check_broken_entry(5000);    /* larger than the first window */
	check_broken_entry(3 << 20); /* and than the second */
}

Test(dwunit, names_may_be_longer_than_the_window)
{
	struct dwmaker m = { 0 };
	char *name = malloc(100001);
	struct dwfile f;
	int fd;

	memset(name, 'n', 100000);
	name[100000] = '\0';
	put_table(&m);
	dwmaker_unit(&m, 4, 0, TABLE_ONE);
	put_entry(&m, name, 0x1000);
	dwmaker_unit_end(&m);
	fd = dwmaker_elf(&m); /* in memory there are no windows */
	f = (struct dwfile){ 0 };
	cr_assert_eq(dwsections_open(fd, false, 0, &f.s), 0);
	cr_assert_eq(dwfile_read_units(&f), 0);
	cr_expect_eq(f.n_units, 1);
	cr_expect_eq(f.units[0].base_pc, 0x1000);
	dwfile_close(&f);
	free(name);
	dwmaker_done(&m);
}

Test(dwunit, one_that_does_not_end_ends_the_list)
{
	struct dwmaker m = { 0 };
	struct dwfile f;

	put_table(&m);
	dwmaker_unit(&m, 4, 0, TABLE_ONE);
	put_entry(&m, "good", 0x1000);
	dwmaker_unit_end(&m);
	dwmaker_unit(&m, 4, 0, TABLE_ONE);
	put_entry(&m, "longer than the section", 0x1000);
	dwmaker_unit_end(&m);
	m.s[DW_INFO].n--;
	cr_assert_eq(read_units(&m, &f), 0);
	cr_expect_eq(f.n_units, 1);
	dwfile_close(&f);
	/* And alone it is an error. */
	m.s[DW_INFO].n = 9;
	cr_expect_eq(read_units(&m, &f), -EBADMSG);
	dwfile_close(&f);
	dwmaker_done(&m);
}

Test(dwunit, padding_is_passed_over_and_ends)
{
	struct dwmaker m = { 0 };
	struct dwfile f;

	put_table(&m);
	for (unsigned i = 0; i < 3; i++)
		dwmaker_u32(&m, 0);
	dwmaker_unit(&m, 4, 0, TABLE_ONE);
	put_entry(&m, "behind it", 0x1000);
	dwmaker_unit_end(&m);
	for (unsigned i = 0; i < 100000; i++)
		dwmaker_u32(&m, 0);
	dwmaker_unit(&m, 4, 0, TABLE_ONE);
	put_entry(&m, "behind a sparse file", 0x1000);
	dwmaker_unit_end(&m);
	cr_assert_eq(read_units(&m, &f), 0);
	cr_expect_eq(f.n_units, 1);
	dwfile_close(&f);
	dwmaker_done(&m);
}

Test(dwunit, cut_anywhere_it_is_read_up_to_there_or_refused)
{
	struct dwmaker m = { 0 };
	size_t whole, second;

	put_table(&m);
	for (unsigned version = 4; version <= 5; version++) {
		second = dwmaker_unit(&m, version, 0, TABLE_ONE);
		put_entry(&m, "unit.c", 0x1000);
		dwmaker_unit_end(&m);
	}
	whole = m.s[DW_INFO].n;
	for (size_t n = 1; n <= whole; n++) {
		struct dwfile f;
		int r;

		m.s[DW_INFO].n = n;
		r = read_units(&m, &f);
		cr_expect_eq(r, n < second ? -EBADMSG : 0, "%zu: %d", n, r);
		cr_expect_eq(f.n_units, n < second ? 0 : n < whole ? 1 : 2);
		dwfile_close(&f);
	}
	dwmaker_done(&m);
}

Test(dwunit, values_come_by_way_of_tables)
{
	struct dwmaker m = { 0 };
	uint64_t addr = 7;
	struct dwfile f;

	DWMAKER_ABBREV(&m, 1, DW_TAG_compile_unit, false, DW_AT_name, DW_FORM_strx1, DW_AT_low_pc,
		       DW_FORM_addrx, DW_AT_addr_base, DW_FORM_sec_offset, DW_AT_str_offsets_base,
		       DW_FORM_sec_offset);
	dwmaker_uint(&m, DW_STR, 0, 5);
	dwmaker_str(&m, DW_STR, "by index");
	dwmaker_uint(&m, DW_STR_OFFSETS, 0, 8); /* the header */
	dwmaker_uint(&m, DW_STR_OFFSETS, 0, 4);
	dwmaker_uint(&m, DW_STR_OFFSETS, 5, 4);
	dwmaker_uint(&m, DW_ADDR, 0, 8);
	dwmaker_uint(&m, DW_ADDR, 0x1000, 8);
	dwmaker_uint(&m, DW_ADDR, 0x2000, 8);
	dwmaker_unit(&m, 5, 0, 0);
	dwmaker_uleb(&m, DW_INFO, 1);
	dwmaker_u8(&m, 1);
	dwmaker_uleb(&m, DW_INFO, 1);
	dwmaker_u32(&m, 8);
	dwmaker_u32(&m, 8);
	dwmaker_unit_end(&m);
	cr_assert_eq(read_units(&m, &f), 0);
	cr_expect_str_eq(string_at(&f, f.units[0].name), "by index");
	cr_expect_eq(f.units[0].base_pc, 0x2000);
	cr_expect_eq(dwunit_address(&f.units[0], DW_FORM_addrx, 0, &addr), 0);
	cr_expect_eq(addr, 0x1000);
	cr_expect_eq(dwunit_address(&f.units[0], DW_FORM_addrx, 2, &addr), -EBADMSG);
	cr_expect_eq(dwunit_address(&f.units[0], DW_FORM_addrx, UINT64_MAX, &addr), -EBADMSG);
	cr_expect_eq(dwunit_address(&f.units[0], DW_FORM_data4, 0, &addr), -EINVAL);
	cr_expect_eq(addr, 0x1000);
	cr_expect_eq(dwunit_string(&f, &f.units[0], DW_FORM_strx, 2), STRREF_NONE);
	cr_expect_eq(dwunit_string(&f, &f.units[0], DW_FORM_strx, UINT64_MAX / 4), STRREF_NONE);
	cr_expect_eq(dwunit_string(&f, &f.units[0], DW_FORM_data4, 0), STRREF_NONE);
	/* Of the common file of dwz the strings have places of their own. */
	f.alt = true;
	cr_expect_eq(strref_place(dwunit_string(&f, f.units, DW_FORM_strp, 0)), STRREF_ALT_STR);
	cr_expect_eq(strref_place(dwunit_string(&f, f.units, DW_FORM_string, 0)), STRREF_ALT_INFO);
	cr_expect_eq(dwunit_string(&f, f.units, DW_FORM_line_strp, 0), STRREF_NONE);
	dwfile_close(&f);
	dwmaker_done(&m);
}

/* Units that take two long tables in turn: each would be read again for each of them. */
Test(dwunit, shared_tables_take_no_square_of_time)
{
	enum { UNITS = 20000, ABBREVS = 40000 };
	struct dwmaker m = { 0 };
	size_t second = 0;
	struct dwfile f;

	for (unsigned table = 0; table < 2; table++) {
		second = table ? m.s[DW_ABBREV].n : 0;
		for (unsigned i = 1; i <= ABBREVS; i++)
			DWMAKER_ABBREV(&m, i, DW_TAG_compile_unit, false, DWMAKER_NO_ATTRS);
		dwmaker_uint(&m, DW_ABBREV, 0, 1);
	}
	for (unsigned i = 0; i < UNITS; i++) {
		dwmaker_unit(&m, 4, 0, i % 2 ? second : 0);
		dwmaker_uleb(&m, DW_INFO, ABBREVS);
		dwmaker_unit_end(&m);
	}
	cr_assert_eq(read_units(&m, &f), 0);
	cr_expect(f.limited);
	cr_expect_gt(f.n_units, 100);
	cr_expect_lt(f.n_units, UNITS);
	dwfile_close(&f);
	/* One table that all share is read once. */
	m.s[DW_INFO].n = 0;
	for (unsigned i = 0; i < UNITS; i++) {
		dwmaker_unit(&m, 4, 0, 0);
		dwmaker_uleb(&m, DW_INFO, ABBREVS);
		dwmaker_unit_end(&m);
	}
	cr_assert_eq(read_units(&m, &f), 0);
	cr_expect_not(f.limited);
	cr_expect_eq(f.n_units, UNITS);
	dwfile_close(&f);
	dwmaker_done(&m);
}

Test(dwunit, a_table_in_the_file_may_be_longer_than_the_window)
{
	enum { ABBREVS = 30000 };
	struct dwmaker m = { 0 };
	struct dwabbrevs a = { 0 };
	struct dwfile f = { 0 };

	for (unsigned i = 1; i <= ABBREVS; i++)
		DWMAKER_ABBREV(&m, i, DW_TAG_compile_unit, false, DWMAKER_NO_ATTRS);
	dwmaker_uint(&m, DW_ABBREV, 0, 1);
	dwmaker_unit(&m, 4, 0, 0);
	dwmaker_uleb(&m, DW_INFO, ABBREVS);
	dwmaker_unit_end(&m);
	cr_assert_eq(dwsections_open(dwmaker_elf(&m), false, 0, &f.s), 0);
	cr_assert_eq(dwfile_read_units(&f), 0);
	cr_expect_eq(f.n_units, 1);
	cr_assert_eq(dwunit_read_abbrevs(&f, f.units, 0, &a), 0);
	cr_expect_eq(a.abbrevs.n, ABBREVS);
	dwabbrevs_done(&a);
	dwfile_close(&f);
	dwmaker_done(&m);
}

Test(dwunit, fails_for_want_of_memory_and_leaks_none)
{
	struct dwmaker m = { 0 };
	int r = -ENOMEM;

	put_table(&m);
	for (unsigned i = 0; i < 20; i++) {
		dwmaker_unit(&m, 4, 0, TABLE_ONE);
		put_entry(&m, "a.c", 0x1000);
		dwmaker_unit_end(&m);
	}
	for (long i = 0; r < 0; i++) {
		struct dwfile f = { .s = dwmaker_sections(&m) };

		alloc_fail_at(i);
		r = dwfile_read_units(&f);
		cr_assert(r == 0 || r == -ENOMEM);
		cr_expect_eq(alloc_live(), r == 0);
		alloc_fail_at(-1);
		dwfile_close(&f);
	}
	dwmaker_done(&m);
}
