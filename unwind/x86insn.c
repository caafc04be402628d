/* SPDX-License-Identifier: Apache-2.0 */
#include "x86insn.h"

/*
 * What follows an opcode: m = ModRM; b, w, z = an immediate of 1, 2, and 4 (with 0x66: 2) bytes;
 * M, Z = ModRM and b, z; j = 4 bytes whatever the prefix; v = as the register is wide; o = an
 * address; e = 3 bytes; g, G = M, Z of test alone; x = no such instruction, or handled before.
 */
static const char one_byte[] = "mmmmbzxxmmmmbzxx"
			       "mmmmbzxxmmmmbzxx"
			       "mmmmbzxxmmmmbzxx"
			       "mmmmbzxxmmmmbzxx"
			       "xxxxxxxxxxxxxxxx"
			       "                "
			       "xxxmxxxxzZbM    "
			       "bbbbbbbbbbbbbbbb"
			       "MZxMmmmmmmmmmmmm"
			       "          x     "
			       "oooo    bz      "
			       "bbbbbbbbvvvvvvvv"
			       "MMw xxMZe w  bx "
			       "mmmmxxx mmmmmmmm"
			       "bbbbbbbbjjxb    "
			       "x xx  gG      mm";

static const char after_0f[] = "mmmmx     x xm M"
			       "mmmmmmmmmmmmmmmm"
			       "mmmmxxxxmmmmmmmm"
			       "      x xxxxxxxx"
			       "mmmmmmmmmmmmmmmm"
			       "mmmmmmmmmmmmmmmm"
			       "mmmmmmmmmmmmmmmm"
			       "MMMMmmm mmmmmmmm"
			       "jjjjjjjjjjjjjjjj"
			       "mmmmmmmmmmmmmmmm"
			       "   mMmmm   mMmmm"
			       "mmmmmmmmmmMmmmmm"
			       "mmMmMMMm        "
			       "mmmmmmmmmmmmmmmm"
			       "mmmmmmmmmmmmmmmm"
			       "mmmmmmmmmmmmmmmm";

enum { MAP_ONE, MAP_0F, MAP_0F38, MAP_0F3A, MAP_XOP };

#define PREFIX_66  1u
#define PREFIX_REP 2u /* 0xf2 or 0xf3 */
#define PREFIX_67  4u

struct parts {
	struct bytes b;
	uint8_t prefixes, map, op;
	bool is_vex, has_rex;
	uint8_t w, r, x, b_bit; /* REX's, 0 or 1 */
	uint8_t vvvv;
	bool has_modrm;
	uint8_t mod, reg, rm; /* with REX's bits */
	bool is_at_sp;	      /* the memory is at rsp + disp */
	bool is_at_ip;	      /* likewise */
	int base;	      /* of memory that is base + disp; -1 */
	int32_t disp;
	int32_t imm;
};

static int read_signed(struct bytes *b, unsigned n, int32_t *ret)
{
	uint8_t raw[4] = { 0 };
	int r = bytes_copy(b, raw, n);

	if (r < 0)
		return r;
	if (n == 1)
		*ret = (int8_t)raw[0];
	else if (n == 2)
		*ret = (int16_t)(raw[0] | raw[1] << 8);
	else
		*ret = (int32_t)(raw[0] | raw[1] << 8 | raw[2] << 16 | (uint32_t)raw[3] << 24);
	return 0;
}

/* The prefixes; the first byte that is none goes to @ret. */
static int read_prefixes(struct parts *p, uint8_t *ret)
{
	for (;;) {
		int r = bytes_u8(&p->b, ret);

		if (r < 0)
			return r;
		switch (*ret) {
		case 0x66:
			p->prefixes |= PREFIX_66;
			break;
		case 0x67:
			p->prefixes |= PREFIX_67;
			break;
		case 0xf2:
		case 0xf3:
			p->prefixes |= PREFIX_REP;
			break;
		case 0x26:
		case 0x2e:
		case 0x36:
		case 0x3e:
		case 0x64:
		case 0x65:
		case 0xf0:
			break;
		default:
			if ((*ret & 0xf0) != 0x40)
				return 0;
			p->has_rex = true;
			p->w = *ret >> 3 & 1;
			p->r = *ret >> 2 & 1;
			p->x = *ret >> 1 & 1;
			p->b_bit = *ret & 1;
			return bytes_u8(&p->b, ret);
		}
	}
}

