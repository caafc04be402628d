/* SPDX-License-Identifier: Apache-2.0 */
/* Images of units: against a slow reference, at the edges, and with any byte of them changed. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elf_fixture.h"
#include "symunit.h"

#define BASE 0x7000000000ull

static uint32_t add_scope(struct symunit_builder *b, uint32_t parent, uint32_t call_line)
{
	uint32_t n = (uint32_t)b->scopes.n;
	struct symunit_name name = { .name = strref(STRREF_STR, n + 1), .decl_line = n + 1000 };
	struct symunit_scope s = {
		.parent = parent, .name = n, .call_file = 0, .call_line = call_line
	};

	cr_assert_eq(array_push(&b->names, name), 0);
	cr_assert_eq(array_push(&b->scopes, s), 0);
	return n;
}

static void add_range(struct symunit_builder *b, uint64_t lo, uint64_t hi, uint32_t scope)
{
	cr_assert_eq(array_push(&b->ranges, (struct symunit_range){ BASE + lo, BASE + hi, scope }),
		     0);
}

static void add_row(struct symunit_builder *b, uint64_t addr, uint32_t file, uint32_t line)
{
	cr_assert_eq(array_push(&b->rows, (struct symunit_row){ BASE + addr, file, line }), 0);
}

static void end_rows(struct symunit_builder *b, uint64_t addr)
{
	add_row(b, addr, SYMUNIT_END, 0);
}

static void add_file(struct symunit_builder *b)
{
	struct symunit_file f = { .name = strref(STRREF_LINE, b->files.n + 1) };

	cr_assert_eq(array_push(&b->files, f), 0);
}

static struct symunit *build(struct symunit_builder *b, size_t *ret_n)
{
	struct symunit *u;

	cr_assert_eq(symunit_build(b, &u, ret_n), 0);
	cr_assert_eq(symunit_check(u, *ret_n), 0);
	return u;
}

/* "scope:line<scope:line", innermost first; "-" for nothing, "?" for a place without a function. */
static const char *show(const struct symunit *u, uint64_t addr)
{
	static char text[4096];
	struct symunit_frame f[SYMUNIT_DEPTH_MAX];
	size_t n = symunit_find(u, BASE + addr, f), at = 0;

	strcpy(text, "-");
	for (size_t i = 0; i < n; i++) {
		if (f[i].name.name == STRREF_NONE)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s?", i ? "<" : "");
		else
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%lu", i ? "<" : "",
					       (unsigned long)strref_off(f[i].name.name) - 1);
		at += (size_t)snprintf(text + at, sizeof(text) - at, ":%u", f[i].line);
	}
	return text;
}

#define EXPECT(u, addr, want)                                                                      \
	do {                                                                                       \
		const char *got_ = show(u, addr);                                                  \
		cr_expect(strcmp(got_, want) == 0, "%#lx: got %s, want %s", (unsigned long)(addr), \
			  got_, want);                                                             \
	} while (0)

Test(symunit, nests_ranges_that_begin_or_end_together)
{
	struct symunit_builder b = { 0 };
	uint32_t f = add_scope(&b, SYMUNIT_NONE, 0), g = add_scope(&b, f, 11),
		 h = add_scope(&b, g, 22);
	struct symunit *u;
	size_t n;

	add_range(&b, 0x10, 0x40, f);
	add_range(&b, 0x10, 0x20, g);
	add_range(&b, 0x10, 0x20, h); /* equal: the one found later is inside */
	add_range(&b, 0x30, 0x40, g); /* ends with its function */
	add_range(&b, 0x60, 0x61, f); /* of two parts */
	u = build(&b, &n);
	EXPECT(u, 0x0f, "-");
	EXPECT(u, 0x10, "2:0<1:22<0:11");
	EXPECT(u, 0x1f, "2:0<1:22<0:11");
	EXPECT(u, 0x20, "0:0");
	EXPECT(u, 0x30, "1:0<0:11");
	EXPECT(u, 0x3f, "1:0<0:11");
	EXPECT(u, 0x40, "-");
	EXPECT(u, 0x60, "0:0");
	EXPECT(u, 0x61, "-");
	free(u);
	symunit_builder_done(&b);
}

