/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses an image is asked for, and one address after the other. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "symunit.h"

Test(symunit_asked, knows_what_is_asked)
{
	const uint64_t addrs[] = { 10, 20, 20, 30 };
	struct symunit_only any = { 0 }, none = { .addrs = addrs },
			    only = { .addrs = addrs, .n = ARRAY_LEN(addrs) };

	cr_expect(symunit_is_asked(&any, 0, 1));
	cr_expect_not(symunit_is_asked(&none, 0, UINT64_MAX));
	cr_expect_not(symunit_is_asked(&only, 11, 20));
	cr_expect_not(symunit_is_asked(&only, 12, 19), "it lies in the same gap");
	cr_expect(symunit_is_asked(&only, 12, 21));
	cr_expect(symunit_is_asked(&only, 10, 11));
	cr_expect_not(symunit_is_asked(&only, 0, 10));
	cr_expect_not(symunit_is_asked(&only, 31, UINT64_MAX));
	cr_expect_not(symunit_is_asked(&only, 40, 40));
	cr_expect(symunit_is_asked(&only, 30, UINT64_MAX));
}

enum { FUNCTIONS = 60, FILES = 3 };

/* Function @i of 64 bytes: every second one has a call inside, which has another one. */
static void add_function(struct symunit_builder *b, uint32_t i)
{
	uint64_t lo = 0x1000 + 64 * i;
	uint32_t first = (uint32_t)b->scopes.n;

	for (uint32_t depth = 0; depth < (i % 2 ? 3 : 1); depth++) {
		const struct symunit_scope s = { .parent = depth ? first + depth - 1 : SYMUNIT_NONE,
						 .name = first + depth,
						 .call_file = depth % FILES,
						 .call_line = i + depth };

		array_push(&b->names,
			   (struct symunit_name){ strref(STRREF_STR, first + depth + 1), i });
		array_push(&b->scopes, s);
		array_push(&b->ranges, (struct symunit_range){ lo + 8 * depth, lo + 60 - 8 * depth,
							       first + depth });
	}
	for (uint32_t row = 0; row < 8; row++)
		array_push(&b->rows,
			   (struct symunit_row){ lo + 7 * row, row % 3 % FILES, i + row });
	array_push(&b->rows, (struct symunit_row){ lo + 58, SYMUNIT_END, 0 });
}

static bool is_same(const struct symunit_frame *a, const struct symunit_frame *b)
{
	return a->name.name == b->name.name && a->name.decl_line == b->name.decl_line &&
	       a->file.name == b->file.name && a->line == b->line;
}

/* What a cursor remembers of the function and the file is that of no other address. */
Test(symunit_asked, a_cursor_changes_no_answer)
{
	struct symunit_frame one[SYMUNIT_DEPTH_MAX], other[SYMUNIT_DEPTH_MAX];
	struct symunit_builder b = { 0 };
	struct symunit_cursor c = { 0 };
	struct symunit *u;
	unsigned seed = 7;
	size_t bytes;

	for (uint32_t i = 0; i < FILES; i++)
		array_push(&b.files, (struct symunit_file){ .name = strref(STRREF_LINE, i + 1) });
	for (uint32_t i = 0; i < FUNCTIONS; i++)
		add_function(&b, i);
	cr_assert_eq(symunit_build(&b, &u, &bytes), 0);
	for (unsigned i = 0; i < 40000; i++) {
		unsigned at = i < 20000 ? i / 5 : (unsigned)rand_r(&seed) % 4100;
		size_t n = symunit_find(u, 0xfe0 + at, one);

		cr_assert_eq(symunit_find_on(u, 0xfe0 + at, &c, other), n);
		for (size_t k = 0; k < n; k++)
			cr_assert(is_same(&one[k], &other[k]), "%u, frame %zu", at, k);
	}
	free(u);
	symunit_builder_done(&b);
}

static const struct symunit_row overlapping[] = {
	{ 0x100, 0, 1 },
	{ 0x108, 0, 2 },
	{ 0x110, SYMUNIT_END, 0 },
	{ 0x104, 0, 9 },
	{ 0x10c, SYMUNIT_NONE, 0 }, /* nothing is known, but this is not the end */
	{ 0x10e, 0, 10 },
	{ 0x118, SYMUNIT_NONE, 0 },
	{ 0x11a, 0, 11 },
	{ 0x120, SYMUNIT_END, 0 },
	{ 0x102, 0, 12 }, /* wholly inside */
	{ 0x103, SYMUNIT_END, 0 },
};

/* The line at @addr, 0 = none, as an image says that was made for @only. */
static uint32_t line_at(uint64_t addr, struct symunit_only only)
{
	struct symunit_frame frames[SYMUNIT_DEPTH_MAX];
	struct symunit_builder b = { .only = only };
	struct symunit *u;
	size_t bytes, n;

	array_push(&b.files, (struct symunit_file){ .name = strref(STRREF_LINE, 1) });
	for (size_t i = 0; i < ARRAY_LEN(overlapping); i++)
		array_push(&b.rows, overlapping[i]);
	cr_assert_eq(symunit_build(&b, &u, &bytes), 0);
	n = symunit_find(u, addr, frames);
	free(u);
	symunit_builder_done(&b);
	return n ? frames[0].line : 0;
}

/* Of sequences that overlap, what was there first stays, and what holds where that ends holds on: also in an
 * image that was made for one address. */
Test(symunit_asked, sequences_that_overlap)
{
	for (uint64_t addr = 0xf0; addr < 0x130; addr++) {
		uint32_t want = addr < 0x100   ? 0
				: addr < 0x108 ? 1
				: addr < 0x110 ? 2
				: addr < 0x118 ? 10
				: addr < 0x11a ? 0
				: addr < 0x120 ? 11
					       : 0;

		cr_expect_eq(line_at(addr, (struct symunit_only){ 0 }), want, "at %lx", addr);
		cr_expect_eq(line_at(addr, (struct symunit_only){ .addrs = &addr, .n = 1 }), want,
			     "at %lx, alone", addr);
	}
}