/* C5, C4, 62 or 8F (XOP) and what follows them, but for the opcode. */
static int read_vex(struct parts *p, uint8_t first)
{
	uint8_t a, b, c;

	if (p->has_rex || bytes_u8(&p->b, &a) < 0)
		return -EBADMSG;
	p->is_vex = true;
	p->r = !(a & 0x80);
	if (first == 0xc5) {
		p->map = MAP_0F;
		p->vvvv = ~a >> 3 & 15;
		return 0;
	}
	p->x = !(a & 0x40);
	p->b_bit = !(a & 0x20);
	if (bytes_u8(&p->b, &b) < 0 || (first == 0x62 && bytes_u8(&p->b, &c) < 0))
		return -EBADMSG;
	p->w = b >> 7;
	p->vvvv = ~b >> 3 & 15;
	p->map = a & (first == 0x62 ? 7 : 31);
	if (first == 0x8f) {
		p->map = p->map == 8 ? MAP_0F3A : p->map == 9 ? MAP_0F38 : MAP_XOP;
		return (a & 31) <= 10 ? 0 : -EBADMSG;
	}
	if (first == 0x62 && (p->map == 5 || p->map == 6))
		p->map = MAP_0F38; /* half precision: no immediates */
	return p->map >= MAP_0F && p->map <= MAP_0F3A ? 0 : -EBADMSG;
}

/* Up to the opcode. */
static int read_opcode(struct parts *p)
{
	uint8_t first, next;
	int r = read_prefixes(p, &first);

	if (r < 0)
		return r;
	if (first == 0x8f) { /* pop, unless what looks like its ModRM is none of it */
		struct bytes ahead = p->b;

		if (bytes_u8(&ahead, &next) == 0 && (next & 31) >= 8)
			return read_vex(p, first) < 0 ? -EBADMSG : bytes_u8(&p->b, &p->op);
	}
	if (first == 0xc4 || first == 0xc5 || first == 0x62)
		return read_vex(p, first) < 0 ? -EBADMSG : bytes_u8(&p->b, &p->op);
	p->op = first;
	if (first != 0x0f)
		return 0;
	p->map = MAP_0F;
	r = bytes_u8(&p->b, &p->op);
	if (r < 0 || (p->op != 0x38 && p->op != 0x3a))
		return r;
	p->map = p->op == 0x38 ? MAP_0F38 : MAP_0F3A;
	return bytes_u8(&p->b, &p->op);
}

static int read_modrm(struct parts *p)
{
	uint8_t modrm, sib = 0;
	unsigned disp;
	int r = bytes_u8(&p->b, &modrm);

	if (r < 0)
		return r;
	p->has_modrm = true;
	p->mod = modrm >> 6;
	p->reg = (uint8_t)((modrm >> 3 & 7) | p->r << 3);
	p->rm = (uint8_t)((modrm & 7) | p->b_bit << 3);
	if (p->mod == 3)
		return 0;
	disp = p->mod == 1 ? 1 : p->mod == 2 ? 4 : 0;
	p->base = p->rm;
	if ((modrm & 7) == 4) {
		r = bytes_u8(&p->b, &sib);
		if (r < 0)
			return r;
		p->base = (sib & 7) | p->b_bit << 3;
		if ((sib & 7) == 5 && p->mod == 0) {
			disp = 4;
			p->base = -1;
		}
		if (((sib >> 3 & 7) | p->x << 3) != 4)
			p->base = -1; /* there is an index */
	} else if ((modrm & 7) == 5 && p->mod == 0) {
		disp = 4;
		p->base = -1;
		p->is_at_ip = true;
	}
	p->is_at_sp = p->base == X86_RSP;
	return disp ? read_signed(&p->b, disp, &p->disp) : 0;
}

static char form_of(const struct parts *p)
{
	switch (p->map) {
	case MAP_ONE:
		return one_byte[p->op];
	case MAP_0F:
		return p->is_vex && p->op != 0x77 && after_0f[p->op] != 'M' ? 'm' : after_0f[p->op];
	case MAP_0F38:
		return 'm';
	case MAP_0F3A:
		return 'M';
	default:
		return 'Z';
	}
}

