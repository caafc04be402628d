/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzz targets of this room share: a buffer as sink and source. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "array.h"

struct buffer {
	uint8_t *items;
	size_t n, cap;
	size_t pos;   /* of the next byte to give */
	size_t chunk; /* most bytes to give at a time, 0 = all */
};

static inline int buffer_add(void *ctx, const void *data, size_t n)
{
	struct buffer *b = ctx;
	int r = array_reserve(b, n);

	if (r == 0 && n)
		memcpy(b->items + b->n, data, n);
	b->n += r == 0 ? n : 0;
	return r;
}

static inline ssize_t buffer_give(void *ctx, void *buf, size_t n)
{
	struct buffer *b = ctx;

	if (b->chunk && n > b->chunk)
		n = b->chunk;
	if (n > b->n - b->pos)
		n = b->n - b->pos;
	if (n)
		memcpy(buf, b->items + b->pos, n);
	b->pos += n;
	return (ssize_t)n;
}

static inline void must(bool ok)
{
	if (!ok)
		abort();
}
