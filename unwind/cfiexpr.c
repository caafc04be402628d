/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DWARF expressions of call frame information. They are not evaluated but classified: the stack of
 * the machine holds terms such as "register 7 plus 16", and only forms that a rule can hold
 * survive.
 */
#include "cfi.h"

#include "leb.h"

enum op {
	OP_DEREF = 0x06,
	OP_CONST1U = 0x08,
	OP_CONST1S = 0x09,
	OP_CONST2U = 0x0a,
	OP_CONST2S = 0x0b,
	OP_CONST4U = 0x0c,
	OP_CONST4S = 0x0d,
	OP_CONST8U = 0x0e,
	OP_CONST8S = 0x0f,
	OP_CONSTU = 0x10,
	OP_CONSTS = 0x11,
	OP_AND = 0x1a,
	OP_MINUS = 0x1c,
	OP_MUL = 0x1e,
	OP_PLUS = 0x22,
	OP_PLUS_UCONST = 0x23,
	OP_SHL = 0x24,
	OP_GE = 0x2a,
	OP_LIT0 = 0x30,
	OP_LIT8 = 0x38,
	OP_LIT31 = 0x4f,
	OP_BREG0 = 0x70,
	OP_BREG31 = 0x8f,
	OP_BREGX = 0x92,
	OP_NOP = 0x96,
};

#define MAX_STACK 4

struct terms {
	struct cfi_expr t[MAX_STACK];
	unsigned n;
};

static int push(struct terms *s, enum cfi_expr_kind kind, uint64_t reg, int64_t off)
{
	if (s->n == MAX_STACK || reg > CFI_MAX_REG)
		return -ENOTSUP;
	s->t[s->n++] = (struct cfi_expr){ .kind = kind, .reg = (uint8_t)reg, .off = off };
	return 0;
}

static bool take_breg(struct bytes *e, uint8_t *ret_reg, int64_t *ret_off)
{
	uint8_t op;

	if (bytes_u8(e, &op) < 0 || op < OP_BREG0 || op > OP_BREG31 || bytes_sleb(e, ret_off) < 0)
		return false;
	*ret_reg = op - OP_BREG0;
	return true;
}

static bool take_ops(struct bytes *e, const uint8_t *ops, size_t n)
{
	const void *p;

	return bytes_take(e, n, &p) == 0 && memcmp(p, ops, n) == 0;
}

/*
 * OpenSSL's multiplications keep the stack pointer behind an array on the stack whose length only a
 * register has:
 *	breg7 8; breg9 0; lit8; mul; plus; deref; plus_uconst 8
 */
static int match_index(struct bytes e, struct cfi_expr *ret)
{
	static const uint8_t ops[] = { OP_LIT8, OP_MUL, OP_PLUS, OP_DEREF, OP_PLUS_UCONST };
	struct cfi_expr x = { .kind = CFI_EXPR_INDEX };
	int64_t scaled_off;
	uint64_t add;

	if (!take_breg(&e, &x.reg, &x.off) || !take_breg(&e, &x.index, &scaled_off) ||
	    !take_ops(&e, ops, sizeof(ops)) || bytes_uleb(&e, &add) < 0 || bytes_left(&e))
		return -ENOTSUP;
	if (scaled_off != 0 || add > INT32_MAX)
		return -ENOTSUP;
	x.add = (int64_t)add;
	*ret = x;
	return 0;
}

/*
 * The procedure linkage table pushes a word 11 (with endbr: 10) bytes into each 16-byte entry, so
 * linkers describe it whole by one expression:
 *	breg7 8; breg16 0; lit15; and; lit11; ge; lit3; shl; plus
 */
static int match_plt(struct bytes e, struct cfi_expr *ret)
{
	static const uint8_t before[] = { OP_BREG0 + 16, 0, OP_LIT0 + 15, OP_AND };
	static const uint8_t after[] = { OP_GE, OP_LIT0 + 3, OP_SHL, OP_PLUS };
	struct cfi_expr x = { .kind = CFI_EXPR_PLT };

	if (!take_breg(&e, &x.reg, &x.off) || !take_ops(&e, before, sizeof(before)) ||
	    bytes_u8(&e, &x.threshold) < 0 || !take_ops(&e, after, sizeof(after)) || bytes_left(&e))
		return -ENOTSUP;
	if (x.threshold < OP_LIT0 || x.threshold > OP_LIT0 + 15)
		return -ENOTSUP;
	x.threshold -= OP_LIT0;
	*ret = x;
	return 0;
}

