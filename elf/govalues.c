/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Go's tables of values by address: pairs of numbers of variable length, how much the value changes
 * (zigzag) and for how many quanta of code it holds. The value begins at -1; a change of 0 ends the
 * table, but in the first pair.
 */
#include <errno.h>

#include "gotable.h"

enum {
	RUNS_MAX = 4 << 20, /* of one function; large ones have some ten thousand */
	PAIR_MAX = 10,	    /* bytes */
};

static int read_varint(struct bytes *b, uint32_t *ret)
{
	uint32_t v = 0;

	for (unsigned shift = 0; shift < 35; shift += 7) {
		uint8_t byte;

		if (bytes_u8(b, &byte) < 0)
			return -EBADMSG;
		v |= (uint32_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = v;
			return 0;
		}
	}
	return -EBADMSG;
}

int gotable_values(const struct go_table *t, uint32_t off, uint32_t n, struct go_runs *runs)
{
	struct bytes b = t->values;
	uint32_t change, quanta, value = UINT32_MAX;
	uint64_t at = 0;

	runs->runs.n = 0;
	if (off == 0 || bytes_seek(&b, off) < 0)
		return 0;
	for (bool first = true; at < n; first = false) {
		gotable_bring(t, &b, b.pos, PAIR_MAX);
		if (read_varint(&b, &change) < 0 || (change == 0 && !first) ||
		    read_varint(&b, &quanta) < 0)
			break;
		/* No real table has a value for no code, and it would cost time without end. */
		if (quanta == 0 || runs->runs.n == RUNS_MAX)
			break;
		value += change & 1 ? ~(change >> 1) : change >> 1;
		at += (uint64_t)quanta * t->quantum;
		if (array_push(&runs->runs,
			       (struct go_run){ at < n ? (uint32_t)at : n, (int32_t)value }) < 0)
			return -ENOMEM;
	}
	return 0;
}

const struct go_run *gotable_run_at(const struct go_runs *runs, uint32_t at)
{
	size_t lo = 0, hi = runs->runs.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (runs->runs.items[mid].end <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < runs->runs.n ? &runs->runs.items[lo] : NULL;
}
