/* SPDX-License-Identifier: Apache-2.0 */
#include "codeframe.h"

#include <string.h>

/* The stack is no larger, so that sums of offsets never overflow. */
#define OFFSET_MAX (1 << 28)

#define DWARF_RBP  6
#define DWARF_RSP  7

static const uint8_t dwarf_number[] = { 0, 2, 1, 3, 7, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15 };

/* A function that is called may change these: all but rbx, rsp, rbp and r12 to r15 (System V ABI). */
#define CALL_CHANGES 0x0fc7u
#define CALL_KEEPS   0xf028u /* rbx, rbp and r12 to r15 */

struct code_frame code_frame_entry(uint32_t origin)
{
	return (struct code_frame){
		.origin = origin, .kind = CODE_SP, .copy = X86_NO_REG, .sp = 8
	};
}

struct code_frame code_frame_unknown(void)
{
	return (struct code_frame){
		.origin = UINT32_MAX, .kind = CODE_LOST, .fp = CODE_FP_LOST, .copy = X86_NO_REG
	};
}

bool code_frame_is_known(const struct code_frame *f)
{
	return f->kind != CODE_LOST || f->has_fp;
}

static bool is_small(int64_t off)
{
	return off > -OFFSET_MAX && off < OFFSET_MAX;
}

/* rsp is lower by @n. */
static void move_sp(struct code_frame *f, int64_t n)
{
	int64_t sp = (int64_t)f->sp + n;

	f->sp = is_small(sp) ? (int32_t)sp : 0;
	if (!is_small(sp) || (f->kind == CODE_SP && sp < 8))
		f->kind = CODE_LOST; /* the return address is gone, or this is no such code */
}

/* rsp is CFA + @off. */
static void place_sp(struct code_frame *f, int64_t off)
{
	f->kind = off <= -8 && is_small(off) ? CODE_SP : CODE_LOST;
	f->sp = f->kind == CODE_SP ? (int32_t)-off : 0;
	if (f->fp == CODE_FP_LOW)
		f->fp = CODE_FP_LOST;
}

/* @reg has another value. A function saves its caller's registers first: what does not is none, but in
 * the middle of one that was only taken to begin here. */
static void forget(struct code_frame *f, uint8_t reg)
{
	if (reg == X86_NO_REG)
		return;
	if (CALL_KEEPS >> reg & ~f->saved >> reg & 1 && !f->is_sure) {
		f->kind = CODE_LOST;
		f->has_fp = false;
		f->copy = X86_NO_REG;
	}
	if (reg == f->copy) {
		f->copy = X86_NO_REG;
		if (f->kind == CODE_REG)
			f->kind = CODE_LOST;
	}
	if (reg == X86_RBP) {
		f->has_fp = false;
		if (f->fp == CODE_FP_SAME)
			f->fp = CODE_FP_LOST;
	}
}

/* The caller's rbp is written to rsp + @off. */
static void save_fp(struct code_frame *f, int64_t off)
{
	if (f->fp != CODE_FP_SAME || f->kind == CODE_LOST || !is_small(off - f->sp))
		return;
	f->fp = f->kind == CODE_SP ? CODE_FP_CFA : CODE_FP_LOW;
	f->fp_off = (int32_t)off - f->sp;
}

/* rbp is read from rsp + @off. */
static void load_fp(struct code_frame *f, int64_t off)
{
	bool is_there = f->fp == (f->kind == CODE_SP ? CODE_FP_CFA : CODE_FP_LOW) &&
			f->kind != CODE_LOST && off - f->sp == f->fp_off;

	forget(f, X86_RBP);
	if (is_there)
		f->fp = CODE_FP_SAME;
}

/* @reg = rsp + @off. */
static void copy_sp(struct code_frame *f, uint8_t reg, int64_t off)
{
	bool is_fixed = f->kind == CODE_SP && is_small(off - f->sp);

	forget(f, reg);
	if (!is_fixed)
		return;
	if (reg == X86_RBP) {
		f->has_fp = true;
		f->fp_copy = (int32_t)off - f->sp;
	} else {
		f->copy = reg;
		f->copy_off = (int32_t)off - f->sp;
	}
}

