/* SPDX-License-Identifier: Apache-2.0 */
/* A few addresses, which do not need all units: which are read, and that the answers are the same.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dwaranges.h"
#include "dwmaker.h"
#include "dwobject.h"
#include "dwobject_state.h"
#include "elfsym.h"
#include "scratch.h"

static const struct dwline_span code[] = { { 0x1000, 0x100000 } };

static struct dwobject_opts plain_opts(void)
{
	return (struct dwobject_opts){ .alt_fd = -1,
				       .code = code,
				       .n_code = 1,
				       .max_inflated = 1 << 30,
				       .max_images = 1 << 30,
				       .threads = 1 };
}

static struct dwobject *open_made(const struct dwmaker *m, const struct dwobject_opts *opts)
{
	struct dwobject *o;

	cr_assert_eq(dwobject_open(dwmaker_elf(m), opts, &o), 0);
	return o;
}

/* The function at an address: "-" = none. */
static const char *find(struct dwobject *o, uint64_t addr)
{
	static char name[1024];
	struct dwquery q = { .addr = addr };
	struct dwframes frames = { 0 };
	const char *s = "-";

	cr_assert_eq(dwobject_find(o, &q, 1, &frames), 0);
	if (q.n > 0)
		s = dwobject_string(o, frames.frames.items[q.first].name.name, sizeof(name), name);
	if (s != name)
		snprintf(name, sizeof(name), "%s", s);
	array_free(&frames.frames);
	return name;
}

/* --- units and what .debug_aranges says of them ----------------------------------------------- */

enum { UNITS = 20, SIZE = 0x100 }; /* of each unit's code */
enum { UNIT = 1, FUNC, FUNC_OF };  /* codes of the table */

/* Function "fI" in unit I; with @refer each is named by an entry of the unit before it. */
static void put_units(struct dwmaker *m, size_t *ret_units, bool refer)
{
	uint64_t name = 0;

	DWMAKER_ABBREV(m, UNIT, DW_TAG_compile_unit, true, DW_AT_low_pc, DW_FORM_addr,
		       DW_AT_high_pc, DW_FORM_data4);
	DWMAKER_ABBREV(m, FUNC, DW_TAG_subprogram, false, DW_AT_name, DW_FORM_string, DW_AT_low_pc,
		       DW_FORM_addr, DW_AT_high_pc, DW_FORM_data4);
	DWMAKER_ABBREV(m, FUNC_OF, DW_TAG_subprogram, false, DW_AT_specification, DW_FORM_ref_addr,
		       DW_AT_low_pc, DW_FORM_addr, DW_AT_high_pc, DW_FORM_data4);
	dwmaker_uint(m, DW_ABBREV, 0, 1);
	for (unsigned i = 0; i < UNITS; i++) {
		char text[8];
		size_t at;

		snprintf(text, sizeof(text), "f%u", i);
		ret_units[i] = dwmaker_unit(m, 4, 0, 0);
		dwmaker_uleb(m, DW_INFO, UNIT);
		dwmaker_u64(m, 0x1000 + SIZE * i);
		dwmaker_u32(m, SIZE);
		at = dwmaker_at(m, DW_INFO);
		dwmaker_uleb(m, DW_INFO, refer && i ? FUNC_OF : FUNC);
		if (refer && i)
			dwmaker_u32(m, name);
		else
			dwmaker_str(m, DW_INFO, text);
		name = i ? name : at;
		dwmaker_u64(m, 0x1000 + SIZE * i);
		dwmaker_u32(m, SIZE / 2);
		dwmaker_u8(m, 0);
		dwmaker_unit_end(m);
	}
}

static void put_set(struct dwmaker *m, uint64_t unit, uint64_t lo, uint64_t n)
{
	dwmaker_uint(m, DW_ARANGES, 44, 4);
	dwmaker_uint(m, DW_ARANGES, 2, 2);
	dwmaker_uint(m, DW_ARANGES, unit, 4);
	dwmaker_uint(m, DW_ARANGES, 8, 1);
	dwmaker_uint(m, DW_ARANGES, 0, 1 + 4);
	dwmaker_uint(m, DW_ARANGES, lo, 8);
	dwmaker_uint(m, DW_ARANGES, n, 8);
	dwmaker_uint(m, DW_ARANGES, 0, 8);
	dwmaker_uint(m, DW_ARANGES, 0, 8);
}

