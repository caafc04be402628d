/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "allocfail.h"
#include "held.h"

static const uint64_t kernel[] = { 11, 12, 13 }, user[] = { 1, 2 };

static struct trace sample(uint32_t tgid)
{
	return (struct trace){ .tgid = tgid,
			       .samples = 1,
			       .end = WIRE_END_READ,
			       .kernel = kernel,
			       .n_kernel = 3,
			       .user = user,
			       .n_user = 2 };
}

/* Keeps those with even numbers, and adds up the others. */
static bool keep_even(void *ctx, const struct trace *t)
{
	uint32_t *sum = ctx;

	cr_assert_eq(t->n_user, 0, "it was of the program before");
	cr_assert_eq(t->end, WIRE_END_ABSENT);
	cr_assert_eq(t->n_kernel, 3);
	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(t->kernel[i], kernel[i]);
	if (t->tgid % 2 == 0)
		return true;
	*sum += t->tgid;
	return false;
}

Test(held, keeps_what_is_to_be_kept)
{
	struct held h = { 0 };
	uint32_t sum = 0;

	for (uint32_t i = 1; i <= 20; i++) {
		struct trace t = sample(i);

		cr_assert(held_add(&h, &t));
	}
	held_each(&h, keep_even, &sum);
	cr_expect_eq(sum, 100);
	cr_expect_eq(h.samples.n, 10);
	held_each(&h, keep_even, &sum);
	cr_expect_eq(sum, 100);
	cr_expect_eq(h.samples.n, 10);
	held_done(&h);
}

Test(held, keeps_no_more_than_it_may)
{
	struct trace t = sample(2);
	struct held h = { 0 };

	for (size_t i = 0; i < HELD_MAX; i++)
		cr_assert(held_add(&h, &t));
	cr_expect_not(held_add(&h, &t));
	cr_expect_eq(h.samples.n, HELD_MAX);
	held_done(&h);
}

static int hold_one(void)
{
	struct trace t = sample(2);
	struct held h = { 0 };
	bool is_held = held_add(&h, &t);

	cr_expect_eq(h.samples.n, is_held);
	held_done(&h);
	return is_held ? 0 : -ENOMEM;
}

Test(held, does_without_memory)
{
	allocfail_each(hold_one);
}
