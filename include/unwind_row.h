/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Unwind rows: how "what is the caller's frame at this pc?" is stored and looked up. Shared by the
 * kernel side and user space, so it holds nothing but __u32 arithmetic over one array of words.
 *
 * One object's table is a run of words in that array (the area), in three parts:
 *
 *   index, 16 words a block                  rules, 4 words each          rows, 2 slots a word
 *  ┌──────┬─────┬─────┬───┬─────┬─────┐     ┌──────┬─────────┬────┬───┐  ┌────┬────┬────┬────┬──
 *  │ base │ e0  │ e1  │ … │ e28 │ e29 │     │ bits │ cfa_off │ fp │aux│  │slot│slot│slot│slot│ …
 *  └──────┴─────┴─────┴───┴─────┴─────┘     └──────┴─────────┴────┴───┘  └────┴────┴────┴────┴──
 *    u32    u16, ends of 30 buckets          most frequent rule first      ┌ 9 bits ─┬─ 7 bits ─┐
 *                                            rule 0 = "no rows here"       │ pc in   │  code    │
 *                                                                          │ bucket  │          │
 *                                                                          └─────────┴──────────┘
 *
 * Text is cut into buckets of 512 bytes. A slot says "from this pc on, this rule is in force". The
 * slots of bucket i of a block are [base + e(i-1), base + e(i)), with e(-1) = 0; the answer is the
 * last of them whose pc is not above the one asked for, and when there is none, the slot before
 * them, which was in force when the bucket began. So a lookup reads one cache line of the index,
 * one or two of the rows and one of the rules, whatever the size of the object.
 *
 * Code c < 127 names rule c: rules are sorted by how many rows use them, so 127 of them serve
 * nearly every row of any object. Code 127 continues in the two slots before it, 7 bits each. Those
 * carry the same pc, so that every slot is searched alike: the search looks for the last slot of a
 * pc, and never needs to know where a row begins.
 *
 *                  pc 40   pc 44         pc 44         pc 44    pc 52
 *           … ────┬───────┬─────────────┬─────────────┬────────┬─────── …
 *                 │  3    │ high 7 bits │ low 7 bits  │  127   │  0
 *           … ────┴───────┴─────────────┴─────────────┴────────┴─────── …
 *
 * A pc here is the ELF virtual address less the table's `base` (see unwind.h), 32 bits wide. On
 * machines whose instructions are 4-byte aligned the same layout fits 2 KiB buckets of pc >> 2.
 */
#pragma once

#include <linux/types.h>

/* How a word of the area is read; the kernel side puts its checked map access here. */
#ifndef UNWIND_LOAD
#define UNWIND_LOAD(area, i) ((area)[i])
#endif

/* Inlined everywhere: a kernel program decides itself where its subprograms begin. */
#define UNWIND_INLINE	     static inline __attribute__((always_inline))

#define UNWIND_PC_BITS	     9
#define UNWIND_CODE_BITS     7
#define UNWIND_BUCKET	     (1u << UNWIND_PC_BITS) /* bytes of text */
#define UNWIND_PC_MASK	     (UNWIND_BUCKET - 1)
#define UNWIND_CODE_MASK     ((1u << UNWIND_CODE_BITS) - 1)
#define UNWIND_CODE_LONG     UNWIND_CODE_MASK /* the rule's number is in the two slots before */
#define UNWIND_LONG_SLOTS    3u
#define UNWIND_BLOCK_BUCKETS 30u
#define UNWIND_BLOCK_WORDS   16u
#define UNWIND_RULE_WORDS    4u
#define UNWIND_MAX_RULES     (UNWIND_CODE_LONG + (1u << (2 * UNWIND_CODE_BITS)))
#define UNWIND_SEARCH_STEPS  11 /* every pc of a bucket with a long code: 1536 slots */

#define UNWIND_RULE_NONE     0u /* number of the rule "no rows here" */

/* Where one object's table lies: words from the start of the area. 20 bytes. */
struct unwind_place {
	__u32 start; /* pc of the first bucket, a multiple of UNWIND_BUCKET */
	__u32 span;  /* bytes from there to the end of the last row */
	__u32 index;
	__u32 rules;
	__u32 rows;
};

