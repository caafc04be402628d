/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recursion exactly DEPTH deep.
 *
 * chain: @main;dive{DEPTH};bottom
 */
#include "corpus.h"

static CORPUS_FN long bottom(long n)
{
	return corpus_work(DEPTH * 100) + n;
}

static CORPUS_FN long dive(long depth)
{
	volatile long x = depth; /* else a compiler makes a loop of it */

	x += depth > 1 ? dive(depth - 1) : bottom(depth);
	return x;
}

int main(int argc, char **argv)
{
	corpus_begin(argc, argv);
	for (;;)
		corpus_sink = dive(DEPTH);
}
