/* SPDX-License-Identifier: Apache-2.0 */
#include "snapinsn.h"

#include <string.h>

#include "leb.h"

enum {
	OP_UNDEFINED = 0x07,
	OP_DEF_CFA_SF = 0x12,
	OP_DEF_CFA_EXPRESSION = 0x0f,
	OP_EXPRESSION = 0x10,
	OP_OFFSET_EXTENDED_SF = 0x11,
	EXPR_DEREF = 0x06,
	EXPR_CONSTS = 0x11,
	EXPR_PLUS = 0x22,
	EXPR_BREG = 0x70,
	REG_FP = 6,
	REG_SP = 7,
	REG_RA = 16,
};

static size_t put_bytes(uint8_t *out, size_t at, const void *p, size_t n)
{
	memcpy(out + at, p, n);
	return at + n;
}

/* The expression for what is at register @reg + @off. */
static size_t make_place(uint8_t *out, uint8_t reg, int64_t off)
{
	out[0] = (uint8_t)(EXPR_BREG + reg);
	return 1 + leb_put_sleb(out + 1, off);
}

/* Register @reg is at rsp + @off. */
static size_t put_at_sp(uint8_t *out, uint8_t reg, int64_t off)
{
	uint8_t expr[1 + LEB_MAX];
	size_t len = make_place(expr, REG_SP, off);

	out[0] = OP_EXPRESSION;
	out[1] = reg;
	out[2] = (uint8_t)len;
	return put_bytes(out, 3, expr, len);
}

/* CFA = *(@reg + @off) + @add. */
static size_t put_read_cfa(uint8_t *out, uint8_t reg, int64_t off, int64_t add)
{
	uint8_t expr[2 * LEB_MAX + 5];
	size_t len = make_place(expr, reg, off);

	expr[len++] = EXPR_DEREF;
	if (add) {
		expr[len++] = EXPR_CONSTS;
		len += leb_put_sleb(expr + len, add);
		expr[len++] = EXPR_PLUS;
	}
	out[0] = OP_DEF_CFA_EXPRESSION;
	out[1] = (uint8_t)len;
	return put_bytes(out, 2, expr, len);
}

/* Register @reg is at CFA + @off. */
static size_t put_at_cfa(uint8_t *out, uint8_t reg, int64_t off)
{
	out[0] = OP_OFFSET_EXTENDED_SF;
	out[1] = reg;
	return 2 + leb_put_sleb(out + 2, -off);
}

static size_t put_undefined(uint8_t *out, uint8_t reg)
{
	out[0] = OP_UNDEFINED;
	out[1] = reg;
	return 2;
}

size_t snap_insn_state(uint8_t *out, const struct cfi_state *st)
{
	size_t n = 0;

	if (st->ra.loc == CFI_LOC_UNDEF)
		return put_undefined(out, REG_RA);
	if (st->cfa == UNWIND_CFA_DEREF) {
		n = put_read_cfa(out, st->x_reg, st->x_off, st->add);
	} else {
		out[n++] = OP_DEF_CFA_SF;
		out[n++] = st->reg;
		n += leb_put_sleb(out + n, -st->off);
	}
	n += put_at_cfa(out + n, REG_RA, -8);
	if (st->fp.loc == CFI_LOC_CFA)
		n += put_at_cfa(out + n, REG_FP, st->fp.off);
	else if (st->fp.loc == CFI_LOC_REG)
		n += put_at_sp(out + n, REG_FP, st->fp.off);
	else if (st->fp.loc == CFI_LOC_UNDEF)
		n += put_undefined(out + n, REG_FP);
	return n;
}

size_t snap_insn_signal(uint8_t *out)
{
	/* By DWARF number; rsp is the CFA. */
	static const uint8_t offs[] = { 0x90,		0x88, 0x98, 0x80, 0x70,		 0x68,
					CFI_SIGNAL_RBP, 0,    0x28, 0x30, 0x38,		 0x40,
					0x48,		0x50, 0x58, 0x60, CFI_SIGNAL_RIP };
	size_t n = put_read_cfa(out, REG_SP, CFI_SIGNAL_RSP, 0);

	for (size_t i = 0; i < sizeof(offs); i++)
		if (i != REG_SP)
			n += put_at_sp(out + n, (uint8_t)i, offs[i]);
	return n;
}

struct cfi_entry snap_insn_entry(uint64_t vaddr, struct bytes insns, bool is_signal)
{
	return (struct cfi_entry){
		.start = vaddr,
		.len = 1,
		.cie = { .code_align = 1,
			 .data_align = -1,
			 .ra_reg = REG_RA,
			 .is_signal = is_signal },
		.insns = insns,
		.is_partial = !is_signal,
	};
}
