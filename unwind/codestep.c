/* SPDX-License-Identifier: Apache-2.0 */
#include "codestep.h"

#define SP_MAX (64 << 20) /* no frame is larger */

const struct code_state code_state_entry = { .sp = 8, .fp = CODE_FP_CALLER };
const struct code_state code_state_root = { .sp = CODE_SP_UNKNOWN,
					    .fp = CODE_FP_OTHER,
					    .is_root = true };

enum code_next code_next_of(const struct x86_insn *i)
{
	if (i->is_vex)
		return CODE_NEXT;
	if (i->map == X86_0F) {
		if ((i->op & 0xf0) == 0x80)
			return CODE_NEXT_BRANCH;
		return i->op == 0x0b || i->op == 0xb9 || i->op == 0xff ? CODE_NEXT_STOP : CODE_NEXT;
	}
	if (i->map != X86_ONE)
		return CODE_NEXT;
	if ((i->op & 0xf0) == 0x70 || (i->op & 0xfc) == 0xe0)
		return CODE_NEXT_BRANCH;
	switch (i->op) {
	case 0xc2:
	case 0xc3:
		return CODE_NEXT_RETURN;
	case 0xca:
	case 0xcb:
	case 0xcc:
	case 0xcf:
		return CODE_NEXT_STOP;
	case 0xe8:
		return CODE_NEXT_CALL;
	case 0xe9:
	case 0xeb:
		return CODE_NEXT_JUMP;
	case 0xff:
		if (x86_ext(i) == 2 || x86_ext(i) == 3)
			return CODE_NEXT_CALL_ANY;
		return x86_ext(i) == 4 || x86_ext(i) == 5 ? CODE_NEXT_JUMP_ANY : CODE_NEXT;
	default:
		return CODE_NEXT;
	}
}

bool code_state_may_return(const struct code_state *s)
{
	return s->sp == 8 && s->fp == CODE_FP_CALLER && !s->is_root;
}

bool code_state_is_known(const struct code_state *s)
{
	return s->is_root || s->sp != CODE_SP_UNKNOWN || code_state_has_frame(s);
}

bool code_state_agrees(const struct code_state *a, const struct code_state *b)
{
	if (a->is_root || b->is_root)
		return a->is_root && b->is_root;
	if (a->saved != b->saved)
		return false;
	if (code_state_has_frame(a) && code_state_has_frame(b))
		return true;
	if (a->sp != b->sp)
		return false;
	return a->saved || (a->fp == b->fp && a->fp_off == b->fp_off);
}

/* --- changes -------------------------------------------------------------------------------- */

/* The stack pointer is set to CFA - @sp. */
static bool set_sp(struct code_state *s, int64_t sp)
{
	if (s->is_root)
		return true;
	if (sp < 8 || sp > SP_MAX)
		return false;
	s->sp = (int32_t)sp;
	if (sp < s->saved) /* what lies below may be written over */
		s->saved = 0;
	return true;
}

/* @n bytes are pushed, or popped. */
static bool move_sp(struct code_state *s, int64_t n)
{
	return s->sp == CODE_SP_UNKNOWN || set_sp(s, s->sp + n);
}

static bool lose_sp(struct code_state *s)
{
	s->sp = CODE_SP_UNKNOWN;
	return true;
}

static bool set_fp(struct code_state *s, enum code_fp fp, int64_t off)
{
	s->fp = (uint8_t)fp;
	s->fp_off = fp == CODE_FP_FRAME ? (int32_t)off : 0;
	return true;
}

static bool lose_fp(struct code_state *s)
{
	return set_fp(s, CODE_FP_OTHER, 0);
}

/* The caller's rbp is written to CFA - @at. */
static void save_fp(struct code_state *s, int64_t at)
{
	if (s->fp == CODE_FP_CALLER && s->saved == 0 && at > 8 && at <= SP_MAX)
		s->saved = (int32_t)at;
}

