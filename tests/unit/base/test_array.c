/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>

#include "allocfail.h"
#include "array.h"

struct pair {
	int a, b;
};

Test(array, grows_and_keeps_its_items)
{
	ARRAY(struct pair) v = { 0 };
	int sum = 0;

	for (int i = 0; i < 1000; i++)
		cr_assert_eq(array_push(&v, (struct pair){ i, -i }), 0);
	cr_expect_eq(v.n, 1000);
	cr_expect_geq(v.cap, 1000);
	array_each(&v, p)
		sum += p->a + 2 * p->b;
	cr_expect_eq(sum, -999 * 1000 / 2);
	array_free(&v);
	cr_expect(!v.items && !v.n && !v.cap);
}

Test(array, walk_of_an_empty_one_does_nothing)
{
	ARRAY(int) v = { 0 };

	array_each(&v, p)
		cr_assert_fail("an empty array has item %d", *p);
	array_free(&v);
}

Test(array, reserve_makes_room_without_items)
{
	ARRAY(char) v = { 0 };

	cr_assert_eq(array_reserve(&v, 1000), 0);
	cr_expect_eq(v.n, 0);
	cr_expect_geq(v.cap, 1000);
	v.n = 1000;
	cr_expect_eq(array_reserve(&v, 0), 0);
	array_free(&v);
}

Test(array, grows_again_once_it_was_fitted)
{
	ARRAY(int) v = { 0 };

	for (int want = 0; want < 3; want++) {
		array_free(&v);
		cr_assert_eq(array_fit(&v, (size_t)want), 0);
		for (int i = 0; i < 20; i++)
			cr_assert_eq(array_push(&v, i), 0);
		cr_expect_eq(v.items[19], 19);
	}
	array_free(&v);
}

Test(array, stays_as_it_was_when_it_cannot_grow)
{
	ARRAY(int) v = { 0 };
	size_t cap;

	cr_assert_eq(array_push(&v, 42), 0);
	cap = v.cap;
	allocfail_at(1);
	cr_expect_eq(array_reserve(&v, 1000), -ENOMEM);
	cr_expect(allocfail_stop());
	cr_expect_eq(v.n, 1);
	cr_expect_eq(v.cap, cap);
	cr_expect_eq(v.items[0], 42);
	array_free(&v);
}

static int fill(void)
{
	ARRAY(int) v = { 0 };
	int r = 0;

	for (unsigned i = 0; i < 100 && r == 0; i++) {
		r = array_push(&v, (int)i);
		if (r < 0)
			cr_expect_eq(v.n, i);
	}
	array_free(&v);
	return r;
}

Test(array, survives_every_failed_allocation)
{
	allocfail_each(fill);
}
