/* SPDX-License-Identifier: Apache-2.0 */
/* Images that are made while the heads of units are read: no answer is another one. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dwahead.h"
#include "dwmaker.h"
#include "dwobject_state.h"
#include "elf_fixture.h"

enum {
	UNITS = 120,
	FUNCTIONS = 400,
	ASKED = 2000,
	UNIT = 1, /* codes of the table */
	NAMED,
	OTHERS,
	LOOSE,
};

static const struct dwline_span code = { 0x1000, 0x1000 + 16ull * UNITS * FUNCTIONS };

static struct dwobject_opts plain_opts(void)
{
	return (struct dwobject_opts){ .alt_fd = -1,
				       .code = &code,
				       .n_code = 1,
				       .max_inflated = 1 << 30,
				       .max_held = 1,
				       .max_images = 1 << 30,
				       .threads = 4 };
}

static struct dwobject *open_made(const struct dwmaker *m, const struct dwobject_opts *opts)
{
	struct dwobject *o;

	cr_assert_eq(dwobject_open(dwmaker_elf(m), opts, &o), 0);
	return o;
}

static size_t kept_images(const struct dwobject *o)
{
	size_t n = 0;

	for (size_t i = 0; i < o->n_units; i++)
		n += o->images[i].image != NULL;
	return n;
}

/* Every 24th function is asked for: all units, or every second one. */
static void put_queries(struct dwquery *queries, bool half)
{
	for (size_t i = 0; i < ASKED; i++) {
		size_t f = i * UNITS * FUNCTIONS / ASKED;

		if (half && f / FUNCTIONS % 2)
			f -= FUNCTIONS;
		queries[i] = (struct dwquery){ .addr = 0x1000 + 16 * f };
	}
}

static int by_addr(const void *pa, const void *pb)
{
	const struct dwquery *a = pa, *b = pb;

	return (a->addr > b->addr) - (a->addr < b->addr);
}

static void check_names(struct dwobject *o, struct dwquery *queries, size_t n)
{
	struct dwframes frames = { 0 };

	cr_assert_eq(dwobject_find(o, queries, n, &frames), 0);
	for (size_t i = 0; i < n; i++) {
		size_t f = (queries[i].addr - 0x1000) / 16;
		char want[40], name[64];

		snprintf(want, sizeof(want), "u%zu_f%zu", f / FUNCTIONS, f % FUNCTIONS);
		cr_assert_eq(queries[i].n, 1);
		cr_assert_str_eq(dwobject_string(o, frames.frames.items[queries[i].first].name.name,
						 sizeof(name), name),
				 want);
	}
	cr_expect_eq(dwobject_broken(o) + dwobject_limited(o), 0);
	array_free(&frames.frames);
}

Test(dwahead, makes_the_images_that_are_asked_for)
{
	static struct dwquery queries[ASKED];
	struct dwobject_opts opts = plain_opts();
	struct dwmaker m = { .zlib = true };
	struct dwobject *o;

	dwmaker_many(&m, UNITS, FUNCTIONS);
	for (int half = 0; half < 2; half++) {
		put_queries(queries, half);
		qsort(queries, ASKED, sizeof(*queries), by_addr);
		o = open_made(&m, &opts);
		cr_assert(dwahead_is_worth(o, ASKED));
		cr_assert_eq(dwahead_load(o, queries, ASKED), 0);
		cr_expect_eq(o->n_units, UNITS);
		cr_expect_eq(kept_images(o), half ? UNITS / 2 : UNITS);
		check_names(o, queries, ASKED);
		dwobject_free(o);

		o = open_made(&m, &opts);
		check_names(o, queries, ASKED);
		dwobject_free(o);
	}
	dwmaker_done(&m);
}

Test(dwahead, keeps_no_more_than_may_be_kept)
{
	static struct dwquery queries[ASKED];
	struct dwobject_opts opts = plain_opts();
	struct dwmaker m = { .zlib = true };
	struct dwobject *o;

	dwmaker_many(&m, UNITS, FUNCTIONS);
	put_queries(queries, false);
	opts.max_images = 100 << 10;
	o = open_made(&m, &opts);
	cr_assert_eq(dwahead_load(o, queries, ASKED), 0);
	cr_expect_gt(kept_images(o), 0);
	cr_expect_leq(o->image_bytes, opts.max_images);
	check_names(o, queries, ASKED);
	dwobject_free(o);
	dwmaker_done(&m);
}

/* What was read on the way is worth an index on disk, as what is read later is. */
Test(dwahead, counts_what_was_read)
{
	static struct dwquery queries[ASKED];
	struct dwobject_opts opts = plain_opts();
	struct dwmaker m = { .zlib = true };
	struct dwobject *o;

	dwmaker_many(&m, UNITS, FUNCTIONS);
	put_queries(queries, false);
	opts.store_dir = ".";
	opts.store_key = "key";
	o = open_made(&m, &opts);
	cr_expect_not(dwobject_wants_saving(o));
	check_names(o, queries, ASKED);
	cr_expect(dwobject_wants_saving(o));
	dwobject_free(o);
	dwmaker_done(&m);
}