static int read_rest(struct parts *p)
{
	unsigned wide = p->prefixes & PREFIX_66 && !p->w ? 2 : 4;
	char form = form_of(p);
	int r = 0;

	switch (form) {
	case 'm':
	case 'M':
	case 'Z':
	case 'g':
	case 'G':
		r = read_modrm(p);
		break;
	default:
		break;
	}
	if (r < 0)
		return r;
	switch (form) {
	case ' ':
	case 'm':
		return 0;
	case 'b':
	case 'M':
		return read_signed(&p->b, 1, &p->imm);
	case 'z':
	case 'Z':
		return read_signed(&p->b, wide, &p->imm);
	case 'w':
		return read_signed(&p->b, 2, &p->imm);
	case 'j':
		return read_signed(&p->b, 4, &p->imm);
	case 'v':
		return p->w ? bytes_skip(&p->b, 8) : read_signed(&p->b, wide, &p->imm);
	case 'o':
		return bytes_skip(&p->b, p->prefixes & PREFIX_67 ? 4 : 8);
	case 'e':
		return bytes_skip(&p->b, 3);
	case 'g':
		return (p->reg & 7) < 2 ? read_signed(&p->b, 1, &p->imm) : 0;
	case 'G':
		return (p->reg & 7) < 2 ? read_signed(&p->b, wide, &p->imm) : 0;
	default:
		return -EBADMSG;
	}
}

/* --- what it does --- */

/* Register @n of an instruction on bytes: without REX, 4 to 7 are the second bytes of 0 to 3. */
static uint8_t byte_register(const struct parts *p, uint8_t n)
{
	return !p->has_rex && n >= 4 && n < 8 ? (uint8_t)(n - 4) : n;
}

static uint8_t if_register(const struct parts *p)
{
	return p->mod == 3 ? p->rm : X86_NO_REG;
}

/* The general register that an instruction of the one-byte map writes. */
static uint8_t written_one(const struct parts *p)
{
	uint8_t op = p->op, sub = p->reg & 7;

	if (op < 0x40)
		return op >= 0x38      ? X86_NO_REG
		       : (op & 7) >= 4 ? X86_RAX
		       : op & 2	       ? p->reg
				       : if_register(p);
	if (op >= 0xb0 && op <= 0xbf)
		return (uint8_t)((op & 7) | p->b_bit << 3);
	if (op >= 0x90 && op <= 0x97)
		return (uint8_t)((op & 7) | p->b_bit << 3);
	switch (op) {
	case 0x86:
	case 0x87: /* xchg writes both: rsp, if it is one of them */
		return if_register(p) == X86_RSP ? X86_RSP : p->reg;
	case 0x63:
	case 0x69:
	case 0x6b:
	case 0x8a:
	case 0x8b:
	case 0x8d:
		return p->reg;
	case 0x80:
	case 0x81:
	case 0x83:
		return sub == 7 ? X86_NO_REG : if_register(p);
	case 0xf6:
	case 0xf7:
		return sub < 2 ? X86_NO_REG : sub < 4 ? if_register(p) : X86_RAX;
	case 0x88:
	case 0x89:
	case 0xc0:
	case 0xc1:
	case 0xc6:
	case 0xc7:
	case 0xd0:
	case 0xd1:
	case 0xd2:
	case 0xd3:
	case 0xfe:
		return if_register(p);
	case 0xff:
		return sub < 2 ? if_register(p) : X86_NO_REG;
	case 0x98:
		return X86_RAX;
	case 0x99:
		return X86_RDX;
	default:
		return X86_NO_REG;
	}
}

