/* SPDX-License-Identifier: Apache-2.0 */
/* Names by way of other entries, other units and another file. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dwmaker.h"
#include "dwname.h"
#include "elf_fixture.h"

/* Codes of the table. */
enum { UNIT = 1, NAMED, LINKED, ORIGIN4, ORIGIN_ADDR, SPEC4, ORIGIN_ALT, BARE };

static void put_table(struct dwmaker *m)
{
	DWMAKER_ABBREV(m, UNIT, DW_TAG_compile_unit, true, DWMAKER_NO_ATTRS);
	DWMAKER_ABBREV(m, NAMED, DW_TAG_subprogram, false, DW_AT_name, DW_FORM_string,
		       DW_AT_decl_line, DW_FORM_data1);
	DWMAKER_ABBREV(m, LINKED, DW_TAG_subprogram, false, DW_AT_linkage_name, DW_FORM_string,
		       DW_AT_specification, DW_FORM_ref4);
	DWMAKER_ABBREV(m, ORIGIN4, DW_TAG_subprogram, false, DW_AT_abstract_origin, DW_FORM_ref4);
	DWMAKER_ABBREV(m, ORIGIN_ADDR, DW_TAG_subprogram, false, DW_AT_abstract_origin,
		       DW_FORM_ref_addr);
	DWMAKER_ABBREV(m, SPEC4, DW_TAG_subprogram, false, DW_AT_specification, DW_FORM_ref4,
		       DW_AT_decl_line, DW_FORM_data2);
	DWMAKER_ABBREV(m, ORIGIN_ALT, DW_TAG_subprogram, false, DW_AT_abstract_origin,
		       DW_FORM_GNU_ref_alt);
	DWMAKER_ABBREV(m, BARE, DW_TAG_subprogram, false, DWMAKER_NO_ATTRS);
	dwmaker_uint(m, DW_ABBREV, 0, 1);
}

static size_t begin_unit(struct dwmaker *m)
{
	size_t at;

	if (m->s[DW_ABBREV].n == 0)
		put_table(m);
	at = dwmaker_unit(m, 4, 0, 0);
	dwmaker_uleb(m, DW_INFO, UNIT);
	return at;
}

static void end_unit(struct dwmaker *m)
{
	dwmaker_u8(m, 0);
	dwmaker_unit_end(m);
}

static size_t put_named(struct dwmaker *m, const char *name, unsigned line)
{
	size_t at = dwmaker_at(m, DW_INFO);

	dwmaker_uleb(m, DW_INFO, NAMED);
	dwmaker_str(m, DW_INFO, name);
	dwmaker_u8(m, line);
	return at;
}

static size_t put_ref(struct dwmaker *m, unsigned code, size_t to)
{
	size_t at = dwmaker_at(m, DW_INFO);

	dwmaker_uleb(m, DW_INFO, code);
	dwmaker_u32(m, to);
	return at;
}

/* A file, an alternate one, and a unit that is at hand. */
struct place {
	struct dwfile f, alt;
	struct dwabbrevs abbrevs;
	struct dwnames names;
};

static void open_place(struct place *p, const struct dwmaker *m, const struct dwmaker *alt,
		       bool at_hand)
{
	*p = (struct place){ .f = { .s = dwmaker_sections(m) },
			     .alt = { .s = { .fd = -1 }, .alt = true } };
	cr_assert_eq(dwfile_read_units(&p->f), 0);
	if (alt) {
		p->alt.s = dwmaker_sections(alt);
		cr_assert_eq(dwfile_read_units(&p->alt), 0);
	}
	p->names.file = &p->f;
	p->names.alt = alt ? &p->alt : NULL;
	p->names.left = 1 << 20;
	if (at_hand) {
		cr_assert_eq(dwunit_read_abbrevs(&p->f, p->f.units, 0, &p->abbrevs), 0);
		p->names.unit = p->f.units;
		p->names.bytes = p->f.s.s[DW_INFO].mem + p->f.units[0].off;
		p->names.abbrevs = &p->abbrevs;
	}
}

static void close_place(struct place *p)
{
	dwnames_done(&p->names);
	dwabbrevs_done(&p->abbrevs);
	dwfile_close(&p->f);
	dwfile_close(&p->alt);
}

