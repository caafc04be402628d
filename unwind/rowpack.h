/* SPDX-License-Identifier: Apache-2.0 */
/* Packs rows and rules into the words of unwind_row.h. */
#pragma once

#include <stddef.h>

#include "rowset.h"
#include "unwind.h"

/*
 * Fills words, n_words, place, n_rules and the counts of rows in the stats of @t. 0, -ENODATA when
 * there are no rows, -EFBIG when the table would exceed @max_bytes, -ENOMEM.
 */
int rowpack(const struct rowset *s, const struct ruleset *rules, size_t max_bytes,
	    struct unwind_table *t);
