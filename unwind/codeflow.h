/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Follows code that nothing describes, from where functions begin, and says for each instruction
 * how the stack lies (codestep.h).
 *
 * Machine code proves what is said of it: wherever a function returns, the stack pointer is where
 * it was at its entry and so is rbp, and where two ways meet they agree. What does not come out so,
 * because a call does not return or bytes are no code, is given up as far back as the last place
 * that was proven. So code is covered in part, rather than wrongly.
 */
#pragma once

#include <stdint.h>

#include "array.h"
#include "bytes.h"
#include "codestep.h"
#include "hindex.h"

/* What is known at a byte: 0 = nothing, else at an instruction's first byte 1 + the number of a
 * state, and whether that is for good or another function may correct it; neither: it is of the
 * function at hand. */
typedef uint16_t code_mark;
#define CODE_MARK_FIXED 0x8000
#define CODE_MARK_SOFT	0x4000
#define CODE_MARK_STATE 0x3fff
#define CODE_STATES_MAX (CODE_MARK_STATE - 1)

/* Code from a start, or from behind a call, up to the next calls. */
struct code_region {
	uint32_t at;
	uint32_t parent;     /* the region that the call is in; UINT32_MAX: none */
	uint32_t first, end; /* its instructions, in `touched` */
	uint16_t state;
	bool is_begun, is_proven, is_dead, is_overruled;
	bool is_root; /* it begins where there is no caller any more */
};

/* A way yet to follow. */
struct code_way {
	uint32_t at;
	uint16_t state;
};

struct code_returns;

/* One piece of code; `code` is borrowed. */
struct code_flow {
	struct bytes code;
	uint64_t vaddr; /* its address, as far as alignment goes */
	code_mark *marks;  /* one a byte */
	uint16_t *owners;  /* of marks that are of the function at hand: the region, if it has a
			    * number so small */
	uint8_t *is_start; /* a bit a byte: a function is known to begin here */
	uint8_t *is_taken; /* the same: something points here, as to a function */
	struct code_returns *returns;
	uint32_t root_at;  /* where the kernel starts the program; UINT32_MAX */
	ARRAY(struct code_state) states;
	struct hindex index;
	ARRAY(struct code_region) regions; /* of the function at hand */
	ARRAY(uint32_t) touched;	   /* its instructions */
	ARRAY(struct code_way) ways;	   /* of the region at hand */
	bool is_doubtful; /* it has to prove itself */
	uint64_t steps;
};

/* 0, or -ENOMEM; code_flow_done() in both cases. @code lies at @vaddr and is less than 4 GiB. */
int code_flow_init(struct code_flow *f, struct bytes code, uint64_t vaddr);
void code_flow_done(struct code_flow *f);

/* A function begins at @at, if that is in the code. */
void code_flow_add_start(struct code_flow *f, uint64_t at);

/* Something points to @at, as if a function began there. */
void code_flow_add_pointer(struct code_flow *f, uint64_t at);

/* Follows all of it, in time linear in its bytes. 0 or -ENOMEM. */
int code_flow_run(struct code_flow *f);

static inline bool code_flow_starts(const struct code_flow *f, uint32_t at)
{
	return f->is_start[at / 8] >> at % 8 & 1;
}

static inline bool code_flow_takes(const struct code_flow *f, uint32_t at)
{
	return f->is_taken[at / 8] >> at % 8 & 1;
}

/* The state before the instruction at @at, or NULL. */
static inline const struct code_state *code_flow_state(const struct code_flow *f, uint32_t at)
{
	code_mark m = f->marks[at] & CODE_MARK_STATE;

	return m ? &f->states.items[m - 1] : NULL;
}