/* rbp is read from where its caller's is, or from elsewhere. */
static bool load_fp(struct code_state *s, bool is_saved)
{
	return set_fp(s, is_saved ? CODE_FP_CALLER : CODE_FP_OTHER, 0);
}

/* Whether the caller's rbp is at CFA - @at. */
static bool is_saved_at(const struct code_state *s, int64_t at)
{
	return s->saved && s->saved == at;
}

/* CFA - address of the memory operand, if it is at a known place of the stack. */
static bool stack_place(const struct code_state *s, const struct x86_insn *i, int64_t *ret)
{
	if (!i->is_mem || !i->is_plain)
		return false;
	if (i->rm == X86_RSP && s->sp != CODE_SP_UNKNOWN)
		*ret = (int64_t)s->sp - i->disp;
	else if (i->rm == X86_RBP && s->fp == CODE_FP_FRAME)
		*ret = (int64_t)s->fp_off - i->disp;
	else
		return false;
	return true;
}

/* --- instructions ---------------------------------------------------------------------------- */

static bool push(struct code_state *s, unsigned reg)
{
	if (!move_sp(s, 8))
		return false;
	if (reg == X86_RBP && s->sp != CODE_SP_UNKNOWN)
		save_fp(s, s->sp);
	return true;
}

static bool pop(struct code_state *s, unsigned reg)
{
	bool is_saved = is_saved_at(s, s->sp);

	if (!move_sp(s, -8))
		return false;
	if (reg == X86_RSP)
		return lose_sp(s);
	return reg == X86_RBP ? load_fp(s, is_saved) : true;
}

static bool leave(struct code_state *s)
{
	if (s->is_root)
		return true;
	if (s->fp != CODE_FP_FRAME || !set_sp(s, s->fp_off))
		return false;
	return pop(s, X86_RBP);
}

/* add, sub, and of an immediate to rsp or rbp. */
static bool add_immediate(struct code_state *s, const struct x86_insn *i)
{
	unsigned what = x86_ext(i);
	int64_t more = what == 0 ? -i->imm : i->imm; /* bytes down */

	if (what == 7) /* cmp */
		return true;
	if (!(i->rex & 8) || (what != 0 && what != 5))
		return i->rm == X86_RSP ? lose_sp(s) : lose_fp(s);
	if (i->rm == X86_RSP)
		return move_sp(s, more);
	return s->fp == CODE_FP_FRAME ? set_fp(s, CODE_FP_FRAME, s->fp_off + more) : lose_fp(s);
}

/* rsp or rbp becomes the address CFA - @at. */
static bool set_address(struct code_state *s, unsigned reg, bool is_known, int64_t at)
{
	if (reg == X86_RSP)
		return is_known ? set_sp(s, at) : lose_sp(s);
	if (!is_known || at <= 0 || at > SP_MAX)
		return lose_fp(s);
	return set_fp(s, CODE_FP_FRAME, at);
}

/* mov from register @from to register @to, all 64 bits. */
static bool move(struct code_state *s, unsigned to, unsigned from)
{
	bool is_known = false;
	int64_t at = 0;

	if (from == X86_RSP && s->sp != CODE_SP_UNKNOWN) {
		is_known = true;
		at = s->sp;
	} else if (from == X86_RBP && s->fp == CODE_FP_FRAME) {
		is_known = true;
		at = s->fp_off;
	}
	return set_address(s, to, is_known, at);
}

static bool is_kept(unsigned reg)
{
	return reg == X86_RSP || reg == X86_RBP;
}