Test(symunit, ranges_that_overlap_go_to_the_one_that_begins_last)
{
	struct symunit_builder b = { 0 };
	struct symunit *u;
	size_t n;

	for (unsigned i = 0; i < 3; i++)
		add_scope(&b, SYMUNIT_NONE, 0);
	add_range(&b, 0x00, 0x20, 0);
	add_range(&b, 0x10, 0x30, 1);
	add_range(&b, 0x18, 0x1c, 2);
	u = build(&b, &n);
	EXPECT(u, 0x0f, "0:0");
	EXPECT(u, 0x10, "1:0");
	EXPECT(u, 0x1b, "2:0");
	EXPECT(u, 0x1c, "1:0");
	EXPECT(u, 0x2f, "1:0");
	EXPECT(u, 0x30, "-");
	free(u);
	symunit_builder_done(&b);
}

Test(symunit, rows_of_several_sequences_and_the_gaps_between_them)
{
	struct symunit_builder b = { 0 };
	struct symunit *u;
	size_t n;

	add_file(&b);
	add_row(&b, 0x100, 0, 1);
	add_row(&b, 0x108, 0, 2);
	end_rows(&b, 0x110);
	add_row(&b, 0x10, 0, 3); /* lower, and later in the program */
	add_row(&b, 0x10, 0, 4); /* of two at one address the last counts */
	end_rows(&b, 0x20);
	add_row(&b, 0x20, 0, 5);	    /* begins where the other one ends */
	add_row(&b, 0x28, SYMUNIT_NONE, 6); /* of no known file, but not the end */
	end_rows(&b, 0x30);
	u = build(&b, &n);
	EXPECT(u, 0x0f, "-");
	EXPECT(u, 0x10, "?:4");
	EXPECT(u, 0x1f, "?:4");
	EXPECT(u, 0x20, "?:5");
	EXPECT(u, 0x28, "?:6");
	EXPECT(u, 0x30, "-");
	EXPECT(u, 0xff, "-");
	EXPECT(u, 0x100, "?:1");
	EXPECT(u, 0x10f, "?:2");
	EXPECT(u, 0x110, "-");
	free(u);
	symunit_builder_done(&b);
}

Test(symunit, keeps_the_innermost_and_the_outermost_of_too_many)
{
	struct symunit_builder b = { 0 };
	struct symunit_frame f[SYMUNIT_DEPTH_MAX];
	uint32_t parent = SYMUNIT_NONE;
	struct symunit *u;
	size_t n;

	for (uint32_t i = 0; i < 3 * SYMUNIT_DEPTH_MAX; i++) {
		parent = add_scope(&b, parent, i);
		add_range(&b, 0, 0x1000 - i, parent);
	}
	u = build(&b, &n);
	for (uint32_t depth = 1; depth <= b.scopes.n; depth++) {
		size_t got = symunit_find(u, BASE + 0x1000 - depth, f);

		cr_assert_eq(got, depth < SYMUNIT_DEPTH_MAX ? depth : SYMUNIT_DEPTH_MAX);
		cr_expect_eq(strref_off(f[0].name.name), depth);
		cr_expect_eq(strref_off(f[got - 1].name.name), 1);
		if (got > 1)
			cr_expect_eq(f[got - 1].line, 1, "where the outermost was left");
	}
	free(u);
	symunit_builder_done(&b);
}

Test(symunit, a_unit_may_be_empty_and_addresses_far_apart_are_refused)
{
	struct symunit_builder b = { 0 };
	uint64_t lo = 1, hi = 1;
	struct symunit *u;
	size_t n;

	u = build(&b, &n);
	EXPECT(u, 0, "-");
	symunit_extent(u, &lo, &hi);
	cr_expect_geq(lo, hi);
	free(u);
	add_scope(&b, SYMUNIT_NONE, 0);
	add_range(&b, 0, UINT32_MAX, 0);
	u = build(&b, &n);
	EXPECT(u, UINT32_MAX - 1ull, "0:0");
	EXPECT(u, UINT32_MAX, "-");
	EXPECT(u, UINT32_MAX + 1ull, "-");
	free(u);
	add_range(&b, 0, UINT32_MAX + 1ull, 0);
	cr_expect_eq(symunit_build(&b, &u, &n), -EFBIG);
	symunit_builder_done(&b);
}

/* --- a slow reference --------------------------------------------------------------------- */

static unsigned draw(unsigned *seed, unsigned n)
{
	return (unsigned)rand_r(seed) % n;
}

/* Fills [lo, hi) with scopes inside of @parent: ranges apart, each with others inside. */
static void nest(struct symunit_builder *b, unsigned *seed, uint64_t lo, uint64_t hi,
		 uint32_t parent, unsigned depth)
{
	while (lo < hi && b->ranges.n < 2000) {
		uint64_t from = lo + draw(seed, 4), to;
		uint32_t s;

		if (from >= hi)
			return;
		to = from + 1 + draw(seed, (unsigned)(hi - from));
		s = add_scope(b, parent, draw(seed, 100));
		add_range(b, from, to, s);
		if (depth < 6 && draw(seed, 3) > 0)
			nest(b, seed, from, to, s, depth + 1);
		lo = to;
	}
}

