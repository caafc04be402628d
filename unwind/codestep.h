/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one instruction of x86-64 does to what unwinding needs to know: how far the stack pointer is
 * below the CFA, whether rbp is a frame pointer, and where the caller's rbp is.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "x86insn.h"

/* What rbp holds. */
enum code_fp {
	CODE_FP_CALLER, /* what it held when the function was entered */
	CODE_FP_FRAME,	/* CFA - fp_off */
	CODE_FP_OTHER,
};

#define CODE_SP_UNKNOWN INT32_MAX

/*
 * Before an instruction. At a function's entry, sp is 8: the return address is all there is.
 */
struct code_state {
	int32_t sp; /* CFA - rsp, or CODE_SP_UNKNOWN */
	int32_t fp_off;
	int32_t saved; /* the caller's rbp is at CFA - saved; 0 = not in memory */
	uint8_t fp;    /* enum code_fp */
	bool is_root;  /* rbp was cleared without being saved: there is no caller */
	uint16_t unused;
};
_Static_assert(sizeof(struct code_state) == 16, "states are compared and hashed as bytes");

extern const struct code_state code_state_entry;
/* Where there is no caller. */
extern const struct code_state code_state_root;

/* Where control goes after an instruction. */
enum code_next {
	CODE_NEXT,	    /* to the next one */
	CODE_NEXT_JUMP,	    /* by imm */
	CODE_NEXT_BRANCH,   /* by imm or to the next one */
	CODE_NEXT_CALL,	    /* by imm, and to the next one if that returns */
	CODE_NEXT_CALL_ANY, /* elsewhere, and to the next one if that returns */
	CODE_NEXT_JUMP_ANY, /* elsewhere */
	CODE_NEXT_RETURN,
	CODE_NEXT_STOP, /* nowhere */
};
enum code_next code_next_of(const struct x86_insn *i);

/* Makes *@s what it is after @i. False when the stack pointer goes above the return address, or by
 * too much to be true. */
bool code_state_step(struct code_state *s, const struct x86_insn *i);

/* Whether the function may return from here. */
bool code_state_may_return(const struct code_state *s);

/* Whether rbp points to where its caller's is saved: then the stack pointer may be anywhere. */
static inline bool code_state_has_frame(const struct code_state *s)
{
	return s->fp == CODE_FP_FRAME && s->saved && s->fp_off == s->saved;
}

/* Whether the CFA is known. */
bool code_state_is_known(const struct code_state *s);

/* Whether both may be so at one place, depending on the way there: what unwinding goes by is the
 * same. */
bool code_state_agrees(const struct code_state *a, const struct code_state *b);
