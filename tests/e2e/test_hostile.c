/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that are costly to follow, or want to be: what they do stays theirs, and wick cheap. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "readback.h"

E2E(hostile);

#define HZ   999.0
#define FREQ "-F", "999"

/* A number that the comment about processes has behind @key; 0 = there is no such comment. */
static double missed(const struct profile *p, const char *key)
{
	array_each(&p->comments, c) {
		const char *comment = strtab_get(&p->strings, *c),
			   *at = strstr(comment, text(" %s=", key));

		if (strncmp(comment, "processes: ", 11) == 0 && at)
			return strtod(at + strlen(key) + 2, NULL);
	}
	return 0;
}

/* Somebody else, who begins and works while that goes on, is recorded as ever. */
static void expect_bystander(const struct profile *p, const struct run *r)
{
	const struct pick one = { .pid = (int64_t)said(r, "pid") };

	expect_samples("a bystander", total(p, one), r, HZ);
	cr_expect_geq(cumulative(p, one, "main"), 0.97 * total(p, one), "%.0f of %.0f",
		      cumulative(p, one, "main"), total(p, one));
}

static struct run start_recording(const char *freq)
{
	struct run w = start_wick("record", "-a", "-F", freq, "-o", in_dir("p.pb.gz"));

	wait_for_line(&w, "wick: sampling");
	return w;
}

static struct profile *end_recording(struct run *w)
{
	send(w, SIGINT);
	finish(w);
	must_end(w, 0);
	return recorded(in_dir("p.pb.gz"), NULL);
}

/* 5,000 mappings of code a second: a twentieth of a CPU. */
Test(hostile, a_storm_of_mappings)
{
	struct run w = start_wick("record", "--comm", "hostile|split", FREQ, "-o",
				  in_dir("p.pb.gz")),
		   storm, r;
	struct profile *p;
	double cpu, begin;

	/* These two alone: what others do meanwhile has its price, too. */
	wait_for_line(&w, "wick: sampling");
	storm = start_words(workload("hostile"), "storm", "5000", "4");
	r = run_words(workload("split"), "0.3"); /* when it is through, all is looked at */
	cpu = cpu_of(w.pid);
	begin = now_s();
	finish(&storm);
	cpu = (cpu_of(w.pid) - cpu) / (now_s() - begin);
	p = end_recording(&w);
	must_end(&storm, 0);
	fprintf(stderr, "  %.0f mappings, %.1f %% of a CPU\n", said(&storm, "maps"), 100 * cpu);
	cr_expect_lt(cpu, 0.05);
	expect_bystander(p, &r);
}

/* As many pieces of code as a process may have, unless the machine is told otherwise. */
Test(hostile, a_process_of_many_regions)
{
	struct run many = waiting(workload("hostile"), "regions", "32000", "0.5"), w, r;
	struct profile *p;

	w = start_recording("999");
	go(&many);
	r = run_words(workload("split"), "0.3");
	finish(&many);
	p = end_recording(&w);
	must_end(&many, 0);
	expect_bystander(p, &r);
	cr_expect_gt(cumulative(p, (struct pick){ .comm = "hostile" }, "main"), 0.5 * 0.5 * HZ,
		     "code without a name is walked through by its frame pointer");
}

/* Files that are all new do not use up what others need. */
Test(hostile, a_process_of_many_files)
{
	struct run w = start_recording("999"),
		   files = run_words(
			   "sh", "-c",
			   text("ulimit -n 20000; exec %s files 8000 0.2", workload("hostile"))),
		   r = run_words(workload("split"), "0.3");
	struct profile *p = end_recording(&w);

	if (files.status == 77)
		cr_skip_test("needs many open files");
	must_end(&files, 0);
	expect_bystander(p, &r);
	cr_expect_gt(missed(p, "files_late"), 0, "they were all looked at at once");
	cr_expect_gt(cumulative(p, (struct pick){ .comm = "hostile" }, "hostile_work"),
		     0.8 * 0.2 * HZ);
}

