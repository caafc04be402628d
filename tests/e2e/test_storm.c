/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing is lost when nearly every stack is new: maps collide and fill, the account adds up. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "readback.h"

E2E(storm);

/* How many ticks were due on all CPUs and did not come. */
static double missing_ticks(const struct profile *p, const struct e2e_account *a, double hz)
{
	double due = (double)p->duration_ns / 1e9 * hz * (double)sysconf(_SC_NPROCESSORS_ONLN);

	fprintf(stderr, "  %" PRIu64 " of %.0f ticks\n", a->ticks, due);
	return fmax(0, due - (double)a->ticks);
}

static struct profile *weather(const char *how, const char *n, const char *seconds,
			       const char *threads)
{
	const char *file = in_dir("p.pb.gz");
	struct run r =
		wick("record", how, n, "-o", file, "--", workload("storm"), seconds, threads);
	struct e2e_account a;
	double hz = strtod(n, NULL), due;
	struct profile *p;

	must_end(&r, 0);
	p = recorded(file, &a); /* which is the test: 0 lost, the account adds up */
	fprintf(stderr, "  %s; %zu stacks\n", a.comment, p->samples.n);
	due = said(&r, "cpu") * hz;
	/* Where interrupts are off for longer than a period, as for the interrupts between CPUs
	 * that this load is full of, the kernel makes one tick of several. All that are missing may
	 * be missing here. */
	if (how[1] == 'F')
		expect_near("samples", total(p, (struct pick){ .comm = "storm" }), due,
			    slices_error(&r, due) + missing_ticks(p, &a, hz) / due);
	/* It is a storm: otherwise the test proves nothing. */
	cr_expect_gt((double)p->samples.n, 0.5 * total(p, (struct pick){ 0 }),
		     "too few stacks are different");
	return p;
}

Test(storm, at_999_hz)
{
	weather("-F", "999", "1.5", "2");
}

Test(storm, at_10000_hz)
{
	weather("-F", "10000", "1", "4");
}

Test(storm, of_many_threads)
{
	weather("-F", "4000", "0.1", "40");
}
