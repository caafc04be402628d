/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes x86-64 machine code apart into instructions, as far as their length and what they do to
 * the stack ask for: prefixes, opcode, ModRM byte, displacement, immediate.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"

/* Which table of opcodes `op` is of. */
enum x86_map { X86_ONE, X86_0F, X86_0F38, X86_0F3A };

/* Registers by their number in machine code, which is not DWARF's. */
enum { X86_RSP = 4, X86_RBP = 5, X86_NO_REG = 16 };

struct x86_insn {
	uint8_t len;
	uint8_t map; /* enum x86_map */
	uint8_t op;
	bool is_vex;	/* VEX or EVEX: its registers are mostly no general ones */
	bool is_narrow; /* prefix 66 */
	uint8_t rex;	/* 0x40 and its bits, 0 = none; of VEX, the same bits */
	bool has_modrm;
	uint8_t modrm;
	uint8_t reg;   /* of ModRM, with the bit of REX */
	uint8_t rm;    /* mod 3: the register; else the base, or X86_NO_REG */
	bool is_mem;   /* the operand of ModRM is memory */
	bool is_plain; /* is_mem: it is base + disp alone */
	int32_t disp;
	int64_t imm; /* sign-extended; of jumps and calls, from the end of the instruction */
};

/* Reads the instruction at the start of @code. True and *@ret, false for what is none, is cut off
 * or is of a kind that no compiler makes. */
bool x86_insn_read(struct bytes code, struct x86_insn *ret);

static inline unsigned x86_mod(const struct x86_insn *i)
{
	return i->modrm >> 6;
}

/* The three bits of ModRM that extend the opcode. */
static inline unsigned x86_ext(const struct x86_insn *i)
{
	return i->modrm >> 3 & 7;
}

/* Whether it is lea disp(%rip), of 64 bits. */
static inline bool x86_takes_address(const struct x86_insn *i)
{
	return i->map == X86_ONE && !i->is_vex && i->op == 0x8d && i->rex & 8 && x86_mod(i) == 0 &&
	       (i->modrm & 7) == 5;
}
