/* SPDX-License-Identifier: Apache-2.0 */
/* A plug-in, built twice with -DPLUGIN=a and b: other names and other frames at the same place. */
#include "corpus.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)

long plugin_run(long n);

static CORPUS_FN long JOIN(leaf_, PLUGIN)(long n)
{
	return corpus_work(200) + n;
}

static CORPUS_FN long JOIN(work_, PLUGIN)(long n)
{
	volatile char room[ROOM];

	room[n & 63] = 1;
	return JOIN(leaf_, PLUGIN)(n) + room[n & 63];
}

long plugin_run(long n)
{
	for (int i = 0; i < 1000; i++)
		n += JOIN(work_, PLUGIN)(n);
	return n;
}
