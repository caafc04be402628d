/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "allocfail.h"
#include "extents.h"

static uint64_t seed;

static uint32_t rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)((seed >> 32) * n >> 32);
}

static uint32_t take(struct extents *e, uint32_t n, uint32_t align)
{
	uint32_t first = 0;

	cr_assert_eq(extents_take(e, n, align, &first), 0, "no %u cells", n);
	return first;
}

Test(extents, are_handed_out_from_the_first_that_fits)
{
	struct extents e;
	uint32_t first = 77;

	cr_assert_eq(extents_init(&e, 10, 100), 0);
	cr_expect_eq(take(&e, 30, 1), 10);
	cr_expect_eq(take(&e, 30, 1), 40);
	cr_expect_eq(take(&e, 40, 1), 70);
	cr_expect_eq(e.used, 100);
	cr_expect_eq(extents_take(&e, 1, 1, &first), -ENOSPC);
	cr_assert_eq(extents_give(&e, 40, 30), 0);
	cr_expect_eq(extents_take(&e, 31, 1, &first), -ENOSPC);
	cr_expect_eq(first, 77);
	cr_expect_eq(take(&e, 10, 1), 40);
	extents_done(&e);
}

Test(extents, begin_at_multiples_and_leave_the_rest_to_others)
{
	struct extents e;

	cr_assert_eq(extents_init(&e, 3, 100), 0);
	cr_expect_eq(take(&e, 16, 16), 16);
	cr_expect_eq(take(&e, 13, 1), 3, "what lies before is free");
	cr_expect_eq(take(&e, 16, 16), 32);
	cr_expect_eq(take(&e, 55, 16), 48);
	cr_expect_eq(e.used, 100);
	cr_expect_eq(e.free.n, 0);
	extents_done(&e);
}

Test(extents, of_nothing_have_no_room)
{
	struct extents e;
	uint32_t first;

	cr_assert_eq(extents_init(&e, 5, 0), 0);
	cr_expect_eq(extents_take(&e, 1, 1, &first), -ENOSPC);
	extents_done(&e);
}

Test(extents, reach_to_the_end_of_the_numbers)
{
	struct extents e;
	uint32_t first;

	cr_assert_eq(extents_init(&e, UINT32_MAX - 100, 100), 0);
	cr_expect_eq(extents_take(&e, 90, 128, &first), -ENOSPC, "the next multiple is beyond");
	cr_expect_eq(extents_take(&e, UINT32_MAX, 1, &first), -ENOSPC);
	cr_expect_eq(take(&e, 60, 32), UINT32_MAX - 95);
	cr_expect_eq(take(&e, 35, 1), UINT32_MAX - 35);
	extents_done(&e);
}

/* --- against a bitmap ------------------------------------------------------------------------ */

#define FIRST  17
#define CELLS  300
#define ROUNDS 40
#define STEPS  3000

struct taken {
	uint32_t first, n;
};

struct model {
	bool used[FIRST + CELLS];
	struct taken taken[CELLS];
	size_t n;
};

/* Where the first fit is, or 0. */
static uint32_t first_fit(const struct model *m, uint32_t n, uint32_t align)
{
	for (uint32_t at = (FIRST + align - 1) / align * align; at + n <= FIRST + CELLS; at += align) {
		uint32_t i = at;

		while (i < at + n && !m->used[i])
			i++;
		if (i == at + n)
			return at;
	}
	return 0;
}

static void mark(struct model *m, uint32_t first, uint32_t n, bool used)
{
	for (uint32_t i = first; i < first + n; i++) {
		cr_assert_neq(m->used[i], used, "cell %u", i);
		m->used[i] = used;
	}
}

/* The free cells are those of the bitmap, ascending, joined. */
static void check(const struct extents *e, const struct model *m)
{
	uint32_t at = FIRST, used = 0;

	for (size_t k = 0; k < e->free.n; k++) {
		struct extent x = e->free.items[k];

		cr_assert_gt(x.n, 0);
		cr_assert(k == 0 || x.first > at, "touches the one before");
		for (; at < x.first; at++)
			cr_assert(m->used[at]);
		for (; at < x.first + x.n; at++)
			cr_assert_not(m->used[at]);
	}
	for (; at < FIRST + CELLS; at++)
		cr_assert(m->used[at]);
	for (uint32_t i = FIRST; i < FIRST + CELLS; i++)
		used += m->used[i];
	cr_assert_eq(e->used, used);
}

static void step(struct extents *e, struct model *m)
{
	uint32_t n = 1 + rnd(rnd(4) ? 12 : 100), align = 1u << rnd(6), first;

	if (m->n && rnd(5) < 2) {
		size_t i = rnd((uint32_t)m->n);
		struct taken t = m->taken[i];

		cr_assert_eq(extents_give(e, t.first, t.n), 0);
		mark(m, t.first, t.n, false);
		m->taken[i] = m->taken[--m->n];
		return;
	}
	if (extents_take(e, n, align, &first) == 0) {
		cr_assert_eq(first, first_fit(m, n, align));
		mark(m, first, n, true);
		m->taken[m->n++] = (struct taken){ first, n };
	} else {
		cr_assert_eq(first_fit(m, n, align), 0);
	}
}

Test(extents, are_what_a_bitmap_says)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct model m = { 0 };
		struct extents e;

		seed = 0x9e3779b97f4a7c15ull * (round + 1);
		cr_assert_eq(extents_init(&e, FIRST, CELLS), 0);
		for (unsigned i = 0; i < STEPS; i++) {
			step(&e, &m);
			check(&e, &m);
		}
		while (m.n) {
			m.n--;
			cr_assert_eq(extents_give(&e, m.taken[m.n].first, m.taken[m.n].n), 0);
		}
		cr_assert_eq(e.free.n, 1, "all is one again");
		cr_assert_eq(e.free.items[0].n, CELLS);
		cr_assert_eq(e.used, 0);
		extents_done(&e);
	}
}

/* --- without memory -------------------------------------------------------------------------- */

static int split_and_join(void)
{
	struct extents e = { 0 };
	uint32_t first;
	int r = extents_init(&e, 1, 1000);

	for (uint32_t i = 0; r == 0 && i < 20; i++) /* a hole before each */
		r = extents_take(&e, 1, 8, &first);
	extents_done(&e);
	return r;
}

Test(extents, run_out_of_memory)
{
	allocfail_each(split_and_join);
}

Test(extents, lose_no_cell_when_a_split_has_no_memory)
{
	struct extents e;
	uint32_t first, n_free = 0;
	int r = 0;

	cr_assert_eq(extents_init(&e, 1, 1000), 0);
	for (unsigned i = 0; r == 0 && i < 100; i++) {
		allocfail_at(1);
		r = extents_take(&e, 1, 8, &first);
		allocfail_stop();
	}
	cr_assert_eq(r, -ENOMEM);
	for (size_t i = 0; i < e.free.n; i++)
		n_free += e.free.items[i].n;
	cr_expect_eq(n_free + e.used, 1000);
	cr_expect_eq(extents_take(&e, 1, 8, &first), 0);
	extents_done(&e);
}