/* A name that moves the cursor, a perf map without an end, a program behind a FIFO. */
Test(hostile, a_process_that_pretends)
{
	const char *file = in_dir("p.pb.gz");
	struct run r, w, report;
	struct profile *p;

	if (getuid() != 0 || !have_program("unshare"))
		cr_skip_test("needs root and unshare");
	w = start_recording("999");
	r = run_words(
		"unshare", "--mount", "sh", "-ec",
		text("cp %s prog; mkfifo fifo; ./prog pretend 1 & sleep 0.2; "
		     "mount --bind fifo prog; wait $!; cp %s other; mount --bind fifo other || :; "
		     "%s 0.3",
		     workload("hostile"), workload("split"), workload("split")));
	must_end(&r, 0);
	p = end_recording(&w);
	cr_expect_lt(w.seconds, 20);
	cr_expect_gt(total(p, (struct pick){ .in = "pretend" }), 0.5 * HZ);
	report = wick("report", file);
	must_end(&report, 0);
	cr_expect_null(memchr(report.out, '\033', report.out_n), "%s", report.out);
	cr_expect_gt(cumulative(p, (struct pick){ .pid = (int64_t)said(&r, "pid") }, "main"),
		     0.8 * 0.3 * HZ);
}

/*
 * A root whose links lead out of it, to what has other names for the same code: its perf map, the
 * debug file of its program, and the program's own path once it runs.
 */
Test(hostile, links_that_lead_out_of_a_root)
{
	static const char jail[] =
		"mkdir -p root/bin/.debug root/jit jit\n"
		"objcopy --strip-debug --redefine-sym hostile_work=inside_work $0 root/names.debug\n"
		"objcopy --strip-debug --redefine-sym hostile_work=outside_work $0 names.debug\n"
		"strip -s -o root/bin/prog $0\n"
		"objcopy --add-gnu-debuglink=names.debug root/bin/prog\n"
		"ln -s ../../../names.debug root/bin/.debug/names.debug\n"
		"ln -s ../jit root/tmp\n";
	struct run w, r, made;
	struct profile *p;

	if (getuid() != 0 || !have_program("chroot") || !have_program("objcopy"))
		cr_skip_test("needs root, chroot and objcopy");
	made = run_words("sh", "-ec", jail, workload("hostile-static"));
	must_end(&made, 0);
	w = start_recording("999");
	r = waiting("chroot", "root", "/bin/prog", "jail", "0.3");
	made = run_words("sh", "-ec",
			 text("read key at <%s; echo $at 1000 outside_code >jit/perf-%d.map\n"
			      "rm root/bin/prog; ln -s ../../names.debug root/bin/prog",
			      r.out_path, r.pid));
	must_end(&made, 0);
	go(&r);
	finish(&r);
	must_end(&r, 0);
	p = end_recording(&w);
	cr_expect_gt(cumulative(p, (struct pick){ .pid = r.pid }, "inside_code"), 0.5 * 0.3 * HZ);
	cr_expect_gt(cumulative(p, (struct pick){ .pid = r.pid }, "inside_work"), 0.5 * 0.3 * HZ);
	cr_expect_eq(cumulative(p, (struct pick){ 0 }, "outside_code"), 0);
	cr_expect_eq(cumulative(p, (struct pick){ 0 }, "outside_work"), 0);
}

/*
 * While wick may not run, more happens than the rings hold. What began meanwhile, and lives on, is
 * read from /proc.
 */
Test(hostile, more_events_than_are_read)
{
	struct run w = start_recording("199"), storm, a;
	struct profile *p;

	send(&w, SIGSTOP);
	storm = run_words(workload("hostile"), "storm", "200000", "1.5");
	a = waiting(workload("split"), "0.5");
	send(&w, SIGCONT);
	go(&a);
	finish(&a);
	p = end_recording(&w);
	must_end(&storm, 0);
	fprintf(stderr, "  %.0f mappings, %.0f events lost, %.0f processes read again\n",
		said(&storm, "maps"), missed(p, "events_lost"), missed(p, "rescans"));
	cr_expect_gt(missed(p, "events_lost"), 0, "the test proves nothing");
	cr_expect_gt(missed(p, "rescans"), 0);
	expect_samples("split", total(p, (struct pick){ .pid = a.pid }), &a, 199);
	/* For a moment there was no room for copies of stacks, either. */
	cr_expect_gt(cumulative(p, (struct pick){ .pid = a.pid }, "main"),
		     0.7 * total(p, (struct pick){ .pid = a.pid }));
}
