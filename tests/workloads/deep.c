/* SPDX-License-Identifier: Apache-2.0 */
/* deep N SECONDS: deep_down() calls itself N times, then deep_bottom() works. */
#include "workload.h"

NOINLINE void deep_bottom(double limit)
{
	while (process_s() < limit)
		BURN(200000);
}

NOINLINE void deep_down(long n, double limit)
{
	if (n > 0)
		deep_down(n - 1, limit);
	else
		deep_bottom(limit);
	__asm__ volatile(""); /* not a tail call */
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? strtol(argv[1], NULL, 10) : 300;

	deep_down(n, argc > 2 ? arg_seconds(argc - 1, argv + 1, 1) : 1);
	say_usage();
	return 0;
}
