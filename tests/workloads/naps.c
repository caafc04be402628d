/* SPDX-License-Identifier: Apache-2.0 */
/* naps MS-ASLEEP MS-AWAKE TIMES: sleeps and works in turns, most of the time asleep. */
#include "workload.h"

NOINLINE void awake(double until)
{
	while (thread_s() < until)
		BURN(1000);
}

int main(int argc, char **argv)
{
	long asleep = argc > 1 ? strtol(argv[1], NULL, 10) : 100;
	double ms = argc > 2 ? strtod(argv[2], NULL) : 5;
	long times = argc > 3 ? strtol(argv[3], NULL, 10) : 20;

	alarm(60);
	for (long i = 0; i < times; i++) {
		struct timespec t = { asleep / 1000, asleep % 1000 * 1000000 };

		nanosleep(&t, NULL);
		awake(thread_s() + ms / 1e3);
	}
	say_usage();
	return 0;
}
