/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "symtab.h"

static const char *name_at(const struct symtab *t, uint64_t addr)
{
	const struct symtab_range *r = symtab_find(t, addr);

	return r ? t->strings + r->name : "";
}

static void add(struct symtab_builder *b, struct symtab_sym s, const char *name)
{
	cr_assert_eq(symtab_add_string(b, name, "", &s.name), 0);
	cr_assert_eq(symtab_add(b, &s), 0);
}

Test(symtab, of_nothing_finds_nothing)
{
	struct symtab_builder b = { 0 };
	struct symtab t;

	cr_assert_eq(symtab_build(&b, &t), 0);
	cr_expect_null(symtab_find(&t, 0));
	cr_expect_null(symtab_find(&t, UINT64_MAX));
	symtab_done(&t);
	symtab_builder_done(&b);
}

Test(symtab, ranks_names_of_one_address)
{
	static const struct {
		int a_bind;
		const char *a;
		int b_bind;
		const char *b;
	} better_first[] = {
		{ SYMTAB_GLOBAL, "____long", SYMTAB_WEAK, "a" },
		{ SYMTAB_WEAK, "____long", SYMTAB_LOCAL, "a" },
		{ SYMTAB_GLOBAL, "longer", SYMTAB_GLOBAL, "_a" },
		{ SYMTAB_GLOBAL, "_longer", SYMTAB_GLOBAL, "__a" },
		{ SYMTAB_GLOBAL, "b", SYMTAB_GLOBAL, "aa" },
		{ SYMTAB_GLOBAL, "aa", SYMTAB_GLOBAL, "ab" },
	};

	for (size_t i = 0; i < ARRAY_LEN(better_first); i++) {
		cr_expect_lt(symtab_rank(better_first[i].a_bind, better_first[i].a,
					 better_first[i].b_bind, better_first[i].b),
			     0);
		cr_expect_gt(symtab_rank(better_first[i].b_bind, better_first[i].b,
					 better_first[i].a_bind, better_first[i].a),
			     0);
	}
	cr_expect_eq(symtab_rank(0, "same", 0, "same"), 0);
}