/* What is said of unit I is said of unit (I + @shift) % UNITS. */
static void make(struct dwmaker *m, bool refer, unsigned shift)
{
	size_t units[UNITS];

	put_units(m, units, refer);
	for (unsigned i = 0; i < UNITS; i++)
		put_set(m, units[(i + shift) % UNITS], 0x1000 + SIZE * i, SIZE);
}

static void expect_all(struct dwobject *o, bool refer)
{
	for (unsigned i = 0; i < UNITS; i++) {
		char want[8];

		snprintf(want, sizeof(want), "f%u", refer ? 0 : i);
		cr_expect_str_eq(find(o, 0x1000 + SIZE * i + 5), want);
		cr_expect_str_eq(find(o, 0x1000 + SIZE * i + SIZE / 2), "-");
	}
	cr_expect_str_eq(find(o, 0x900), "-");
	cr_expect_eq(dwobject_broken(o) + dwobject_limited(o), 0);
}

/* --- tests ------------------------------------------------------------------------------------ */

Test(dwfew, the_unit_that_has_the_address_is_read_alone)
{
	struct dwobject_opts opts = plain_opts();
	struct dwmaker m = { 0 };
	struct dwobject *o;

	make(&m, false, 0);
	o = open_made(&m, &opts);
	cr_expect_eq(o->units, DWOBJECT_NONE);
	cr_expect_str_eq(find(o, 0x1000 + SIZE * 7), "f7");
	cr_expect_eq(o->units, DWOBJECT_SOME);
	cr_expect_eq(o->n_units, 1);
	expect_all(o, false);
	cr_expect_eq(o->units, DWOBJECT_ALL);
	cr_expect_eq(o->n_units, UNITS);
	dwobject_free(o);
	dwmaker_done(&m);
}

Test(dwfew, many_addresses_are_asked_of_all_units)
{
	struct dwobject_opts opts = plain_opts();
	struct dwmaker m = { 0 };
	struct dwquery queries[UNITS];
	struct dwframes frames = { 0 };
	struct dwobject *o;

	make(&m, false, 0);
	o = open_made(&m, &opts);
	for (unsigned i = 0; i < UNITS; i++)
		queries[i].addr = 0x1000 + SIZE * i;
	cr_assert_eq(dwobject_find(o, queries, UNITS, &frames), 0);
	cr_expect_eq(o->units, DWOBJECT_ALL);
	for (unsigned i = 0; i < UNITS; i++)
		cr_expect_eq(queries[i].n, 1);
	array_free(&frames.frames);
	expect_all(o, false);
	dwobject_free(o);
	dwmaker_done(&m);
}

/* Each is the first question of an object of its own. */
Test(dwfew, what_the_section_says_is_not_trusted)
{
	struct dwobject_opts opts = plain_opts();
	struct dwmaker m = { 0 };

	make(&m, false, 3);
	for (unsigned i = 0; i < UNITS; i++) {
		struct dwobject *o = open_made(&m, &opts);
		char want[8];

		snprintf(want, sizeof(want), "f%u", i);
		cr_expect_str_eq(find(o, 0x1000 + SIZE * i), want);
		cr_expect_eq(o->units, DWOBJECT_ALL);
		expect_all(o, false);
		dwobject_free(o);
	}
	dwmaker_done(&m);
}

Test(dwfew, names_in_units_that_were_not_read_are_found)
{
	struct dwobject_opts opts = plain_opts();
	struct dwmaker m = { 0 };
	struct dwobject *o;

	make(&m, true, 0);
	o = open_made(&m, &opts);
	cr_expect_str_eq(find(o, 0x1000 + SIZE * 9), "f0");
	cr_expect_eq(o->units, DWOBJECT_ALL);
	expect_all(o, true);
	dwobject_free(o);
	/* The name is in the unit itself. */
	o = open_made(&m, &opts);
	cr_expect_str_eq(find(o, 0x1000), "f0");
	cr_expect_eq(o->units, DWOBJECT_SOME);
	dwobject_free(o);
	dwmaker_done(&m);
}

