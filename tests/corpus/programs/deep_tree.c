/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The base program, built with many compilers and flags: a tree of calls with small and large
 * frames, all callee-saved registers in use, calls through pointers, and leaf functions without a
 * frame.
 *
 * chain: @main;trunk;bough;limb;branch;twig;leaf_sum
 * chain: @main;trunk;bough;limb;branch;twig;leaf_mix
 * chain: @main;trunk;bough;limb;leaf_sum
 * chain: @main;trunk;tap_root;side_root;fine_root;leaf_mix
 * chain: @main;trunk;tap_root;side_root;hair_root;leaf_sum
 */
#include "corpus.h"

static CORPUS_FN long leaf_sum(long n)
{
	return corpus_work(60 + (n & 15));
}

static CORPUS_FN long leaf_mix(long n)
{
	long x = n;

	for (int i = 0; i < 40; i++)
		x = corpus_work(2) ^ (x << 1);
	return x;
}

static long (*volatile leaves[2])(long) = { leaf_sum, leaf_mix };

static CORPUS_FN long twig(long n)
{
	return leaves[n & 1](n) + corpus_work(3);
}

/* A large frame. */
static CORPUS_FN long branch(long n)
{
	volatile char room[5000];

	room[n & 4095] = (char)n;
	return twig(n) + twig(n + 1) + room[n & 4095];
}

/* More values than there are callee-saved registers live across calls. */
static CORPUS_FN long limb(long n)
{
	long a = corpus_work(1), b = a + n, c = b * 3, d = c ^ a, e = d + b, f = e * 5, g = f - c;

	a += branch(n + b);
	b += leaf_sum(c);
	return a + b * c + d * e + f * g + branch(a + b + c + d + e + f + g);
}

static CORPUS_FN long bough(long n)
{
	long x = corpus_work(5);

	for (long i = 0; i < 2; i++)
		x ^= limb(n + i);
	return x;
}

static CORPUS_FN long hair_root(long n)
{
	return leaf_sum(n) * 2 + 1;
}

static CORPUS_FN long fine_root(long a, long b, long c, long d, long e, long f, long g, long h)
{
	return leaf_mix(a + b + c + d) - leaf_mix(e + f + g + h);
}

/* Arguments on the stack. */
static CORPUS_FN long side_root(long n)
{
	long x = fine_root(n, 2, 3, 4, 5, 6, n + 7, n + 8);

	return x + hair_root(x) + corpus_work(4);
}

static long (*volatile roots[1])(long) = { side_root };

static CORPUS_FN long tap_root(long n)
{
	volatile long few[4] = { n, n, n, n };

	return roots[0](few[n & 3]) + few[0];
}

static CORPUS_FN long trunk(long n)
{
	return bough(n) - tap_root(n) - tap_root(n + 1);
}

int main(int argc, char **argv)
{
	corpus_begin(argc, argv);
	for (long i = 0;; i++)
		corpus_sink = trunk(i);
}