/* "name:line", "-:line" when there is no name. */
static const char *name(struct place *p, uint64_t ref)
{
	static char text[512];
	char buf[256];
	struct symunit_name n;
	const struct dwfile *f;

	cr_assert_eq(dwnames_find(&p->names, ref, &n), 0);
	f = strref_place(n.name) == STRREF_ALT_INFO ? &p->alt : &p->f;
	snprintf(text, sizeof(text), "%s:%u",
		 n.name ? dwsection_str(&f->s, DW_INFO, strref_off(n.name), sizeof(buf), buf) : "-",
		 n.decl_line);
	return text;
}

Test(dwname, follows_a_chain)
{
	struct dwmaker m = { 0 };
	size_t decl, spec, origin, linked, unit = begin_unit(&m);
	struct place p;

	cr_assert_eq(unit, 0);
	decl = put_named(&m, "plain", 7);
	spec = put_ref(&m, SPEC4, decl);
	dwmaker_uint(&m, DW_INFO, 300, 2);
	origin = put_ref(&m, ORIGIN4, spec);
	linked = dwmaker_at(&m, DW_INFO);
	dwmaker_uleb(&m, DW_INFO, LINKED);
	dwmaker_str(&m, DW_INFO, "_Zlinked");
	dwmaker_u32(&m, decl);
	end_unit(&m);
	for (int at_hand = 0; at_hand < 2; at_hand++) {
		open_place(&p, &m, NULL, at_hand);
		cr_expect_str_eq(name(&p, decl), "plain:7");
		cr_expect_str_eq(name(&p, spec), "plain:300", "the nearer line");
		cr_expect_str_eq(name(&p, origin), "plain:300");
		cr_expect_str_eq(name(&p, linked), "_Zlinked:7",
				 "the linkage name, a line further");
		close_place(&p);
	}
	dwmaker_done(&m);
}

Test(dwname, follows_to_other_units_and_to_another_file)
{
	struct dwmaker m = { 0 }, alt = { 0 };
	size_t far, near, to_alt, alt_named, alt_ref, alt_second;
	struct place p;

	begin_unit(&alt);
	put_named(&alt, "unused", 1);
	end_unit(&alt);
	alt_second = begin_unit(&alt);
	alt_named = put_named(&alt, "common", 9);
	alt_ref = put_ref(&alt, ORIGIN4, alt_named - alt_second);
	end_unit(&alt);
	begin_unit(&m);
	near = put_ref(&m, ORIGIN_ADDR, 0);
	to_alt = put_ref(&m, ORIGIN_ALT, alt_ref);
	end_unit(&m);
	begin_unit(&m);
	far = put_named(&m, "far", 5);
	end_unit(&m);
	memcpy(m.s[DW_INFO].items + near + 1, &(uint32_t){ (uint32_t)far }, 4);
	for (int at_hand = 0; at_hand < 2; at_hand++) {
		open_place(&p, &m, &alt, at_hand);
		cr_expect_str_eq(name(&p, near), "far:5");
		cr_expect_str_eq(name(&p, to_alt), "common:9");
		close_place(&p);
		open_place(&p, &m, NULL, at_hand);
		cr_expect_str_eq(name(&p, to_alt), "-:0");
		close_place(&p);
	}
	dwmaker_done(&m);
	dwmaker_done(&alt);
}

Test(dwname, references_that_lead_nowhere_or_in_a_circle_end)
{
	struct dwmaker m = { 0 };
	size_t self, a, b, header, middle, out;
	struct place p;

	begin_unit(&m);
	self = dwmaker_at(&m, DW_INFO);
	put_ref(&m, ORIGIN4, self);
	a = dwmaker_at(&m, DW_INFO);
	b = a + 5;
	put_ref(&m, ORIGIN4, b);
	put_ref(&m, ORIGIN4, a);
	header = put_ref(&m, ORIGIN4, 3);
	middle = put_ref(&m, ORIGIN4, a + 2); /* the middle of an entry */
	out = put_ref(&m, ORIGIN_ADDR, 0x7fffffff);
	end_unit(&m);
	for (int at_hand = 0; at_hand < 2; at_hand++) {
		open_place(&p, &m, NULL, at_hand);
		cr_expect_str_eq(name(&p, self), "-:0");
		cr_expect_str_eq(name(&p, a), "-:0");
		cr_expect_str_eq(name(&p, header), "-:0");
		cr_expect_str_eq(name(&p, middle), "-:0");
		cr_expect_str_eq(name(&p, out), "-:0");
		cr_expect_str_eq(name(&p, m.s[DW_INFO].n), "-:0");
		cr_expect_str_eq(name(&p, DWREF_NONE), "-:0");
		cr_expect_str_eq(name(&p, DWREF_ALT | 11), "-:0");
		close_place(&p);
	}
	dwmaker_done(&m);
}

