/* SPDX-License-Identifier: Apache-2.0 */
/* Abbreviations and the entries that they describe, of every form. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dwabbrev.h"
#include "dwmaker.h"
#include "elf_fixture.h"

static const struct dwshape narrow = { .version = 5, .address_size = 8, .offset_size = 4 };

static int read_table(struct dwabbrevs *a, const struct dwmaker *m, uint64_t only)
{
	struct dwsections d = dwmaker_sections(m);
	int r = dwabbrevs_read(a, d.s[DW_ABBREV].mem, d.s[DW_ABBREV].size, &narrow, only);

	dwsections_close(&d);
	return r;
}

/* The forms with a value of some bytes: its size in 32-bit DWARF, and what is read of 01 02 03 … */
static const struct form {
	int form;
	int bytes;
	uint64_t value;
} forms[] = {
	{ DW_FORM_addr, 8, 0x0807060504030201 },
	{ DW_FORM_data1, 1, 1 },
	{ DW_FORM_data2, 2, 0x201 },
	{ DW_FORM_data4, 4, 0x4030201 },
	{ DW_FORM_data8, 8, 0x0807060504030201 },
	{ DW_FORM_data16, 16, 0 },
	{ DW_FORM_sdata, 1, 1 },
	{ DW_FORM_udata, 1, 1 },
	{ DW_FORM_string, 17, 1 }, /* its distance from the unit */
	{ DW_FORM_strp, 4, 0x4030201 },
	{ DW_FORM_line_strp, 4, 0x4030201 },
	{ DW_FORM_strp_sup, 4, 0x4030201 },
	{ DW_FORM_GNU_strp_alt, 4, 0x4030201 },
	{ DW_FORM_strx, 1, 1 },
	{ DW_FORM_strx1, 1, 1 },
	{ DW_FORM_strx2, 2, 0x201 },
	{ DW_FORM_strx3, 3, 0x30201 },
	{ DW_FORM_strx4, 4, 0x4030201 },
	{ DW_FORM_GNU_str_index, 1, 1 },
	{ DW_FORM_addrx, 1, 1 },
	{ DW_FORM_addrx1, 1, 1 },
	{ DW_FORM_addrx2, 2, 0x201 },
	{ DW_FORM_addrx3, 3, 0x30201 },
	{ DW_FORM_addrx4, 4, 0x4030201 },
	{ DW_FORM_GNU_addr_index, 1, 1 },
	{ DW_FORM_ref1, 1, 1 },
	{ DW_FORM_ref2, 2, 0x201 },
	{ DW_FORM_ref4, 4, 0x4030201 },
	{ DW_FORM_ref8, 8, 0x0807060504030201 },
	{ DW_FORM_ref_udata, 1, 1 },
	{ DW_FORM_ref_addr, 4, 0x4030201 },
	{ DW_FORM_ref_sig8, 8, 0x0807060504030201 },
	{ DW_FORM_ref_sup4, 4, 0x4030201 },
	{ DW_FORM_ref_sup8, 8, 0x0807060504030201 },
	{ DW_FORM_GNU_ref_alt, 4, 0x4030201 },
	{ DW_FORM_sec_offset, 4, 0x4030201 },
	{ DW_FORM_loclistx, 1, 1 },
	{ DW_FORM_rnglistx, 1, 1 },
	{ DW_FORM_flag, 1, 1 },
	{ DW_FORM_flag_present, 0, 1 },
	{ DW_FORM_exprloc, 2, 1 }, /* of one byte */
	{ DW_FORM_block, 2, 1 },
	{ DW_FORM_block1, 2, 1 },
	{ DW_FORM_block2, 2 + 0x201, 0x201 },
};

/* Code 1, and 01 02 03 … 10 00 00 … behind it. */
static uint8_t *entry_bytes(size_t n)
{
	uint8_t *p = calloc(1, n + 1);

	p[0] = 1;
	for (size_t i = 1; i <= n && i <= 16; i++)
		p[i] = (uint8_t)i;
	return p;
}

static void check_form(const struct form *f, bool indirect)
{
	struct dwabbrevs a = { 0 };
	struct dwmaker m = { 0 };
	uint8_t *p;
	struct dwdie die;

	if (indirect) {
		dwmaker_uleb(&m, DW_INFO, (unsigned)f->form);
		DWMAKER_ABBREV(&m, 1, DW_TAG_subprogram, false, DW_AT_name, DW_FORM_indirect);
	} else {
		DWMAKER_ABBREV(&m, 1, DW_TAG_subprogram, false, DW_AT_name, f->form);
	}
	cr_assert_eq(read_table(&a, &m, 0), 0);
	p = entry_bytes((size_t)f->bytes);
	if (!indirect) {
		const uint8_t *end = p + 1 + f->bytes;

		cr_expect_eq(dwabbrevs_read_die(&a, p, end, p, &die), end, "form %#x", f->form);
		cr_expect_eq(die.form[DWSLOT_NAME], f->form);
		cr_expect_eq(die.value[DWSLOT_NAME], f->value, "form %#x: %#lx", f->form,
			     (unsigned long)die.value[DWSLOT_NAME]);
		for (int cut = 0; cut < f->bytes; cut++)
			cr_expect_null(dwabbrevs_read_die(&a, p, p + 1 + cut, p, &die),
				       "form %#x cut at %d", f->form, cut);
	} else {
		size_t n = m.s[DW_INFO].n, all = 1 + n + (size_t)f->bytes;
		uint8_t *q = malloc(all);

		q[0] = 1;
		memcpy(q + 1, m.s[DW_INFO].items, n);
		memcpy(q + 1 + n, p + 1, (size_t)f->bytes);
		cr_expect_eq(dwabbrevs_read_die(&a, q, q + all, q, &die), q + all, "form %#x",
			     f->form);
		free(q);
	}
	free(p);
	dwabbrevs_done(&a);
	dwmaker_done(&m);
}

