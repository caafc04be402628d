/* SPDX-License-Identifier: Apache-2.0 */
/* A command's children and grandchildren are recorded, however short they live, and nobody else. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fdutil.h"
#include "readback.h"

E2E(family);

#define HZ 999.0

/* Samples that have no name because the process was gone when wick looked. */
static double nameless(const struct profile *p, struct pick pick)
{
	return cumulative(p, pick, "[unknown: process exited]") + cumulative(p, pick, "[unknown]");
}

/* Each "member PID COMM CPU" line of the workload against the samples of that process. */
static double check_members(const struct profile *p, const char *out)
{
	double cpu, seen = 0;
	char comm[16];
	int pid, n = 0;

	for (const char *line = out; (line = strstr(line, "member ")); line++) {
		struct pick one = { 0 };

		cr_assert_eq(sscanf(line, "member %d %15s %lf", &pid, comm, &cpu), 3, "%.60s",
			     line);
		one.pid = pid;
		seen += total(p, one);
		n++;
		/* Some 5 samples are due. */
		cr_expect_gt(total(p, one), 0, "no sample of %d, %s", pid, comm);
		/* Before it gave itself a name it had its parent's: well under one of the 5. */
		one.comm = comm;
		cr_expect_geq(total(p, one), total(p, (struct pick){ .pid = pid }) - 2,
			      "%d is not called %s", pid, comm);
	}
	cr_assert_gt(n, 0, "the workload said nothing");
	return seen;
}

Test(family, short_children_and_grandchildren)
{
	const char *file = in_dir("p.pb.gz");
	const struct pick any = { 0 };
	struct run stranger = start_words(workload("split"), "2"), r;
	struct profile *p;
	double seen, work;

	r = wick("record", "-F", "999", "-o", file, "--", workload("family"), "60");
	must_end(&r, 0);
	finish(&stranger);
	p = recorded(file, NULL);
	seen = check_members(p, r.out);
	/* Each of 120 lives is up to one sample more or less: 4·sqrt(120·¼)/600 = 3.7 %, and as
	 * much again where a life is cut in two by another process. */
	expect_near("samples of the members", seen, said(&r, "children") * HZ, 0.06);
	work = cumulative(p, any, "child_work") + cumulative(p, any, "grandchild_work");
	fprintf(stderr, "  %.0f samples, %.0f named by their work, %.0f without a name\n", seen,
		work, nameless(p, any));
	/* The kernel tells of each child, however short its life; 1 % for a wick that has to wait
	 * so long for a CPU that it is not told of all. */
	cr_expect_leq(nameless(p, any), 0.01 * total(p, any),
		      "%.0f samples of %.0f have lost their names", nameless(p, any),
		      total(p, any));
	/* The rest is what fork and exit cost. */
	cr_expect_gt(work + nameless(p, any), 0.8 * seen, "only %.0f of %.0f samples are named",
		     work, seen);
	cr_expect_eq(total(p, (struct pick){ .pid = stranger.pid }), 0, "a stranger was recorded");
}

/*
 * The first sample of a program as the last: forty programs one after another, each of 20 ms, at
 * the usual frequency. Their tables and names must be there when they are gone.
 */
Test(family, programs_that_live_20_ms)
{
	const char *file = in_dir("p.pb.gz");
	const struct pick split = { .comm = "split" };
	struct e2e_account a;
	struct profile *p;
	struct run r = wick("record", "-F", "99", "-o", file, "--", "sh", "-c",
			    text("for i in $(seq 40); do %s 0.02; done", workload("split")));

	must_end(&r, 0);
	p = recorded(file, &a);
	cr_expect_gt(total(p, split), 40, "two of each, half of them for a busy machine");
	cr_expect_eq(nameless(p, (struct pick){ 0 }), 0);
	/* In its last moments, and while it begins, a program has no stack that could be read. */
	cr_expect_leq((double)a.truncated, 0.05 * (double)a.recorded, "%s", a.comment);
	/* The rest is loading it, which takes a few milliseconds. */
	cr_expect_gt(cumulative(p, split, "main"), 0.6 * total(p, split));
}