static void draw_rows(struct symunit_builder *b, unsigned *seed, uint64_t hi)
{
	uint64_t at = 0;

	while (at < hi) {
		uint64_t end = at + 1 + draw(seed, 60);

		for (; at < end; at += draw(seed, 5))
			add_row(b, at, draw(seed, 9) ? draw(seed, 3) : SYMUNIT_NONE,
				draw(seed, 50));
		end_rows(b, at + draw(seed, 3));
		at += 3 + draw(seed, 20);
	}
}

/* What a lookup is to give, by looking at everything. */
static const char *reference(const struct symunit_builder *b, uint64_t addr)
{
	static char text[4096];
	uint32_t scope = SYMUNIT_NONE, line = 0;
	bool has_row = false;
	size_t at = 0;

	array_each(&b->ranges, r) /* found in order: the later one is inside */
		if (BASE + addr >= r->lo && BASE + addr < r->hi)
			scope = r->scope;
	for (size_t i = 0; i < b->rows.n; i++) {
		const struct symunit_row *r = &b->rows.items[i];
		bool ends = r->file == SYMUNIT_END || (r->file == SYMUNIT_NONE && r->line == 0);

		if (!ends && r->addr <= BASE + addr && r[1].addr > BASE + addr) {
			line = r->line;
			has_row = true;
		}
	}
	if (scope == SYMUNIT_NONE) {
		snprintf(text, sizeof(text), has_row ? "?:%u" : "-", line);
		return text;
	}
	for (; scope != SYMUNIT_NONE; scope = b->scopes.items[scope].parent) {
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%u:%u", at ? "<" : "",
				       scope, line);
		line = b->scopes.items[scope].call_line;
	}
	return text;
}

Test(symunit, agrees_with_a_slow_reference)
{
	for (unsigned round = 0; round < 60; round++) {
		struct symunit_builder b = { 0 };
		unsigned seed = round;
		uint64_t size = 50 + 20ull * round;
		struct symunit *u;
		size_t n;

		for (unsigned i = 0; i < 3; i++)
			add_file(&b);
		nest(&b, &seed, 1 + draw(&seed, 20), size, SYMUNIT_NONE, 0);
		draw_rows(&b, &seed, size);
		u = build(&b, &n);
		for (uint64_t addr = 0; addr < size + 100; addr++) {
			char want[4096];

			strcpy(want, reference(&b, addr));
			EXPECT(u, addr, want);
		}
		free(u);
		symunit_builder_done(&b);
	}
}

/* Some of the addresses below @hi, ascending: the caller frees. */
static uint64_t *draw_addresses(unsigned *seed, uint64_t hi, size_t *ret_n)
{
	uint64_t *addrs = calloc(hi, sizeof(*addrs));

	cr_assert_not_null(addrs);
	*ret_n = 0;
	for (uint64_t at = draw(seed, 9); at < hi; at += 1 + draw(seed, 30))
		addrs[(*ret_n)++] = BASE + at;
	return addrs;
}

/* Also when it was built for another unit's addresses alone, or for none that it has. */
Test(symunit, an_image_for_some_addresses_says_the_same_of_them)
{
	for (unsigned round = 0; round < 60; round++) {
		struct symunit_builder b = { 0 };
		unsigned seed = round;
		uint64_t size = 50 + 20ull * round, *addrs;
		size_t n, small, n_addrs;
		struct symunit *u;

		for (unsigned i = 0; i < 3; i++)
			add_file(&b);
		nest(&b, &seed, 1 + draw(&seed, 20), size, SYMUNIT_NONE, 0);
		draw_rows(&b, &seed, size);
		addrs = draw_addresses(&seed, size + 100, &n_addrs);
		free(build(&b, &n));
		b.only = (struct symunit_only){ .addrs = addrs, .n = n_addrs };
		u = build(&b, &small);
		cr_expect_leq(small, n);
		for (size_t i = 0; i < n_addrs; i++) {
			char want[4096];

			strcpy(want, reference(&b, addrs[i] - BASE));
			EXPECT(u, addrs[i] - BASE, want);
		}
		free(u);
		free(addrs);
		symunit_builder_done(&b);
	}
}

