/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of one object before they are packed: all FDEs in order of address, equal neighbours
 * merged, gaps marked. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "coderows.h"
#include "ehframe.h"
#include "ruleset.h"

/*
 * Between functions there is padding, in which nobody runs; a gap that is shorter than the usual
 * alignment is taken for padding and costs no row.
 */
#define ROWSET_MIN_GAP 16

struct row {
	uint32_t pc;   /* rises strictly */
	uint32_t rule; /* number in the ruleset; differs from the row before */
};

struct rowset {
	ARRAY(struct row) rows;
	uint32_t end; /* where the last row ends */
};

/*
 * Decodes the FDEs of @e, counting in its stats what is broken, and fills what they leave out with rows
 * of @code (NULL = none). 0 and *@ret (release with rowset_done()), -EFBIG for more than @max_rows,
 * -ENOMEM.
 */
int rowset_build(const struct eh_frame *e, struct code_rows *code, struct ruleset *rules,
		 size_t max_rows, struct rowset *ret);
void rowset_done(struct rowset *s);
