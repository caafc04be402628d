/* SPDX-License-Identifier: Apache-2.0 */
#include "cfi.h"

#include "leb.h"

/* Operations; the first three carry an operand in their low six bits. */
enum op {
	OP_ADVANCE = 0x40,
	OP_OFFSET = 0x80,
	OP_RESTORE = 0xc0,
	OP_PRIMARY = 0xc0, /* mask */
	OP_NOP = 0x00,
	OP_SET_LOC = 0x01,
	OP_ADVANCE1 = 0x02,
	OP_ADVANCE2 = 0x03,
	OP_ADVANCE4 = 0x04,
	OP_OFFSET_EXTENDED = 0x05,
	OP_RESTORE_EXTENDED = 0x06,
	OP_UNDEFINED = 0x07,
	OP_SAME_VALUE = 0x08,
	OP_REGISTER = 0x09,
	OP_REMEMBER_STATE = 0x0a,
	OP_RESTORE_STATE = 0x0b,
	OP_DEF_CFA = 0x0c,
	OP_DEF_CFA_REGISTER = 0x0d,
	OP_DEF_CFA_OFFSET = 0x0e,
	OP_DEF_CFA_EXPRESSION = 0x0f,
	OP_EXPRESSION = 0x10,
	OP_OFFSET_EXTENDED_SF = 0x11,
	OP_DEF_CFA_SF = 0x12,
	OP_DEF_CFA_OFFSET_SF = 0x13,
	OP_VAL_OFFSET = 0x14,
	OP_VAL_OFFSET_SF = 0x15,
	OP_VAL_EXPRESSION = 0x16,
	OP_NEGATE_RA_STATE =
		0x2d, /* arm64: the return address is signed from here on, or no more */
	OP_GNU_ARGS_SIZE = 0x2e,
	OP_GNU_NEGATIVE_OFFSET = 0x2f,
};

struct cfi_state cfi_state_initial(void)
{
	return (struct cfi_state){ .cfa = UNWIND_CFA_REG, .reg = CFI_NO_REG };
}

static bool is_same_where(const struct cfi_where *a, const struct cfi_where *b)
{
	return a->loc == b->loc && a->reg == b->reg && a->off == b->off;
}

bool cfi_state_is_same(const struct cfi_state *a, const struct cfi_state *b)
{
	return a->cfa == b->cfa && a->reg == b->reg && a->off == b->off && a->x_reg == b->x_reg &&
	       a->x_off == b->x_off && a->add == b->add && is_same_where(&a->fp, &b->fp) &&
	       is_same_where(&a->ra, &b->ra) && a->changes_stack == b->changes_stack;
}

struct cfi_state cfi_state_signal(uint8_t sp)
{
	return (struct cfi_state){ .cfa = UNWIND_CFA_DEREF,
				   .reg = CFI_NO_REG,
				   .x_reg = sp,
				   .x_off = CFI_SIGNAL_RSP,
				   .ra = { CFI_LOC_REG, sp, CFI_SIGNAL_RIP },
				   .fp = { CFI_LOC_REG, sp, CFI_SIGNAL_RBP } };
}

void cfi_begin(struct cfi *c, struct bytes insns, const struct cfi_cie *cie,
	       const struct cfi_regs *regs)
{
	c->insns = insns;
	c->cie = cie;
	c->regs = regs;
	c->row = c->loc = 0;
	c->state = cie->init;
	c->has_changed = true;
	c->nesting = 0;
}

/* The rule of @reg, or NULL when it does not matter. */
static inline struct cfi_where *where(struct cfi *c, uint64_t reg)
{
	if (reg == c->regs->fp)
		return &c->state.fp;
	return reg == c->cie->common.ra_reg ? &c->state.ra : NULL;
}

static void set_where(struct cfi *c, uint64_t reg, struct cfi_where to)
{
	struct cfi_where *w = where(c, reg);

	if (w) {
		*w = to;
		c->has_changed = true;
	}
}

static struct cfi_where bad(const struct cfi *c, uint64_t reg)
{
	return (struct cfi_where){ .loc = CFI_LOC_BAD,
				   .reg = reg == c->regs->fp ? UNWIND_WHY_FP : UNWIND_WHY_RA };
}

/* The register is saved at the CFA plus @off times the data alignment. */
static void set_offset(struct cfi *c, uint64_t reg, int64_t off)
{
	struct cfi_where w = { .loc = CFI_LOC_CFA };

	if (!where(c, reg))
		return;
	if (__builtin_mul_overflow(off, c->cie->common.data_align, &w.off))
		w = (struct cfi_where){ .loc = CFI_LOC_BAD, .reg = UNWIND_WHY_OFFSET };
	set_where(c, reg, w);
}

static void restore(struct cfi *c, uint64_t reg)
{
	set_where(c, reg, reg == c->regs->fp ? c->cie->init.fp : c->cie->init.ra);
}