/* What gives the CFA, the stack pointer's value in the caller. */
enum unwind_cfa {
	UNWIND_CFA_NONE,	/* no unwind information here: not covered by any FDE */
	UNWIND_CFA_ROOT,	/* outermost frame: there is no caller */
	UNWIND_CFA_UNSUPPORTED, /* there is a rule, which cannot be expressed: enum unwind_why */
	UNWIND_CFA_REG,		/* reg + cfa_off */
	UNWIND_CFA_DEREF,	/* *(reg + cfa_off) + aux */
	UNWIND_CFA_INDEX,	/* *(reg + 8 * ra_reg + cfa_off) + aux: OpenSSL's loops */
	UNWIND_CFA_PLT,		/* reg + cfa_off + ((pc & 15) >= threshold ? 8 : 0) */
};

/* Where the caller's frame pointer (rbp, x29) is. */
enum unwind_fp {
	UNWIND_FP_SAME,	 /* still in the register */
	UNWIND_FP_CFA,	 /* *(CFA + fp_off) */
	UNWIND_FP_REG,	 /* *(reg + fp_off), the register of this frame */
	UNWIND_FP_IN,	 /* in register fp_reg: known in the leaf frame only */
	UNWIND_FP_UNDEF, /* lost */
};

/* Where the return address is. */
enum unwind_ra {
	UNWIND_RA_STD, /* *(CFA - 8) */
	UNWIND_RA_CFA, /* *(CFA + aux) */
	UNWIND_RA_REG, /* *(reg + aux) */
	UNWIND_RA_IN,  /* in register ra_reg: known in the leaf frame only, as in vfork() */
};

/* Why a rule is unsupported. */
enum unwind_why {
	UNWIND_WHY_CFA_EXPR, /* an expression of another form for the CFA */
	UNWIND_WHY_CFA_REG,  /* a register that is no general one, or none given */
	UNWIND_WHY_FP,	     /* frame pointer by an expression of another form */
	UNWIND_WHY_RA,	     /* the same for the return address */
	UNWIND_WHY_OFFSET,   /* an offset beyond 32 bits */
	UNWIND_WHY_RULES,    /* the object has more than UNWIND_MAX_RULES rules */
	UNWIND_WHY_UNREAD,   /* code that only itself can tell of, and that was not read: enum
				unwind_code */
	UNWIND_WHY_MAX,
};

/*
 * A rule. Offsets are two's complement. Registers have DWARF's numbers: 6 = rbp, 7 = rsp. A CFA on
 * another register than these two can be used in the leaf frame only, whose registers the interrupt
 * saved.
 */
struct unwind_rule {
	__u32 bits; /* see UNWIND_RULE_* */
	__u32 cfa_off;
	__u32 fp_off;
	__u32 aux; /* of UNWIND_RA_CFA and UNWIND_RA_REG the offset, else what is added to the CFA
		    */
};

/*
 *  31       25     24   23  19 18  17 16   12 11    9 8     4 3   0
 * ┌───────────┬────────┬──────┬──────┬───────┬───────┬───────┬─────┐
 * │ threshold,│ signal │ra reg│  ra  │ fp reg│  fp   │cfa reg│ cfa │
 * │why, switch│        │      │      │       │       │       │     │
 * └───────────┴────────┴──────┴──────┴───────┴───────┴───────┴─────┘
 */
#define UNWIND_RULE_BITS(cfa, cfa_reg, fp, fp_reg, ra, ra_reg, signal, extra)              \
	((__u32)(cfa) | (__u32)(cfa_reg) << 4 | (__u32)(fp) << 9 | (__u32)(fp_reg) << 12 | \
	 (__u32)(ra) << 17 | (__u32)(ra_reg) << 19 | (__u32)(signal) << 24 | (__u32)(extra) << 25)

