/* SPDX-License-Identifier: Apache-2.0 */
/* Tables made by hand, in every layout; real ones are judged where they are put to use. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocfail.h"
#include "cleanup.h"
#include "elffile.h"
#include "go_image.h"
#include "gofind.h"
#include "goimage.h"

static const struct go_image_kind kinds[] = {
	{ .layout = GO_12 },
	{ .layout = GO_116 },
	{ .layout = GO_118 },
	{ .layout = GO_120 },
	{ .layout = GO_12, .relocated = true },
	{ .layout = GO_116, .relocated = true },
	{ .layout = GO_118, .relocated = true },
	{ .layout = GO_120, .relocated = true },
};

/* A program opened, with its table. */
struct opened {
	uint8_t bytes[GO_IMAGE_BYTES];
	struct elf_file f;
	struct go_image img;
	struct go_table table;
	struct go_bases bases;
	void *mem;
};

static int open_made(struct opened *o)
{
	int r;

	o->mem = NULL;
	o->img = (struct go_image){ 0 };
	r = elf_file_open_mem(&o->f, o->bytes, sizeof(o->bytes));
	if (r == 0)
		r = elf_file_read_sections(&o->f);
	if (r == 0)
		r = goimage_open(&o->img, &o->f, SIZE_MAX);
	if (r == 0)
		r = gofind_table(&o->img, &o->f, SIZE_MAX, &o->mem, &o->table);
	if (r == 0)
		r = gofind_bases(&o->img, &o->f, &o->table, &o->bases);
	return r;
}

static void close_made(struct opened *o)
{
	free(o->mem);
	goimage_close(&o->img);
	elf_file_close(&o->f);
}

static void expect_runs(const struct opened *o, uint32_t off, uint32_t n, const char *want)
{
	struct go_runs runs = { 0 };
	char got[256] = "";

	cr_assert_eq(gotable_values(&o->table, off, n, &runs), 0);
	array_each(&runs.runs, run)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%u:%d ", run->end,
			 run->value);
	cr_expect_str_eq(got, want);
	array_free(&runs.runs);
}

Test(gotable, reads_functions_in_every_layout)
{
	static struct opened o;

	for (unsigned i = 0; i < ARRAY_LEN(kinds); i++) {
		struct go_func outer, leaf;
		const char *name;
		size_t n;

		go_image_make(&kinds[i], o.bytes);
		cr_assert_eq(open_made(&o), 0, "kind %u", i);
		cr_expect(gofind_is_go(&o.f));
		cr_assert_eq(o.table.n_funcs, 2);
		cr_assert_eq(gotable_func(&o.table, 0, &outer), 0);
		cr_assert_eq(gotable_func(&o.table, 1, &leaf), 0);
		cr_expect(outer.lo == 0x401000 && outer.hi == 0x401040 && leaf.hi == 0x401050);
		cr_assert_eq(gotable_string(&o.table.names, leaf.name, &name, &n), 0);
		cr_expect_str_eq(name, "main.leaf");
		cr_expect_eq(n, strlen(name));
		expect_runs(&o, outer.v_sp, 64, "4:0 11:8 58:40 59:8 64:0 ");
		expect_runs(&o, outer.v_sp, 30, "4:0 11:8 30:40 ");
		expect_runs(&o, leaf.v_sp, 16, "16:0 ");
		expect_runs(&o, 0, 16, "");
		expect_runs(&o, UINT32_MAX, 16, "");
		cr_expect(outer.flags == 0 && leaf.flags == 0);
		close_made(&o);
	}
}

Test(gotable, knows_what_functions_do_to_the_stack)
{
	static const struct go_image_kind kind = { .layout = GO_120,
						   .flags = GO_FUNC_TOP | GO_FUNC_SP_WRITE };
	static struct opened o;
	struct go_func f;

	go_image_make(&kind, o.bytes);
	cr_assert_eq(open_made(&o), 0);
	cr_assert_eq(gotable_func(&o.table, 1, &f), 0);
	cr_expect_eq(f.flags, GO_FUNC_TOP | GO_FUNC_SP_WRITE);
	close_made(&o);
}

Test(gotable, finds_the_run_that_holds)
{
	struct go_run runs[] = { { 4, 0 }, { 11, 8 }, { 30, 40 } };
	const struct go_runs all = { .runs = { .items = runs, .n = 3 } };

	cr_expect_eq(gotable_run_at(&all, 0), &runs[0]);
	cr_expect_eq(gotable_run_at(&all, 3), &runs[0]);
	cr_expect_eq(gotable_run_at(&all, 4), &runs[1]);
	cr_expect_eq(gotable_run_at(&all, 29), &runs[2]);
	cr_expect_null(gotable_run_at(&all, 30));
}

Test(gofind, knows_other_programs)
{
	static struct opened o;

	go_image_make(&kinds[3], o.bytes);
	memset(o.bytes + GO_IMAGE_TABLE, 0, 8);
	cr_expect_eq(open_made(&o), -ENOENT);
	close_made(&o);
	go_image_make(&kinds[3], o.bytes);
	memset(o.bytes + GO_IMAGE_TABLE + 8, 0xff, 8);
	cr_expect_eq(open_made(&o), -ENOENT);
	close_made(&o);
}

static int open_one(void)
{
	static struct opened o;
	int r;

	go_image_make(&kinds[5], o.bytes);
	r = open_made(&o);
	close_made(&o);
	return r;
}

Test(gofind, survives_every_failed_allocation)
{
	allocfail_each(open_one);
	allocfail_expect_no_leaks();
}