Test(dwfew, sections_that_are_cut_or_lead_outside_cost_nothing)
{
	struct dwobject_opts opts = plain_opts();
	struct dwmaker m = { 0 };
	size_t n;

	make(&m, false, 0);
	n = m.s[DW_ARANGES].n;
	for (size_t cut = 1; cut < n; cut += 17) {
		struct dwobject *o;

		m.s[DW_ARANGES].n = cut;
		o = open_made(&m, &opts);
		cr_expect_str_eq(find(o, 0x1000 + SIZE * 4), "f4");
		dwobject_free(o);
	}
	m.s[DW_ARANGES].n = 0;
	for (unsigned i = 0; i < 100; i++)
		put_set(&m, i % 2 ? 0x7fffff00 + i : i * 13, 0x1000, SIZE * UNITS);
	for (unsigned i = 0; i < UNITS; i++) {
		struct dwobject *o = open_made(&m, &opts);
		char want[8];

		snprintf(want, sizeof(want), "f%u", i);
		cr_expect_str_eq(find(o, 0x1000 + SIZE * i), want);
		dwobject_free(o);
	}
	dwmaker_done(&m);
}

/* An index that is stored is one of all units. */
Test(dwfew, an_index_that_is_stored_is_whole)
{
	struct dwobject_opts opts = plain_opts();
	struct dwmaker m = { 0 };
	struct scratch_dir dir;
	struct dwobject *o;
	size_t unit;

	scratch_enter(&dir);
	opts.store_dir = ".";
	opts.store_key = "key";
	make(&m, false, 0);
	/* One that is more than a quarter of all, so that to ask it is worth storing. */
	unit = dwmaker_unit(&m, 4, 0, 0);
	dwmaker_uleb(&m, DW_INFO, UNIT);
	dwmaker_u64(&m, 0x9000);
	dwmaker_u32(&m, 0x1000);
	for (unsigned i = 0; i < 100; i++) {
		dwmaker_uleb(&m, DW_INFO, FUNC);
		dwmaker_str(&m, DW_INFO, "large");
		dwmaker_u64(&m, 0x9000 + 0x10 * i);
		dwmaker_u32(&m, 0x10);
	}
	dwmaker_u8(&m, 0);
	dwmaker_unit_end(&m);
	put_set(&m, unit, 0x9000, 0x1000);
	o = open_made(&m, &opts);
	cr_expect_str_eq(find(o, 0x1000 + SIZE * 2), "f2");
	cr_expect_not(dwobject_wants_saving(o), "a small unit is no reason to store");
	dwobject_free(o);
	o = open_made(&m, &opts);
	cr_expect_str_eq(find(o, 0x9000), "large");
	cr_expect(dwobject_wants_saving(o));
	cr_expect_eq(dwobject_save(o, &(struct elf_object){ 0 }), 0);
	cr_expect_not(dwobject_wants_saving(o), "once");
	cr_expect_str_eq(find(o, 0x1000 + SIZE * 2), "f2");
	dwobject_free(o);
	cr_assert_eq(dwobject_open_stored(&opts, &o), 0);
	expect_all(o, false);
	cr_expect_str_eq(find(o, 0x9640 - 1), "large");
	dwobject_free(o);
	scratch_leave(&dir);
	dwmaker_done(&m);
}

Test(dwfew, offsets_come_ascending_and_once)
{
	struct dwmaker m = { 0 };
	struct dwfile f = { 0 };
	uint64_t units[3];
	size_t n;

	make(&m, false, 0);
	put_set(&m, 5, 0x1000, 1);
	put_set(&m, 5, 0x1000, 1);
	f.s = dwmaker_sections(&m);
	cr_assert_eq(dwaranges_units(&f, (uint64_t[]){ 0x1000 + SIZE, 0x1000 }, 2, units, 3, &n),
		     0);
	cr_assert_eq(n, 3);
	cr_expect(units[0] == 0 && units[1] == 5 && units[2] > 5);
	cr_expect_eq(dwaranges_units(&f, (uint64_t[]){ 0x1000 }, 1, units, 1, &n), -E2BIG);
	cr_assert_eq(dwaranges_units(&f, (uint64_t[]){ 0x900 }, 1, units, 3, &n), 0);
	cr_expect_eq(n, 0);
	dwfile_close(&f);
	dwmaker_done(&m);
}
