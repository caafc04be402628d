/* SPDX-License-Identifier: Apache-2.0 */
#include "radix.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "pages.h"

enum {
	BITS = 11,
	PLACES = 1 << BITS,
	FEW = 64,
};

/* Of few keys the counts would be most of the work. */
static void insertion_sort(struct radix_key *keys, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct radix_key key = keys[i];
		size_t at = i;

		for (; at > 0 && keys[at - 1].by > key.by; at--)
			keys[at] = keys[at - 1];
		keys[at] = key;
	}
}

static bool is_sorted(const struct radix_key *keys, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (keys[i - 1].by > keys[i].by)
			return false;
	return true;
}

int radix_sort(struct radix_key *keys, size_t n)
{
	struct radix_key *other, *from = keys, *to;

	/* Units lie in the order of their addresses, most often: to look costs nothing elsewhere. */
	if (is_sorted(keys, n))
		return 0;
	if (n < FEW) {
		insertion_sort(keys, n);
		return 0;
	}
	to = other = malloc(n * sizeof(*other));
	if (!other)
		return -ENOMEM;
	pages_expect(other, n * sizeof(*other));
	for (unsigned shift = 0; shift < 32; shift += BITS) {
		size_t start[PLACES] = { 0 }, sum = 0;

		for (size_t i = 0; i < n; i++)
			start[from[i].by >> shift & (PLACES - 1)]++;
		if (start[from[0].by >> shift & (PLACES - 1)] == n)
			continue;
		for (size_t i = 0; i < PLACES; i++) {
			size_t count = start[i];

			start[i] = sum;
			sum += count;
		}
		for (size_t i = 0; i < n; i++)
			to[start[from[i].by >> shift & (PLACES - 1)]++] = from[i];
		from = to;
		to = to == other ? keys : other;
	}
	if (from != keys)
		memcpy(keys, from, n * sizeof(*keys));
	free(other);
	return 0;
}
