/* SPDX-License-Identifier: Apache-2.0 */
#include "dwdir.h"

#include <stdlib.h>

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
	return (a->unit > b->unit) - (a->unit < b->unit);
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
	struct dwdir_range *r = d->ranges.items;

	if (d->ranges.n > 0)
		qsort(r, d->ranges.n, sizeof(*r), by_lo);
	for (size_t n = 1; n <= d->ranges.n; n++) {
		r[n - 1].reach = r[n - 1].hi;
		for (size_t part = n - 1; part > n - span_of(n); part -= span_of(part))
			if (r[part - 1].reach > r[n - 1].reach)
				r[n - 1].reach = r[part - 1].reach;
	}
}

uint32_t dwdir_next(const struct dwdir *d, uint64_t addr, size_t *pos)
{
	size_t lo = 0, hi = d->ranges.n;

	while (*pos == SIZE_MAX && lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (d->ranges.items[mid].lo <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (*pos == SIZE_MAX)
		*pos = lo;
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
