/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dwmaker.h"
#include "elf_fixture.h"
#include "framenames.h"

enum {
	UNITS = 4,
	FUNCTIONS = 1500,
	ALL = UNITS * FUNCTIONS,
};

static const struct dwline_span code = { 0x1000, 0x1000 + 16ull * ALL };

/* An object of ALL functions, "u0_f0" and so on, asked on @threads. */
static struct dwobject *open_object(unsigned threads, bool zlib)
{
	struct dwobject_opts opts = {
		.alt_fd = -1,
		.code = &code,
		.n_code = 1,
		.max_inflated = 1 << 30,
		.max_held = zlib ? 1 : 0, /* what is compressed is read in pieces */
		.max_images = 1 << 20,
		.threads = threads
	};
	struct dwmaker m = { .zlib = zlib };
	struct dwobject *o;

	dwmaker_many(&m, UNITS, FUNCTIONS);
	cr_assert_eq(dwobject_open(dwmaker_elf(&m), &opts, &o), 0);
	dwmaker_done(&m);
	return o;
}

/* The frames of @n functions from number @first on, from the last to the first: each two times. */
static void find(struct dwobject *o, size_t first, size_t n, struct dwframes *ret)
{
	struct dwquery *queries = calloc(n, sizeof(*queries));
	struct dwframes found = { 0 };

	for (size_t i = 0; i < n; i++)
		queries[i].addr = 0x1000 + 16 * (first + i);
	cr_assert_eq(dwobject_find(o, queries, n, &found), 0);
	cr_assert_eq(found.frames.n, n);
	for (size_t i = 0; i < 2 * n; i++)
		cr_assert_eq(
			array_push(&ret->frames, found.frames.items[queries[n - 1 - i / 2].first]),
			0);
	array_free(&found.frames);
	free(queries);
}

static void expect_names(const struct framenames *f, const uint32_t *numbers, size_t first,
			 size_t n)
{
	size_t wrong = 0;

	cr_assert(numbers);
	for (size_t i = 0; i < 2 * n; i++) {
		size_t function = first + n - 1 - i / 2;
		const struct framename *name = &f->names.items[numbers[i]];
		char want[40];

		snprintf(want, sizeof(want), "u%zu_f%zu", function / FUNCTIONS,
			 function % FUNCTIONS);
		wrong += strcmp(f->a->strings.bytes + name->name, want) != 0 ||
			 strcmp(f->a->strings.bytes + name->system_name, want) != 0;
	}
	cr_expect_eq(wrong, 0);
}

/* Two questions, of which the second has names that the first has, and others. */
static void expect_two_questions(unsigned threads, bool zlib)
{
	struct symobject o = { .dwarf = open_object(threads, zlib) };
	struct answering a = { 0 };
	struct framenames f = { .o = &o, .a = &a };
	struct dwframes one = { 0 }, two = { 0 };
	struct framename name;
	uint32_t *numbers;

	cr_assert_eq(answering_init(&a, 0), 0);
	find(o.dwarf, 0, ALL / 2, &one);
	find(o.dwarf, ALL / 4, ALL / 2, &two);
	cr_assert_eq(framenames_read(&f, one.frames.items, one.frames.n, &numbers), 0);
	expect_names(&f, numbers, 0, ALL / 2);
	free(numbers);
	cr_assert_eq(framenames_read(&f, two.frames.items, two.frames.n, &numbers), 0);
	expect_names(&f, numbers, ALL / 4, ALL / 2);
	free(numbers);
	cr_expect_eq(f.names.n, ALL / 4 * 3);
	/* One that was read is at hand. */
	cr_assert_eq(framenames_get(&f, one.frames.items[0].name.name, &name), 0);
	cr_expect_eq(f.names.n, ALL / 4 * 3);
	cr_expect_str_eq(a.strings.bytes + name.name, "u1_f1499");
	framenames_done(&f);
	answering_done(&a);
	array_free(&one.frames);
	array_free(&two.frames);
	symobject_done(&o);
}

Test(framenames, each_name_is_there_once)
{
	expect_two_questions(1, false);
}

Test(framenames, each_name_is_there_once_on_several_threads)
{
	expect_two_questions(4, false);
}

Test(framenames, what_is_compressed_is_read_by_one_thread)
{
	expect_two_questions(4, true);
}

Test(framenames, few_are_not_read_before_they_are_asked_for)
{
	struct symobject o = { .dwarf = open_object(1, false) };
	struct answering a = { 0 };
	struct framenames f = { .o = &o, .a = &a };
	struct dwframes frames = { 0 };
	struct framename name;
	uint32_t *numbers;

	cr_assert_eq(answering_init(&a, 0), 0);
	find(o.dwarf, 7, 3, &frames);
	cr_assert_eq(framenames_read(&f, frames.frames.items, frames.frames.n, &numbers), 0);
	cr_expect_null(numbers);
	cr_assert_eq(framenames_get(&f, frames.frames.items[0].name.name, &name), 0);
	cr_expect_str_eq(a.strings.bytes + name.name, "u0_f9");
	framenames_done(&f);
	answering_done(&a);
	array_free(&frames.frames);
	symobject_done(&o);
}

Test(framenames, fails_for_want_of_memory_and_leaks_none)
{
	struct symobject o = { .dwarf = open_object(1, false) };
	struct dwframes frames = { 0 };
	int r = -ENOMEM;

	find(o.dwarf, 0, 100, &frames);
	for (long i = 0; r < 0; i++) {
		struct answering a = { 0 };
		struct framenames f = { .o = &o, .a = &a };
		uint32_t *numbers = NULL;

		alloc_fail_at(i);
		r = answering_init(&a, 0);
		if (r == 0)
			r = framenames_read(&f, frames.frames.items, frames.frames.n, &numbers);
		cr_assert(r == 0 ? numbers != NULL : r == -ENOMEM && !numbers);
		free(numbers);
		framenames_done(&f);
		answering_done(&a);
		cr_expect_eq(alloc_live(), 0);
		alloc_fail_at(-1);
	}
	array_free(&frames.frames);
	symobject_done(&o);
}
