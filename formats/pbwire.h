/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outermost fields of a foreign protobuf message, found without unpacking it: so that a message
 * of millions of sub-messages needs the memory of one of them at a time.
 */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

enum pbwire {
	PBWIRE_VARINT = 0,
	PBWIRE_FIXED64 = 1,
	PBWIRE_BYTES = 2,
	PBWIRE_FIXED32 = 5,
};

struct pbfield {
	uint64_t number;
	enum pbwire wire;
	uint64_t value;	    /* of a varint */
	struct bytes bytes; /* of bytes; borrowed */
};

/* A varint of any length: 0, or -EBADMSG when it ends early or never. */
int pbwire_long_varint(struct bytes *b, uint64_t *ret);

/* The same; nearly all of them are one to three bytes. */
static inline int pbwire_varint(struct bytes *b, uint64_t *ret)
{
	const uint8_t *p = b->p + b->pos;
	size_t left = bytes_left(b);

	if (left && p[0] < 0x80) {
		*ret = p[0];
		b->pos++;
	} else if (left > 1 && p[1] < 0x80) {
		*ret = (uint64_t)(p[0] & 0x7f) | (uint64_t)p[1] << 7;
		b->pos += 2;
	} else if (left > 2 && p[2] < 0x80) {
		*ret = (uint64_t)(p[0] & 0x7f) | (uint64_t)(p[1] & 0x7f) << 7 |
		       (uint64_t)p[2] << 14;
		b->pos += 3;
	} else {
		return pbwire_long_varint(b, ret);
	}
	return 0;
}

/*
 * The next field, and moves past it: 0 or -EBADMSG. Groups, which proto3 has not, are broken, too.
 * Inline: reading a million samples asks for ten million fields.
 */
static inline int pbwire_field(struct bytes *b, struct pbfield *ret)
{
	struct pbfield f = { 0 };
	const void *data;
	uint64_t tag, n;

	if (pbwire_varint(b, &tag) < 0)
		return -EBADMSG;
	f.number = tag >> 3;
	f.wire = (enum pbwire)(tag & 7);
	if (f.number == 0 || f.number >= 1u << 29)
		return -EBADMSG;
	switch (f.wire) {
	case PBWIRE_VARINT:
		if (pbwire_varint(b, &f.value) < 0)
			return -EBADMSG;
		break;
	case PBWIRE_BYTES:
		if (pbwire_varint(b, &n) < 0 || bytes_take(b, n, &data) < 0)
			return -EBADMSG;
		f.bytes = bytes_of(data, (size_t)n);
		break;
	case PBWIRE_FIXED64:
	case PBWIRE_FIXED32:
		if (bytes_skip(b, f.wire == PBWIRE_FIXED64 ? 8 : 4) < 0)
			return -EBADMSG;
		break;
	default: /* groups: proto3 has none */
		return -EBADMSG;
	}
	*ret = f;
	return 0;
}

/*
 * Where the fields of each number are: runs of one number, one behind the other. Producers write
 * all fields of a number together, so there are a few of them; when there are more than fit, the
 * last one is of mixed numbers.
 */
#define PBRUNS_MAX  64
#define PBRUN_MIXED 0 /* no field has this number */

struct pbrun {
	uint64_t number;
	size_t start, end;
};

struct pbruns {
	struct pbrun items[PBRUNS_MAX];
	size_t n;
};

/* Notes that a field lies from @start, which is where the one before ended, to @end. */
void pbruns_add(struct pbruns *r, uint64_t number, size_t start, size_t end);
