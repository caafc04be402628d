/* SPDX-License-Identifier: Apache-2.0 */
/* rows SECONDS [SLOW]: parses, hashes and sorts for so long; hashing takes SLOW times (1) as much work. */
#include <stdint.h>
#include <time.h>

#include "workload.h"

static volatile uint64_t sink;

static __attribute__((noinline)) void parse_rows(unsigned n)
{
	uint64_t h = 1;

	for (unsigned i = 0; i < n; i++)
		h = (h << 5) + h + i;
	sink += h;
}

static __attribute__((noinline)) void hash_rows(unsigned n)
{
	uint64_t h = 1;

	for (unsigned i = 0; i < n; i++)
		h = h * 6364136223846793005u + i;
	sink += h;
}

static __attribute__((noinline)) void sort_rows(unsigned n)
{
	uint64_t h = 1;

	for (unsigned i = 0; i < n; i++)
		h = (h >> 3) ^ (h * 31 + i);
	sink += h;
}

int main(int argc, char **argv)
{
	unsigned slow = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
	clock_t end;

	if (argc < 2)
		return 2;
	alarm(60);
	/* Of CPU time, not of the clock: a busy machine takes no samples away. */
	end = (clock_t)(atof(argv[1]) * CLOCKS_PER_SEC);
	while (clock() < end) {
		parse_rows(20000);
		hash_rows(20000 * slow);
		sort_rows(20000);
	}
	return 0;
}
