/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <string.h>

#include <criterion/criterion.h>

#include "pbarena.h"

static void *get(struct pbarena *a, size_t n)
{
	return a->allocator.alloc(a->allocator.allocator_data, n);
}

Test(pbarena, gives_aligned_memory_that_does_not_overlap)
{
	struct pbarena a;
	char *parts[500];

	pbarena_init(&a);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < 500; i++) {
			parts[i] = get(&a, i * 7);
			cr_assert_not_null(parts[i]);
			cr_assert_eq((uintptr_t)parts[i] % 16, 0);
			memset(parts[i], (int)i, i * 7);
		}
		for (size_t i = 0; i < 500; i++)
			for (size_t k = 0; k < i * 7; k++)
				cr_assert_eq(parts[i][k], (char)i);
		pbarena_reset(&a);
	}
	pbarena_done(&a);
}

Test(pbarena, keeps_one_block_over_a_reset)
{
	struct pbarena a;
	void *first;

	pbarena_init(&a);
	first = get(&a, 10);
	cr_assert_not_null(get(&a, 1 << 20));
	pbarena_reset(&a);
	cr_assert_eq(get(&a, 10), first);
	pbarena_done(&a);
}

Test(pbarena, says_that_memory_ran_out)
{
	struct pbarena a;

	pbarena_init(&a);
	cr_assert_null(get(&a, SIZE_MAX));
	cr_assert(a.failed);
	pbarena_reset(&a);
	cr_assert_not(a.failed);
	pbarena_done(&a);
}