/* The same of the others. */
static uint8_t written_more(const struct parts *p)
{
	uint8_t op = p->op;

	if (p->map == MAP_0F3A)
		return op >= 0x14 && op <= 0x17	 ? if_register(p)
		       : p->is_vex && op == 0xf0 ? p->reg
						 : X86_NO_REG;
	if (p->map == MAP_0F38)
		return op == 0xf3 && p->is_vex ? p->vvvv : op >= 0xf0 ? p->reg : X86_NO_REG;
	if (p->map != MAP_0F)
		return X86_NO_REG;
	if (!p->is_vex && op >= 0xc8 && op <= 0xcf)
		return (uint8_t)((op & 7) | p->b_bit << 3);
	switch (op) {
	case 0x2c:
	case 0x2d:
	case 0x50:
	case 0xc5:
	case 0xd7:
		return p->reg;
	case 0x7e:
		return p->prefixes & PREFIX_REP ? X86_NO_REG : if_register(p);
	default:
		break;
	}
	if (p->is_vex)
		return X86_NO_REG;
	if (op >= 0x40 && op <= 0x4f)
		return p->reg;
	if (op >= 0x90 && op <= 0x9f)
		return if_register(p);
	switch (op) {
	case 0x02:
	case 0x03:
	case 0xaf:
	case 0xb6:
	case 0xb7:
	case 0xb8:
	case 0xbc:
	case 0xbd:
	case 0xbe:
	case 0xbf:
		return p->reg;
	case 0xa4:
	case 0xa5:
	case 0xab:
	case 0xac:
	case 0xad:
	case 0xb0:
	case 0xb1:
	case 0xb3:
	case 0xba:
	case 0xbb:
	case 0xc0:
	case 0xc1:
		return if_register(p);
	default:
		return X86_NO_REG;
	}
}

/* Whether the register of a one-byte instruction is one of a byte. */
static bool is_of_bytes(const struct parts *p)
{
	uint8_t op = p->op;

	if (op < 0x40 || (op >= 0x80 && op <= 0x8b) || op >= 0xc0)
		return !(op & 1) && op != 0x82;
	return op >= 0xb0 && op <= 0xb7;
}

static void set(struct x86_insn *i, enum x86_effect effect, uint8_t reg, int32_t value)
{
	i->effect = (uint8_t)effect;
	i->reg = reg;
	i->value = value;
}

/* mov and lea of 8 bytes that read or write rsp, or memory beside it. Whether it is one. */
static bool moves_sp(const struct parts *p, struct x86_insn *i)
{
	uint8_t from = p->op == 0x89 ? p->reg : p->rm, to = p->op == 0x89 ? p->rm : p->reg;

	if (!p->w)
		return false;
	if (p->op == 0x8d && p->base >= 0) {
		if (p->reg == X86_RSP && p->base == X86_RSP)
			set(i, X86_ADD_SP, X86_NO_REG, p->disp);
		else if (p->reg == X86_RSP)
			set(i, X86_TO_SP, (uint8_t)p->base, p->disp);
		else if (p->base == X86_RSP)
			set(i, X86_FROM_SP, p->reg, p->disp);
		else
			return false;
		return true;
	}
	if (p->op != 0x89 && p->op != 0x8b)
		return false;
	if (p->op == 0x8b && p->reg == X86_RBP && p->base == X86_RBP && p->disp == 0)
		set(i, X86_NEXT_FP, X86_RBP, 0);
	else if (p->mod == 3 && from == X86_RSP && to != X86_RSP)
		set(i, X86_FROM_SP, to, 0);
	else if (p->mod == 3 && to == X86_RSP && from != X86_RSP)
		set(i, X86_TO_SP, from, 0);
	else if (p->is_at_sp)
		set(i, p->op == 0x89 ? X86_SAVE : X86_LOAD, p->reg, p->disp);
	else
		return false;
	return true;
}

/* Arithmetic on rsp with a number. */
static bool adds_to_sp(const struct parts *p, struct x86_insn *i)
{
	if ((p->op != 0x81 && p->op != 0x83) || !p->w || p->mod != 3 || p->rm != X86_RSP)
		return false;
	switch (p->reg & 7) {
	case 0:
		set(i, X86_ADD_SP, X86_NO_REG, p->imm);
		return true;
	case 5:
		if (p->imm == INT32_MIN)
			return false;
		set(i, X86_ADD_SP, X86_NO_REG, -p->imm);
		return true;
	case 4:
		set(i, p->imm < 0 ? X86_ALIGN_SP : X86_LOSE_SP, X86_NO_REG, 0);
		return true;
	default:
		return false;
	}
}

