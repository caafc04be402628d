/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "aggregate.h"
#include "allocfail.h"

static int64_t place(struct aggregate *a, int64_t mapping, uint64_t addr)
{
	return aggregate_place(a, &(struct place){ .mapping = mapping, .addr = addr });
}

/* Labels with number @v as label @l. */
static struct label_set labelled(enum label l, uint32_t v)
{
	struct label_set s;

	label_set_clear(&s);
	s.v[l] = v;
	return s;
}

static int add_as(struct aggregate *a, const uint32_t *stack, size_t n, uint32_t pid)
{
	struct label_set s = labelled(LABEL_PID, pid);

	return aggregate_add(a, stack, n, &s, &(struct agg_row){ .samples = 1 });
}

Test(aggregate, keeps_each_place_once)
{
	struct aggregate a;

	cr_assert_eq(aggregate_init(&a, 1 << 20, labels_default_split()), 0);
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
	static const enum label splits[] = { LABEL_PID, LABEL_TID, LABEL_COMM, LABEL_THREAD_COMM,
					     LABEL_CGROUP };
	struct agg_row row = { .samples = 2, .value = 30 }, other = { .samples = 2, .value = 30 };
	struct label_set labels = labelled(LABEL_UID, 0);
	struct aggregate a;

	other.event = 1;
	cr_assert_eq(aggregate_init(&a, 1 << 20, labels_default_split()), 0);
	for (int round = 0; round < 3; round++) {
		cr_assert_eq(aggregate_add(&a, stack, 3, &labels, &row), 0);
		for (size_t i = 0; i < ARRAY_LEN(splits); i++) {
			struct label_set one = labels;

			one.v[splits[i]] = 9;
			cr_assert_eq(aggregate_add(&a, stack, 3, &one, &row), 0);
		}
		cr_assert_eq(aggregate_add(&a, stack, 3, &labels, &other), 0);
		cr_assert_eq(aggregate_add(&a, stack, 2, &labels, &row), 0);
		cr_assert_eq(aggregate_add(&a, stack + 1, 2, &labels, &row), 0);
		cr_assert_eq(aggregate_add(&a, NULL, 0, &labels, &row), 0);
	}
	cr_expect_eq(a.rows.n, 10);
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
		uint32_t stack[2] = { i, i + 1 };
		int64_t p = place(a, 0, i);
		int r = p < 0 ? (int)p : add_as(a, stack, 2, i);

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
		uint32_t known[2] = { 1, 2 };
		struct aggregate a;
		size_t n;

		cr_assert_eq(aggregate_init(&a, budgets[i], labels_default_split()), 0);
		n = fill_up(&a);
		cr_expect_gt(n, budgets[i] / 500, "%zu stacks in %zu bytes", n, budgets[i]);
		cr_expect_leq(aggregate_bytes(&a), 2 * budgets[i], "it grows in steps");
		cr_expect_eq(place(&a, 0, 1), 1);
		cr_expect_eq(place(&a, 0, UINT64_MAX), -ENOSPC);
		cr_expect_eq(add_as(&a, known, 2, 1), 0);
		cr_expect_eq(a.rows.items[1].samples, 2);
		aggregate_done(&a);
	}
}

Test(aggregate, without_any_budget_takes_nothing)
{
	struct aggregate a;

	cr_assert_eq(aggregate_init(&a, 0, labels_default_split()), 0);
	cr_expect_eq(place(&a, 0, 0), -ENOSPC);
	cr_expect_eq(add_as(&a, NULL, 0, 0), -ENOSPC);
	aggregate_done(&a);
}

static int fill_some(void)
{
	struct aggregate a;
	int r = aggregate_init(&a, 1 << 20, labels_default_split());

	for (uint32_t i = 0; i < 60 && r == 0; i++) {
		uint32_t stack[3] = { i, i / 2, 0 };
		int64_t p = place(&a, 1, i);

		r = p < 0 ? (int)p : add_as(&a, stack, 3, i);
		if (r < 0) { /* the next one is as good as ever */
			cr_expect_geq(place(&a, 1, i), 0);
			cr_expect_eq(add_as(&a, stack, 3, i), 0);
		}
	}
	aggregate_done(&a);
	return r;
}

