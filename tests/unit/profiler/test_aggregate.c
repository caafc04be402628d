/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>

#include "aggregate.h"
#include "allocfail.h"

static int64_t place(struct aggregate *a, int64_t mapping, uint64_t addr)
{
	return aggregate_place(a, &(struct place){ .mapping = mapping, .addr = addr });
}

Test(aggregate, keeps_each_place_once)
{
	struct aggregate a;

	cr_assert_eq(aggregate_init(&a, 1 << 20), 0);
	cr_expect_eq(place(&a, 3, 0x10), 0);
	cr_expect_eq(place(&a, 3, 0x20), 1);
	cr_expect_eq(place(&a, PLACE_KERNEL, 0x10), 2);
	cr_expect_eq(place(&a, PLACE_NOTE, 0x10), 3);
	cr_expect_eq(place(&a, 3, 0x10), 0);
	cr_expect_eq(place(&a, PLACE_KERNEL, 0x10), 2);
	cr_expect_eq(a.places.n, 4);
	aggregate_done(&a);
}

Test(aggregate, adds_up_rows_that_agree_in_everything)
{
	static const uint32_t stack[] = { 2, 1, 0 };
	struct agg_row row = { .tgid = 1, .tid = 2, .comm = 3, .thread_comm = 4, .event = 0 };
	struct agg_row others[6];
	struct aggregate a;

	row.samples = 2;
	row.value = 30;
	for (size_t i = 0; i < 5; i++)
		others[i] = row;
	others[0].tgid = 9;
	others[1].tid = 9;
	others[2].comm = 9;
	others[3].thread_comm = 9;
	others[4].event = 1;
	cr_assert_eq(aggregate_init(&a, 1 << 20), 0);
	for (int round = 0; round < 3; round++) {
		cr_assert_eq(aggregate_add(&a, stack, 3, &row), 0);
		for (size_t i = 0; i < 5; i++)
			cr_assert_eq(aggregate_add(&a, stack, 3, &others[i]), 0);
		cr_assert_eq(aggregate_add(&a, stack, 2, &row), 0);
		cr_assert_eq(aggregate_add(&a, stack + 1, 2, &row), 0);
		cr_assert_eq(aggregate_add(&a, NULL, 0, &row), 0);
	}
	cr_expect_eq(a.rows.n, 9);
	cr_expect_eq(a.stacks.n, 4);
	cr_expect_eq(a.pool.n, 7);
	array_each(&a.rows, r) {
		cr_expect_eq(r->samples, 6);
		cr_expect_eq(r->value, 90);
	}
	cr_expect_arr_eq(a.pool.items + a.stacks.items[0].first, stack, sizeof(stack));
	aggregate_done(&a);
}

/* Adds stack after stack until there is no room: how many fitted. */
static size_t fill_up(struct aggregate *a)
{
	for (uint32_t i = 0;; i++) {
		struct agg_row row = { .tgid = i, .samples = 1 };
		uint32_t stack[2] = { i, i + 1 };
		int64_t p = place(a, 0, i);
		int r = p < 0 ? (int)p : aggregate_add(a, stack, 2, &row);

		if (r < 0) {
			cr_expect_eq(r, -ENOSPC);
			return i;
		}
	}
}

Test(aggregate, stays_within_its_budget_and_counts_on_what_it_knows)
{
	static const size_t budgets[] = { 10000, 100000, 1000000 };

	for (size_t i = 0; i < sizeof(budgets) / sizeof(*budgets); i++) {
		struct agg_row row = { .tgid = 1, .samples = 1 };
		uint32_t known[2] = { 1, 2 };
		struct aggregate a;
		size_t n;

		cr_assert_eq(aggregate_init(&a, budgets[i]), 0);
		n = fill_up(&a);
		cr_expect_gt(n, budgets[i] / 500, "%zu stacks in %zu bytes", n, budgets[i]);
		cr_expect_leq(aggregate_bytes(&a), 2 * budgets[i], "it grows in steps");
		cr_expect_eq(place(&a, 0, 1), 1);
		cr_expect_eq(place(&a, 0, UINT64_MAX), -ENOSPC);
		cr_expect_eq(aggregate_add(&a, known, 2, &row), 0);
		cr_expect_eq(a.rows.items[1].samples, 2);
		aggregate_done(&a);
	}
}

Test(aggregate, without_any_budget_takes_nothing)
{
	struct aggregate a;

	cr_assert_eq(aggregate_init(&a, 0), 0);
	cr_expect_eq(place(&a, 0, 0), -ENOSPC);
	cr_expect_eq(aggregate_add(&a, NULL, 0, &(struct agg_row){ 0 }), -ENOSPC);
	aggregate_done(&a);
}

static int fill_some(void)
{
	struct aggregate a;
	int r = aggregate_init(&a, 1 << 20);

	for (uint32_t i = 0; i < 60 && r == 0; i++) {
		struct agg_row row = { .tgid = i, .samples = 1 };
		uint32_t stack[3] = { i, i / 2, 0 };
		int64_t p = place(&a, 1, i);

		r = p < 0 ? (int)p : aggregate_add(&a, stack, 3, &row);
		if (r < 0) { /* the next one is as good as ever */
			cr_expect_geq(place(&a, 1, i), 0);
			cr_expect_eq(aggregate_add(&a, stack, 3, &row), 0);
		}
	}
	aggregate_done(&a);
	return r;
}

Test(aggregate, survives_every_failed_allocation)
{
	allocfail_each(fill_some);
}
