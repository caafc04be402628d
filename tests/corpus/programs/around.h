/* SPDX-License-Identifier: Apache-2.0 */
/* What stands around code under test: compiled functions without frame pointers that call it and that it
 * calls. */
#pragma once

#include "corpus.h"

static CORPUS_FN long leaf(long n)
{
	return corpus_work(50) + n;
}

static CORPUS_FN long after(long n)
{
	long x = n;

	for (int i = 0; i < 20; i++)
		x = leaf(x) ^ leaf(n);
	return x;
}

/* Has @between call after(). */
static CORPUS_FN long before(long (*between)(long (*f)(long), long n), long n)
{
	volatile char room[200];

	room[n & 127] = 1;
	return between(after, n) + room[n & 127];
}
