/* SPDX-License-Identifier: Apache-2.0 */
#include "x86insn.h"

#define MAX_LEN	     15
#define MAX_PREFIXES 4

/* What follows an opcode. */
enum {
	M = 1,	  /* ModRM */
	I8 = 2,	  /* a byte */
	IZ = 4,	  /* 4 bytes, 2 with prefix 66 */
	I32 = 8,  /* 4 bytes */
	I16 = 16, /* 2 bytes */
	IV = 32,  /* 8 bytes with REX.W, else as IZ */
	I64 = 64, /* 8 bytes: an address */
	BAD = 128,
};

#define ALU M, M, M, M, I8, IZ, BAD, BAD
#define X8(x) x, x, x, x, x, x, x, x

static const uint8_t one[256] = {
	/* 00 */ ALU, ALU, ALU, ALU, ALU, ALU, ALU, ALU,
	/* 40: REX is no opcode */ X8(BAD), X8(BAD),
	/* 50 */ X8(0), X8(0),
	/* 60 */ BAD, BAD, BAD, M, BAD, BAD, BAD, BAD,
	/* 68 */ IZ, M | IZ, I8, M | I8, 0, 0, 0, 0,
	/* 70 */ X8(I8), X8(I8),
	/* 80 */ M | I8, M | IZ, BAD, M | I8, M, M, M, M,
	/* 88 */ M, M, M, M, M, M, M, M,
	/* 90 */ X8(0),
	/* 98 */ 0, 0, BAD, 0, 0, 0, 0, 0,
	/* a0 */ I64, I64, I64, I64, 0, 0, 0, 0,
	/* a8 */ I8, IZ, 0, 0, 0, 0, 0, 0,
	/* b0 */ X8(I8), X8(IV),
	/* c0 */ M | I8, M | I8, I16, 0, BAD, BAD, M | I8, M | IZ,
	/* c8: enter, which no compiler makes */ BAD, 0, I16, 0, 0, I8, BAD, 0,
	/* d0 */ M, M, M, M, BAD, BAD, BAD, 0,
	/* d8 */ X8(M),
	/* e0 */ I8, I8, I8, I8, I8, I8, I8, I8,
	/* e8 */ I32, I32, BAD, I8, 0, 0, 0, 0,
	/* f0 */ BAD, 0, BAD, BAD, 0, 0, M, M,
	/* f8 */ 0, 0, 0, 0, 0, 0, M, M,
};

static const uint8_t two[256] = {
	/* 00 */ M, M, M, M, BAD, 0, 0, 0,
	/* 08 */ 0, 0, BAD, 0, BAD, M, 0, BAD,
	/* 10 */ X8(M), X8(M),
	/* 20 */ M, M, M, M, BAD, BAD, BAD, BAD,
	/* 28 */ X8(M),
	/* 30 */ 0, 0, 0, 0, 0, 0, BAD, 0,
	/* 38 */ X8(BAD),
	/* 40 */ X8(M), X8(M),
	/* 50 */ X8(M), X8(M),
	/* 60 */ X8(M), X8(M),
	/* 70 */ M | I8, M | I8, M | I8, M | I8, M, M, M, 0,
	/* 78 */ M, M, BAD, BAD, M, M, M, M,
	/* 80 */ X8(I32), X8(I32),
	/* 90 */ X8(M), X8(M),
	/* a0 */ 0, 0, 0, M, M | I8, M, BAD, BAD,
	/* a8 */ 0, 0, 0, M, M | I8, M, M, M,
	/* b0 */ X8(M),
	/* b8 */ M, M, M | I8, M, M, M, M, M,
	/* c0 */ M, M, M | I8, M, M | I8, M | I8, M | I8, M,
	/* c8 */ X8(0),
	/* d0 */ X8(M), X8(M),
	/* e0 */ X8(M), X8(M),
	/* f0 */ X8(M), X8(M),
};

/* The bytes at hand, and zeros behind them: what goes beyond is found out in the end. */
struct cursor {
	uint8_t bytes[40];
	unsigned pos;
};
_Static_assert(sizeof(((struct cursor *)0)->bytes) > MAX_PREFIXES + 1 + 5 + 2 + 4 + 8 + 8,
	       "prefixes, opcode, operand and immediate are within");

static uint8_t next(struct cursor *c)
{
	return c->bytes[c->pos++];
}

/* A number of 1, 2, 4 or 8 bytes, sign-extended; 0 bytes: 0. */
static int64_t next_signed(struct cursor *c, unsigned n)
{
	const uint8_t *p = c->bytes + c->pos;
	int64_t v = 0;

	c->pos += n;
	memcpy(&v, p, sizeof(v));
	return n ? (int64_t)((uint64_t)v << (64 - 8 * n)) >> (64 - 8 * n) : 0;
}