/* Instructions that go elsewhere. Whether it is one. */
static bool goes_elsewhere(const struct parts *p, struct x86_insn *i)
{
	uint8_t op = p->op, sub = p->reg & 7;

	if ((op >= 0x70 && op <= 0x7f) || (op >= 0xe0 && op <= 0xe3))
		set(i, X86_BRANCH, X86_NO_REG, p->imm);
	else if (op == 0xe8)
		set(i, X86_CALL, X86_NO_REG, p->imm);
	else if (op == 0xe9 || op == 0xeb)
		set(i, X86_JUMP, X86_NO_REG, p->imm);
	else if (op == 0xc2 || op == 0xc3 || op == 0xca || op == 0xcb || op == 0xcf)
		set(i, X86_RETURN, X86_NO_REG, 0);
	else if (op == 0xcc || op == 0xf4)
		set(i, X86_STOP, X86_NO_REG, 0);
	else if (op == 0xff && (sub == 2 || sub == 3))
		set(i, X86_CALL_FAR, X86_NO_REG, 0);
	else if (op == 0xff && (sub == 4 || sub == 5))
		set(i, X86_JUMP_FAR, X86_NO_REG, p->is_at_ip);
	else
		return false;
	return true;
}

/* push, pop and leave. Whether it is one. */
static bool pushes(const struct parts *p, struct x86_insn *i)
{
	uint8_t op = p->op, reg = (uint8_t)((op & 7) | p->b_bit << 3), sub = p->reg & 7;
	bool is_half = p->prefixes & PREFIX_66;

	if (op >= 0x50 && op <= 0x57)
		set(i, X86_PUSH, reg, 0);
	else if (op >= 0x58 && op <= 0x5f)
		set(i, reg == X86_RSP ? X86_LOSE_SP : X86_POP, reg, 0);
	else if (op == 0x68 || op == 0x6a || op == 0x9c || (op == 0xff && sub == 6))
		set(i, X86_PUSH, X86_NO_REG, 0);
	else if (op == 0x8f || op == 0x9d)
		set(i, X86_POP, X86_NO_REG, 0);
	else if (op == 0xc9)
		set(i, X86_LEAVE, X86_NO_REG, 0);
	else if (op == 0xc8)
		set(i, X86_LOSE_SP, X86_NO_REG, 0);
	else
		return false;
	if (is_half)
		set(i, X86_LOSE_SP, X86_NO_REG, 0);
	return true;
}

static void find_effect(const struct parts *p, struct x86_insn *i)
{
	bool is_one = p->map == MAP_ONE && !p->is_vex;
	uint8_t reg;

	set(i, X86_OTHER, X86_NO_REG, 0);
	if (is_one && (goes_elsewhere(p, i) || pushes(p, i) || adds_to_sp(p, i) || moves_sp(p, i)))
		return;
	if (p->map == MAP_0F && !p->is_vex) {
		if (p->op >= 0x80 && p->op <= 0x8f) {
			set(i, X86_BRANCH, X86_NO_REG, p->imm);
			return;
		}
		if (p->op == 0x0b || p->op == 0xb9 || p->op == 0xff) {
			set(i, X86_STOP, X86_NO_REG, 0);
			return;
		}
	}
	i->is_nop = (is_one && p->op == 0x90 && !p->b_bit && !(p->prefixes & PREFIX_REP)) ||
		    (p->map == MAP_0F && !p->is_vex && p->op == 0x1f);
	if (i->is_nop)
		return;
	if (is_one && (p->op == 0x31 || p->op == 0x33) && p->mod == 3 && p->reg == X86_RBP &&
	    p->rm == X86_RBP) {
		set(i, X86_CLEAR_FP, X86_RBP, 0);
		return;
	}
	reg = is_one ? written_one(p) : written_more(p);
	if (is_one && reg != X86_NO_REG && is_of_bytes(p))
		reg = byte_register(p, reg);
	set(i, reg == X86_RSP ? X86_LOSE_SP : X86_OTHER, reg, 0);
	i->is_lea = is_one && p->op == 0x8d && p->is_at_ip && i->effect == X86_OTHER;
	if (i->is_lea)
		i->value = p->disp;
}

int x86_insn(struct bytes code, struct x86_insn *ret)
{
	struct parts p = { .base = -1 };
	int r;

	if (code.n > 15)
		code.n = 15; /* no instruction is longer */
	p.b = code;
	r = read_opcode(&p);
	if (r == 0)
		r = read_rest(&p);
	if (r < 0)
		return r;
	*ret = (struct x86_insn){ .n = (uint8_t)p.b.pos };
	find_effect(&p, ret);
	return 0;
}
