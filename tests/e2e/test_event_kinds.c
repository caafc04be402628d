/* SPDX-License-Identifier: Apache-2.0 */
/* Other events than time, several at once, and counts instead of rates. */
#include <stdlib.h>
#include <string.h>

#include "readback.h"

E2E(event_kinds);

static const struct pick all;

/* Every fault: as many as the kernel counted for the process, and each in the function that did it.
 */
Test(event_kinds, every_page_fault)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick("record", "-e", "page-faults", "-c", "1", "-o", file, "--",
			    workload("faults"), "20000", "2");
	struct pick faults = all;
	struct profile *p;

	must_end(&r, 0);
	p = recorded(file, NULL);
	faults.type = value_named(p, "page_faults");
	cr_expect_eq(cumulative(p, faults, "touch_pages"), said(&r, "touched"),
		     "%.0f faults in touch_pages instead of %.0f",
		     cumulative(p, faults, "touch_pages"), said(&r, "touched"));
	/* Besides: those of starting and ending, which the workload cannot all see. */
	expect_near("all faults", total(p, faults), said(&r, "minflt"), 0.01);
	cr_expect_eq(total(p, faults), total(p, all), "each sample stands for one fault");
}

/* More faults in a burst than the ring holds, on all CPUs at once. */
Test(event_kinds, storm_of_page_faults)
{
	const char *file = in_dir("p.pb.gz");
	struct run r =
		wick("record", "-e", "page-faults", "-c", "1", "-o", file, "--", "sh", "-c",
		     text("for i in 1 2 3 4; do %s 1000 100 & done; wait", workload("faults")));
	struct profile *p;
	double faults = 0;

	must_end(&r, 0);
	p = recorded(file, NULL);
	for (const char *line = r.out; (line = strstr(line, "minflt ")); line++)
		faults += strtod(line + 7, NULL);
	cr_expect_gt(faults, 4 * 1000 * 100);
	/* Each process has a few hundred more when it is started and when it ends. */
	expect_near("faults", total(p, (struct pick){ .comm = "faults" }), faults, 0.005);
}

/*
 * The first faults of a program are those of loading it: wick looks at its mappings then, and what
 * is mapped a moment later has no name until the next look. Only records of the mappings themselves
 * tell.
 */
Test(event_kinds, names_in_a_storm_of_page_faults)
{
	const char *file = in_dir("p.pb.gz");
	struct run r =
		wick("record", "-e", "page-faults", "-c", "1", "-o", file, "--", "sh", "-c",
		     text("for i in 1 2 3 4; do %s 1000 100 & done; wait", workload("faults")));

	must_end(&r, 0);
	cr_expect_eq(cumulative(recorded(file, NULL), all, "touch_pages"), 4 * 1000 * 100);
}

Test(event_kinds, every_hundredth_page_fault)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick("record", "-e", "page-faults", "-c", "100", "-o", file, "--",
			    workload("faults"), "20000", "4");
	struct pick faults = all;
	struct profile *p;

	must_end(&r, 0);
	p = recorded(file, NULL);
	faults.type = value_named(p, "page_faults");
	/* Each CPU counts for itself, other processes too; what is left over is below 100 a CPU and
	 * a change of process: 80,000 faults, so within 3 %. */
	expect_near("faults", total(p, faults), said(&r, "minflt"), 0.03);
	cr_expect_eq(total(p, faults), 100 * total(p, all));
}

/* Time and faults in one recording, both at a rate. */
Test(event_kinds, time_and_page_faults)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick("record", "-F", "999", "-e", "cpu-clock,page-faults", "-o", file, "--",
			    workload("faults"), "2000", "300");
	struct pick ns = all, faults = all;
	struct profile *p;

	must_end(&r, 0);
	p = recorded(file, NULL);
	ns.type = value_named(p, "cpu");
	faults.type = value_named(p, "page_faults");
	expect_samples("milliseconds", total(p, ns) / 1e6, &r, 1000);
	/* The kernel looks for the period that gives the rate, and begins with 1: the first samples
	 * stand for themselves alone, what lies between is estimated. */
	expect_near("page faults", total(p, faults), said(&r, "minflt"), 0.25);
	expect_near("page faults in touch_pages", cumulative(p, faults, "touch_pages"),
		    said(&r, "touched"), 0.25);
}

Test(event_kinds, every_context_switch)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick("record", "-e", "context-switches", "-c", "1", "-o", file, "--",
			    workload("naps"), "2", "0.2", "200");
	struct profile *p;
	double n;

	must_end(&r, 0);
	p = recorded(file, NULL);
	n = total(p, (struct pick){ .pid = (int64_t)said(&r, "pid") });
	/* The process counted those before the recording began, too: waiting for wick's word. Those
	 * of its end it could not count. */
	cr_expect(n >= said(&r, "switches") - 4 && n <= said(&r, "switches") + 10,
		  "%.0f switches instead of %.0f", n, said(&r, "switches"));
	cr_expect_geq(cumulative(p, all, "schedule"), 200, "naps outside of schedule()");
}

/* A sample every so much CPU time: not a whole millisecond, which would beat with the scheduler. */
Test(event_kinds, period_of_time)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick("record", "-e", "cpu-clock", "-c", "1003000", "-o", file, "--",
			    workload("split"), "1");
	struct profile *p;

	must_end(&r, 0);
	p = recorded(file, NULL);
	expect_samples("samples", total(p, all), &r, 1e9 / 1003000);
	cr_expect_eq(total(p, (struct pick){ .type = value_named(p, "cpu") }),
		     1003000 * total(p, all));
	cr_expect_eq(p->period, 1003000);
}

Test(event_kinds, task_clock)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick("record", "-e", "task-clock", "-F", "499", "-o", file, "--",
			    workload("split"), "1");

	must_end(&r, 0);
	expect_samples("samples", total(recorded(file, NULL), all), &r, 499);
}
