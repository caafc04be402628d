/* SPDX-License-Identifier: Apache-2.0 */
/* vdso SECONDS: asks for the time in ask_time() and hardly anything else. */
#include "workload.h"

static volatile long last;

NOINLINE void ask_time(void)
{
	struct timespec t;

	for (int i = 0; i < 10000; i++) {
		clock_gettime(CLOCK_MONOTONIC, &t);
		last = t.tv_nsec;
	}
}

NOINLINE void ask_time_often(double limit)
{
	while (process_s() < limit)
		ask_time();
}

int main(int argc, char **argv)
{
	ask_time_often(arg_seconds(argc, argv, 1));
	say_usage();
	return 0;
}