#define UNWIND_RULE_CFA(bits)	    ((bits)&15u)
#define UNWIND_RULE_CFA_REG(bits)   ((bits) >> 4 & 31u)
#define UNWIND_RULE_FP(bits)	    ((bits) >> 9 & 7u)
#define UNWIND_RULE_FP_REG(bits)    ((bits) >> 12 & 31u)
#define UNWIND_RULE_RA(bits)	    ((bits) >> 17 & 3u)
#define UNWIND_RULE_RA_REG(bits)    ((bits) >> 19 & 31u)
#define UNWIND_RULE_THRESHOLD(bits) ((bits) >> 25)
#define UNWIND_RULE_WHY(bits)	    ((bits) >> 25)
/* The caller was interrupted: its pc is no return address, so look up pc itself and not pc - 1. */
#define UNWIND_RULE_SIGNAL(bits)    ((bits) >> 24 & 1u)
/* Of UNWIND_CFA_REG: the caller's frame may be on another stack, so below this one. */
#define UNWIND_RULE_SWITCH(bits)    (UNWIND_RULE_CFA(bits) == UNWIND_CFA_REG && ((bits) >> 25 & 1u))

_Static_assert(sizeof(struct unwind_place) == 20, "part of the kernel interface");
_Static_assert(sizeof(struct unwind_rule) == 4 * UNWIND_RULE_WORDS, "part of the kernel interface");
_Static_assert(UNWIND_PC_BITS + UNWIND_CODE_BITS == 16, "a slot has 16 bits");
_Static_assert(UNWIND_BLOCK_BUCKETS + 2 == 2 * UNWIND_BLOCK_WORDS, "a block is full");
_Static_assert(UNWIND_BLOCK_BUCKETS *UNWIND_BUCKET *UNWIND_LONG_SLOTS < 1u << 16,
	       "ends of buckets have 16 bits");
_Static_assert(UNWIND_BUCKET *UNWIND_LONG_SLOTS < 1u << UNWIND_SEARCH_STEPS,
	       "the search ends within its steps");

/* 16-bit half @i of the words from @at. */
UNWIND_INLINE __u32 unwind_half(const __u32 *area, __u32 at, __u32 i)
{
	return UNWIND_LOAD(area, at + (i >> 1)) >> ((i & 1) * 16) & 0xffffu;
}

/*
 * The slots of the bucket that holds @off (pc - start, below span), as numbers relative to @rows:
 * [*@ret_lo, *@ret_hi). There is always a slot before *@ret_lo.
 */
UNWIND_INLINE void unwind_bucket(const __u32 *area, __u32 index, __u32 off, __u32 *ret_lo,
				 __u32 *ret_hi)
{
	__u32 bucket = off >> UNWIND_PC_BITS;
	__u32 block = bucket / UNWIND_BLOCK_BUCKETS;
	__u32 i = bucket - block * UNWIND_BLOCK_BUCKETS;
	__u32 at = index + block * UNWIND_BLOCK_WORDS;
	__u32 base = UNWIND_LOAD(area, at);

	*ret_lo = base + (i ? unwind_half(area, at, i + 1) : 0);
	*ret_hi = base + unwind_half(area, at, i + 2);
}

