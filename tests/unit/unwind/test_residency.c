/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "residency.h"

#define WORDS  4096
#define TABLES 8
#define AREAS  32
#define MADE   64 /* tables that tests make */

static struct residency_memory memory;
static struct residency *res;

static void start_with(uint32_t words, uint32_t tables, uint32_t areas)
{
	memory = (struct residency_memory){
		.rows = calloc(words, sizeof(uint32_t)),
		.n_words = words,
		.tables = calloc(tables, sizeof(struct wire_table)),
		.n_tables = tables,
		.areas = calloc(areas, sizeof(struct wire_area)),
		.n_areas = areas,
	};
	cr_assert_eq(residency_new(&res, &memory), 0);
}

static void start(void)
{
	start_with(WORDS, TABLES, AREAS);
}

static void done(void)
{
	residency_free(res);
	free(memory.rows);
	free(memory.tables);
	free(memory.areas);
	res = NULL;
}

TestSuite(residency, .init = start, .fini = done);

/* A table of @n words that all say @mark. */
static struct unwind_table *table_of_words(uint32_t n, uint32_t mark)
{
	static struct unwind_table t;
	static uint32_t words[2 * WORDS];

	cr_assert_leq(n, 2 * WORDS);
	for (uint32_t i = 0; i < n; i++)
		words[i] = mark;
	t.words = words;
	t.n_words = n;
	t.place = (struct unwind_place){
		.start = mark, .span = 10, .index = 0, .rules = 4, .rows = 8
	};
	return &t;
}

static int add(uint32_t n, uint32_t mark, struct residency_ref *ret)
{
	return residency_add(res, table_of_words(n, mark), ret);
}

static struct residency_ref must_add(uint32_t n, uint32_t mark)
{
	struct residency_ref ref;
	int r = add(n, mark, &ref);

	cr_assert_eq(r, 0, "%u words: %s", n, strerror(-r));
	return ref;
}

/* What the sampler sees: does @ref name the table marked @mark, whole? */
static void expect_resident(struct residency_ref ref, uint32_t n, uint32_t mark)
{
	const struct wire_table *t = &memory.tables[ref.table];

	cr_assert_eq((uint16_t)t->tag, ref.tag, "table %u is gone", mark);
	cr_assert_eq(t->place.start, mark);
	cr_assert_eq(t->place.index % 16, 0, "rules must not lie across pages");
	cr_assert_eq(t->place.rules, t->place.index + 4);
	cr_assert_eq(t->place.rows, t->place.index + 8);
	for (uint32_t i = 0; i < n; i++)
		cr_assert_eq(memory.rows[t->place.index + i], mark);
}

static bool is_named(struct residency_ref ref)
{
	return (uint16_t)memory.tables[ref.table].tag == ref.tag;
}

static void pass_grace(void)
{
	residency_mark(res);
	residency_collect(res);
}

static struct residency_stats stats(void)
{
	struct residency_stats s;

	residency_stats(res, &s);
	return s;
}

static int put_space(uint32_t n, uint64_t mark, struct wire_space *ret)
{
	struct wire_area areas[AREAS + 1];

	for (uint32_t i = 0; i < n; i++)
		areas[i] = (struct wire_area){ .start = mark, .end = mark + i };
	return residency_put_space(res, areas, n, ret);
}

Test(residency, holds_tables_until_it_is_full)
{
	struct residency_ref refs[4], extra;

	for (uint32_t i = 0; i < 4; i++)
		refs[i] = must_add(WORDS / 4, i + 1);
	for (uint32_t i = 0; i < 4; i++) {
		expect_resident(refs[i], WORDS / 4, i + 1);
		cr_expect(residency_touch(res, refs[i]));
	}
	cr_expect_eq(stats().words_used, WORDS);
	cr_expect_eq(stats().tables_used, 4);
	cr_expect_eq(stats().evicted, 0);
	cr_expect_eq(add(1, 9, &extra), -ENOSPC);
}

Test(residency, equal_tables_share_their_place)
{
	struct residency_ref first = must_add(WORDS / 2, 1), second = must_add(WORDS / 2, 1), new;
	struct unwind_table *other;

	cr_expect_eq(memcmp(&first, &second, sizeof(first)), 0);
	cr_expect_eq(stats().words_used, WORDS / 2);
	cr_expect_eq(stats().tables_used, 1);
	other = table_of_words(WORDS / 2, 1);
	other->place.span++;
	cr_assert_eq(residency_add(res, other, &new), 0, "there is room for another one");
	cr_expect_neq(new.table, first.table, "the words are not all there is to a table");
	cr_expect_eq(stats().words_used, WORDS);
}

Test(residency, table_that_was_evicted_is_not_shared)
{
	struct residency_ref first = must_add(WORDS, 1), again, new;

	cr_expect_eq(add(WORDS, 2, &new), -ENOSPC);
	cr_expect_not(residency_has(res, first));
	cr_expect_eq(add(WORDS, 1, &again), -ENOSPC, "its place is given away");
	pass_grace();
	again = must_add(WORDS, 1);
	expect_resident(again, WORDS, 1);
	cr_expect_not(is_named(first));
}

