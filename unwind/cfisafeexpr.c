/* SPDX-License-Identifier: Apache-2.0 */
/* Checks DWARF expressions before somebody else evaluates them. */
#include "cfisafe.h"
#include "leb.h"

#define MAX_EXPR 256 /* bytes; compilers need 20 */

enum op {
	OP_ADDR = 0x03,
	OP_DEREF = 0x06,
	OP_CONST1U = 0x08,
	OP_CONST1S,
	OP_CONST2U,
	OP_CONST2S,
	OP_CONST4U,
	OP_CONST4S,
	OP_CONST8U,
	OP_CONST8S,
	OP_CONSTU,
	OP_CONSTS,
	OP_DUP = 0x12,
	OP_DROP,
	OP_OVER,
	OP_PICK,
	OP_SWAP,
	OP_ROT,
	OP_ABS = 0x19,
	OP_AND,
	OP_DIV,
	OP_MINUS,
	OP_MOD,
	OP_MUL,
	OP_NEG,
	OP_NOT,
	OP_OR,
	OP_PLUS,
	OP_PLUS_UCONST,
	OP_SHL,
	OP_SHR,
	OP_SHRA,
	OP_XOR,
	OP_BRA,
	OP_EQ,
	OP_NE = 0x2e,
	OP_SKIP,
	OP_LIT0,
	OP_LIT31 = 0x4f,
	OP_BREG0 = 0x70,
	OP_DEREF_SIZE = 0x94,
	OP_NOP = 0x96,
};

/* Places in an expression, one bit each. */
struct places {
	uint64_t bits[MAX_EXPR / 64 + 1];
};

static void place_set(struct places *p, size_t i)
{
	p->bits[i / 64] |= 1ull << (i % 64);
}

static int skip_uleb(struct bytes *b)
{
	uint64_t unused;

	return bytes_uleb(b, &unused);
}

static int read_deref_size(struct bytes *b)
{
	uint8_t n;

	if (bytes_u8(b, &n) < 0)
		return -EBADMSG;
	return n == 1 || n == 2 || n == 4 || n == 8 ? 0 : -ENOTSUP;
}

/* A jump may only go forward, and only to where an operation begins. */
static int read_jump(struct bytes *b, struct places *targets)
{
	uint16_t delta;

	if (bytes_u16(b, &delta) < 0)
		return -EBADMSG;
	if (delta > INT16_MAX || delta > bytes_left(b))
		return -ENOTSUP;
	place_set(targets, b->pos + delta);
	return 0;
}

static int check_op(struct bytes *b, struct places *targets)
{
	uint8_t op;

	if (bytes_u8(b, &op) < 0)
		return -EBADMSG;
	if ((op >= OP_LIT0 && op <= OP_LIT31) || (op > OP_BRA && op <= OP_NE))
		return 0;
	if (op >= OP_BREG0 && op < OP_BREG0 + CFI_SAFE_REGS)
		return skip_uleb(b);
	switch (op) {
	case OP_CONST1U:
	case OP_CONST1S:
	case OP_PICK:
		return bytes_skip(b, 1);
	case OP_CONST2U:
	case OP_CONST2S:
		return bytes_skip(b, 2);
	case OP_CONST4U:
	case OP_CONST4S:
		return bytes_skip(b, 4);
	case OP_ADDR:
	case OP_CONST8U:
	case OP_CONST8S:
		return bytes_skip(b, 8);
	case OP_CONSTU:
	case OP_CONSTS:
	case OP_PLUS_UCONST:
		return skip_uleb(b);
	case OP_DEREF_SIZE:
		return read_deref_size(b);
	case OP_BRA:
	case OP_SKIP:
		return read_jump(b, targets);
	case OP_DIV: /* traps in libunwind */
	case OP_MOD:
		return -ENOTSUP;
	case OP_DEREF:
	case OP_NOP:
		return 0;
	default:
		return op >= OP_DUP && op <= OP_XOR && op != 0x18 ? 0 : -ENOTSUP;
	}
}

bool cfi_safe_expr(struct bytes e)
{
	struct places begins = { 0 }, targets = { 0 };

	if (bytes_left(&e) > MAX_EXPR)
		return false;
	e = bytes_of(e.p + e.pos, bytes_left(&e));
	while (bytes_left(&e)) {
		place_set(&begins, e.pos);
		if (check_op(&e, &targets) < 0)
			return false;
	}
	place_set(&begins, e.pos);
	for (size_t i = 0; i < ARRAY_LEN(begins.bits); i++) {
		if (targets.bits[i] & ~begins.bits[i])
			return false;
	}
	return true;
}
