/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the workloads share: programs whose behaviour is known, and that measure and print what they
 * really did, one "key value" a line, so that a test need not trust the clock on the wall.
 */
#pragma once

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#ifdef __clang__ /* knows no noclone, and makes no clones */
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noinline, noclone))
#endif

/* Work of which one round takes a few nanoseconds in user space and reaches no other function. */
#define BURN(rounds)                                           \
	do {                                                   \
		volatile uint64_t x_ = 1;                      \
		for (uint64_t i_ = (rounds); i_ > 0; i_--)     \
			x_ = x_ * 6364136223846793005ull + i_; \
	} while (0)

static inline double seconds_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline double thread_s(void)
{
	return seconds_of(CLOCK_THREAD_CPUTIME_ID);
}

static inline double process_s(void)
{
	return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

/* A random number that differs from run to run, so that phases never beat with the sampling. */
static inline uint64_t random_u64(uint64_t *state)
{
	if (!*state)
		*state = (uint64_t)time(NULL) * 2654435761u + (uint64_t)getpid();
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* @n, give or take half. */
static inline uint64_t jittered(uint64_t n, uint64_t *state)
{
	return n / 2 + random_u64(state) % n;
}

static inline double arg_seconds(int argc, char **argv, double otherwise)
{
	alarm(80); /* never outlives a test that went wrong */
	return argc > 1 ? strtod(argv[1], NULL) : otherwise;
}

/* Stops until somebody sends SIGCONT, if the environment says so: wick may need to be there first.
 */
static inline void wait_for_go(void)
{
	if (getenv("WORKLOAD_WAITS"))
		raise(SIGSTOP);
}

/* @stopped_s of the time of the CPU were nobody's. */
static inline void say_usage_but(double stopped_s)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	printf("pid %d\n", getpid());
	printf("cpu %.9f\n", process_s() - stopped_s);
	printf("stopped %.9f\n", stopped_s);
	printf("utime %.6f\n", (double)u.ru_utime.tv_sec + (double)u.ru_utime.tv_usec / 1e6);
	printf("stime %.6f\n", (double)u.ru_stime.tv_sec + (double)u.ru_stime.tv_usec / 1e6);
	printf("minflt %ld\n", u.ru_minflt);
	printf("switches %ld\n", u.ru_nvcsw + u.ru_nivcsw);
}

static inline void say_usage(void)
{
	say_usage_but(0);
}
