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