Test(residency, table_is_in_use_when_any_of_its_equals_is)
{
	struct residency_ref first = must_add(WORDS / 2, 1), new;

	must_add(WORDS / 2, 2);
	must_add(WORDS / 2, 1);
	cr_expect_eq(add(WORDS / 2, 3, &new), -ENOSPC);
	cr_expect(residency_has(res, first), "the other one is older");
}

Test(residency, evicts_what_was_not_touched_for_longest)
{
	struct residency_ref refs[4], new;

	for (uint32_t i = 0; i < 4; i++)
		refs[i] = must_add(WORDS / 4, i + 1);
	cr_expect(residency_touch(res, refs[0]));
	cr_expect(residency_has(res, refs[1]), "which is no use of it");
	cr_expect_eq(add(WORDS / 4, 9, &new), -ENOSPC);
	cr_expect_not(residency_has(res, refs[1]), "the oldest went");
	cr_expect_not(residency_touch(res, refs[1]));
	cr_expect_not(is_named(refs[1]), "and the sampler can tell");
	cr_expect_eq(stats().evicted, 1);
	cr_expect_eq(add(WORDS / 4, 9, &new), -ENOSPC, "but may still be reading it");
	cr_expect_eq(stats().evicted, 1, "nothing more has to go");
	pass_grace();
	new = must_add(WORDS / 4, 9);
	expect_resident(new, WORDS / 4, 9);
	expect_resident(refs[0], WORDS / 4, 1);
	expect_resident(refs[2], WORDS / 4, 3);
	expect_resident(refs[3], WORDS / 4, 4);
	cr_expect_not(is_named(refs[1]), "whoever has its place has another tag");
}

Test(residency, evicts_as_many_as_a_large_one_needs)
{
	struct residency_ref refs[4], new;

	for (uint32_t i = 0; i < 4; i++)
		refs[i] = must_add(WORDS / 4, i + 1);
	cr_expect_eq(add(WORDS / 4 * 3, 9, &new), -ENOSPC);
	cr_expect_eq(stats().evicted, 3);
	pass_grace();
	expect_resident(must_add(WORDS / 4 * 3, 9), WORDS / 4 * 3, 9);
	expect_resident(refs[3], WORDS / 4, 4);
}

Test(residency, takes_the_largest_table_that_fits_at_all)
{
	struct residency_ref ref = { 0 };

	must_add(100, 1);
	must_add(100, 2);
	cr_expect_eq(add(WORDS + 1, 8, &ref), -EFBIG);
	cr_expect_eq(stats().evicted, 0, "what can never fit drives nobody out");
	cr_expect_eq(add(WORDS, 9, &ref), -ENOSPC);
	pass_grace();
	expect_resident(must_add(WORDS, 9), WORDS, 9);
	cr_expect_eq(add(0, 9, &ref), -EINVAL);
}

Test(residency, gets_there_however_its_memory_is_cut_up)
{
	struct residency_ref ref;
	int tries = 0;

	for (uint32_t i = 0; i < TABLES; i++)
		must_add(100 + i * 17, i + 1);
	while (add(WORDS - 50, 99, &ref) == -ENOSPC) {
		cr_assert_lt(tries++, TABLES + 1);
		pass_grace();
	}
	expect_resident(ref, WORDS - 50, 99);
}

Test(residency, does_not_use_a_tables_number_again_before_it_is_collected)
{
	struct residency_ref refs[TABLES], new;

	for (uint32_t i = 0; i < TABLES; i++)
		refs[i] = must_add(16, i + 1);
	cr_expect_eq(add(16, 99, &new), -ENOSPC, "all numbers are taken");
	cr_expect_eq(stats().evicted, 1);
	/* A sampler that has just compared the tag is about to read the place. */
	cr_expect_eq(add(16, 99, &new), -ENOSPC);
	cr_expect_eq(memory.tables[refs[0].table].place.start, 1, "the place is as it was");
	cr_expect_eq(stats().evicted, 1, "one number is coming");
	pass_grace();
	new = must_add(16, 99);
	cr_expect_eq(new.table, refs[0].table);
	cr_expect_neq(new.tag, refs[0].tag);
}

Test(residency, collects_what_was_given_up_before_the_grace_period_only)
{
	struct residency_ref a = must_add(WORDS / 2, 1), b = must_add(WORDS / 2, 2), new;
	struct wire_space s, t;

	cr_assert_eq(put_space(AREAS / 2, 1, &s), 0);
	cr_assert_eq(put_space(AREAS / 2, 2, &t), 0);
	cr_expect_eq(add(WORDS / 2, 3, &new), -ENOSPC);
	residency_drop_space(res, s);
	residency_mark(res);
	cr_expect_eq(add(WORDS, 3, &new), -ENOSPC);
	cr_expect_not(is_named(a) || is_named(b));
	residency_drop_space(res, t);
	residency_collect(res);
	cr_expect_eq(stats().words_used, WORDS / 2, "the later one may still be read");
	cr_expect_eq(stats().areas_used, AREAS / 2);
	residency_collect(res);
	cr_expect_eq(stats().words_used, WORDS / 2, "no other grace period has begun");
	pass_grace();
	cr_expect_eq(stats().words_used, 0);
	cr_expect_eq(stats().areas_used, 0);
}

