/* SPDX-License-Identifier: Apache-2.0 */
/* Which functions never return, so that what lies behind a call of them is not reached by it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "array.h"
#include "codeflow.h"

struct code_returns {
	const struct code_flow *flow; /* borrowed */
	uint8_t *asked, *never;	      /* a bit a byte: the function there was looked at; it is so */
	uint16_t *seen;		      /* by the function of that number: one a byte */
	uint16_t number;
	uint64_t steps;
};

/* 0 or -ENOMEM; code_returns_done() in both cases. */
int code_returns_init(struct code_returns *r, const struct code_flow *f);
void code_returns_done(struct code_returns *r);

/* Whether the function that begins at @at never returns, whatever happens. False also when that is
 * not known. */
bool code_returns_never(struct code_returns *r, uint64_t at);