/* mov, lea: the instructions that make frames. *@ret whether @i is one. */
static bool step_mov(struct code_state *s, const struct x86_insn *i, bool *ret)
{
	int64_t at = 0;
	bool is_known = stack_place(s, i, &at), is_wide = i->rex & 8;

	*ret = true;
	if (i->op == 0x89 && i->is_mem) {
		if (i->reg == X86_RBP && is_known && is_wide)
			save_fp(s, at);
		return true;
	}
	if (i->op == 0x89 && is_wide && is_kept(i->rm))
		return move(s, i->rm, i->reg);
	if (i->op == 0x8b && is_wide && !i->is_mem && is_kept(i->reg))
		return move(s, i->reg, i->rm);
	if (i->op == 0x8b && is_wide && i->reg == X86_RBP)
		return load_fp(s, is_known && is_saved_at(s, at));
	if (i->op == 0x8d && is_wide && is_kept(i->reg))
		return set_address(s, i->reg, is_known, at);
	*ret = false;
	return true;
}

/* Whether an instruction without VEX, of one of the first two maps, writes the register of ModRM's
 * `reg`. */
static bool writes_reg(const struct x86_insn *i)
{
	if (i->map == X86_ONE)
		return i->op < 0x40 ? (i->op & 6) == 2 && (i->op & 0xf8) != 0x38
				    : i->op == 0x63 || i->op == 0x69 || i->op == 0x6b ||
					      i->op == 0x86 || i->op == 0x87 || i->op == 0x8a ||
					      i->op == 0x8b || i->op == 0x8d;
	if (i->map == X86_0F38)
		return i->op == 0xf0 || i->op == 0xf1;
	if (i->map != X86_0F)
		return false;
	switch (i->op) {
	case 0x02:
	case 0x03:
	case 0x2c:
	case 0x2d:
	case 0x50:
	case 0xaf:
	case 0xb6:
	case 0xb7:
	case 0xb8:
	case 0xbc:
	case 0xbd:
	case 0xbe:
	case 0xbf:
	case 0xc0:
	case 0xc1:
	case 0xc5:
	case 0xd7:
		return true;
	default:
		return (i->op & 0xf0) == 0x40;
	}
}

/* The same of a register that is ModRM's other operand. */
static bool writes_rm(const struct x86_insn *i)
{
	unsigned ext = x86_ext(i);

	if (i->is_mem)
		return false;
	if (i->map == X86_0F3A)
		return i->op >= 0x14 && i->op <= 0x17;
	if (i->map == X86_0F)
		return (i->op & 0xf0) == 0x90 || i->op == 0x7e || i->op == 0xa4 || i->op == 0xa5 ||
		       i->op == 0xab || i->op == 0xac || i->op == 0xad || i->op == 0xb0 ||
		       i->op == 0xb1 || i->op == 0xb3 || i->op == 0xbb || i->op == 0xc0 ||
		       i->op == 0xc1 || i->op == 0xc7 || (i->op == 0xba && ext > 4);
	if (i->map != X86_ONE)
		return false;
	if (i->op < 0x40)
		return (i->op & 6) == 0 && (i->op & 0xf8) != 0x38;
	if (i->op >= 0x80 && i->op <= 0x83)
		return ext != 7;
	if ((i->op & 0xfe) == 0xf6)
		return ext == 2 || ext == 3;
	if ((i->op & 0xfe) == 0xfe)
		return ext < 2;
	return (i->op >= 0x86 && i->op <= 0x89) || i->op == 0x8c || i->op == 0x8f ||
	       (i->op & 0xfe) == 0xc0 || (i->op & 0xfe) == 0xc6 ||
	       (i->op >= 0xd0 && i->op <= 0xd3);
}

/* Of a byte: without REX, numbers 4 to 7 are parts of other registers. */
static bool is_byte_op(const struct x86_insn *i)
{
	if (i->rex)
		return false;
	if (i->map == X86_0F)
		return (i->op & 0xf0) == 0x90 || i->op == 0xb0 || i->op == 0xc0;
	if (i->map != X86_ONE)
		return false;
	if (i->op < 0x40 || (i->op & 0xf8) == 0x80 || (i->op & 0xf8) == 0x88)
		return !(i->op & 1) && i->op != 0x8c && i->op != 0x8e;
	return i->op == 0xc0 || i->op == 0xc6 || i->op == 0xd0 || i->op == 0xd2 || i->op == 0xf6 ||
	       i->op == 0xfe;
}