Test(residency, knows_a_ref_that_never_was)
{
	cr_expect_not(residency_touch(res, (struct residency_ref){ 0, 0 }));
	cr_expect_not(residency_touch(res, (struct residency_ref){ TABLES, 1 }));
	cr_expect_not(residency_touch(res, (struct residency_ref){ UINT16_MAX, UINT16_MAX }));
}

/* --- spaces ---------------------------------------------------------------------------------- */

static void expect_space(struct wire_space s, uint32_t n, uint64_t mark)
{
	cr_assert_eq(s.n, n);
	cr_expect_eq(s.stale, 0);
	for (uint32_t i = 0; i < n; i++) {
		cr_expect_eq(memory.areas[s.first + i].start, mark);
		cr_expect_eq(memory.areas[s.first + i].end, mark + i);
	}
}

Test(residency, keeps_spaces_until_they_were_dropped_and_collected)
{
	struct wire_space a, b, c;

	cr_assert_eq(put_space(AREAS / 2, 1, &a), 0);
	cr_assert_eq(put_space(AREAS / 2, 2, &b), 0);
	expect_space(a, AREAS / 2, 1);
	expect_space(b, AREAS / 2, 2);
	cr_expect_eq(put_space(1, 3, &c), -ENOSPC);
	cr_expect_eq(stats().areas_used, AREAS);
	residency_drop_space(res, a);
	cr_expect_eq(put_space(1, 3, &c), -ENOSPC, "the sampler may still be reading");
	expect_space(a, AREAS / 2, 1);
	pass_grace();
	cr_assert_eq(put_space(AREAS / 2, 3, &c), 0);
	expect_space(b, AREAS / 2, 2);
	expect_space(c, AREAS / 2, 3);
	cr_expect_eq(put_space(AREAS + 1, 4, &a), -ENOSPC);
}

Test(residency, has_room_for_any_number_of_empty_spaces)
{
	struct wire_space s, full;

	cr_assert_eq(put_space(AREAS, 1, &full), 0);
	for (int i = 0; i < 100; i++) {
		cr_assert_eq(put_space(0, 1, &s), 0);
		cr_expect_eq(s.n, 0);
		residency_drop_space(res, s);
	}
	pass_grace();
	expect_space(full, AREAS, 1);
	cr_expect_eq(stats().areas_used, AREAS);
}

/* --- anything -------------------------------------------------------------------------------- */

static uint64_t seed;

static uint32_t rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)((seed >> 32) * n >> 32);
}

/* What was resident at the last collection: the sampler may be reading it until the next. */
struct reader {
	struct residency_ref ref;
	struct wire_table table;
	uint32_t n, mark;
	bool is_there;
};

static void look(struct reader *r, struct residency_ref ref, uint32_t n, uint32_t mark)
{
	*r = (struct reader){ ref, memory.tables[ref.table], n, mark, true };
}

/* Words and place of what the reader found are still what they were. */
static void expect_untouched(const struct reader *r)
{
	const struct wire_table *t = &memory.tables[r->ref.table];

	cr_assert_eq(memcmp(&t->place, &r->table.place, sizeof(t->place)), 0);
	for (uint32_t i = 0; i < r->n; i++)
		cr_assert_eq(memory.rows[r->table.place.index + i], r->mark);
}

static void any_step(struct reader *readers, uint32_t mark)
{
	uint32_t i = rnd(MADE), n = 1 + rnd(rnd(8) ? 300 : WORDS);
	struct residency_ref ref;

	if (rnd(3) == 0 && readers[i].is_there)
		residency_touch(res, readers[i].ref);
	if (add(n, mark, &ref) == 0)
		look(&readers[i], ref, n, mark); /* forgets another, which is none the worse */
	for (i = 0; i < MADE; i++)
		if (readers[i].is_there)
			expect_untouched(&readers[i]);
	if (rnd(4))
		return;
	pass_grace();
	for (i = 0; i < MADE; i++)
		readers[i].is_there &= is_named(readers[i].ref);
}

Test(residency, never_changes_what_may_be_read)
{
	for (unsigned round = 0; round < 20; round++) {
		struct reader readers[MADE] = { 0 };

		done();
		start();
		seed = 0x9e3779b97f4a7c15ull * (round + 1);
		for (uint32_t i = 0; i < 1000; i++)
			any_step(readers, i + 1);
		cr_expect_gt(stats().evicted, 100);
		cr_expect_leq(stats().tables_used, TABLES);
		cr_expect_leq(stats().words_used, WORDS);
	}
}
