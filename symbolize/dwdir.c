/* SPDX-License-Identifier: Apache-2.0 */
#include "dwdir.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "cleanup.h"
#include "radix.h"

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

/* Ranges within 4 GiB of each other are sorted in linear time: large programs have 100,000 of them. */
static int sort(struct dwdir *d)
{
	_cleanup_free_ struct radix_key *keys = NULL;
	struct dwdir_range *sorted;
	uint64_t lo = UINT64_MAX, hi = 0;
	size_t n = d->ranges.n;
	bool sorted_already = true; /* what comes from an index on disk is */

	for (size_t i = 0; i < n; i++) {
		const struct dwdir_range *r = &d->ranges.items[i];

		sorted_already &= i == 0 || r->lo >= hi;
		lo = r->lo < lo ? r->lo : lo;
		hi = r->lo > hi ? r->lo : hi;
	}
	if (sorted_already)
		return 0;
	if (hi - lo > UINT32_MAX) {
		qsort(d->ranges.items, n, sizeof(*d->ranges.items), by_lo);
		return 0;
	}
	keys = malloc(n * sizeof(*keys));
	sorted = malloc(d->ranges.cap * sizeof(*sorted));
	if (!keys || !sorted) {
		free(sorted);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		keys[i] = (struct radix_key){ (uint32_t)(d->ranges.items[i].lo - lo), (uint32_t)i };
	if (radix_sort(keys, n) < 0) {
		free(sorted);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		sorted[i] = d->ranges.items[keys[i].item];
	free(d->ranges.items);
	d->ranges.items = sorted;
	return 0;
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
int dwdir_sort(struct dwdir *d)
{
	struct dwdir_range *r;

	if (d->ranges.n > 0 && sort(d) < 0)
		return -ENOMEM;
	r = d->ranges.items;
	for (size_t n = 1; n <= d->ranges.n; n++) {
		r[n - 1].reach = r[n - 1].hi;
		for (size_t part = n - 1; part > n - span_of(n); part -= span_of(part))
			if (r[part - 1].reach > r[n - 1].reach)
				r[n - 1].reach = r[part - 1].reach;
	}
	return 0;
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