static bool is_prefix(uint8_t b)
{
	switch (b) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x64:
	case 0x65:
	case 0x66:
	case 0xf0:
	case 0xf2:
	case 0xf3:
		return true;
	default: /* 67 makes addresses narrow: no compiler does for the stack's */
		return false;
	}
}

/* VEX of 2 or 3 bytes, EVEX: the bits of REX are stored inverted. */
static bool read_vex(struct cursor *c, uint8_t lead, struct x86_insn *i)
{
	uint8_t p0 = next(c), p1;

	i->is_vex = true;
	i->rex = 0x40 | (~p0 >> 5 & 4);
	i->map = X86_0F;
	if (lead != 0xc5) {
		p1 = next(c);
		i->rex |= (~p0 >> 5 & 3) | (p1 >> 4 & 8);
		i->map = p0 & (lead == 0x62 ? 7 : 31);
	}
	if (lead == 0x62)
		next(c);
	i->op = next(c);
	return i->map >= X86_0F && i->map <= X86_0F3A;
}

/* Prefixes and opcode. */
static bool read_op(struct cursor *c, struct x86_insn *i)
{
	uint8_t b = next(c);

	for (int n = 0; is_prefix(b); n++) {
		if (n == MAX_PREFIXES)
			return false;
		i->is_narrow |= b == 0x66;
		b = next(c);
	}
	if (b == 0xc4 || b == 0xc5 || b == 0x62)
		return read_vex(c, b, i);
	if ((b & 0xf0) == 0x40) {
		i->rex = b;
		b = next(c);
	}
	i->map = X86_ONE;
	i->op = b;
	if (b != 0x0f)
		return true;
	i->map = X86_0F;
	i->op = next(c);
	if (i->op != 0x38 && i->op != 0x3a)
		return true;
	i->map = i->op == 0x38 ? X86_0F38 : X86_0F3A;
	i->op = next(c);
	return true;
}

static unsigned follows(const struct x86_insn *i)
{
	switch (i->map) {
	case X86_ONE:
		return one[i->op];
	case X86_0F:
		return two[i->op];
	case X86_0F38:
		return M;
	default:
		return M | I8;
	}
}

/* ModRM, SIB, displacement. */
static void read_operand(struct cursor *c, struct x86_insn *i)
{
	unsigned mod, low, n;
	uint8_t sib;

	i->modrm = next(c);
	mod = x86_mod(i);
	low = i->modrm & 7;
	i->has_modrm = true;
	i->reg = (uint8_t)(x86_ext(i) | (i->rex & 4) << 1);
	i->rm = (uint8_t)(low | (i->rex & 1) << 3);
	if (mod == 3)
		return;
	i->is_mem = i->is_plain = true;
	n = mod == 1 ? 1 : mod == 2 ? 4 : 0;
	if (low == 4) {
		sib = next(c);
		i->is_plain = (sib >> 3 & 7) == 4 && !(i->rex & 2);
		low = sib & 7;
		i->rm = (uint8_t)(low | (i->rex & 1) << 3);
	}
	if (low == 5 && mod == 0) { /* from rip, or nowhere */
		n = 4;
		i->rm = X86_NO_REG;
	}
	i->disp = (int32_t)next_signed(c, n);
}

static unsigned immediate_size(const struct x86_insn *i, unsigned what)
{
	if (what & IV && i->rex & 8)
		return 8;
	if (what & (IZ | IV))
		return i->is_narrow ? 2 : 4;
	if (what & I64)
		return 8;
	return (what & I32 ? 4 : 0) + (what & I16 ? 2 : 0) + (what & I8 ? 1 : 0);
}

bool x86_insn_read(struct bytes code, struct x86_insn *ret)
{
	size_t n = code.n < MAX_LEN ? code.n : MAX_LEN;
	struct cursor c = { .pos = 0 };
	struct x86_insn i = { 0 };
	unsigned what;

	if (n == MAX_LEN)
		memcpy(c.bytes, code.p, MAX_LEN); /* of a constant size: inlined */
	else
		memcpy(c.bytes, code.p, n);
	if (!read_op(&c, &i))
		return false;
	what = follows(&i);
	if (what & BAD)
		return false;
	if (what & M)
		read_operand(&c, &i);
	if (i.map == X86_ONE && (i.op & 0xfe) == 0xf6 && x86_ext(&i) < 2)
		what |= i.op == 0xf6 ? I8 : IZ; /* test alone of its group has an immediate */
	if (i.map == X86_ONE && i.op == 0x8f && x86_ext(&i) != 0)
		return false; /* XOP */
	i.imm = next_signed(&c, immediate_size(&i, what));
	if (c.pos > n)
		return false;
	i.len = (uint8_t)c.pos;
	*ret = i;
	return true;
}