/* Whether @i, for all that the above does not know, writes general register @reg. */
static bool writes(const struct x86_insn *i, unsigned reg)
{
	unsigned low = (i->op & 7) | (i->rex & 1) << 3;

	if (i->is_vex) /* bit manipulation, and moves from vectors: any register that it names */
		return i->map != X86_0F || i->op == 0x7e || i->op == 0x50 || i->op == 0xd7 ||
				       i->op == 0x2c || i->op == 0x2d || i->op == 0xc5
			       ? i->reg == reg || (!i->is_mem && i->rm == reg)
			       : false;
	if (i->has_modrm)
		return !is_byte_op(i) &&
		       ((writes_reg(i) && i->reg == reg) || (writes_rm(i) && i->rm == reg));
	if (i->map == X86_0F)
		return (i->op & 0xf8) == 0xc8 && low == reg; /* bswap */
	return i->map == X86_ONE && low == reg && ((i->op & 0xf8) == 0xb8 || (i->op & 0xf8) == 0x90);
}

/* Whether @i clears rbp: so the ABI marks where a stack ends. */
static bool clears_fp(const struct x86_insn *i)
{
	return i->map == X86_ONE && !i->is_vex && (i->op == 0x31 || i->op == 0x33) && !i->is_mem &&
	       i->reg == X86_RBP && i->rm == X86_RBP;
}

static bool step_any(struct code_state *s, const struct x86_insn *i)
{
	if (clears_fp(i) && s->fp == CODE_FP_CALLER && s->saved == 0) {
		*s = code_state_root;
		return true;
	}
	if (writes(i, X86_RSP))
		lose_sp(s);
	if (writes(i, X86_RBP))
		lose_fp(s);
	return true;
}

/* Opcodes of one byte that have no ModRM, or of which it is part of the opcode. *@ret whether @i is
 * one. */
static bool step_stack(struct code_state *s, const struct x86_insn *i, bool *ret)
{
	unsigned low = (i->op & 7) | (i->rex & 1) << 3;

	*ret = true;
	switch (i->op & 0xf8) {
	case 0x50:
		return push(s, low);
	case 0x58:
		return pop(s, low);
	}
	switch (i->op) {
	case 0x68:
	case 0x6a:
	case 0x9c:
		return push(s, X86_NO_REG);
	case 0x9d:
		return pop(s, X86_NO_REG);
	case 0xc9:
		return leave(s);
	case 0x8f:
		return pop(s, i->is_mem ? X86_NO_REG : i->rm);
	case 0xff:
		if (x86_ext(i) == 6)
			return push(s, i->is_mem ? X86_NO_REG : i->rm);
		break;
	case 0x81:
	case 0x83:
		if (!i->is_mem && is_kept(i->rm))
			return add_immediate(s, i);
		break;
	}
	*ret = false;
	return true;
}

bool code_state_step(struct code_state *s, const struct x86_insn *i)
{
	bool is_done = false, ok = true;

	if (s->is_root)
		return true;
	if (i->map == X86_ONE && !i->is_vex) {
		ok = step_stack(s, i, &is_done);
		if (is_done && i->is_narrow) /* a push of 16 bits: no compiler makes it */
			return false;
		if (ok && !is_done)
			ok = step_mov(s, i, &is_done);
	} else if (i->map == X86_0F && !i->is_vex && (i->op & 0xf7) == 0xa0) {
		return move_sp(s, 8); /* push fs, gs */
	} else if (i->map == X86_0F && !i->is_vex && (i->op & 0xf7) == 0xa1) {
		return move_sp(s, -8);
	}
	return ok && (is_done || step_any(s, i));
}