Test(dwabbrev, reads_every_form)
{
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		check_form(&forms[i], false);
		check_form(&forms[i], true);
	}
}

/* The steps of a walk skip as many bytes as reading takes. */
Test(dwabbrev, compiles_every_form_to_its_size)
{
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		int size = dwform_size((unsigned)forms[i].form, &narrow);

		if (size >= 0)
			cr_expect_eq(size, forms[i].bytes, "form %#x", forms[i].form);
	}
	cr_expect_eq(dwform_size(DW_FORM_ref_addr, &(struct dwshape){ 2, 8, 4 }), 8);
	cr_expect_eq(dwform_size(DW_FORM_ref_addr, &(struct dwshape){ 3, 8, 4 }), 4);
	cr_expect_eq(dwform_size(DW_FORM_sec_offset, &(struct dwshape){ 4, 8, 8 }), 8);
}

Test(dwabbrev, forms_of_unknown_size_and_indirect_ones_that_lead_nowhere_are_refused)
{
	static const int bad[] = { 0x02, 0x2d, 0x1fff, DW_FORM_indirect, DW_FORM_implicit_const };
	struct dwabbrevs a = { 0 };
	struct dwdie die;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct dwmaker m = { 0 };
		uint8_t *p = entry_bytes(32);

		if (i < 3) {
			DWMAKER_ABBREV(&m, 1, DW_TAG_subprogram, false, DW_AT_name, bad[i]);
		} else {
			DWMAKER_ABBREV(&m, 1, DW_TAG_subprogram, false, DW_AT_name,
				       DW_FORM_indirect);
			p[1] = (uint8_t)bad[i];
		}
		cr_assert_eq(read_table(&a, &m, 0), 0);
		cr_expect_null(dwabbrevs_read_die(&a, p, p + 33, p, &die), "form %#x", bad[i]);
		free(p);
		dwmaker_done(&m);
	}
	dwabbrevs_done(&a);
}

Test(dwabbrev, constants_of_the_table_take_no_byte_of_the_entry)
{
	struct dwabbrevs a = { 0 };
	struct dwmaker m = { 0 };
	uint8_t p[2] = { 1, 7 };
	struct dwdie die;

	DWMAKER_ABBREV(&m, 1, DW_TAG_subprogram, false, DW_AT_decl_file, DW_FORM_implicit_const, 3,
		       DW_AT_decl_line, DW_FORM_implicit_const, -200, DW_AT_call_line,
		       DW_FORM_data1);
	cr_assert_eq(read_table(&a, &m, 0), 0);
	cr_expect_eq(dwabbrevs_read_die(&a, p, p + 2, p, &die), p + 2);
	cr_expect_eq((int64_t)die.value[DWSLOT_DECL_LINE], -200);
	cr_expect_eq(die.value[DWSLOT_CALL_LINE], 7);
	dwabbrevs_done(&a);
	dwmaker_done(&m);
}

Test(dwabbrev, codes_may_be_sparse_and_in_any_order)
{
	static const uint64_t codes[] = { 900, 2, UINT64_MAX, 17, 1 };
	struct dwabbrevs a = { 0 };
	struct dwmaker m = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		DWMAKER_ABBREV(&m, codes[i], 0x100 + (unsigned)i, true, DWMAKER_NO_ATTRS);
	dwmaker_uint(&m, DW_ABBREV, 0, 1);
	cr_assert_eq(read_table(&a, &m, 0), 0);
	cr_expect(a.whole);
	cr_expect_not(a.dense);
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		const struct dwabbrev *ab = dwabbrevs_find(&a, codes[i]);

		cr_assert_not_null(ab);
		cr_expect_eq(ab->tag, 0x100 + i);
	}
	cr_expect_null(dwabbrevs_find(&a, 3));
	cr_expect_null(dwabbrevs_find(&a, 0));
	/* Only what is wanted. */
	cr_assert_eq(read_table(&a, &m, 2), 0);
	cr_expect_eq(a.abbrevs.n, 1);
	cr_expect_not(a.whole);
	cr_expect_not_null(dwabbrevs_find(&a, 2));
	dwabbrevs_done(&a);
	dwmaker_done(&m);
}