Test(dwname, references_are_of_a_unit_or_of_the_section)
{
	struct dwfile f = { 0 }, alt = { .alt = true };
	struct dwunit u = { .off = 100, .end = 200 };

	cr_expect_eq(dwnames_ref(&f, &u, DW_FORM_ref4, 10), 110);
	cr_expect_eq(dwnames_ref(&f, &u, DW_FORM_ref1, 99), 199);
	cr_expect_eq(dwnames_ref(&f, &u, DW_FORM_ref_udata, 100), DWREF_NONE);
	cr_expect_eq(dwnames_ref(&f, &u, DW_FORM_ref8, UINT64_MAX), DWREF_NONE);
	cr_expect_eq(dwnames_ref(&f, &u, DW_FORM_ref_addr, 10), 10);
	cr_expect_eq(dwnames_ref(&f, &u, DW_FORM_ref_addr, UINT64_MAX), DWREF_NONE);
	cr_expect_eq(dwnames_ref(&alt, &u, DW_FORM_ref4, 10), DWREF_ALT | 110);
	cr_expect_eq(dwnames_ref(&f, &u, DW_FORM_GNU_ref_alt, 10), DWREF_ALT | 10);
	cr_expect_eq(dwnames_ref(&f, &u, DW_FORM_ref_sup4, 10), DWREF_ALT | 10);
	cr_expect_eq(dwnames_ref(&f, &u, DW_FORM_ref_sig8, 10), DWREF_NONE);
	cr_expect_eq(dwnames_ref(&f, &u, DW_FORM_data4, 10), DWREF_NONE);
}

/* Many entries that refer to one that is long, which is read for each of them. */
Test(dwname, reads_no_more_than_it_may)
{
	struct dwmaker m = { 0 };
	size_t lengthy, refs;
	struct place p;
	char *s = malloc(100001);

	memset(s, 's', 100000);
	s[100000] = '\0';
	begin_unit(&m);
	lengthy = put_named(&m, s, 1);
	refs = dwmaker_at(&m, DW_INFO);
	for (unsigned i = 0; i < 1000; i++)
		put_ref(&m, ORIGIN4, lengthy);
	end_unit(&m);
	open_place(&p, &m, NULL, true);
	cr_expect_str_neq(name(&p, refs), "-:0");
	for (unsigned i = 0; i < 10; i++)
		name(&p, refs + 5 * i);
	cr_expect_eq(p.names.left, 0);
	cr_expect_str_eq(name(&p, refs), "-:0");
	close_place(&p);
	free(s);
	dwmaker_done(&m);
}

Test(dwname, fails_for_want_of_memory_and_leaks_none)
{
	struct dwmaker m = { 0 };
	struct symunit_name got = { 0 };
	int r = -ENOMEM;
	size_t far, near;

	begin_unit(&m);
	near = put_ref(&m, ORIGIN_ADDR, 0);
	end_unit(&m);
	begin_unit(&m);
	far = put_named(&m, "far", 5);
	end_unit(&m);
	memcpy(m.s[DW_INFO].items + near + 1, &(uint32_t){ (uint32_t)far }, 4);
	for (long i = 0; r < 0; i++) {
		struct place p;

		open_place(&p, &m, NULL, false);
		alloc_fail_at(i);
		r = dwnames_find(&p.names, near, &got);
		cr_assert(r == 0 || r == -ENOMEM);
		cr_expect_eq(got.decl_line, r == 0 ? 5 : 0);
		dwnames_done(&p.names);
		cr_expect_eq(alloc_live(), 0);
		alloc_fail_at(-1);
		close_place(&p);
	}
	dwmaker_done(&m);
}
