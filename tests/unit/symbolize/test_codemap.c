/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "codemap.h"

static uint32_t at(const struct codemap *m, uint64_t addr)
{
	uint32_t code;

	return codemap_find(m, addr, &code) ? code : 0;
}

Test(codemap, is_empty_at_first)
{
	struct codemap m = { 0 };

	cr_expect_eq(at(&m, 0), 0);
	cr_expect_eq(at(&m, UINT64_MAX), 0);
	codemap_done(&m);
}

Test(codemap, later_code_lies_over_earlier_code)
{
	struct codemap m = { 0 };

	cr_assert_eq(codemap_put(&m, 100, 200, 1), 0);
	cr_assert_eq(codemap_put(&m, 150, 160, 2), 0);
	cr_assert_eq(codemap_put(&m, 190, 210, 3), 0);
	cr_assert_eq(codemap_put(&m, UINT64_MAX - 1, UINT64_MAX, 4), 0);
	cr_expect_eq(at(&m, 99), 0);
	cr_expect_eq(at(&m, 100), 1);
	cr_expect_eq(at(&m, 150), 2);
	cr_expect_eq(at(&m, 160), 1);
	cr_expect_eq(at(&m, 190), 3);
	cr_expect_eq(at(&m, 209), 3);
	cr_expect_eq(at(&m, 210), 0);
	cr_expect_eq(at(&m, UINT64_MAX - 1), 4);
	cr_expect_eq(at(&m, UINT64_MAX), 0);
	codemap_done(&m);
}

/* Against an array with an element for each address. */
Test(codemap, agrees_with_an_array, .timeout = 60)
{
	static uint32_t truth[4096];
	uint64_t random = 1;

	for (unsigned widest = 8; widest <= 4096; widest *= 8) {
		struct codemap m = { 0 };

		memset(truth, 0, sizeof(truth));
		for (uint32_t code = 1; code <= 3000; code++) {
			uint64_t start, end;

			random = random * 6364136223846793005ull + 1442695040888963407ull;
			start = (random >> 33) % 4096;
			end = start + 1 + (random >> 50) % widest;
			end = end < 4096 ? end : 4096;
			cr_assert_eq(codemap_put(&m, start, end, code), 0);
			for (uint64_t i = start; i < end; i++)
				truth[i] = code;
			if (code % 500 && code > 200)
				continue;
			for (uint64_t i = 0; i < 4096; i++)
				cr_assert_eq(at(&m, i), truth[i], "%lu: %u, not %u", i, at(&m, i),
					     truth[i]);
		}
		codemap_done(&m);
	}
}

/* What was put over and over again takes no more room than what is in sight. */
Test(codemap, forgets_what_is_covered)
{
	struct codemap m = { 0 };

	for (uint32_t i = 1; i <= 100000; i++)
		cr_assert_eq(codemap_put(&m, i % 10 * 16, i % 10 * 16 + 16, i), 0);
	cr_expect_leq(codemap_bytes(&m), 4096);
	cr_expect_eq(at(&m, 0), 100000);
	cr_expect_eq(at(&m, 17), 99991);
	codemap_done(&m);
}
