/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs of the corpus share: a time after which they end, and work to do. A program
 * ends in a signal handler, so its own code never asks for the time.
 */
#pragma once

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* A function that stays a frame of its own, whatever the optimization. */
#ifdef __clang__
#define CORPUS_FN __attribute__((noinline, used))
#else
#define CORPUS_FN __attribute__((noinline, noclone, noipa, used))
#endif

static volatile long corpus_sink;

static CORPUS_FN void corpus_finish(int sig)
{
	(void)sig;
	_exit(0);
}

/* Ends the program after argv[1] seconds (default 2) of its own CPU time. */
static CORPUS_FN void corpus_begin(int argc, char **argv)
{
	double s = argc > 1 ? atof(argv[1]) : 2;
	struct itimerval at = { { 0, 0 }, { (time_t)s, 1 + (long)((s - (time_t)s) * 1e6) } };
	struct sigaction act;

	memset(&act, 0, sizeof(act));
	act.sa_handler = corpus_finish;
	sigaction(SIGPROF, &act, NULL);
	setitimer(ITIMER_PROF, &at, NULL);
}

/* @n steps of work that no compiler removes, inlined into its caller. */
static inline __attribute__((always_inline)) long corpus_work(long n)
{
	long x = corpus_sink;
#ifdef CORPUS_LEAF_FRAMES
	volatile long kept = n;

	n = kept;
#endif
	for (long i = 0; i < n; i++) {
		x = x * 31 + i;
		__asm__ volatile("" : "+r"(x));
	}
	return x;
}