/* Also where it is the tail of another one, and not for one that is not in the table. */
Test(symtab, knows_whether_a_name_is_mangled)
{
	static const struct {
		const char *names[3];
		bool is;
	} tables[] = {
		{ { "main", "__libc_start", "Z3foo" }, false },
		{ { "main", "_Z3foov" }, true },
		{ { "a", "_RNvC1a1b" }, true },
		{ { "x_Z3foov", "+1" }, true },
		{ { "x_Z3foov" }, false },
		{ { "main", "!_Z3foov" }, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		struct symtab_builder b = { 0 };
		struct symtab t;

		for (size_t k = 0; k < 3 && tables[i].names[k]; k++) {
			const char *name = tables[i].names[k];
			struct symtab_sym s = { .start = 8 * k, .end = 8 * k + 8 };

			if (name[0] == '!') /* behind a better one */
				s = (struct symtab_sym){ .start = 0, .end = 8, .source = 1 };
			if (name[0] == '+') { /* the tail of the one before */
				s.name = (uint32_t)strlen("x");
				cr_assert_eq(symtab_add(&b, &s), 0);
			} else {
				add(&b, s, name + (name[0] == '!'));
			}
		}
		cr_assert_eq(symtab_build(&b, &t), 0);
		cr_expect_eq(t.has_mangled, tables[i].is, "table %zu", i);
		symtab_done(&t);
		symtab_builder_done(&b);
	}
}

Test(symtab, takes_the_better_source)
{
	struct symtab_builder b = { 0 };
	struct symtab t;

	add(&b, (struct symtab_sym){ .start = 8, .end = 16, .source = 1, .bind = SYMTAB_GLOBAL },
	    "d");
	add(&b, (struct symtab_sym){ .start = 8, .end = 16, .source = 0, .bind = SYMTAB_LOCAL },
	    "_s");
	cr_assert_eq(symtab_build(&b, &t), 0);
	cr_expect_str_eq(name_at(&t, 8), "_s");
	symtab_done(&t);
	symtab_builder_done(&b);
}

Test(symtab, shares_the_tails_of_names)
{
	struct symtab_builder b = { 0 };
	struct symtab t;
	struct symtab_sym s = { .start = 8, .end = 16 };
	uint32_t base;

	cr_assert_eq(symtab_reserve_strings(&b, 12, &base), 0);
	memcpy(b.strings.items + base, "unused\0atail", 12);
	s.name = base + 7;
	cr_assert_eq(symtab_add(&b, &s), 0);
	s = (struct symtab_sym){ .start = 16, .end = 24, .name = base + 8 };
	cr_assert_eq(symtab_add(&b, &s), 0);
	cr_assert_eq(symtab_build(&b, &t), 0);
	cr_expect_str_eq(name_at(&t, 8), "atail");
	cr_expect_str_eq(name_at(&t, 16), "tail");
	cr_expect_eq(symtab_find(&t, 16)->name_n, 4);
	cr_expect_eq(t.n_strings, sizeof("atail"));
	symtab_done(&t);
	symtab_builder_done(&b);
}

Test(symtab, reaches_the_end_of_the_address_space)
{
	struct symtab_builder b = { 0 };
	struct symtab t;

	add(&b, (struct symtab_sym){ .start = 0, .end = 1 }, "first");
	add(&b, (struct symtab_sym){ .start = UINT64_MAX - 1, .end = UINT64_MAX }, "last");
	cr_assert_eq(symtab_build(&b, &t), 0);
	cr_expect_str_eq(name_at(&t, 0), "first");
	cr_expect_str_eq(name_at(&t, 1), "");
	cr_expect_str_eq(name_at(&t, UINT64_MAX - 1), "last");
	cr_expect_str_eq(name_at(&t, UINT64_MAX), "");
	symtab_done(&t);
	symtab_builder_done(&b);
}

/* --- against the rules of symtab.h, applied one by one to every symbol ------------------- */

enum { SYMS = 24, SPACE = 64 };

/* True when @a names an address that both cover. No two names rank the same here. */
static bool beats(const struct symtab_sym *a, const struct symtab_sym *b, const char *strings)
{
	if (a->tier != b->tier)
		return a->tier < b->tier;
	if (a->start != b->start)
		return a->start > b->start;
	if (a->source != b->source)
		return a->source < b->source;
	return symtab_rank(a->bind, strings + a->name, b->bind, strings + b->name) < 0;
}

static uint64_t end_of(const struct symtab_sym *s, const struct symtab_sym *all)
{
	uint64_t end = s->end;

	for (int i = 0; s->open && i < SYMS; i++)
		if (all[i].start > s->start && all[i].tier <= s->tier && all[i].start < end)
			end = all[i].start;
	return end;
}

static bool covers(const struct symtab_sym *s, const struct symtab_sym *all, uint64_t addr)
{
	return s->start <= addr && addr < end_of(s, all);
}

/* True when @s begins inside a better symbol, one that is not hidden itself. */
static bool is_hidden(const struct symtab_sym *s, const struct symtab_sym *all)
{
	for (int j = 0; j < SYMS; j++)
		if (all[j].tier < s->tier && covers(&all[j], all, s->start) &&
		    !is_hidden(&all[j], all))
			return true;
	return false;
}

static const char *expected(const struct symtab_sym *all, const char *strings, uint64_t addr)
{
	const struct symtab_sym *best = NULL;

	for (int i = 0; i < SYMS; i++)
		if (covers(&all[i], all, addr) && (!best || beats(&all[i], best, strings)) &&
		    !is_hidden(&all[i], all))
			best = &all[i];
	return best ? strings + best->name : "";
}

Test(symtab, follows_its_rules_on_random_symbols)
{
	unsigned seed = 42;
	char strings[SYMS * 16]; /* the builder's go to the table */

	for (int round = 0; round < 2000; round++) {
		struct symtab_builder b = { 0 };
		struct symtab_sym all[SYMS];
		struct symtab t;

		for (int i = 0; i < SYMS; i++) {
			char name[16];
			struct symtab_sym *s = &all[i];

			*s = (struct symtab_sym){ .start = (uint64_t)rand_r(&seed) % SPACE };
			s->tier = (uint8_t)(rand_r(&seed) % SYMTAB_TIERS);
			s->open = s->tier == SYMTAB_UNSIZED ||
				  (s->tier == SYMTAB_LABEL && rand_r(&seed) % 2);
			s->end = s->open ? SPACE : s->start + 1 + (uint64_t)rand_r(&seed) % 24;
			s->source = (uint8_t)(rand_r(&seed) % 2);
			s->bind = (uint8_t)(rand_r(&seed) % 3);
			snprintf(name, sizeof(name), "%.*sn%d", rand_r(&seed) % 3, "__", i);
			cr_assert_eq(symtab_add_string(&b, name, "", &s->name), 0);
			cr_assert_eq(symtab_add(&b, s), 0);
		}
		memcpy(strings, b.strings.items, b.strings.n);
		cr_assert_eq(symtab_build(&b, &t), 0);
		cr_expect_leq(t.n, 2 * SYMS + 1);
		for (uint64_t addr = 0; addr < SPACE + 32; addr++) {
			const char *want = expected(all, strings, addr);

			cr_assert_str_eq(name_at(&t, addr), want, "round %d, %lu: %s, not %s",
					 round, addr, name_at(&t, addr), want);
		}
		symtab_done(&t);
		symtab_builder_done(&b);
	}
}
