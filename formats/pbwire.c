/* SPDX-License-Identifier: Apache-2.0 */
#include "pbwire.h"

#define VARINT_MAX 10 /* bytes */

int pbwire_long_varint(struct bytes *b, uint64_t *ret)
{
	const uint8_t *p = b->p + b->pos;
	size_t most = bytes_left(b) < VARINT_MAX ? bytes_left(b) : VARINT_MAX;
	uint64_t v = 0;

	for (size_t i = 0; i < most; i++) {
		v |= (uint64_t)(p[i] & 0x7f) << 7 * i;
		if (!(p[i] & 0x80)) {
			b->pos += i + 1;
			*ret = v;
			return 0;
		}
	}
	return -EBADMSG;
}

int pbwire_field(struct bytes *b, struct pbfield *ret)
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

void pbruns_add(struct pbruns *r, uint64_t number, size_t start, size_t end)
{
	struct pbrun *last = r->n ? &r->items[r->n - 1] : NULL;

	if (last && (last->number == number || r->n == PBRUNS_MAX)) {
		if (last->number != number)
			last->number = PBRUN_MIXED;
		last->end = end;
	} else {
		r->items[r->n++] = (struct pbrun){ .number = number, .start = start, .end = end };
	}
}
