/* SPDX-License-Identifier: Apache-2.0 */
/* Known shares of time come out as measured by the program itself. */
#include <stdlib.h>

#include "readback.h"

E2E(shares);

/*
 * The workload reads its thread's CPU clock around each phase. What that cannot see: the reads
 * (under a microsecond in phases of half a millisecond and more) and how a tick is delayed by the
 * interrupts-off part of the reads: together a fraction of 0.5 %.
 */
#define SLACK 0.005

static void record_split(const char *hz)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick("record", "-F", hz, "-o", file, "--", workload("split"), "2");
	const struct pick all = { .comm = "split" };
	struct profile *p;
	double n, cpu;

	must_end(&r, 0);
	p = recorded(file, NULL);
	n = total(p, all);
	cpu = said(&r, "cpu");
	expect_samples("samples", n, &r, strtod(hz, NULL));
	expect_share("split_sixty self", self(p, all, "split_sixty"), n, said(&r, "sixty") / cpu,
		     SLACK);
	expect_share("split_sixty cumulative", cumulative(p, all, "split_sixty"), n,
		     said(&r, "sixty") / cpu, SLACK);
	expect_share("split_thirty self", self(p, all, "split_thirty"), n, said(&r, "thirty") / cpu,
		     SLACK);
	expect_share("split_thirty cumulative", cumulative(p, all, "split_thirty"), n,
		     (said(&r, "thirty") + said(&r, "ten")) / cpu, SLACK);
	expect_share("split_ten self", self(p, all, "split_ten"), n, said(&r, "ten") / cpu, SLACK);
	expect_share("split_ten cumulative", cumulative(p, all, "split_ten"), n,
		     said(&r, "ten") / cpu, SLACK);
	/* Everything but loading the program lies below these; loading takes a millisecond or two.
	 */
	expect_share("split_turn cumulative", cumulative(p, all, "split_turn"), n,
		     (said(&r, "sixty") + said(&r, "thirty") + said(&r, "ten")) / cpu, SLACK);
	expect_share("main cumulative", cumulative(p, all, "main"), n, 1, 2 * SLACK);
	cr_expect_eq(called(p, "split_ten", "split_thirty"), cumulative(p, all, "split_ten"),
		     "split_ten without its caller");
	cr_expect_eq(called(p, "split_sixty", "split_thirty"), 0, "split_sixty has a wrong caller");
}

Test(shares, at_99_hz)
{
	record_split("99");
}

Test(shares, at_999_hz)
{
	record_split("999");
}

Test(shares, at_5003_hz)
{
	record_split("5003");
}
