/* SPDX-License-Identifier: Apache-2.0 */
/* Variable-length integers of DWARF, over the bounds-checked reader. Bits beyond 64 are dropped. */
#pragma once

#include <stdint.h>

#include "bytes.h"

static inline int bytes_uleb(struct bytes *b, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; b->pos < b->n; shift += shift < 64 ? 7 : 0) {
		uint8_t c = b->p[b->pos++];

		if (shift < 64)
			v |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80)) {
			*ret = v;
			return 0;
		}
	}
	return -EBADMSG;
}

static inline int bytes_sleb(struct bytes *b, int64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; b->pos < b->n; shift += shift < 64 ? 7 : 0) {
		uint8_t c = b->p[b->pos++];

		if (shift < 64)
			v |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80)) {
			if ((c & 0x40) && shift + 7 < 64)
				v |= ~(uint64_t)0 << (shift + 7);
			*ret = (int64_t)v;
			return 0;
		}
	}
	return -EBADMSG;
}

#define LEB_MAX 10 /* bytes of the longest */

/* Writes @v to @out: the number of bytes. */
static inline size_t leb_put_sleb(uint8_t *out, int64_t v)
{
	size_t n = 0;

	for (; v < -0x40 || v > 0x3f; v >>= 7)
		out[n++] = (uint8_t)v | 0x80;
	out[n++] = (uint8_t)v & 0x7f;
	return n;
}