/* rsp = @reg + @off. */
static void take_sp(struct code_frame *f, uint8_t reg, int64_t off)
{
	if (reg == f->copy)
		place_sp(f, f->copy_off + off);
	else if (reg == X86_RBP && f->has_fp)
		place_sp(f, f->fp_copy + off);
	else
		f->kind = CODE_LOST;
}

static void align_sp(struct code_frame *f)
{
	if (f->kind != CODE_LOST && f->copy != X86_NO_REG)
		f->kind = CODE_REG;
	else
		f->kind = CODE_LOST;
	if (f->fp == CODE_FP_LOW)
		f->fp = CODE_FP_LOST;
	f->sp = 0;
}

static void save(struct code_frame *f, uint8_t reg, int64_t off)
{
	f->saved |= (uint16_t)(1u << reg);
	if (f->kind == CODE_SP && off - f->sp == -8)
		f->kind =
			CODE_LOST; /* over the return address: it moves its frame to where the next one is */
	else if (reg == X86_RBP && !f->has_fp) {
		save_fp(f, off);
	} else if (f->kind == CODE_REG && reg == f->copy && is_small(off - f->sp)) {
		f->kind = CODE_SAVED;
		f->slot = (int32_t)off - f->sp;
	} else if (f->kind == CODE_SAVED && off - f->sp == f->slot) {
		f->kind = f->copy == X86_NO_REG ? CODE_LOST : CODE_REG;
	}
}

static void load(struct code_frame *f, uint8_t reg, int64_t off)
{
	bool is_copy = f->kind == CODE_SAVED && off - f->sp == f->slot;

	if (reg == X86_RBP) {
		load_fp(f, off);
	} else if (reg == X86_RSP) {
		if (is_copy)
			place_sp(f, f->copy_off);
		else
			f->kind = CODE_LOST;
	} else {
		forget(f, reg);
		if (is_copy)
			f->copy = reg;
	}
}

/* rbp is read from where it points to. */
static void next_fp(struct code_frame *f)
{
	bool is_own = f->has_fp && f->fp == CODE_FP_CFA && f->fp_off == f->fp_copy;

	forget(f, X86_RBP);
	if (is_own)
		f->fp = CODE_FP_SAME;
}

static void leave(struct code_frame *f)
{
	bool had = f->has_fp, is_own = f->fp == CODE_FP_CFA && f->fp_off == f->fp_copy;

	if (had)
		place_sp(f, f->fp_copy);
	else
		f->kind = CODE_LOST;
	forget(f, X86_RBP);
	f->fp = had && is_own ? CODE_FP_SAME : CODE_FP_LOST;
	if (f->kind == CODE_SP)
		move_sp(f, -8);
}

static void call(struct code_frame *f, const struct x86_insn *i)
{
	if (f->copy != X86_NO_REG && CALL_CHANGES >> f->copy & 1)
		forget(f, f->copy);
	if (i->effect == X86_CALL && i->value == 0)
		move_sp(f, 8); /* to learn where it is */
}

/* Instructions that are about rbp as much as about rsp. */
static void push_or_pop(struct code_frame *f, const struct x86_insn *i)
{
	if (i->effect == X86_PUSH) {
		if (i->reg != X86_NO_REG)
			f->saved |= (uint16_t)(1u << i->reg);
		if (i->reg == X86_RBP && !f->has_fp)
			save_fp(f, -8);
		move_sp(f, 8);
		return;
	}
	if (i->reg == X86_RBP)
		load_fp(f, 0);
	else
		forget(f, i->reg);
	move_sp(f, -8);
}

/* rbp is cleared: its caller's, so there is none (System V ABI §3.4.1), unless that was saved. */
static void clear_fp(struct code_frame *f)
{
	if (f->fp == CODE_FP_SAME && f->is_sure)
		f->kind = CODE_ROOT;
	else
		forget(f, X86_RBP);
}

