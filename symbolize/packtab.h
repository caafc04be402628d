/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables of small numbers: each record has the same few fields, and each field as many bits as its
 * largest number takes. What is a third of the size costs no search: record i is at i times the
 * width. Bytes are little-endian.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
	PACKTAB_FIELDS = 4,
	PACKTAB_BITS = 57, /* of a field at most: with seven before it, it is within eight bytes */
	PACKTAB_SLACK = 8, /* bytes of a table that follow its last record */
};

/* Where a table is in an image, and its shape. */
struct packtab {
	uint32_t at, n; /* bytes from the image's beginning; records */
	uint8_t bits[PACKTAB_FIELDS];
};

/* The shape for @n records of which @all has every bit that is set in some: 0, or -EFBIG. */
int packtab_shape(struct packtab *t, size_t n, const uint64_t all[PACKTAB_FIELDS]);

/* Bytes that it takes. */
uint64_t packtab_bytes(const struct packtab *t);

/* Whether it is within the first @size bytes of an image, and reading it stays there. */
bool packtab_fits(const struct packtab *t, uint64_t size);

/* --- writing records, one after the other ----------------------------------------------------- */

struct packtab_writer {
	uint8_t *to;
	uint64_t bits; /* that are not written yet */
	unsigned n;
};

static inline void packtab_put(struct packtab_writer *w, uint64_t v, unsigned bits)
{
	if (bits > 32) {
		packtab_put(w, v & UINT32_MAX, 32);
		v >>= 32;
		bits -= 32;
	}
	w->bits |= v << w->n;
	w->n += bits;
	if (w->n >= 32) {
		memcpy(w->to, &w->bits, 4);
		w->to += 4;
		w->bits >>= 32;
		w->n -= 32;
	}
}

/* Writes the rest. */
static inline void packtab_end(struct packtab_writer *w)
{
	memcpy(w->to, &w->bits, sizeof(w->bits));
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Record @i < n of the table in @image. */
static inline void packtab_get(const struct packtab *t, const void *image, size_t i,
			       uint64_t ret[PACKTAB_FIELDS])
{
	const uint8_t *table = (const uint8_t *)image + t->at;
	uint64_t at = i * (uint64_t)(t->bits[0] + t->bits[1] + t->bits[2] + t->bits[3]);

	for (unsigned k = 0; k < PACKTAB_FIELDS; k++) {
		uint64_t v;

		memcpy(&v, table + at / 8, sizeof(v));
		ret[k] = v >> at % 8 & ((1ull << t->bits[k]) - 1);
		at += t->bits[k];
	}
}
