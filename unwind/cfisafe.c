/* SPDX-License-Identifier: Apache-2.0 */
#include "cfisafe.h"

#include "leb.h"

#define MAX_DEPTH 64 /* of remember_state: libunwind allocates for each */

enum op {
	OP_ADVANCE = 0x40,
	OP_OFFSET = 0x80,
	OP_RESTORE = 0xc0,
	OP_PRIMARY = 0xc0, /* mask */
	OP_NOP = 0x00,
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
	OP_GNU_ARGS_SIZE = 0x2e,
	OP_GNU_NEGATIVE_OFFSET = 0x2f,
};

static int put(struct cfi_safe *s, const void *p, size_t n)
{
	if (n > s->max - s->out.n)
		return -EFBIG;
	if (array_reserve(&s->out, n) < 0)
		return -ENOMEM;
	memcpy(s->out.items + s->out.n, p, n);
	s->out.n += n;
	return 0;
}

/* The register's value is the CFA plus @off: said as an expression, which libunwind knows. */
static int put_val_offset(struct cfi_safe *s, uint64_t reg, int64_t off)
{
	enum { CONSTS = 0x11, PLUS = 0x22 };
	uint8_t b[16] = { OP_VAL_EXPRESSION, (uint8_t)reg, 0, CONSTS };
	int64_t v;
	size_t n;

	if (__builtin_mul_overflow(off, s->cie->data_align, &v))
		return -EBADMSG;
	n = 4 + leb_put_sleb(b + 4, v);
	b[n++] = PLUS;
	b[2] = (uint8_t)(n - 3);
	return put(s, b, n);
}

/* An expression that follows in @b. If @is_kept, it is copied with its instruction from @begin. */
static int copy_block(struct cfi_safe *s, struct bytes *b, size_t begin, bool is_kept)
{
	struct bytes e;
	uint64_t n;

	if (bytes_uleb(b, &n) < 0 || bytes_part(b, b->pos, n, &e) < 0 || bytes_skip(b, n) < 0)
		return -EBADMSG;
	if (!is_kept)
		return 0;
	return cfi_safe_expr(e) ? put(s, b->p + begin, b->pos - begin) : -ENOTSUP;
}

static int copy_advance(struct cfi_safe *s, struct bytes *b, size_t begin, size_t n)
{
	uint32_t delta = 0;

	if (bytes_copy(b, &delta, n) < 0)
		return -EBADMSG;
	s->loc += delta * s->cie->code_align;
	return put(s, b->p + begin, b->pos - begin);
}

/* Instructions that begin with a register. Those on registers that do not matter are left out. */
static int copy_with_reg(struct cfi_safe *s, struct bytes *b, size_t begin, uint8_t op)
{
	uint64_t reg, other = 0;
	bool is_kept;
	int64_t off;

	if (bytes_uleb(b, &reg) < 0)
		return -EBADMSG;
	is_kept = reg < CFI_SAFE_REGS;
	switch (op) {
	case OP_EXPRESSION:
	case OP_VAL_EXPRESSION:
		return copy_block(s, b, begin, is_kept);
	case OP_VAL_OFFSET:
	case OP_VAL_OFFSET_SF:
		if ((op == OP_VAL_OFFSET ? bytes_uleb(b, (uint64_t *)&off) : bytes_sleb(b, &off)) <
		    0)
			return -EBADMSG;
		return is_kept ? put_val_offset(s, reg, off) : 0;
	case OP_OFFSET_EXTENDED:
	case OP_OFFSET_EXTENDED_SF:
	case OP_GNU_NEGATIVE_OFFSET:
	case OP_REGISTER:
		if (bytes_uleb(b, &other) < 0)
			return -EBADMSG;
		if (op == OP_REGISTER && other >= CFI_SAFE_REGS)
			is_kept = false;
		break;
	case OP_UNDEFINED:
		/* Of the return address it means the root. An undefined rbp does too in libunwind,
		 * but only there: its old value is as good as any. */
		is_kept = reg == s->cie->ra_reg;
		break;
	default: /* restore, same value */
		break;
	}
	return is_kept ? put(s, b->p + begin, b->pos - begin) : 0;
}

static int copy_def_cfa(struct cfi_safe *s, struct bytes *b, size_t begin, uint8_t op)
{
	uint64_t v;

	if (op != OP_DEF_CFA_OFFSET && op != OP_DEF_CFA_OFFSET_SF) {
		if (bytes_uleb(b, &v) < 0)
			return -EBADMSG;
		if (v >= CFI_SAFE_REGS - 1)
			return -ENOTSUP;
	}
	if (op != OP_DEF_CFA_REGISTER && bytes_uleb(b, &v) < 0)
		return -EBADMSG;
	return put(s, b->p + begin, b->pos - begin);
}

static int copy_state(struct cfi_safe *s, uint8_t op)
{
	if (op == OP_REMEMBER_STATE && s->depth++ >= MAX_DEPTH)
		return -ENOTSUP;
	if (op == OP_RESTORE_STATE && s->depth-- == 0)
		return -EBADMSG;
	return put(s, &op, 1);
}

static int copy_primary(struct cfi_safe *s, struct bytes *b, size_t begin, uint8_t op)
{
	uint8_t low = op & ~OP_PRIMARY;
	uint64_t unused;

	if ((op & OP_PRIMARY) == OP_ADVANCE)
		s->loc += low * s->cie->code_align;
	else if ((op & OP_PRIMARY) == OP_OFFSET && bytes_uleb(b, &unused) < 0)
		return -EBADMSG;
	if ((op & OP_PRIMARY) != OP_ADVANCE && low >= CFI_SAFE_REGS)
		return 0;
	return put(s, b->p + begin, b->pos - begin);
}

static int copy_one(struct cfi_safe *s, struct bytes *b)
{
	size_t begin = b->pos;
	uint64_t unused;
	uint8_t op;

	if (bytes_u8(b, &op) < 0)
		return -EBADMSG;
	if (op & OP_PRIMARY)
		return copy_primary(s, b, begin, op);
	switch (op) {
	case OP_NOP:
		return 0;
	case OP_ADVANCE1:
		return copy_advance(s, b, begin, 1);
	case OP_ADVANCE2:
		return copy_advance(s, b, begin, 2);
	case OP_ADVANCE4:
		return copy_advance(s, b, begin, 4);
	case OP_REMEMBER_STATE:
	case OP_RESTORE_STATE:
		return copy_state(s, op);
	case OP_DEF_CFA:
	case OP_DEF_CFA_SF:
	case OP_DEF_CFA_REGISTER:
	case OP_DEF_CFA_OFFSET:
	case OP_DEF_CFA_OFFSET_SF:
		return copy_def_cfa(s, b, begin, op);
	case OP_DEF_CFA_EXPRESSION:
		return copy_block(s, b, begin, true);
	case OP_GNU_ARGS_SIZE:
		return bytes_uleb(b, &unused);
	case OP_OFFSET_EXTENDED ... OP_REGISTER:
	case OP_EXPRESSION:
	case OP_OFFSET_EXTENDED_SF:
	case OP_VAL_OFFSET ... OP_VAL_EXPRESSION:
	case OP_GNU_NEGATIVE_OFFSET:
		return copy_with_reg(s, b, begin, op);
	default: /* set_loc, which nothing emits, and the unknown */
		return -ENOTSUP;
	}
}

int cfi_safe_copy(struct cfi_safe *s, struct bytes insns)
{
	int r = 0;

	s->depth = 0;
	while (r == 0 && bytes_left(&insns) && s->loc <= s->stop)
		r = copy_one(s, &insns);
	return r;
}
