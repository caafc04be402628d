/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses of an entry: DW_AT_low_pc and DW_AT_high_pc, or a list of ranges (DWARF 5 §2.17). */
#pragma once

#include <stdint.h>

#include "array.h"
#include "dwunit.h"

struct dwspan {
	uint64_t lo, hi;
};

struct dwspans {
	ARRAY(struct dwspan) spans;
	uint64_t left; /* entries of lists that may be read yet: many may refer to one that is long
			*/
	struct dwsection_near *near; /* lists lie one behind another; NULL until one is read */
};

/* Forgets what was read of a file that is closed. */
void dwspans_forget(struct dwspans *s);
void dwspans_done(struct dwspans *s);

/*
 * Appends the ranges of an entry of @u: forms and values of its low_pc, high_pc and ranges, form 0
 * where it has none. Empty and impossible ones are left out. 0; -EBADMSG for a broken list (what
 * came before stays); -EFBIG when no more entries may be read; -ENOMEM.
 */
int dwrange_read(const struct dwfile *f, const struct dwunit *u, const uint16_t forms[3],
		 const uint64_t values[3], struct dwspans *ret);
