/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signal interrupts functions anywhere, also in their prologues, and its handler works for a
 * while: on the stack it interrupted, or with -DALTSTACK on one of its own.
 *
 * chain: @main;outer;inner
 * chain: @main;outer;inner;__restore_rt|[libc*+*];handler;handler_work
 * chain: @main;outer;__restore_rt|[libc*+*];handler;handler_work
 * may: @main;__restore_rt|[libc*+*];handler;handler_work
 */
#include "corpus.h"

#ifdef ALTSTACK
#define ON_STACK SA_ONSTACK
#else
#define ON_STACK 0
#endif

static char alternate[256 << 10];

static CORPUS_FN long handler_work(long n)
{
	return corpus_work(100000 + n);
}

static CORPUS_FN void handler(int sig)
{
	corpus_sink = handler_work(sig) + 1;
}

static CORPUS_FN long inner(long n)
{
	return corpus_work(4) + n;
}

static CORPUS_FN long outer(long n)
{
	volatile char room[300];

	room[n & 255] = 1;
	for (int i = 0; i < 20; i++)
		n += inner(n) * room[n & 255] + corpus_work(3);
	return n;
}

int main(int argc, char **argv)
{
	struct itimerval at = { .it_interval = { 0, 1000 }, .it_value = { 0, 1000 } };
	stack_t stack = { .ss_sp = alternate, .ss_size = sizeof(alternate) };
	struct sigaction act = { .sa_flags = ON_STACK };

	corpus_begin(argc, argv);
	act.sa_handler = handler;
	sigaltstack(&stack, NULL);
	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &at, NULL);
	for (long i = 0;; i++)
		corpus_sink = outer(i);
}
