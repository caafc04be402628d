/* SPDX-License-Identifier: Apache-2.0 */
/* Which units an address may belong to. Ranges of units overlap in odd files; all are found. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "array.h"

struct dwdir_range {
	uint64_t lo, hi;
	uint64_t reach; /* the highest hi of some ranges that end with this one: dwdir_sort() */
	uint32_t unit;
};

/* Zero it, add ranges, sort it. */
struct dwdir {
	ARRAY(struct dwdir_range) ranges;
};

int dwdir_add(struct dwdir *d, uint64_t lo, uint64_t hi, uint32_t unit);
void dwdir_sort(struct dwdir *d);
void dwdir_done(struct dwdir *d);

/*
 * How many ranges begin at or before @addr: where dwdir_next() begins. Who looks for addresses in ascending
 * order says what came before, @near, and it takes no search; 0 = nothing did.
 */
size_t dwdir_find(const struct dwdir *d, uint64_t addr, size_t near);

/*
 * The next unit whose range holds @addr: begin with dwdir_find(), or *@pos == SIZE_MAX. UINT32_MAX when there are no
 * more. The range that begins last comes first, and of those that begin together that of the first unit; a
 * unit may come more than once. However ranges overlap, it takes a time that grows with the logarithm of their number.
 */
uint32_t dwdir_next(const struct dwdir *d, uint64_t addr, size_t *pos);
