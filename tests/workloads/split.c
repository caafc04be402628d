/* SPDX-License-Identifier: Apache-2.0 */
/*
 * split SECONDS: 60 % of the time in split_sixty(), 30 % in split_thirty() itself and 10 % in
 * split_ten(), which split_thirty() calls: self 60/30/10, cumulative 60/40/10. The phases are
 * random in length and measured one by one.
 */
#include "workload.h"

#define UNIT	  20000 /* rounds in one per cent of a turn: some 50 microseconds */
#define STOPPED_S 0.005 /* no tick is late by so much */

static double sixty_s, thirty_s, ten_s, last_ten_s, stopped_s;

/*
 * What @rounds took that took @took seconds. When the machine is stopped for a while, its clocks go on and
 * its ticks are lost: what is far more than such rounds take was spent by nobody.
 */
static double phase_s(uint64_t rounds, double took)
{
	static double round_s = 1; /* of the fastest */
	double due, more;

	if (took < (double)rounds * round_s)
		round_s = took / (double)rounds;
	due = (double)rounds * round_s;
	more = took - due;
	if (more < STOPPED_S || more < 2 * due)
		return took;
	stopped_s += more;
	return due;
}

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
	double t0;

	BURN(n / 2);
	t0 = thread_s();
	split_ten(n_ten);
	last_ten_s = thread_s() - t0;
	BURN(n / 2);
}

NOINLINE void split_turn(uint64_t *state)
{
	uint64_t sixty = jittered(60 * UNIT, state), thirty = jittered(30 * UNIT, state),
		 ten = jittered(10 * UNIT, state);
	double t0 = thread_s(), t1;

	split_sixty(sixty);
	t1 = thread_s();
	split_thirty(thirty, ten);
	thirty_s += phase_s(thirty, thread_s() - t1 - last_ten_s);
	ten_s += phase_s(ten, last_ten_s);
	sixty_s += phase_s(sixty, t1 - t0);
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
	say_usage_but(stopped_s);
	return 0;
}
