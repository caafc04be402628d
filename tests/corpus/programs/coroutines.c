/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks switched by hand: coroutines by makecontext() and swapcontext(). The stack of a coroutine
 * begins at __start_context.
 *
 * root coroutine: __start_context|[libc*+*]
 * chain: @coroutine;ping;ping_work;leaf
 * chain: @coroutine;pong;pong_work;leaf
 * may: @coroutine;ping|pong;*swapcontext*|*@plt|[libc*+*]|[coroutines*+*]{1,3}
 * may: @main;*swapcontext*|*makecontext*|*getcontext*|*@plt|[libc*+*]|[coroutines*+*]{1,3}
 */
#include <ucontext.h>

#include "corpus.h"

static ucontext_t contexts[3];
static char stacks[2][128 << 10];

static CORPUS_FN long leaf(long n)
{
	return corpus_work(500) + n;
}

static CORPUS_FN long ping_work(long n)
{
	return leaf(n) + corpus_work(20);
}

static CORPUS_FN long pong_work(long n)
{
	volatile char room[500];

	room[n & 255] = 1;
	return leaf(n) + leaf(n) + room[n & 255];
}

static CORPUS_FN void ping(void)
{
	for (long i = 0;; i++) {
		for (int k = 0; k < 20; k++)
			corpus_sink = ping_work(i);
		swapcontext(&contexts[0], &contexts[1]);
	}
}

static CORPUS_FN void pong(void)
{
	for (long i = 0;; i++) {
		for (int k = 0; k < 20; k++)
			corpus_sink = pong_work(i);
		swapcontext(&contexts[1], &contexts[0]);
	}
}

int main(int argc, char **argv)
{
	static void (*const starts[2])(void) = { ping, pong };

	corpus_begin(argc, argv);
	for (int i = 0; i < 2; i++) {
		getcontext(&contexts[i]);
		contexts[i].uc_stack.ss_sp = stacks[i];
		contexts[i].uc_stack.ss_size = sizeof(stacks[i]);
		contexts[i].uc_link = &contexts[2];
		makecontext(&contexts[i], starts[i], 0);
	}
	swapcontext(&contexts[2], &contexts[0]);
	return 1;
}
