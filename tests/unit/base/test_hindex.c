/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "hash.h"
#include "hindex.h"

Test(hindex, finds_every_number_under_its_hash)
{
	struct hindex h = { 0 };

	for (uint32_t i = 0; i < 10000; i++)
		cr_assert_eq(hindex_add(&h, hash_u64(i), i), 0);
	for (uint32_t i = 0; i < 10000; i++) {
		int seen = 0;

		hindex_each(&h, hash_u64(i), it)
			seen += it == i;
		cr_assert_eq(seen, 1, "number %u found %d times", i, seen);
	}
	hindex_free(&h);
}

Test(hindex, keeps_several_numbers_of_one_hash)
{
	struct hindex h = { 0 };
	unsigned sum = 0;

	for (uint32_t i = 0; i < 40; i++)
		cr_assert_eq(hindex_add(&h, 7, i), 0);
	hindex_each(&h, 7, it)
		sum += it;
	cr_assert_eq(sum, 40 * 39 / 2);
	hindex_each(&h, 8, it)
		cr_assert_fail("hash 8 was never added, yet %u came", it);
	hindex_free(&h);
}

Test(hindex, is_empty_after_clear_and_before_the_first_add)
{
	struct hindex h = { 0 };

	hindex_each(&h, 1, it)
		cr_assert_fail("an empty index gave %u", it);
	cr_assert_eq(hindex_add(&h, 1, 1), 0);
	hindex_clear(&h);
	hindex_each(&h, 1, it)
		cr_assert_fail("a cleared index gave %u", it);
	hindex_free(&h);
}

Test(hindex, has_room_that_was_reserved)
{
	struct hindex h = { 0 };
	const struct hindex_slot *slots;

	cr_assert_eq(hindex_add(&h, 5, 50), 0);
	cr_assert_eq(hindex_reserve(&h, 1000), 0);
	slots = h.slots;
	for (uint32_t i = 1; i < 1000; i++)
		cr_assert_eq(hindex_add(&h, i * 7919, i), 0);
	cr_expect_eq(h.slots, slots);
	hindex_fetch(&h, 5);
	hindex_each(&h, 5, it)
		cr_expect_eq(it, 50);
	hindex_free(&h);
}