Test(family, shell_pipeline)
{
	const char *file = in_dir("p.pb.gz"), *out = in_dir("usage");
	struct run r = wick("record", "-F", "999", "-o", file, "--", "sh", "-c",
			    text("%s 0.4 | cat | %s 0.4 > %s; (%s 0.3 2 &) ; wait; %s 0.2",
				 workload("split"), workload("syscalls"), out, workload("threads"),
				 workload("split")));
	struct profile *p;

	must_end(&r, 0);
	p = recorded(file, NULL);
	/* Two runs of split: 0.4 s and 0.2 s of CPU time. */
	expect_near("split", total(p, (struct pick){ .comm = "split" }), 0.6 * HZ, 0.05);
	expect_near("syscalls", total(p, (struct pick){ .comm = "syscalls" }), 0.4 * HZ, 0.05);
	/* It may have had little of the CPUs when the command ended. */
	cr_expect_gt(total(p, (struct pick){ .comm = "threads" }), 0);
	cr_expect_gt(total(p, (struct pick){ .comm = "sh" }) +
			     total(p, (struct pick){ .comm = "cat" }),
		     -1);
}

/* The family outlives its members: a process born after its parent ended is one of it. */
Test(family, children_of_a_parent_that_is_gone)
{
	const char *file = in_dir("p.pb.gz"), *usage = in_dir("usage");
	struct run r = wick("record", "-F", "999", "-o", file, "--", workload("orphan"), "0.3",
			    usage),
		   u = { 0 };
	struct profile *p;
	struct pick orphan = { .comm = "orphan-late" };

	must_end(&r, 0);
	cr_assert_eq(read_whole_file(usage, 4096, &u.out, &u.out_n), 0);
	p = recorded(file, NULL);
	/* One stretch of 0.3 s, a few slices: ±4 samples of 300. */
	expect_near("orphan", total(p, orphan), said(&u, "cpu") * HZ, 0.03);
	orphan.pid = (int64_t)said(&u, "pid");
	expect_near("orphan by pid", total(p, orphan), said(&u, "cpu") * HZ, 0.03);
	expect_near("orphan_work", cumulative(p, orphan, "orphan_work"), total(p, orphan), 0.03);
}

/* Threads of the command, started one after another and each gone in 20 ms. */
Test(family, threads_that_come_and_go)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick(
		"record", "-F", "999", "-o", file, "--", "sh", "-c",
		text("for i in 1 2 3 4 5 6 7 8 9 10; do %s 0.02 4; done", workload("threads")));
	struct profile *p;
	double cpu = 0, switches = 50; /* each thread ends once without counting it */

	must_end(&r, 0);
	p = recorded(file, NULL);
	for (const char *line = r.out; (line = strstr(line, "\ncpu ")); line++)
		cpu += strtod(line + 5, NULL);
	for (const char *line = r.out; (line = strstr(line, "switches ")); line++)
		switches += strtod(line + 9, NULL);
	cr_assert_gt(cpu, 0.8);
	/* As expect_samples() of all ten together; the end of a process is not in its own count.
	 * What the shell does goes by its name. */
	expect_near("threads",
		    total(p, (struct pick){ 0 }) - total(p, (struct pick){ .thread_comm = "sh" }),
		    cpu * HZ, 4 * sqrt(switches / 4) / (cpu * HZ) + 0.02);
}

/*
 * A process that wick looked at between fork and exec keeps the name it had then for its threads.
 * Only records of exec tell that it has another.
 */
Test(family, threads_of_a_program_just_started)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick(
		"record", "-F", "999", "-o", file, "--", "sh", "-c",
		text("for i in 1 2 3 4 5 6 7 8 9 10; do %s 0.02 4; done", workload("threads")));
	struct profile *p;

	must_end(&r, 0);
	p = recorded(file, NULL);
	for (int i = 1; i <= 4; i++) {
		struct pick thread = { .thread_comm = text("busy-%d", i), .comm = "threads" };
		double named = total(p, thread);

		thread.comm = NULL;
		cr_expect_eq(named, total(p, thread), "%.0f of %.0f samples have another comm",
			     total(p, thread) - named, total(p, thread));
	}
}