/* "f" where there is a function, "l" a line alone, "-" nothing, of each address. */
static void kinds_at(const struct symunit *u, uint64_t lo, uint64_t hi, char *ret)
{
	struct symunit_frame f[SYMUNIT_DEPTH_MAX];

	for (; lo < hi; lo++) {
		size_t n = symunit_find(u, lo, f);

		*ret++ = n == 0 ? '-' : n == 1 && f[0].name.name == STRREF_NONE ? 'l' : 'f';
	}
	*ret = '\0';
}

/* Two functions with a gap, lines in both of them and @more bytes behind the second. */
static struct symunit *two_functions(uint64_t lo, uint64_t more)
{
	struct symunit_builder b = { 0 };
	struct symunit *u;
	size_t n;

	add_file(&b);
	for (uint32_t i = 0; i < 2; i++) {
		uint64_t at = BASE + 0x100 + i * 0x40;

		array_push(&b.names, (struct symunit_name){ strref(STRREF_STR, i + 1), 0 });
		array_push(&b.scopes, (struct symunit_scope){ .parent = SYMUNIT_NONE,
							      .name = i,
							      .call_file = SYMUNIT_NONE });
		array_push(&b.ranges, (struct symunit_range){ at, at + 0x20, i });
		array_push(&b.rows, (struct symunit_row){ at, 0, 7 });
		array_push(&b.rows, (struct symunit_row){ at + 0x20 + more * i, SYMUNIT_END, 0 });
	}
	/* What is elsewhere does not count. */
	array_push(&b.rows, (struct symunit_row){ lo, 0, 9 });
	array_push(&b.rows, (struct symunit_row){ lo + 1, SYMUNIT_END, 0 });
	u = build(&b, &n);
	symunit_builder_done(&b);
	return u;
}

Test(symunit, coverage_tells_what_one_image_could_add_to_another)
{
	struct symunit *a = two_functions(BASE, 0), *b = two_functions(BASE + 0x80, 0);
	struct symunit *more = two_functions(BASE, 8);
	char kinds_a[0x200], kinds_b[0x200];

	for (uint64_t lo = BASE + 0xf8; lo < BASE + 0x180; lo += 3)
		for (uint64_t hi = lo; hi < BASE + 0x180; hi++) {
			uint64_t cover = symunit_coverage(a, lo, hi);

			kinds_at(a, lo, hi, kinds_a);
			cr_expect_eq(cover == 0, kinds_a[strspn(kinds_a, "-")] == '\0', "%lx %lx",
				     (unsigned long)lo, (unsigned long)hi);
			kinds_at(b, lo, hi, kinds_b);
			cr_expect_eq(cover == symunit_coverage(b, lo, hi),
				     strcmp(kinds_a, kinds_b) == 0);
			kinds_at(more, lo, hi, kinds_b);
			cr_expect_eq(cover == symunit_coverage(more, lo, hi),
				     strcmp(kinds_a, kinds_b) == 0);
		}
	cr_expect_eq(symunit_coverage(a, 0, BASE - 1), 0);
	cr_expect_eq(symunit_coverage(a, BASE + 0x1000, UINT64_MAX), 0);
	cr_expect_neq(symunit_coverage(a, 0, UINT64_MAX), 0);
	free(a);
	free(b);
	free(more);
}

/* Other names and files leave all else as it was; they need more bits, or fewer. */
Test(symunit, a_renamed_image_says_the_same_in_other_words)
{
	for (unsigned round = 0; round < 20; round++) {
		struct symunit_builder b = { 0 };
		unsigned seed = round + 3;
		struct symunit_name names[200] = { 0 };
		struct symunit_file files[3] = { 0 };
		struct symunit *u, *other;
		size_t n;

		for (unsigned i = 0; i < ARRAY_LEN(files); i++) {
			add_file(&b);
			files[i].name = strref(STRREF_OWN, round % 2 ? 1ull << 40 : i);
		}
		nest(&b, &seed, 0, 300, SYMUNIT_NONE, 0);
		draw_rows(&b, &seed, 300);
		u = build(&b, &n);
		cr_assert_leq(symunit_names(u), ARRAY_LEN(names));
		cr_assert_eq(symunit_files(u), ARRAY_LEN(files));
		for (size_t i = 0; i < symunit_names(u); i++)
			names[i] = (struct symunit_name){ strref(STRREF_OWN, round * i), 7 };
		cr_assert_eq(symunit_rename(u, names, files, &other, &n), 0);
		cr_expect_eq(symunit_check(other, n), 0);
		for (size_t i = 0; i < symunit_names(u); i++)
			cr_expect_eq(symunit_name(other, i).name, names[i].name);
		for (uint64_t addr = BASE; addr < BASE + 310; addr++) {
			struct symunit_frame f[SYMUNIT_DEPTH_MAX], g[SYMUNIT_DEPTH_MAX];
			size_t depth = symunit_find(u, addr, f);

			cr_assert_eq(symunit_find(other, addr, g), depth);
			for (size_t i = 0; i < depth; i++) {
				cr_expect_eq(f[i].line, g[i].line);
				cr_expect_eq(f[i].file.name == STRREF_NONE,
					     g[i].file.name == STRREF_NONE);
			}
		}
		free(u);
		free(other);
		symunit_builder_done(&b);
	}
}

