/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interprets call frame instructions, as far as they concern the CFA, the frame pointer and the
 * return address: the other registers' rules are stepped over.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"
#include "cfientry.h"
#include "cfipointer.h"
#include "unwind_row.h"

/* DWARF numbers of the registers that count, by machine. */
struct cfi_regs {
	uint8_t sp, fp, ra;
	bool has_link; /* ra is a register that holds the return address until it is saved */
};

/* Where a register of the caller is. */
enum cfi_loc {
	CFI_LOC_SAME,  /* unchanged */
	CFI_LOC_CFA,   /* *(CFA + off) */
	CFI_LOC_REG,   /* *(reg + off) */
	CFI_LOC_IN,    /* in another register */
	CFI_LOC_UNDEF, /* lost; of the return address: there is no caller */
	CFI_LOC_BAD,   /* something else; `reg` holds the enum unwind_why */
};

struct cfi_where {
	uint8_t loc; /* enum cfi_loc */
	uint8_t reg;
	int32_t off;
};

/*
 * The rules in force at one place. Register and offset of the CFA outlive an expression, for the
 * next instruction may change one of them alone and thereby return to both.
 */
struct cfi_state {
	uint8_t cfa;	   /* enum unwind_cfa: UNSUPPORTED, REG, DEREF, INDEX or PLT */
	uint8_t reg;	   /* REG: or CFI_NO_REG */
	uint8_t why;	   /* UNSUPPORTED: enum unwind_why */
	uint8_t threshold; /* PLT */
	uint8_t x_reg;	   /* DEREF, INDEX, PLT: the same of the expression */
	uint8_t index;	   /* INDEX */
	int32_t x_off;
	int32_t add; /* DEREF, INDEX */
	int64_t off; /* REG */
	struct cfi_where fp, ra;
	bool changes_stack; /* REG: the caller's frame may be on another one; no instruction says so
			     */
};

#define CFI_NO_REG 0xff

/* A CIE: what the FDEs that refer to it have in common. */
struct cfi_cie {
	struct cfi_common common;
	uint64_t off;	 /* in the section */
	uint8_t section; /* of the source */
	bool is_usable;
	struct cfi_state init; /* after its instructions */
};

#define CFI_MAX_REG	31 /* rules have 5 bits for a register */
#define CFI_MAX_NESTING 16 /* of remember_state; compilers need 1 */

/*
 * A run over the instructions of one FDE or CIE:
 *
 *	cfi_begin(&c, …);
 *	do
 *		more = cfi_next_row(&c);	// < 0: broken
 *		use(c.row, c.state);		// in force from c.row on
 *	while (more);
 */
struct cfi {
	struct bytes insns;
	const struct cfi_cie *cie;
	const struct cfi_regs *regs;
	struct cfi_bases bases; /* of insns, and */
	uint64_t start;		/* address of the function: both for set_loc only */
	uint64_t row;		/* where the present row begins, and where the next one does: */
	uint64_t loc;		/* offsets in the function, in bytes */
	struct cfi_state state;
	bool has_changed; /* state was written since the caller cleared this */
	unsigned nesting;
	struct cfi_state saved[CFI_MAX_NESTING];
};

/* Nothing is known but the machine's defaults. */
struct cfi_state cfi_state_initial(void);

/* Where the kernel leaves registers on x86-64, from the stack pointer that a handler returns with:
 * struct ucontext. */
#define CFI_SIGNAL_RBP 0x78
#define CFI_SIGNAL_RSP 0xa0
#define CFI_SIGNAL_RIP 0xa8

/* Whether @a and @b, of code or of Go's table, say the same. */
bool cfi_state_is_same(const struct cfi_state *a, const struct cfi_state *b);

/* The state where a signal handler returns to; @sp is the number of the stack pointer. */
struct cfi_state cfi_state_signal(uint8_t sp);

/* Prepares @c, whose state it sets from @cie; bases and start stay. Borrows all it is given. */
void cfi_begin(struct cfi *c, struct bytes insns, const struct cfi_cie *cie,
	       const struct cfi_regs *regs);

/*
 * Runs to the next change of place. 1 when the row ends at c->loc, 0 when it was the last,
 * -EBADMSG for instructions that are cut off, unknown, or nested too deep.
 */
int cfi_next_row(struct cfi *c);

/* What an expression computes, if it is one that rules can hold. */
struct cfi_expr {
	enum cfi_expr_kind {
		CFI_EXPR_CONST, /* off */
		CFI_EXPR_REG,	/* reg + off */
		CFI_EXPR_CFA,	/* CFA + off */
		CFI_EXPR_DEREF, /* *(reg + off) + add */
		CFI_EXPR_INDEX, /* *(reg + 8 * index + off) + add */
		CFI_EXPR_PLT,	/* reg + off + ((pc & 15) >= threshold ? 8 : 0) */
	} kind;
	uint8_t reg, index, threshold;
	int64_t off, add;
};

/*
 * Classifies expression @e. @has_cfa: the CFA is on its stack when it begins. 0 and *@ret, or
 * -ENOTSUP.
 */
int cfi_expr(struct bytes e, bool has_cfa, struct cfi_expr *ret);
