/* SPDX-License-Identifier: Apache-2.0 */
/* Sums that stop at the ends of their type: counts of foreign files may have any size. */
#pragma once

#include <stdint.h>

static inline int64_t saturate_add(int64_t a, int64_t b)
{
	int64_t r;

	if (__builtin_add_overflow(a, b, &r))
		return a < 0 ? INT64_MIN : INT64_MAX;
	return r;
}

static inline uint64_t saturate_add_u64(uint64_t a, uint64_t b)
{
	uint64_t r;

	return __builtin_add_overflow(a, b, &r) ? UINT64_MAX : r;
}

/* |v|, which an int64_t cannot always hold. */
static inline uint64_t magnitude(int64_t v)
{
	return v < 0 ? -(uint64_t)v : (uint64_t)v;
}

/* v times @factor, rounded. */
static inline int64_t saturate_scale(int64_t v, double factor)
{
	double x = (double)v * factor;

	if (x >= 0x1p63 || x < -0x1p63)
		return x < 0 ? INT64_MIN : INT64_MAX;
	return (int64_t)(x < 0 ? x - 0.5 : x + 0.5);
}
