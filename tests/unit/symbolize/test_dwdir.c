/* SPDX-License-Identifier: Apache-2.0 */
/* The directory of units against one that looks at every range. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

#include "clock.h"
#include "dwdir.h"

static void check_address(const struct dwdir *d, uint64_t addr)
{
	size_t pos = SIZE_MAX;
	uint32_t unit;

	for (size_t i = d->ranges.n; i-- > 0;) {
		const struct dwdir_range *r = &d->ranges.items[i];

		if (r->lo > addr || r->hi <= addr)
			continue;
		unit = dwdir_next(d, addr, &pos);
		cr_assert_eq(unit, r->unit, "%#lx: %u, want %u", (unsigned long)addr, unit,
			     r->unit);
	}
	/* No more, however often it is asked. */
	for (int i = 0; i < 3; i++)
		cr_assert_eq(dwdir_next(d, addr, &pos), UINT32_MAX);
}

/* From wherever it is looked for. */
static void check_begin(const struct dwdir *d, uint64_t addr)
{
	size_t want = 0;

	while (want < d->ranges.n && d->ranges.items[want].lo <= addr)
		want++;
	for (size_t near = 0; near <= d->ranges.n + 1; near++)
		cr_assert_eq(dwdir_find(d, addr, near), want);
}

Test(dwdir, finds_every_unit_of_an_address)
{
	for (unsigned n = 0; n < 70; n++) {
		struct dwdir d = { 0 };
		unsigned seed = n;

		for (unsigned i = 0; i < n; i++) {
			uint64_t lo = (uint64_t)rand_r(&seed) % 200;
			uint64_t hi = lo + (uint64_t)rand_r(&seed) % (i % 5 ? 20 : 200);

			cr_assert_eq(dwdir_add(&d, lo, hi, i), 0);
		}
		dwdir_sort(&d);
		for (uint64_t addr = 0; addr < 420; addr++) {
			check_address(&d, addr);
			check_begin(&d, addr);
		}
		check_address(&d, UINT64_MAX);
		dwdir_done(&d);
	}
}

Test(dwdir, what_begins_last_comes_first)
{
	struct dwdir d = { 0 };
	size_t pos = SIZE_MAX;

	cr_assert_eq(dwdir_add(&d, 20, 30, 7), 0);
	cr_assert_eq(dwdir_add(&d, 10, 40, 8), 0);
	cr_assert_eq(dwdir_add(&d, 20, 30, 9), 0);
	dwdir_sort(&d);
	/* Of two that begin together, such as a linker leaves of one function in two units, the first. */
	cr_expect_eq(dwdir_next(&d, 25, &pos), 7);
	cr_expect_eq(dwdir_next(&d, 25, &pos), 9);
	cr_expect_eq(dwdir_next(&d, 25, &pos), 8);
	cr_expect_eq(dwdir_next(&d, 25, &pos), UINT32_MAX);
	dwdir_done(&d);
}

/* One range over all and a million short ones before the address: none of these is looked at. */
Test(dwdir, a_range_over_all_costs_others_nothing)
{
	enum { RANGES = 1000000, ASKED = 100000 };
	struct dwdir d = { 0 };
	uint64_t begin;

	cr_assert_eq(dwdir_add(&d, 0, UINT64_MAX, 1), 0);
	for (uint64_t i = 0; i < RANGES; i++)
		cr_assert_eq(dwdir_add(&d, 10 + i, 11 + i, 2), 0);
	dwdir_sort(&d);
	begin = clock_mono_ns();
	for (uint64_t i = 0; i < ASKED; i++) {
		size_t pos = SIZE_MAX;

		cr_assert_eq(dwdir_next(&d, RANGES + 100 + i, &pos), 1);
		cr_assert_eq(dwdir_next(&d, RANGES + 100 + i, &pos), UINT32_MAX);
	}
	/* By looking at each it would be 100 s and more. */
	cr_expect_lt(clock_mono_ns() - begin, 5 * NSEC_PER_SEC);
	dwdir_done(&d);
}