void code_frame_step(struct code_frame *f, const struct x86_insn *i)
{
	if (f->kind == CODE_ROOT || f->kind == CODE_SIGNAL)
		return; /* nothing that it does changes that */
	switch ((enum x86_effect)i->effect) {
	case X86_OTHER:
		forget(f, i->reg);
		break;
	case X86_CLEAR_FP:
		clear_fp(f);
		break;
	case X86_NEXT_FP:
		next_fp(f);
		break;
	case X86_PUSH:
	case X86_POP:
		push_or_pop(f, i);
		break;
	case X86_ADD_SP:
		move_sp(f, -(int64_t)i->value);
		break;
	case X86_ALIGN_SP:
		align_sp(f);
		break;
	case X86_FROM_SP:
		copy_sp(f, i->reg, i->value);
		break;
	case X86_TO_SP:
		take_sp(f, i->reg, i->value);
		break;
	case X86_SAVE:
		save(f, i->reg, i->value);
		break;
	case X86_LOAD:
		load(f, i->reg, i->value);
		break;
	case X86_LEAVE:
		leave(f);
		break;
	case X86_LOSE_SP:
		f->kind = CODE_LOST;
		break;
	case X86_CALL:
	case X86_CALL_FAR:
		call(f, i);
		break;
	default: /* it goes elsewhere */
		break;
	}
}

static struct cfi_where fp_of(const struct code_frame *f)
{
	switch ((enum code_fp)f->fp) {
	case CODE_FP_SAME:
		return (struct cfi_where){ .loc = CFI_LOC_SAME };
	case CODE_FP_CFA:
		return (struct cfi_where){ .loc = CFI_LOC_CFA, .off = f->fp_off };
	case CODE_FP_LOW:
		if (f->kind != CODE_LOST && f->kind != CODE_SP)
			return (struct cfi_where){ .loc = CFI_LOC_REG,
						   .reg = DWARF_RSP,
						   .off = f->fp_off + f->sp };
		break;
	case CODE_FP_LOST:
		break;
	}
	return (struct cfi_where){ .loc = CFI_LOC_UNDEF };
}

bool code_frame_rule(const struct code_frame *f, struct cfi_state *ret)
{
	/* What compilers keep a frame pointer for is what this would have to guess. */
	bool by_fp = f->has_fp && f->fp == CODE_FP_CFA && f->fp_off == f->fp_copy;

	*ret = cfi_state_initial();
	ret->cfa = UNWIND_CFA_REG;
	ret->ra = (struct cfi_where){ .loc = CFI_LOC_CFA, .off = -8 };
	ret->fp = fp_of(f);
	if (by_fp || (f->kind == CODE_LOST && f->has_fp)) {
		ret->reg = DWARF_RBP;
		ret->off = -(int64_t)f->fp_copy;
		return true;
	}
	switch ((enum code_kind)f->kind) {
	case CODE_SP:
		ret->reg = DWARF_RSP;
		ret->off = f->sp;
		return true;
	case CODE_REG:
		ret->reg = dwarf_number[f->copy];
		ret->off = -(int64_t)f->copy_off;
		return true;
	case CODE_SAVED:
		ret->cfa = UNWIND_CFA_DEREF;
		ret->x_reg = DWARF_RSP;
		ret->x_off = f->slot + f->sp;
		ret->add = -f->copy_off;
		return true;
	case CODE_ROOT:
		ret->ra.loc = CFI_LOC_UNDEF;
		return true;
	case CODE_SIGNAL:
		*ret = cfi_state_signal(DWARF_RSP);
		return true;
	case CODE_LOST:
		break;
	}
	return false;
}

bool code_is_signal_return(struct bytes code)
{
	static const uint8_t wide[] = { 0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05 };
	static const uint8_t narrow[] = { 0xb8, 15, 0, 0, 0, 0x0f, 0x05 };

	return (code.n >= sizeof(wide) && memcmp(code.p, wide, sizeof(wide)) == 0) ||
	       (code.n >= sizeof(narrow) && memcmp(code.p, narrow, sizeof(narrow)) == 0);
}
