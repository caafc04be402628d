/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Four threads, each with functions of its own below a common start. Where a thread begins, behind
 * clone's system call, glibc has no unwind information on purpose.
 *
 * chain: @thread;worker;dig_0;leaf
 * chain: @thread;worker;dig_1;leaf
 * chain: @thread;worker;dig_2;leaf
 * chain: @thread;worker;dig_3;leaf
 * may: @main;*{1,12}
 * may: [truncated*;*clone*|[libc*+*]
 */
#include <pthread.h>

#include "corpus.h"

static CORPUS_FN long leaf(long n)
{
	return corpus_work(50) + n;
}

#define DIG(d)                                  \
	static CORPUS_FN long dig_##d(long n)   \
	{                                       \
		volatile long room[(d)*40 + 1]; \
                                                \
		room[d] = n;                    \
		return leaf(n) + room[d];       \
	}
DIG(0)
DIG(1)
DIG(2)
DIG(3)

static long (*volatile digs[4])(long) = { dig_0, dig_1, dig_2, dig_3 };

static CORPUS_FN void *worker(void *which)
{
	for (long i = 0;; i++)
		corpus_sink = digs[(long)which](i);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t t[4];

	corpus_begin(argc, argv);
	for (long i = 0; i < 4; i++)
		if (pthread_create(&t[i], NULL, worker, (void *)i))
			abort();
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	return 0;
}