/* --- what comes from a file --------------------------------------------------------------- */

static struct symunit *sample(size_t *ret_n)
{
	struct symunit_builder b = { 0 };
	unsigned seed = 5;
	struct symunit *u;

	for (unsigned i = 0; i < 3; i++)
		add_file(&b);
	nest(&b, &seed, 0, 300, SYMUNIT_NONE, 0);
	draw_rows(&b, &seed, 300);
	u = build(&b, ret_n);
	symunit_builder_done(&b);
	return u;
}

/* Asks an image that passed the check for addresses all over. */
static void ask(struct symunit *u)
{
	struct symunit_frame f[SYMUNIT_DEPTH_MAX];
	uint64_t lo, hi, sum = 0;

	symunit_extent(u, &lo, &hi);
	for (uint64_t addr = 0; addr < 320; addr += 7)
		cr_assert_leq(symunit_find(u, BASE + addr, f), SYMUNIT_DEPTH_MAX);
	symunit_find(u, lo, f);
	symunit_find(u, hi, f);
	symunit_find(u, UINT64_MAX, f);
	for (size_t i = 0; i < symunit_names(u) && i < 100000; i++)
		sum += symunit_name(u, i).name;
	for (size_t i = 0; i < symunit_files(u) && i < 100000; i++)
		sum += symunit_file(u, i).base + symunit_file(u, i).dir;
	cr_expect_neq(sum, 1);
}

Test(symunit, an_image_with_any_byte_changed_is_refused_or_stays_inside)
{
	static const uint8_t changes[] = { 0x01, 0x80, 0xff, 0x7f };
	unsigned refused = 0, asked = 0;
	size_t n;
	struct symunit *whole = sample(&n);

	for (size_t i = 0; i < n; i++)
		for (size_t c = 0; c < sizeof(changes); c++) {
			struct symunit *u = malloc(n); /* exact, for the sanitizer */

			memcpy(u, whole, n);
			((uint8_t *)u)[i] ^= changes[c];
			if (symunit_check(u, n) < 0) {
				refused++;
			} else {
				ask(u);
				asked++;
			}
			free(u);
		}
	cr_expect_gt(refused, 50);
	cr_expect_gt(asked, 50);
	free(whole);
}

Test(symunit, an_image_that_is_cut_or_longer_is_refused)
{
	size_t n;
	struct symunit *whole = sample(&n);

	for (size_t cut = 0; cut < n; cut++) {
		void *u = malloc(cut ? cut : 1);

		memcpy(u, whole, cut);
		cr_assert_eq(symunit_check(u, cut), -EBADMSG);
		free(u);
	}
	whole = realloc(whole, n + 8);
	cr_expect_eq(symunit_check(whole, n + 8), -EBADMSG);
	free(whole);
}

Test(symunit, scopes_that_lead_in_a_circle_end)
{
	struct symunit_builder b = { 0 };
	struct symunit *u;
	size_t n;

	add_scope(&b, 1, 0);
	add_scope(&b, 0, 0);
	add_range(&b, 0, 10, 0);
	u = build(&b, &n);
	ask(u);
	free(u);
	symunit_builder_done(&b);
}

Test(symunit, fails_for_want_of_memory_and_leaks_none)
{
	int r = -ENOMEM;

	for (long i = 0; r < 0; i++) {
		struct symunit_builder b = { 0 };
		struct symunit *u = NULL;
		size_t n;

		add_scope(&b, SYMUNIT_NONE, 0);
		add_range(&b, 0, 10, 0);
		add_row(&b, 0, 0, 1);
		end_rows(&b, 10);
		alloc_fail_at(i);
		r = symunit_build(&b, &u, &n);
		cr_assert(r == 0 || r == -ENOMEM);
		cr_expect_eq(alloc_live(), r == 0, "%ld", i);
		alloc_fail_at(-1);
		free(u);
		symunit_builder_done(&b);
	}
}
