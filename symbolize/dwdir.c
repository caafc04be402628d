/* SPDX-License-Identifier: Apache-2.0 */
#include "dwdir.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "cleanup.h"
#include "radix.h"

enum { FAR = 8 }; /* ranges: what is farther away is searched for */

int dwdir_add(struct dwdir *d, uint64_t lo, uint64_t hi, uint32_t unit)
{
	return array_push(&d->ranges, (struct dwdir_range){ .lo = lo, .hi = hi, .unit = unit });
}

void dwdir_done(struct dwdir *d)
{
	array_free(&d->ranges);
}

static int by_lo(const void *pa, const void *pb)
{
	const struct dwdir_range *a = pa, *b = pb;

	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	return (a->unit < b->unit) - (a->unit > b->unit);
}

/* Sorts ranges within 4 GiB of each other, of which large programs have 100,000, in linear time: 0, or
 * -ENOMEM, and they are as they were. */
static int sort_near(struct dwdir *d, uint64_t base)
{
	size_t n = d->ranges.n;
	_cleanup_free_ struct radix_key *keys = malloc(n * sizeof(*keys));
	struct dwdir_range *sorted = malloc(d->ranges.cap * sizeof(*sorted));

	/* From the last to the first: the sort leaves equal ones as they came. */
	for (size_t i = 0; keys && i < n; i++)
		keys[n - 1 - i] =
			(struct radix_key){ (uint32_t)(d->ranges.items[i].lo - base), (uint32_t)i };
	if (!keys || !sorted || radix_sort(keys, n) < 0) {
		free(sorted);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		sorted[i] = d->ranges.items[keys[i].item];
	free(d->ranges.items);
	d->ranges.items = sorted;
	return 0;
}

static void sort(struct dwdir *d)
{
	uint64_t lo = UINT64_MAX, hi = 0;
	bool is_sorted = true; /* what comes from an index on disk is */

	array_each(&d->ranges, r) {
		is_sorted &= r->lo >= hi;
		lo = r->lo < lo ? r->lo : lo;
		hi = r->lo > hi ? r->lo : hi;
	}
	if (!is_sorted && (hi - lo > UINT32_MAX || sort_near(d, lo) < 0))
		qsort(d->ranges.items, d->ranges.n, sizeof(*d->ranges.items), by_lo);
}

/* Of range number @n, counted from 1: how many ranges its reach is of, itself the last. */
static size_t span_of(size_t n)
{
	return n & -n;
}

/*
 * The reaches make a binary indexed tree: that of range number 12 is of 9 to 12, that of 16 of 1
 * to 16. So who looks for the last range that goes on to an address passes over all that end before
 * it.
 */
void dwdir_sort(struct dwdir *d)
{
	struct dwdir_range *r;

	sort(d);
	r = d->ranges.items;
	for (size_t n = 1; n <= d->ranges.n; n++) {
		r[n - 1].reach = r[n - 1].hi;
		for (size_t part = n - 1; part > n - span_of(n); part -= span_of(part))
			if (r[part - 1].reach > r[n - 1].reach)
				r[n - 1].reach = r[part - 1].reach;
	}
}

size_t dwdir_find(const struct dwdir *d, uint64_t addr, size_t near)
{
	const struct dwdir_range *r = d->ranges.items;
	size_t lo = 0, hi = d->ranges.n;

	if (near > 0 && near <= hi && r[near - 1].lo <= addr)
		for (lo = near; lo < hi && lo < near + FAR && r[lo].lo <= addr; lo++)
			;
	if (lo > 0 && (lo == hi || r[lo].lo > addr))
		return lo;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r[mid].lo <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

uint32_t dwdir_next(const struct dwdir *d, uint64_t addr, size_t *pos)
{
	if (*pos == SIZE_MAX)
		*pos = dwdir_find(d, addr, 0);
	while (*pos > 0) {
		const struct dwdir_range *r = &d->ranges.items[*pos - 1];

		if (r->reach <= addr) {
			*pos -= span_of(*pos);
			continue;
		}
		--*pos;
		if (addr < r->hi)
			return r->unit;
	}
	return UINT32_MAX;
}