static void set_cfa_unsupported(struct cfi *c, enum unwind_why why)
{
	c->state.cfa = UNWIND_CFA_UNSUPPORTED;
	c->state.why = (uint8_t)why;
	c->has_changed = true;
}

static void set_cfa_register(struct cfi *c, uint64_t reg)
{
	c->state.cfa = UNWIND_CFA_REG;
	c->state.reg = reg <= CFI_MAX_REG ? (uint8_t)reg : CFI_NO_REG;
	c->has_changed = true;
}

/* Under an expression the offset waits for the next register: libgcc reads it so, and there is
 * assembly that relies on it. */
static void set_cfa_offset(struct cfi *c, int64_t off)
{
	c->state.off = off;
	c->has_changed = true;
}

static int64_t factored(const struct cfi *c, int64_t off)
{
	int64_t v;

	return __builtin_mul_overflow(off, c->cie->common.data_align, &v) ? INT64_MAX : v;
}

/* The next block: its length, then its bytes. */
static int take_block(struct cfi *c, struct bytes *ret)
{
	uint64_t n;
	int r = bytes_uleb(&c->insns, &n);

	if (r == 0)
		r = bytes_part(&c->insns, c->insns.pos, n, ret);
	return r < 0 ? r : bytes_skip(&c->insns, n);
}

static int cfa_expression(struct cfi *c)
{
	struct cfi_expr e;
	struct bytes block;
	int r = take_block(c, &block);

	if (r < 0)
		return r;
	if (cfi_expr(block, false, &e) < 0 || e.kind == CFI_EXPR_CONST) {
		set_cfa_unsupported(c, UNWIND_WHY_CFA_EXPR);
		return 0;
	}
	if (e.off != (int32_t)e.off || e.add != (int32_t)e.add) {
		set_cfa_unsupported(c, UNWIND_WHY_OFFSET);
		return 0;
	}
	if (e.kind == CFI_EXPR_REG) {
		set_cfa_register(c, e.reg);
		set_cfa_offset(c, e.off);
		return 0;
	}
	c->state.cfa = e.kind == CFI_EXPR_DEREF	  ? UNWIND_CFA_DEREF
		       : e.kind == CFI_EXPR_INDEX ? UNWIND_CFA_INDEX
						  : UNWIND_CFA_PLT;
	c->state.x_reg = e.reg;
	c->state.index = e.index;
	c->state.threshold = e.threshold;
	c->state.x_off = (int32_t)e.off;
	c->state.add = (int32_t)e.add;
	c->has_changed = true;
	return 0;
}

/* The expression gives the place where the register is saved. */
static int reg_expression(struct cfi *c, uint64_t reg)
{
	struct cfi_where w = bad(c, reg);
	struct cfi_expr e;
	struct bytes block;
	int r = take_block(c, &block);

	if (r < 0 || !where(c, reg))
		return r;
	if (cfi_expr(block, true, &e) == 0 && e.off == (int32_t)e.off) {
		w.off = (int32_t)e.off;
		if (e.kind == CFI_EXPR_CFA) {
			w.loc = CFI_LOC_CFA;
		} else if (e.kind == CFI_EXPR_REG) {
			w.loc = CFI_LOC_REG;
			w.reg = e.reg;
		}
	}
	set_where(c, reg, w);
	return 0;
}

static int advance(struct cfi *c, uint64_t delta)
{
	c->loc += delta * c->cie->common.code_align;
	return c->loc != c->row;
}

static int advance_n(struct cfi *c, size_t n)
{
	uint32_t delta = 0;
	int r = bytes_copy(&c->insns, &delta, n);

	return r < 0 ? r : advance(c, delta);
}

static int set_loc(struct cfi *c)
{
	uint64_t to;
	int r = cfi_pointer(&c->insns, c->cie->common.enc, &c->bases, &to);

	if (r < 0 || to < c->start || to - c->start < c->loc)
		return -EBADMSG; /* rows only go up */
	c->loc = to - c->start;
	return c->loc != c->row;
}

static int remember(struct cfi *c)
{
	if (c->nesting == CFI_MAX_NESTING)
		return -EBADMSG;
	c->saved[c->nesting++] = c->state;
	return 0;
}

static int recall(struct cfi *c)
{
	if (c->nesting == 0)
		return -EBADMSG;
	c->state = c->saved[--c->nesting];
	c->has_changed = true;
	return 0;
}