Test(aggregate, survives_every_failed_allocation)
{
	allocfail_each(fill_some);
}

/* --- labels ---------------------------------------------------------------------------------- */

static struct label_set row_labels(const struct aggregate *a, size_t row)
{
	return a->label_sets.items[a->rows.items[row].labels].set;
}

Test(aggregate, keeps_of_the_other_labels_what_all_of_a_row_have)
{
	static const uint32_t stack[] = { 0 };
	const struct agg_row one = { .samples = 1, .value = 1 };
	struct label_set s = labelled(LABEL_CONTAINER, 7), t;
	struct aggregate a;

	cr_assert_eq(aggregate_init(&a, 1 << 20, LABEL_BIT(LABEL_CONTAINER)), 0);
	s.v[LABEL_PID] = 1;
	s.v[LABEL_UID] = 1000;
	s.v[LABEL_UNIT] = 5;
	cr_assert_eq(aggregate_add(&a, stack, 1, &s, &one), 0);
	t = row_labels(&a, 0);
	cr_expect_eq(memcmp(&t, &s, sizeof(s)), 0, "all of one sample's");
	s.v[LABEL_PID] = 2;
	cr_assert_eq(aggregate_add(&a, stack, 1, &s, &one), 0);
	s.v[LABEL_PID] = 1;
	s.v[LABEL_UID] = 0;
	cr_assert_eq(aggregate_add(&a, stack, 1, &s, &one), 0);
	t = row_labels(&a, 0);
	cr_expect_eq(t.v[LABEL_PID], LABEL_NONE, "it stays away");
	cr_expect_eq(t.v[LABEL_UID], LABEL_NONE);
	cr_expect_eq(t.v[LABEL_UNIT], 5);
	cr_expect_eq(t.v[LABEL_CONTAINER], 7);
	s.v[LABEL_CONTAINER] = LABEL_NONE;
	cr_assert_eq(aggregate_add(&a, stack, 1, &s, &one), 0);
	cr_assert_eq(a.rows.n, 2, "to be in none is something else");
	cr_expect_eq(a.rows.items[0].samples, 3);
	aggregate_done(&a);
}

static uint32_t attrs_of(struct aggregate *a, const char *first, const char *second)
{
	struct attr pairs[2];
	int64_t n;

	cr_assert_eq(strtab_adds(&a->attrs.strings, "service.name", &pairs[0].key), 0);
	cr_assert_eq(strtab_adds(&a->attrs.strings, first, &pairs[0].value), 0);
	cr_assert_eq(strtab_adds(&a->attrs.strings, "service.version", &pairs[1].key), 0);
	cr_assert_eq(strtab_adds(&a->attrs.strings, second, &pairs[1].value), 0);
	n = attrs_add(&a->attrs, pairs, 2);
	cr_assert_gt(n, 0);
	return (uint32_t)n;
}

Test(aggregate, keeps_attributes_one_by_one)
{
	const struct agg_row one = { .samples = 1, .value = 1 };
	struct label_set s;
	struct aggregate a;
	uint32_t left;

	cr_assert_eq(aggregate_init(&a, 1 << 20, LABEL_BIT(LABEL_UID)), 0);
	s = labelled(LABEL_ATTRS, attrs_of(&a, "shop", "1.2"));
	cr_assert_eq(aggregate_add(&a, NULL, 0, &s, &one), 0);
	s = labelled(LABEL_ATTRS, attrs_of(&a, "shop", "1.3"));
	cr_assert_eq(aggregate_add(&a, NULL, 0, &s, &one), 0);
	left = row_labels(&a, 0).v[LABEL_ATTRS];
	cr_assert_neq(left, LABEL_NONE);
	cr_assert_eq(a.attrs.sets.items[left].n, 1);
	cr_expect_str_eq(strtab_get(&a.attrs.strings,
				    a.attrs.pool.items[a.attrs.sets.items[left].first].value),
			 "shop");
	s = labelled(LABEL_ATTRS, attrs_of(&a, "bank", "1.2"));
	cr_assert_eq(aggregate_add(&a, NULL, 0, &s, &one), 0);
	cr_expect_eq(row_labels(&a, 0).v[LABEL_ATTRS], LABEL_NONE);
	aggregate_done(&a);
}