Test(dwahead, is_for_many_addresses_in_large_compressed_sections)
{
	struct dwobject_opts opts = plain_opts();
	struct dwmaker m = { .zlib = true };
	struct dwobject *o;

	dwmaker_many(&m, 2, 10);
	o = open_made(&m, &opts);
	cr_expect(dwahead_is_worth(o, DWOBJECT_MANY));
	cr_expect_not(dwahead_is_worth(o, DWOBJECT_MANY - 1));
	dwobject_free(o);
	opts.threads = 1;
	o = open_made(&m, &opts);
	cr_expect_not(dwahead_is_worth(o, DWOBJECT_MANY));
	dwobject_free(o);
	opts.threads = 4;
	opts.max_held = 0; /* as much as one holds */
	o = open_made(&m, &opts);
	cr_expect_not(dwahead_is_worth(o, DWOBJECT_MANY));
	dwobject_free(o);
	m.zlib = false;
	o = open_made(&m, &opts);
	cr_expect_not(dwahead_is_worth(o, DWOBJECT_MANY));
	dwobject_free(o);
	dwmaker_done(&m);
}

/* Unit @u: a function with a name of its own, and one that has the name of the entry at @ref. */
static void put_unit(struct dwmaker *m, unsigned u, uint64_t ref, size_t *ret_named)
{
	char name[32];

	dwmaker_unit(m, 4, 0, 0);
	dwmaker_uleb(m, DW_INFO, u % 5 == 4 ? LOOSE : UNIT);
	if (u % 5 != 4) {
		dwmaker_u64(m, 0x1000 + 32ull * u);
		dwmaker_u32(m, 32);
	}
	*ret_named = m->s[DW_INFO].n;
	snprintf(name, sizeof(name), "f%u", u);
	dwmaker_uleb(m, DW_INFO, NAMED);
	dwmaker_str(m, DW_INFO, name);
	dwmaker_u64(m, 0x1000 + 32ull * u);
	dwmaker_u32(m, 16);
	dwmaker_uleb(m, DW_INFO, OTHERS);
	dwmaker_u32(m, ref);
	dwmaker_u64(m, 0x1010 + 32ull * u);
	dwmaker_u32(m, 16);
	dwmaker_u8(m, 0);
	dwmaker_unit_end(m);
}

/* Names in units before and behind: while heads are read none of these is known. */
Test(dwahead, names_of_other_units_are_found)
{
	static struct dwquery queries[2 * UNITS];
	struct dwobject_opts opts = plain_opts();
	struct dwmaker m = { .zlib = true };
	size_t named[UNITS] = { 0 };
	struct dwframes frames = { 0 };
	struct dwobject *o;

	DWMAKER_ABBREV(&m, UNIT, DW_TAG_compile_unit, true, DW_AT_low_pc, DW_FORM_addr,
		       DW_AT_high_pc, DW_FORM_data4);
	DWMAKER_ABBREV(&m, NAMED, DW_TAG_subprogram, false, DW_AT_name, DW_FORM_string, DW_AT_low_pc,
		       DW_FORM_addr, DW_AT_high_pc, DW_FORM_data4);
	DWMAKER_ABBREV(&m, OTHERS, DW_TAG_subprogram, false, DW_AT_specification, DW_FORM_ref_addr,
		       DW_AT_low_pc, DW_FORM_addr, DW_AT_high_pc, DW_FORM_data4);
	DWMAKER_ABBREV(&m, LOOSE, DW_TAG_compile_unit, true, DWMAKER_NO_ATTRS);
	dwmaker_uint(&m, DW_ABBREV, 0, 1);
	/* Twice: the first time tells where the entries are. */
	for (int time = 0; time < 2; time++) {
		m.s[DW_INFO].n = 0;
		for (unsigned u = 0; u < UNITS; u++)
			put_unit(&m, u, named[(u * 7 + 3) % UNITS], &named[u]);
	}
	for (size_t i = 0; i < 2 * UNITS; i++)
		queries[i].addr = 0x1000 + 16 * i;
	o = open_made(&m, &opts);
	cr_assert_eq(dwobject_find(o, queries, 2 * UNITS, &frames), 0);
	for (size_t i = 0; i < 2 * UNITS; i++) {
		char want[32], name[64];

		if (i / 2 % 5 == 4)
			continue; /* no unit says that it has it */
		snprintf(want, sizeof(want), "f%zu", i % 2 ? (i / 2 * 7 + 3) % UNITS : i / 2);
		cr_assert_eq(queries[i].n, 1, "%zu", i);
		cr_expect_not(queries[i].limited);
		cr_expect_str_eq(dwobject_string(o, frames.frames.items[queries[i].first].name.name,
						 sizeof(name), name),
				 want);
	}
	cr_expect(o->file.s.s[DW_INFO].mem, "all of it is needed, out of order");
	cr_expect_eq(o->loose.n, 0, "they were read for what no other unit says");
	array_free(&frames.frames);
	dwobject_free(o);
	dwmaker_done(&m);
}

Test(dwahead, fails_for_want_of_memory_and_leaks_none)
{
	static struct dwquery queries[ASKED];
	struct dwobject_opts opts = plain_opts();
	struct dwmaker m = { .zlib = true };
	int r = -ENOMEM;

	dwmaker_many(&m, UNITS, FUNCTIONS);
	for (long i = 0; r == -ENOMEM; i += 1 + i / 8) {
		struct dwobject *o = open_made(&m, &opts);
		struct dwframes frames = { 0 };

		put_queries(queries, false);
		alloc_fail_at(i);
		r = dwobject_find(o, queries, ASKED, &frames);
		alloc_fail_at(-1);
		cr_assert(r == 0 || r == -ENOMEM);
		array_free(&frames.frames);
		dwobject_free(o);
	}
	dwmaker_done(&m);
}
