/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#include "allocfail.h"
#include "radix.h"

static int by_key(const void *pa, const void *pb)
{
	const struct radix_key *a = pa, *b = pb;

	if (a->by != b->by)
		return a->by < b->by ? -1 : 1;
	return (a->item > b->item) - (a->item < b->item);
}

/* Items count up, so a stable sort leaves equal numbers in the order of their items. */
static void expect_sorted(const uint32_t *numbers, size_t n)
{
	struct radix_key *keys = calloc(n + 1, sizeof(*keys)), *want = calloc(n + 1, sizeof(*want));

	for (size_t i = 0; i < n; i++)
		want[i] = keys[i] = (struct radix_key){ numbers[i], (uint32_t)i };
	qsort(want, n, sizeof(*want), by_key);
	cr_assert_eq(radix_sort(keys, n), 0);
	cr_expect_arr_eq(keys, want, n * sizeof(*keys));
	free(keys);
	free(want);
}

Test(radix, sorts_like_qsort)
{
	static uint32_t numbers[5000];
	unsigned seed = 3;

	for (unsigned bits = 0; bits <= 32; bits += 4) {
		for (size_t i = 0; i < 5000; i++)
			numbers[i] = (uint32_t)(((uint64_t)rand_r(&seed) << 31 ^ (uint64_t)rand_r(&seed)) &
						((1ull << bits) - 1));
		expect_sorted(numbers, 5000);
	}
}

Test(radix, takes_few_and_none)
{
	const uint32_t numbers[] = { UINT32_MAX, 0, UINT32_MAX, 1 };
	uint32_t more[80];

	for (size_t n = 0; n <= 4; n++)
		expect_sorted(numbers, n);
	for (uint32_t i = 0; i < 80; i++)
		more[i] = i * 37 % 11 << 20;
	for (size_t n = 50; n <= 80; n++)
		expect_sorted(more, n);
}

Test(radix, leaves_the_keys_without_memory)
{
	struct radix_key keys[100];

	for (uint32_t i = 0; i < 100; i++)
		keys[i] = (struct radix_key){ i ? 1 : 2, i };
	allocfail_at(1);
	cr_expect_eq(radix_sort(keys, 100), -ENOMEM);
	cr_expect(allocfail_stop());
	cr_expect_eq(keys[0].by, 2);
}
