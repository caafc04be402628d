/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of KIB KiB, two of them: offsets that need more than 16 bits, and distances on the stack
 * that no copy of its top covers.
 *
 * chain: @main;wide;wider;leaf
 */
#include "corpus.h"

static CORPUS_FN long leaf(long n)
{
	return corpus_work(50) + n;
}

static CORPUS_FN long wider(long n)
{
	volatile char room[KIB * 1024L];

	room[n & 1023] = 1;
	room[sizeof(room) - 1] = 2;
	return leaf(n) + leaf(n + 1) + room[n & 1023] + corpus_work(5);
}

static CORPUS_FN long wide(long n)
{
	volatile char room[KIB * 1024L + 40];

	room[n & 1023] = 1;
	room[sizeof(room) - 1] = 2;
	return wider(n) + room[n & 1023] + corpus_work(5);
}

int main(int argc, char **argv)
{
	corpus_begin(argc, argv);
	for (long i = 0;; i++)
		corpus_sink = wide(i);
}