/* Operations on the CFA: a register, an offset or both, or an expression. */
static int cfa_op(struct cfi *c, uint8_t op)
{
	uint64_t reg = 0, off = 0;
	int64_t soff = 0;
	int r = 0;

	if (op == OP_DEF_CFA_EXPRESSION)
		return cfa_expression(c);
	if (op == OP_DEF_CFA || op == OP_DEF_CFA_SF || op == OP_DEF_CFA_REGISTER) {
		r = bytes_uleb(&c->insns, &reg);
		set_cfa_register(c, reg);
	}
	if (r == 0 && (op == OP_DEF_CFA || op == OP_DEF_CFA_OFFSET)) {
		r = bytes_uleb(&c->insns, &off);
		set_cfa_offset(c, (int64_t)off);
	}
	if (r == 0 && (op == OP_DEF_CFA_SF || op == OP_DEF_CFA_OFFSET_SF)) {
		r = bytes_sleb(&c->insns, &soff);
		set_cfa_offset(c, factored(c, soff));
	}
	return r;
}

/* Operations that give a register's place: the register comes first. */
static int reg_op(struct cfi *c, uint8_t op)
{
	uint64_t reg, off = 0;
	int64_t soff = 0;
	struct bytes block;
	int r = bytes_uleb(&c->insns, &reg);

	if (r < 0)
		return r;
	switch (op) {
	case OP_RESTORE_EXTENDED:
		restore(c, reg);
		return 0;
	case OP_UNDEFINED:
		set_where(c, reg, (struct cfi_where){ .loc = CFI_LOC_UNDEF });
		return 0;
	case OP_SAME_VALUE:
		set_where(c, reg, (struct cfi_where){ .loc = CFI_LOC_SAME });
		return 0;
	case OP_OFFSET_EXTENDED_SF:
		r = bytes_sleb(&c->insns, &soff);
		if (r == 0)
			set_offset(c, reg, soff);
		return r;
	case OP_OFFSET_EXTENDED:
	case OP_GNU_NEGATIVE_OFFSET:
		r = bytes_uleb(&c->insns, &off);
		if (r == 0)
			set_offset(c, reg, (int64_t)(op == OP_OFFSET_EXTENDED ? off : -off));
		return r;
	case OP_EXPRESSION:
		return reg_expression(c, reg);
	case OP_VAL_EXPRESSION:
		r = take_block(c, &block);
		break;
	case OP_VAL_OFFSET_SF:
		r = bytes_sleb(&c->insns, &soff);
		break;
	case OP_REGISTER:
		r = bytes_uleb(&c->insns, &off);
		if (r == 0 && off <= CFI_MAX_REG) {
			set_where(c, reg,
				  (struct cfi_where){ .loc = CFI_LOC_IN, .reg = (uint8_t)off });
			return 0;
		}
		break;
	default: /* OP_VAL_OFFSET */
		r = bytes_uleb(&c->insns, &off);
	}
	set_where(c, reg, bad(c, reg));
	return r;
}

/* Operations without operand in their own byte. 1 when the place has changed. */
static int extended(struct cfi *c, uint8_t op)
{
	uint64_t unused;

	switch (op) {
	case OP_NOP:
	case OP_NEGATE_RA_STATE:
		return 0;
	case OP_SET_LOC:
		return set_loc(c);
	case OP_ADVANCE1:
		return advance_n(c, 1);
	case OP_ADVANCE2:
		return advance_n(c, 2);
	case OP_ADVANCE4:
		return advance_n(c, 4);
	case OP_REMEMBER_STATE:
		return remember(c);
	case OP_RESTORE_STATE:
		return recall(c);
	case OP_DEF_CFA:
	case OP_DEF_CFA_REGISTER:
	case OP_DEF_CFA_OFFSET:
	case OP_DEF_CFA_EXPRESSION:
	case OP_DEF_CFA_SF:
	case OP_DEF_CFA_OFFSET_SF:
		return cfa_op(c, op);
	case OP_OFFSET_EXTENDED:
	case OP_RESTORE_EXTENDED:
	case OP_UNDEFINED:
	case OP_SAME_VALUE:
	case OP_REGISTER:
	case OP_EXPRESSION:
	case OP_OFFSET_EXTENDED_SF:
	case OP_VAL_OFFSET:
	case OP_VAL_OFFSET_SF:
	case OP_VAL_EXPRESSION:
	case OP_GNU_NEGATIVE_OFFSET:
		return reg_op(c, op);
	case OP_GNU_ARGS_SIZE:
		return bytes_uleb(&c->insns, &unused);
	default:
		return -EBADMSG;
	}
}

int cfi_next_row(struct cfi *c)
{
	c->row = c->loc;
	while (c->insns.pos < c->insns.n) {
		uint8_t op = c->insns.p[c->insns.pos++], low = op & ~OP_PRIMARY;
		uint64_t off;
		int r = 0;

		switch (op & OP_PRIMARY) {
		case OP_ADVANCE:
			r = advance(c, low);
			break;
		case OP_OFFSET:
			r = bytes_uleb(&c->insns, &off);
			if (r == 0)
				set_offset(c, low, (int64_t)off);
			break;
		case OP_RESTORE:
			restore(c, low);
			break;
		default:
			r = extended(c, op);
		}
		if (r != 0)
			return r;
	}
	return 0;
}
