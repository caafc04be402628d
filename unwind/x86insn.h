/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where x86-64 instructions begin and end, and what they do to the stack pointer: as much as is
 * needed to follow it through code that no table describes. (Intel SDM volume 2, chapter 2 and
 * appendix A; AMD APM volume 3 for XOP.)
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"

/* Registers as instructions number them. */
enum { X86_RAX, X86_RCX, X86_RDX, X86_RBX, X86_RSP, X86_RBP, X86_RSI, X86_RDI, X86_NO_REG = 16 };

enum x86_effect {
	X86_OTHER,    /* writes no register that is followed but `reg` */
	X86_PUSH,     /* of register `reg`, or of something else: NO_REG */
	X86_POP,      /* to it */
	X86_ADD_SP,   /* rsp += value */
	X86_ALIGN_SP, /* rsp is rounded down */
	X86_FROM_SP,  /* reg = rsp + value */
	X86_TO_SP,    /* rsp = reg + value */
	X86_SAVE,     /* *(rsp + value) = reg */
	X86_LOAD,     /* reg, which may be rsp, = *(rsp + value) */
	X86_LEAVE,    /* rsp = rbp; pop rbp */
	X86_CLEAR_FP, /* rbp = 0 */
	X86_NEXT_FP,  /* rbp = *rbp */
	X86_LOSE_SP,  /* rsp becomes something else */
	X86_CALL,     /* of `value`, from the instruction's end */
	X86_CALL_FAR, /* of what is not known */
	X86_BRANCH,   /* perhaps to `value` */
	X86_JUMP,     /* to it */
	X86_JUMP_FAR, /* to what is not known; value = 1: to where one word says, which is no table */
	X86_RETURN,
	X86_STOP, /* what follows is not reached from here */
};

struct x86_insn {
	uint8_t n;	/* bytes */
	uint8_t effect; /* enum x86_effect */
	uint8_t reg;	/* X86_NO_REG = none */
	bool is_nop;	/* padding, as assemblers write it */
	bool is_lea;	/* OTHER: reg = the address at `value` from the instruction's end */
	int32_t value;
};

/* The instruction at the beginning of @code, which is no longer than it looks: 0, or -EBADMSG for
 * what is none or is cut off. */
int x86_insn(struct bytes code, struct x86_insn *ret);
