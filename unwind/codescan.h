/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows from code itself. Much assembly has no unwind information: codecs, big numbers, ciphers, and all
 * of a libc that was built without. But what code does to the stack pointer it says itself:
 * instructions are followed from where functions begin, along branches and what falls through, with
 * what is known of the stack at each.
 *
 * What is not understood has no row. What is guessed: that a function begins where code is aligned, or
 * looks like a beginning, after the end of another one; that what a jump through a table leads to
 * finds the stack as the jump left it; that calls return, and leave the stack as it was. x86-64.
 */
#pragma once

#include <stdint.h>

#include "array.h"
#include "bytes.h"
#include "codeframe.h"

struct code_target {
	uint32_t at;
	uint32_t round;	 /* in which it was come to last */
	bool is_forward; /* from code before it */
	bool is_taken; /* its address is used: if nothing falls through to it, a function begins there */
	struct code_frame frame;
};

struct codescan {
	ARRAY(struct x86_insn) insns; /* of the present code, one behind the other */
	ARRAY(uint32_t) numbers;      /* of the target at each byte, counted from 1; 0 = none */
	ARRAY(struct code_target) targets; /* of branches and calls, and entries that were given */
	ARRAY(uint32_t) entries;	   /* those of the round before, in their order */
	ARRAY(int64_t) endless;		   /* functions that were seen not to return */
	uint32_t round;			   /* of those through the present code, from 1 on */
	bool has_news;			   /* in this round */
};

/*
 * From @at on @state is in force, of a frame that a signal interrupted if it @is_signal; NULL = nothing is
 * known. 0, or what is to end the scan.
 */
typedef int codescan_row(void *ctx, uint32_t at, const struct cfi_state *state, bool is_signal);

/* A function begins at offset @at of the code that is scanned next. 0 or -ENOMEM. */
int codescan_entry(struct codescan *s, uint32_t at);

/* Likewise, one that nobody calls: the kernel goes there. Before any codescan_entry() of that place. */
int codescan_root(struct codescan *s, uint32_t at);

/*
 * Scans @code, of less than 2 GiB, whose first byte is at address @addr, and gives its rows in their
 * order to @row, by offset, the first at 0; forgets the entries. Takes time linear in the bytes, but for sorting what is called, and
 * memory in the branches. 0, -ENOMEM, or what @row gave. Zero-initialize @s; codescan_done() at the
 * end.
 */
int codescan_run(struct codescan *s, struct bytes code, uint64_t addr, codescan_row *row,
		 void *ctx);
void codescan_done(struct codescan *s);
