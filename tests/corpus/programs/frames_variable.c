/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames whose size is known at run time only: alloca() and variable-length arrays.
 *
 * chain: @main;by_alloca;by_array;leaf
 */
#include <alloca.h>

#include "corpus.h"

static CORPUS_FN long leaf(volatile char *room, long n)
{
	return corpus_work(50) + room[n];
}

static CORPUS_FN long by_array(long n)
{
	volatile char room[n];

	room[0] = room[n - 1] = 1;
	return leaf(room, n - 1) + room[0] + corpus_work(5);
}

static CORPUS_FN long by_alloca(long n)
{
	long x = 0;

	for (int i = 0; i < 4; i++) {
		volatile char *room = alloca((size_t)(n + i));

		room[n - 1] = 1;
		x += by_array(n) + room[n - 1] + corpus_work(5);
	}
	return x;
}

int main(int argc, char **argv)
{
	corpus_begin(argc, argv);
	for (long i = 0;; i++)
		corpus_sink = by_alloca(16 + i % 5000);
}
