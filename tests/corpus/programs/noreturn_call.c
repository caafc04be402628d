/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of functions that do not return stand at the very end of their callers, so the return
 * address belongs to the next function, which has another frame. The last instructions of longjmp
 * have the caller's stack pointer in a register, which no row can say: stacks may be cut there.
 *
 * chain: @main;attempt;give_up;leave;leaf
 * limit cut: 0.5
 * may: @main;attempt;give_up;leave;*longjmp*|*@plt|*cleanup_upto|[libc*+*]{1,3}
 * may: @main;attempt;*setjmp*|*sigjmp*|*@plt|[libc*+*]{1,3}
 */
#include <setjmp.h>

#include "corpus.h"

static jmp_buf back;

static CORPUS_FN long leaf(long n)
{
	return corpus_work(3000) + n;
}

static CORPUS_FN __attribute__((noreturn)) void leave(long n)
{
	corpus_sink = leaf(n);
	_longjmp(back, 1);
}

static CORPUS_FN __attribute__((noreturn)) void give_up(long n)
{
	volatile char room[700];

	room[n & 511] = 1;
	leave(n + room[n & 511]);
}

static CORPUS_FN long attempt(long n)
{
	if (_setjmp(back) == 0)
		give_up(n);
	return corpus_sink;
}

int main(int argc, char **argv)
{
	corpus_begin(argc, argv);
	for (long i = 0;; i++)
		corpus_sink = attempt(i);
}
