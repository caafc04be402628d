/* SPDX-License-Identifier: Apache-2.0 */
#include "dwpindex.h"

#include <errno.h>
#include <string.h>

enum {
	HEAD = 16,
	VERSION_GNU = 2, /* a number of 32 bits; in version 5 two of 16, the second one 0 */
	VERSION_5 = 5,
};

/* The section of a column, by its number in either version; -1: one that is not read here. */
static int8_t section_of(uint32_t version, uint32_t column)
{
	static const int8_t gnu[] = {
		[1] = DW_INFO, [3] = DW_ABBREV, [4] = DW_LINE, [6] = DW_STR_OFFSETS
	};
	static const int8_t v5[] = { [1] = DW_INFO,
				     [3] = DW_ABBREV,
				     [4] = DW_LINE,
				     [6] = DW_STR_OFFSETS,
				     [8] = DW_RNGLISTS };

	switch (column) {
	case 1:
	case 3:
	case 4:
	case 6:
		return version == VERSION_5 ? v5[column] : gnu[column];
	case 8:
		return version == VERSION_5 ? v5[column] : -1; /* GNU's is of macros */
	default:
		return -1;
	}
}

/* A number of 4 bytes at @off of the index. */
static int read_u32(const struct dwsections *d, uint64_t off, uint32_t *ret)
{
	uint8_t buf[4];
	const uint8_t *p = dwsection_window(d, DW_CU_INDEX, off, sizeof(buf), buf);

	if (!p)
		return -EBADMSG;
	memcpy(ret, p, sizeof(*ret));
	return 0;
}

static int read_columns(const struct dwsections *d, struct dwpindex *x, uint32_t version,
			uint64_t at)
{
	uint32_t seen = 0, column;

	for (uint32_t i = 0; i < x->n_columns; i++) {
		if (read_u32(d, at + 4ull * i, &column) < 0)
			return -EBADMSG;
		x->section[i] = section_of(version, column);
		if (x->section[i] < 0)
			continue;
		if (seen & 1u << x->section[i])
			return -EBADMSG; /* two parts of one section */
		seen |= 1u << x->section[i];
	}
	return seen & 1u << DW_INFO ? 0 : -EBADMSG;
}

int dwpindex_open(const struct dwsections *d, struct dwpindex *ret)
{
	uint64_t size = d->s[DW_CU_INDEX].size, row;
	struct dwpindex x = { 0 };
	uint32_t version;

	if (size == 0)
		return -ENOENT;
	if (read_u32(d, 0, &version) < 0 || read_u32(d, 4, &x.n_columns) < 0 ||
	    read_u32(d, 8, &x.n_units) < 0 || read_u32(d, 12, &x.n_slots) < 0)
		return -EBADMSG;
	if (version != VERSION_GNU && version != VERSION_5)
		return -ENOTSUP;
	if (x.n_units == 0 || x.n_slots == 0)
		return -ENOENT;
	if (x.n_columns == 0 || x.n_columns > DWPINDEX_COLUMNS_MAX ||
	    (x.n_slots & (x.n_slots - 1)) != 0)
		return -EBADMSG;
	row = 4ull * x.n_columns;
	x.ids = HEAD;
	x.rows = x.ids + 8ull * x.n_slots;
	x.offsets = x.rows + 4ull * x.n_slots + row; /* behind the numbers of the columns */
	x.sizes = x.offsets + row * x.n_units;
	if (x.sizes > size || row * x.n_units > size - x.sizes ||
	    read_columns(d, &x, version, x.offsets - row) < 0)
		return -EBADMSG;
	*ret = x;
	return 0;
}

/* The row of an id, counted from 0. The table is probed with a step that is odd, so that it meets
 * every slot once; a full one without the id ends after as many steps. */
static int find_row(const struct dwpindex *x, const struct dwsections *d, uint64_t id,
		    uint32_t *ret)
{
	uint64_t mask = x->n_slots - 1, slot = id & mask, step = (id >> 32 & mask) | 1;

	for (uint32_t i = 0; i < x->n_slots; i++) {
		uint8_t buf[8];
		const uint8_t *p = dwsection_window(d, DW_CU_INDEX, x->ids + slot * 8, 8, buf);
		uint64_t found;
		uint32_t row;

		if (!p || read_u32(d, x->rows + slot * 4, &row) < 0)
			return -EBADMSG;
		memcpy(&found, p, sizeof(found));
		if (row == 0)
			return -ENOENT;
		if (found == id) {
			*ret = row - 1;
			return row > x->n_units ? -EBADMSG : 0;
		}
		slot = (slot + step) & mask;
	}
	return -ENOENT;
}

/* Narrows a section to @n bytes at @off. */
static int narrow(struct dwsection *s, uint64_t off, uint64_t n)
{
	if (off > s->size || n > s->size - off)
		return -EBADMSG;
	if (s->mem)
		s->mem += off;
	s->off += off;
	s->size = n;
	return 0;
}

int dwpindex_find(const struct dwpindex *x, const struct dwsections *d, uint64_t id,
		  struct dwsections *ret)
{
	struct dwsections view = *d;
	uint32_t row = 0, off, n;
	int r = find_row(x, d, id, &row);

	view.is_view = true;
	for (uint32_t i = 0; r == 0 && i < x->n_columns; i++) {
		uint64_t at = 4ull * ((uint64_t)row * x->n_columns + i);

		if (x->section[i] < 0)
			continue;
		r = read_u32(d, x->offsets + at, &off);
		if (r == 0)
			r = read_u32(d, x->sizes + at, &n);
		if (r == 0)
			r = narrow(&view.s[x->section[i]], off, n);
	}
	if (r == 0)
		*ret = view;
	return r;
}
