/* SPDX-License-Identifier: Apache-2.0 */
#include "packtab.h"

#include <errno.h>

static unsigned bits_of(uint64_t v)
{
	return v ? 64 - (unsigned)__builtin_clzll(v) : 0;
}

int packtab_shape(struct packtab *t, size_t n, const uint64_t all[PACKTAB_FIELDS])
{
	if (n > UINT32_MAX)
		return -EFBIG;
	t->n = (uint32_t)n;
	for (unsigned k = 0; k < PACKTAB_FIELDS; k++) {
		if (bits_of(all[k]) > PACKTAB_BITS)
			return -EFBIG;
		t->bits[k] = (uint8_t)bits_of(all[k]);
	}
	return 0;
}

uint64_t packtab_bytes(const struct packtab *t)
{
	uint64_t width = 0;

	for (unsigned k = 0; k < PACKTAB_FIELDS; k++)
		width += t->bits[k];
	return (t->n * width + 7) / 8 + PACKTAB_SLACK;
}

bool packtab_fits(const struct packtab *t, uint64_t size)
{
	for (unsigned k = 0; k < PACKTAB_FIELDS; k++)
		if (t->bits[k] > PACKTAB_BITS)
			return false;
	return t->at <= size && packtab_bytes(t) <= size - t->at;
}