/* Reads the operand of OP_CONST1U to OP_CONSTS. */
static int read_const(struct bytes *e, uint8_t op, int64_t *ret)
{
	uint64_t v = 0;
	unsigned n, shift;
	int r;

	if (op == OP_CONSTS)
		return bytes_sleb(e, ret);
	if (op == OP_CONSTU) {
		r = bytes_uleb(e, &v);
		*ret = (int64_t)v;
		return r;
	}
	n = 1u << ((op - OP_CONST1U) / 2);
	r = bytes_copy(e, &v, n);
	if (r < 0)
		return r;
	shift = 64 - 8 * n;
	*ret = op & 1 ? (int64_t)(v << shift) >> shift : (int64_t)v;
	return 0;
}

static int add(struct terms *s, int64_t v)
{
	struct cfi_expr *top = &s->t[s->n - 1];
	int64_t *to = top->kind == CFI_EXPR_DEREF ? &top->add : &top->off;

	return __builtin_add_overflow(*to, v, to) ? -ENOTSUP : 0;
}

/* Plus or minus: one of the two terms has to be a constant. */
static int add_terms(struct terms *s, bool is_minus)
{
	struct cfi_expr top, *below;
	int64_t v;

	if (s->n < 2)
		return -ENOTSUP;
	top = s->t[--s->n];
	below = &s->t[s->n - 1];
	if (top.kind != CFI_EXPR_CONST) {
		if (is_minus || below->kind != CFI_EXPR_CONST)
			return -ENOTSUP;
		v = below->off;
		*below = top;
		return add(s, v);
	}
	v = top.off;
	if (is_minus && __builtin_sub_overflow(0, v, &v))
		return -ENOTSUP;
	return add(s, v);
}

static int deref(struct terms *s)
{
	if (s->t[s->n - 1].kind != CFI_EXPR_REG)
		return -ENOTSUP;
	s->t[s->n - 1].kind = CFI_EXPR_DEREF;
	return 0;
}

static int step(struct terms *s, struct bytes *e, uint8_t op)
{
	uint64_t reg;
	int64_t v;

	if (op >= OP_LIT0 && op <= OP_LIT31)
		return push(s, CFI_EXPR_CONST, 0, op - OP_LIT0);
	if (op >= OP_BREG0 && op <= OP_BREG31)
		return bytes_sleb(e, &v) < 0 ? -ENOTSUP : push(s, CFI_EXPR_REG, op - OP_BREG0, v);
	if (op >= OP_CONST1U && op <= OP_CONSTS)
		return read_const(e, op, &v) < 0 ? -ENOTSUP : push(s, CFI_EXPR_CONST, 0, v);
	if (op == OP_BREGX)
		return bytes_uleb(e, &reg) < 0 || bytes_sleb(e, &v) < 0
			       ? -ENOTSUP
			       : push(s, CFI_EXPR_REG, reg, v);
	if (op == OP_NOP)
		return 0;
	if (s->n == 0)
		return -ENOTSUP;
	if (op == OP_PLUS_UCONST)
		return bytes_uleb(e, &reg) < 0 || reg > INT64_MAX ? -ENOTSUP : add(s, (int64_t)reg);
	if (op == OP_PLUS || op == OP_MINUS)
		return add_terms(s, op == OP_MINUS);
	return op == OP_DEREF ? deref(s) : -ENOTSUP;
}

int cfi_expr(struct bytes e, bool has_cfa, struct cfi_expr *ret)
{
	struct terms s = { 0 };
	uint8_t op;
	int r;

	if (!has_cfa && (match_plt(e, ret) == 0 || match_index(e, ret) == 0))
		return 0;
	if (has_cfa)
		push(&s, CFI_EXPR_CFA, 0, 0);
	while (bytes_u8(&e, &op) == 0) {
		r = step(&s, &e, op);
		if (r < 0)
			return r;
	}
	if (s.n == 0)
		return -ENOTSUP;
	*ret = s.t[s.n - 1];
	return 0;
}
