/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stacks that a program of the corpus may have, and the verdict on one stack. A chain file has
 * a directive a line; empty lines and lines that begin with # say nothing:
 *
 *	root NAME: FRAME;FRAME;…	what lies below a chain, to be used as @NAME
 *	chain: @NAME;FRAME;…	an allowed stack, root first, that must be seen
 *	may: @NAME;FRAME;…	an allowed stack that need not be seen
 *	outside: FRAME;…	a stack of the time before or after what the program is about
 *	own: FRAME;…		the program's functions, beside main and what `chain:` names in
 *				full, without * and |: a stack with none of them is outside, too
 *	comm: FRAME		a sample of a process of another name is outside, too
 *	limit WHAT: PERCENT	how many may be cut, wrong or outside (defaults 0, 0, 2)
 *
 * FRAME is a name in which * stands for any text; NAME|NAME is either of them. FRAME{N} is N frames
 * in a row, FRAME{N,M} from N to M, FRAME{N,} N and more. A stack may end with any frame from the
 * last of the root on, because a function that calls others runs itself, too; it may not end
 * earlier. A chain that begins with [truncated* says that the stack cannot be complete.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum verdict {
	VERDICT_EXACT,	 /* an allowed stack */
	VERDICT_CUT,	 /* the leaf's side of one, below it a frame [truncated: …] */
	VERDICT_OUTSIDE, /* before or after the program's work */
	VERDICT_SHORT,	 /* wrong: the leaf's side of one, and nothing says that more is missing */
	VERDICT_SKIP,	 /* wrong: only the caller of the leaf is missing */
	VERDICT_WRONG,	 /* wrong in any other way */
	VERDICT_N,
};

struct allowed;

/* Reads a chain file. 0 and *@ret (free with allowed_free()), -ENOMEM, or -EBADMSG with a sentence
 * on standard error that names @name and the line. */
int allowed_read(FILE *in, const char *name, struct allowed **ret);

/* Accepts NULL. */
void allowed_free(struct allowed *a);

/*
 * The verdict on a folded stack without its count, "comm;root;…;leaf", of @count samples. Kernel
 * frames (_[k]) and inlined ones (_[i]) do not matter. @no_root: a stack of frame pointers, which
 * may lack the root below the chain. Changes @stack. Returns the verdict, or -ENOMEM.
 */
int allowed_judge(struct allowed *a, char *stack, unsigned long count, bool no_root);

/* The name of the process, unless the file says one itself. */
int allowed_set_comm(struct allowed *a, const char *comm);

/* The `chain:` number @i that was never seen whole, or NULL when there is no further one. */
const char *allowed_unseen(const struct allowed *a, size_t i);

/* How many percent may be @what: VERDICT_CUT, VERDICT_OUTSIDE or VERDICT_WRONG. */
double allowed_limit(const struct allowed *a, enum verdict what);
