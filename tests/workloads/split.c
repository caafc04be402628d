/* SPDX-License-Identifier: Apache-2.0 */
/*
 * split SECONDS: 60 % of the time in split_sixty(), 30 % in split_thirty() itself and 10 % in
 * split_ten(), which split_thirty() calls: self 60/30/10, cumulative 60/40/10. The phases are
 * random in length and measured one by one.
 */
#include "workload.h"

#define UNIT 20000 /* rounds in one per cent of a turn: some 50 microseconds */

static double sixty_s, thirty_s, ten_s;

NOINLINE void split_sixty(uint64_t n)
{
	BURN(n);
}

NOINLINE void split_ten(uint64_t n)
{
	BURN(n);
}

NOINLINE void split_thirty(uint64_t n, uint64_t n_ten)
{
	double t0, t1;

	BURN(n / 2);
	t0 = thread_s();
	split_ten(n_ten);
	t1 = thread_s();
	ten_s += t1 - t0;
	thirty_s -= t1 - t0;
	BURN(n / 2);
}

NOINLINE void split_turn(uint64_t *state)
{
	double t0 = thread_s(), t1;

	split_sixty(jittered(60 * UNIT, state));
	t1 = thread_s();
	sixty_s += t1 - t0;
	split_thirty(jittered(30 * UNIT, state), jittered(10 * UNIT, state));
	thirty_s += thread_s() - t1;
}

int main(int argc, char **argv)
{
	double limit = arg_seconds(argc, argv, 2);
	uint64_t state = 0;

	wait_for_go();
	/* Where machines are emulated, to start takes as long as a short life. */
	limit += process_s();
	while (process_s() < limit)
		split_turn(&state);
	printf("sixty %.9f\nthirty %.9f\nten %.9f\n", sixty_s, thirty_s, ten_s);
	say_usage();
	return 0;
}
