/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of the stack at one instruction of code that no table describes, and what the
 * instruction makes of it. x86-64. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cfi.h"
#include "x86insn.h"

/* What gives the CFA. */
enum code_kind {
	CODE_LOST,   /* nothing but rbp, if it does */
	CODE_SP,     /* rsp */
	CODE_REG,    /* a register that was copied from rsp before that was rounded down */
	CODE_SAVED,  /* that copy, where it was written to the stack */
	CODE_ROOT,   /* nothing: there is no caller */
	CODE_SIGNAL, /* what the kernel left: a signal handler returns to here */
};

/* Where the caller's rbp is. */
enum code_fp {
	CODE_FP_SAME,
	CODE_FP_CFA, /* at CFA + fp_off */
	CODE_FP_LOW, /* at the place to which rsp was rounded + fp_off */
	CODE_FP_LOST,
};

struct code_frame {
	uint32_t origin; /* where a function was taken to begin, from which this follows */
	uint8_t kind;	 /* enum code_kind */
	uint8_t fp;	 /* enum code_fp */
	uint8_t copy;	 /* the register that holds CFA + copy_off; X86_NO_REG */
	bool is_entry;	 /* a function begins here in any case */
	bool is_sure;	 /* it does at origin */
	bool has_fp;	 /* rbp is CFA + fp_copy */
	uint16_t saved;	 /* registers, a bit each, that were written to the stack */
	int32_t sp; /* CODE_SP: CFA - rsp; else bytes that rsp is below where it was rounded to */
	int32_t copy_off;
	int32_t fp_off;
	int32_t fp_copy;
	int32_t slot; /* CODE_SAVED: from where rsp was rounded to */
};

/* The frame in which the function at @origin begins. */
struct code_frame code_frame_entry(uint32_t origin);

/* The frame of which nothing is known. */
struct code_frame code_frame_unknown(void);

/* Whether anything is known. */
bool code_frame_is_known(const struct code_frame *f);

/* Makes the frame before @i the one after it, in the code behind. */
void code_frame_step(struct code_frame *f, const struct x86_insn *i);

/* How to unwind from @f: the registers of *@ret are DWARF's. Whether there is a way. */
bool code_frame_rule(const struct code_frame *f, struct cfi_state *ret);

/* Whether @code begins with what signal handlers return to: mov $15,%rax or %eax; syscall. */
bool code_is_signal_return(struct bytes code);
