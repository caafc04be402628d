/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Realigned stacks. gcc keeps the CFA in r10 and then behind a saved pointer (an expression) when
 * the frame's size varies, too; clang uses rbp and rbx. Also built with -mstackrealign and for
 * AVX2.
 *
 * chain: @main;lined_up;lined_up_varying;lined_up_again;leaf
 */
#include <alloca.h>
#include <stdalign.h>

#include "corpus.h"

static CORPUS_FN long leaf(long n)
{
	return corpus_work(50) + n;
}

static CORPUS_FN long lined_up_again(long n)
{
	alignas(128) volatile long room[16];

	room[n & 15] = n;
	return leaf(n) + room[n & 15] + corpus_work(3);
}

static CORPUS_FN long lined_up_varying(long n)
{
	alignas(64) volatile long room[8];
	volatile char *more = alloca((size_t)n);

	room[n & 7] = n;
	more[n - 1] = 1;
	return lined_up_again(n) + lined_up_again(n + 1) + room[n & 7] + more[n - 1];
}

#ifdef __AVX2__
typedef long wide __attribute__((vector_size(32)));
#else
typedef long wide __attribute__((vector_size(16)));
#endif

static CORPUS_FN long lined_up(long n)
{
	volatile wide a = { n, n + 1 };
	alignas(32) volatile long room[4];

	room[n & 3] = n;
	n += lined_up_varying(n) + room[n & 3];
	a += a;
	return n + a[0] + corpus_work(3);
}

int main(int argc, char **argv)
{
	corpus_begin(argc, argv);
	for (long i = 0;; i++)
		corpus_sink = lined_up(16 + i % 500);
}