/* The slot in force at @off among [@lo, @hi), or the one before them. */
UNWIND_INLINE __u32 unwind_search(const __u32 *area, __u32 rows, __u32 lo, __u32 hi, __u32 off)
{
	__u32 pc = off & UNWIND_PC_MASK;

	for (int i = 0; i < UNWIND_SEARCH_STEPS && lo < hi; i++) {
		__u32 mid = (lo + hi) >> 1;

		if (unwind_half(area, rows, mid) >> UNWIND_CODE_BITS <= pc)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo - 1;
}

/* The number of the rule that ends in slot @slot. */
UNWIND_INLINE __u32 unwind_slot_rule(const __u32 *area, __u32 rows, __u32 slot)
{
	__u32 code = unwind_half(area, rows, slot) & UNWIND_CODE_MASK;

	if (code != UNWIND_CODE_LONG)
		return code;
	return UNWIND_CODE_LONG + (unwind_half(area, rows, slot - 1) & UNWIND_CODE_MASK) +
	       ((unwind_half(area, rows, slot - 2) & UNWIND_CODE_MASK) << UNWIND_CODE_BITS);
}

/*
 * The number of the rule in force at @pc, relative to the table's base; UNWIND_RULE_NONE outside
 * the table. The five scalars are those of struct unwind_place.
 */
UNWIND_INLINE __u32 unwind_find(const __u32 *area, __u32 start, __u32 span, __u32 index, __u32 rows,
				__u32 pc)
{
	__u32 off = pc - start, lo, hi;

	if (pc < start || off >= span)
		return UNWIND_RULE_NONE;
	unwind_bucket(area, index, off, &lo, &hi);
	return unwind_slot_rule(area, rows, unwind_search(area, rows, lo, hi, off));
}

/* Reads rule @number of the table whose rules begin at word @rules. */
UNWIND_INLINE void unwind_load_rule(const __u32 *area, __u32 rules, __u32 number,
				    struct unwind_rule *ret)
{
	__u32 at = rules + number * UNWIND_RULE_WORDS;

	ret->bits = UNWIND_LOAD(area, at);
	ret->cfa_off = UNWIND_LOAD(area, at + 1);
	ret->fp_off = UNWIND_LOAD(area, at + 2);
	ret->aux = UNWIND_LOAD(area, at + 3);
}

UNWIND_INLINE __u64 unwind_extend(__u32 off)
{
	return (__u64)(__s64)(__s32)off;
}

/*
 * Applying a rule, in steps between which the caller reads memory:
 *
 *	cfa = unwind_cfa_value(bits, cfa_off, reg, ra_reg, pc);
 *	if (unwind_cfa_is_read(bits))
 *		cfa = read(cfa) + unwind_cfa_added(bits, aux);
 *	ra = UNWIND_RULE_RA(bits) == UNWIND_RA_IN ? ra_reg :
 *		read(unwind_ra_address(bits, aux, cfa, ra_reg));
 *	fp_at = unwind_fp_address(bits, fp_off, cfa, fp_reg);
 *	if (unwind_fp_is_read(bits, fp_at, cfa))
 *		fp = read(fp_at);
 *	sp = cfa;
 *
 * where reg, ra_reg and fp_reg are this frame's values of the registers that the rule names.
 */
UNWIND_INLINE __u64 unwind_cfa_value(__u32 bits, __u32 cfa_off, __u64 reg, __u64 ra_reg, __u64 pc)
{
	__u64 cfa = reg + unwind_extend(cfa_off);

	if (UNWIND_RULE_CFA(bits) == UNWIND_CFA_PLT && (pc & 15) >= UNWIND_RULE_THRESHOLD(bits))
		cfa += 8;
	if (UNWIND_RULE_CFA(bits) == UNWIND_CFA_INDEX)
		cfa += 8 * ra_reg;
	return cfa;
}

UNWIND_INLINE __u32 unwind_cfa_is_read(__u32 bits)
{
	return UNWIND_RULE_CFA(bits) == UNWIND_CFA_DEREF ||
	       UNWIND_RULE_CFA(bits) == UNWIND_CFA_INDEX;
}

/* A rule that has no room for this needs none: see aux. */
UNWIND_INLINE __u64 unwind_cfa_added(__u32 bits, __u32 aux)
{
	__u32 ra = UNWIND_RULE_RA(bits);

	return ra == UNWIND_RA_CFA || ra == UNWIND_RA_REG ? 0 : unwind_extend(aux);
}

UNWIND_INLINE __u64 unwind_ra_address(__u32 bits, __u32 aux, __u64 cfa, __u64 ra_reg)
{
	__u32 ra = UNWIND_RULE_RA(bits);

	if (ra == UNWIND_RA_STD)
		return cfa - 8;
	return (ra == UNWIND_RA_REG ? ra_reg : cfa) + unwind_extend(aux);
}

UNWIND_INLINE __u64 unwind_fp_address(__u32 bits, __u32 fp_off, __u64 cfa, __u64 fp_reg)
{
	return (UNWIND_RULE_FP(bits) == UNWIND_FP_REG ? fp_reg : cfa) + unwind_extend(fp_off);
}

/*
 * gcc's rule for a frame that realigns the stack, *rbp, outlives the `leave` that gives rbp back to
 * the caller. What it then points to lies beyond the frame, and rbp is the caller's already.
 */
UNWIND_INLINE __u32 unwind_fp_is_read(__u32 bits, __u64 fp_at, __u64 cfa)
{
	return UNWIND_RULE_FP(bits) == UNWIND_FP_CFA ||
	       (UNWIND_RULE_FP(bits) == UNWIND_FP_REG && (fp_at < cfa || UNWIND_RULE_SIGNAL(bits)));
}
