/* SPDX-License-Identifier: Apache-2.0 */
/* The distinct rules of one object, numbered as they come; number 0 is "no rows here". */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "array.h"
#include "cfi.h"
#include "hindex.h"
#include "unwind_row.h"

/* Rules of nearly all rows, CFA = sp|fp + 8a with fp unchanged or at CFA - 8b, have a cell by that.
 */
#define RULESET_QUICK_CFA 128
#define RULESET_QUICK_FP  16

struct ruleset {
	ARRAY(struct unwind_rule) rules;
	struct hindex index;
	uint64_t secret[2]; /* in the hash: else an object could make all of its rules collide */
	const struct cfi_regs *regs;
	uint32_t overflow; /* the rule that stands for those beyond UNWIND_MAX_RULES */
	uint32_t quick[2][RULESET_QUICK_CFA][RULESET_QUICK_FP]; /* number + 1, 0 = not yet there */
};

/* 0 or -ENOMEM; ruleset_done() in both cases. */
int ruleset_init(struct ruleset *s, const struct cfi_regs *regs);
void ruleset_done(struct ruleset *s);

/* The number of the rule that @state means in a frame of the kind @is_signal says: or -ENOMEM. */
int64_t ruleset_number(struct ruleset *s, const struct cfi_state *state, bool is_signal);