Test(dwabbrev, dense_codes_are_found_by_their_place)
{
	struct dwabbrevs a = { 0 };
	struct dwmaker m = { 0 };

	for (unsigned i = 1; i <= 300; i++)
		DWMAKER_ABBREV(&m, i, i, false, DWMAKER_NO_ATTRS);
	cr_assert_eq(read_table(&a, &m, 0), 0);
	cr_expect(a.dense);
	for (unsigned i = 1; i <= 300; i++)
		cr_expect_eq(dwabbrevs_find(&a, i)->tag, i);
	cr_expect_null(dwabbrevs_find(&a, 301));
	cr_expect_null(dwabbrevs_find(&a, 0));
	dwabbrevs_done(&a);
	dwmaker_done(&m);
}

Test(dwabbrev, of_an_attribute_that_comes_twice_the_first_counts)
{
	struct dwabbrevs a = { 0 };
	struct dwmaker m = { 0 };
	uint8_t p[] = { 1, 5, 6 };
	struct dwdie die;

	DWMAKER_ABBREV(&m, 1, DW_TAG_subprogram, false, DW_AT_decl_line, DW_FORM_data1,
		       DW_AT_decl_line, DW_FORM_data1);
	cr_assert_eq(read_table(&a, &m, 0), 0);
	cr_expect_eq(dwabbrevs_read_die(&a, p, p + 3, p, &die), p + 3);
	cr_expect_eq(die.value[DWSLOT_DECL_LINE], 5);
	dwabbrevs_done(&a);
	dwmaker_done(&m);
}

/* Else an entry of one byte would take the time of the whole table. */
Test(dwabbrev, what_takes_no_byte_takes_no_time)
{
	struct dwabbrevs a = { 0 };
	struct dwmaker m = { 0 };

	dwmaker_uleb(&m, DW_ABBREV, 1);
	dwmaker_uleb(&m, DW_ABBREV, DW_TAG_inlined_subroutine);
	dwmaker_uint(&m, DW_ABBREV, 1, 1);
	dwmaker_uleb(&m, DW_ABBREV, DW_AT_ranges);
	dwmaker_uleb(&m, DW_ABBREV, DW_FORM_sec_offset);
	for (unsigned i = 0; i < 10000; i++) {
		dwmaker_uleb(&m, DW_ABBREV, i % 2 ? DW_AT_call_line : DW_AT_external);
		dwmaker_uleb(&m, DW_ABBREV, DW_FORM_implicit_const);
		dwmaker_sleb(&m, DW_ABBREV, 1);
	}
	dwmaker_uint(&m, DW_ABBREV, 0, 3);
	cr_assert_eq(read_table(&a, &m, 0), 0);
	cr_expect_leq(a.abbrevs.items[0].n_attrs, 2);
	cr_expect_leq(a.abbrevs.items[0].n_steps, 2);
	dwabbrevs_done(&a);
	dwmaker_done(&m);
}

Test(dwabbrev, a_table_cut_anywhere_is_read_up_to_there_or_refused)
{
	struct dwabbrevs a = { 0 };
	struct dwmaker m = { 0 };

	DWMAKER_ABBREV(&m, 1, DW_TAG_compile_unit, true, DW_AT_name, DW_FORM_string,
		       DW_AT_decl_line, DW_FORM_implicit_const, 100000);
	DWMAKER_ABBREV(&m, 2, DW_TAG_subprogram, true, DW_AT_low_pc, DW_FORM_addr);
	dwmaker_uint(&m, DW_ABBREV, 0, 1);
	for (size_t n = 0; n <= m.s[DW_ABBREV].n; n++) {
		uint8_t *p = malloc(n + !n);
		int r;

		memcpy(p, m.s[DW_ABBREV].items, n);
		r = dwabbrevs_read(&a, p, n, &narrow, 0);
		cr_expect(r == 0 || r == -EBADMSG);
		cr_expect_eq(a.whole, n == m.s[DW_ABBREV].n);
		free(p);
	}
	dwabbrevs_done(&a);
	dwmaker_done(&m);
}

Test(dwabbrev, fails_for_want_of_memory_and_leaks_none)
{
	struct dwmaker m = { 0 };
	int r = -ENOMEM;

	for (unsigned i = 1; i < 50; i++)
		DWMAKER_ABBREV(&m, i, DW_TAG_subprogram, true, DW_AT_low_pc, DW_FORM_addr,
			       DW_AT_name, DW_FORM_udata);
	for (long i = 0; r < 0; i++) {
		struct dwabbrevs a = { 0 };

		alloc_fail_at(i);
		r = dwabbrevs_read(&a, m.s[DW_ABBREV].items, m.s[DW_ABBREV].n, &narrow, 0);
		cr_assert(r == 0 || r == -ENOMEM);
		dwabbrevs_done(&a);
		cr_expect_eq(alloc_live(), 0);
		alloc_fail_at(-1);
	}
	dwmaker_done(&m);
}
