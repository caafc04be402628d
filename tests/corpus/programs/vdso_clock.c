/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock read through the vDSO.
 *
 * chain: @main;ask_clock;*clock_gettime*|[libc*+*];*clock_gettime*|*vdso*
 * chain: @main;ask_day;*gettimeofday*|*vdso*
 * may: @main;ask_clock;*clock_gettime*|[libc*+*];*clock_gettime*|*vdso*{1,3}
 * may: @main;ask_day;*gettimeofday*|*vdso*|[libc*+*]{1,3}
 * may: @main;ask_clock|ask_day;*@plt|[vdso-clock+*]
 */
#include <time.h>

#include "corpus.h"

static CORPUS_FN long ask_clock(long n)
{
	struct timespec ts = { 0 };

	for (int i = 0; i < 20; i++)
		clock_gettime(CLOCK_MONOTONIC, &ts);
	return n + ts.tv_nsec;
}

static CORPUS_FN long ask_day(long n)
{
	struct timeval tv = { 0 };

	for (int i = 0; i < 20; i++)
		gettimeofday(&tv, NULL);
	return n + tv.tv_usec;
}

int main(int argc, char **argv)
{
	corpus_begin(argc, argv);
	for (long i = 0;; i++)
		corpus_sink = ask_clock(i) + ask_day(i);
}
