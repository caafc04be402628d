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

void dwdir_sort(struct dwdir *d)
{
	uint64_t reach = 0;

	if (d->ranges.n > 0)
		qsort(d->ranges.items, d->ranges.n, sizeof(*d->ranges.items), by_lo);
	array_each(&d->ranges, r) {
		reach = r->hi > reach ? r->hi : reach;
		r->reach = reach;
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
		const struct dwdir_range *r = &d->ranges.items[--*pos];

		if (r->reach <= addr)
			break;
		if (addr < r->hi)
			return r->unit;
	}
	*pos = 0;
	return UINT32_MAX;
}
