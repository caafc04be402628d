/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "pages.h"

Test(pages, memory_is_as_it_was_and_no_more_of_it_is_touched)
{
	enum { N = 1 << 20, PAGE = 4096 };
	unsigned char *p =
		mmap(NULL, 2 * N, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char there[2 * N / PAGE];

	cr_assert_neq(p, MAP_FAILED);
	p[N / 2] = 7;
	errno = 0;
	pages_expect(p + 1, N - 1);
	pages_expect(p + N, PAGES_WORTH - 1);
	pages_expect(NULL, PAGES_WORTH * 2);
	cr_expect_eq(errno, 0);
	cr_expect_eq(p[N / 2], 7);
	cr_expect_eq(p[N - 1], 0);
	cr_assert_eq(mincore(p, 2 * N, there), 0);
	for (size_t i = N / PAGE; i < 2 * N / PAGE; i++)
		cr_expect_eq(there[i] & 1, 0);
	munmap(p, 2 * N);
}
