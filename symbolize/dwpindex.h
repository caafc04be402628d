/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index of a .dwp, a file that many .dwo were put into (DWARF 5 §7.3.5, and GNU's version 2 of
 * it for DWARF 4): which part of each section is of the split unit with an id.
 */
#pragma once

#include <stdint.h>

#include "dwsection.h"

enum { DWPINDEX_COLUMNS_MAX = 16 }; /* there are eight kinds */

struct dwpindex {
	uint32_t n_columns, n_units, n_slots;
	uint64_t ids, rows, offsets, sizes;   /* tables in .debug_cu_index */
	int8_t section[DWPINDEX_COLUMNS_MAX]; /* enum dwsection_id of a column; -1 = not wanted */
};

/*
 * Reads the head of .debug_cu_index of @d. 0; -ENOENT when there is none or it is empty; -EBADMSG;
 * -ENOTSUP for another version.
 */
int dwpindex_open(const struct dwsections *d, struct dwpindex *ret);

/*
 * The split unit with that id: 0 and its parts of @d's sections in *@ret, a view that is not to be
 * closed and holds as long as @d; sections without a column are shared, so they are whole. -ENOENT
 * when the index has no such unit, -EBADMSG when its parts are not there. Thread-safe.
 */
int dwpindex_find(const struct dwpindex *x, const struct dwsections *d, uint64_t id,
		  struct dwsections *ret);
