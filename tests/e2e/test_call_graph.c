/* SPDX-License-Identifier: Apache-2.0 */
/* --call-graph dwarf: every stack from a copy of it, in programs without frame pointers. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "readback.h"

E2E(call_graph);

#ifndef __SANITIZE_ADDRESS__ /* with which wick is too slow to read all copies in time */
/*
 * How many stacks the kernel side had to unwind, because there was no room for a copy: wick was not
 * given a CPU in time to read the others. They are whole, and counted; on a busy machine there are some.
 */
static unsigned long unwound_in_kernel(const struct run *r)
{
	const char *said = strstr(r->err, "stacks were unwound in the kernel");

	while (said && said > r->err && said[-1] != '\n')
		said--;
	said = said ? strstr(said, "warning: ") : NULL;
	return said ? strtoul(said + strlen("warning: "), NULL, 10) : 0;
}
#endif

/* The profile of a workload, and that its stacks came whole, and all but very few from copies. */
static struct profile *by_dwarf(const char *hz, const struct run *r, const char *file)
{
	struct e2e_account a;
	struct profile *p;

	must_end(r, 0);
	p = recorded(file, &a); /* nothing was lost, or it fails */
#ifndef __SANITIZE_ADDRESS__
	cr_expect_leq(unwound_in_kernel(r) * 100, a.recorded, "%s", r->err);
#endif
	/* A process may be gone before its mappings were read, at its very end. */
	cr_expect_leq(a.truncated, 2, "%s at %s Hz", a.comment, hz);
	return p;
}

static void record_split(const char *hz, double slack)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick("record", "--call-graph", "dwarf", "-F", hz, "-o", file, "--",
			    workload("split-nofp"), "2");
	const struct pick all = { .comm = "split-nofp" };
	struct profile *p = by_dwarf(hz, &r, file);
	double n = total(p, all), cpu = said(&r, "cpu");

	expect_samples("samples", n, &r, strtod(hz, NULL));
	expect_share("split_sixty self", self(p, all, "split_sixty"), n, said(&r, "sixty") / cpu,
		     slack);
	expect_share("split_thirty cumulative", cumulative(p, all, "split_thirty"), n,
		     (said(&r, "thirty") + said(&r, "ten")) / cpu, slack);
	expect_share("main cumulative", cumulative(p, all, "main"), n, 1, 2 * slack);
	cr_expect_eq(called(p, "split_ten", "split_thirty"), cumulative(p, all, "split_ten"),
		     "split_ten without its caller");
	cr_expect_eq(called(p, "split_sixty", "split_turn"), cumulative(p, all, "split_sixty"),
		     "split_sixty without its caller");
}

Test(call_graph, dwarf_at_99_hz)
{
	record_split("99", 0.005);
}

Test(call_graph, dwarf_at_999_hz)
{
	record_split("999", 0.005);
}

Test(call_graph, dwarf_on_two_cpus)
{
	const char *file = in_dir("p.pb.gz");
	const struct pick all = { .comm = "threads-nofp" };
	struct profile *p;
	struct run r;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		cr_skip_test("needs two CPUs");
	r = wick("record", "--call-graph", "dwarf", "-F", "99", "-o", file, "--",
		 workload("threads-nofp"), "3", "2");
	p = by_dwarf("99", &r, file);
	expect_samples("samples", total(p, all), &r, 99);
	expect_near("thread_work", cumulative(p, all, "thread_work"), total(p, all), 0.03);
}

Test(call_graph, dwarf_is_deep_as_far_as_a_copy_reaches)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick("record", "--call-graph", "dwarf", "-F", "99", "-o", file, "--",
			    workload("deep-nofp"), "200", "1");
	const struct pick all = { .comm = "deep-nofp" };
	struct profile *p = by_dwarf("99", &r, file);

	expect_share("main cumulative", cumulative(p, all, "main"), total(p, all), 1, 0.02);
	cr_expect_eq(called(p, "deep_bottom", "main"), cumulative(p, all, "deep_bottom"));
}

/* Functions just behind an entry point are no part of it: the first samples as well as the later ones. */
Test(call_graph, without_tables_behind_the_entry_point)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick("record", "-F", "999", "-o", file, "--", workload("alone"));
	const struct pick all = { .comm = "alone", .in = "alone_work" };
	struct profile *p;

	must_end(&r, 0);
	p = recorded(file, NULL);
	cr_assert_gt(total(p, all), 200);
	expect_share("alone_main", cumulative(p, all, "alone_main"), total(p, all), 1, 0.01);
	expect_share("_start", cumulative(p, all, "_start"), total(p, all), 1, 0.01);
}

Test(call_graph, is_one_of_three)
{
	struct run r = wick("record", "--call-graph", "lbr", "--", "true");

	must_end(&r, 2);
	cr_expect_not_null(strstr(r.err, "--call-graph is auto, fp or dwarf, not 'lbr'"), "%s",
			   r.err);
}
