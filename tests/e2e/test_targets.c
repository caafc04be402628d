/* SPDX-License-Identifier: Apache-2.0 */
/* Only what was asked for is recorded, and all of it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "formats.h"
#include "readback.h"

E2E(targets);

#define HZ   999.0
#define FREQ "-F", "999"

static const struct pick all;

/* Starts wick, lets the workloads go once it samples, and ends it when they have ended. */
static void record_both(struct run *w, struct run *a, struct run *b)
{
	wait_for_line(w, "wick: sampling");
	go(a);
	if (b)
		go(b);
	finish(a);
	if (b)
		finish(b);
	send(w, SIGINT);
	finish(w);
	must_end(w, 0);
}

Test(targets, one_of_two_processes)
{
	const char *file = in_dir("p.pb.gz");
	struct run a = waiting(workload("split"), "1"), b = waiting(workload("split"), "1"), w;
	struct profile *p;

	w = start_wick("record", FREQ, "-o", file, "-p", text("%d", a.pid));
	record_both(&w, &a, &b);
	p = recorded(file, NULL);
	expect_samples("the process", total(p, (struct pick){ .pid = a.pid }), &a, HZ);
	cr_expect_eq(total(p, all), total(p, (struct pick){ .pid = a.pid }), "others are in it");
}

Test(targets, both_of_two_processes)
{
	const char *file = in_dir("p.pb.gz");
	struct run a = waiting(workload("split"), "0.7"), b = waiting(workload("split"), "0.7"), w;
	struct profile *p;

	w = start_wick("record", FREQ, "-o", file, "-p", text("%d,%d", a.pid, b.pid));
	record_both(&w, &a, &b);
	p = recorded(file, NULL);
	expect_samples("split", total(p, (struct pick){ .pid = a.pid }), &a, HZ);
	expect_samples("split", total(p, (struct pick){ .pid = b.pid }), &b, HZ);
	cr_expect_eq(total(p, all), total(p, (struct pick){ .pid = a.pid }) +
					    total(p, (struct pick){ .pid = b.pid }));
}

/*
 * A recording of processes ends by itself when the last one has. A Ctrl-C that comes while it is
 * being written, as at the end of the tests above, is the first one and does not abort it.
 */
Test(targets, ends_with_its_process)
{
	const char *file = in_dir("p.pb.gz");
	struct run a = waiting(workload("split"), "0.5"), w;

	w = start_wick("record", FREQ, "-o", file, "-p", text("%d", a.pid));
	wait_for_line(&w, "wick: sampling");
	go(&a);
	finish(&a);
	finish(&w);
	must_end(&w, 0);
	recorded(file, NULL);
}

/* A process whose parent has not yet asked for its status has ended, too. */
Test(targets, ends_with_a_process_that_nobody_waits_for)
{
	const char *file = in_dir("p.pb.gz");
	struct run a = waiting(workload("split"), "0.2"), w;

	w = start_wick("record", FREQ, "-o", file, "-p", text("%d", a.pid), "--duration", "8");
	wait_for_line(&w, "wick: sampling");
	go(&a);
	finish(&w);
	must_end(&w, 0);
	cr_expect_lt(w.seconds, 6, "it waited %.1f s for a zombie", w.seconds);
	finish(&a);
	recorded(file, NULL);
}

Test(targets, one_of_two_threads)
{
	const char *file = in_dir("p.pb.gz");
	struct run a = waiting(workload("threads"), "1", "2"), w;
	struct profile *p;
	pid_t tid = thread_of(&a, 1);
	double due;

	w = start_wick("record", FREQ, "-o", file, "-t", text("%d", tid));
	record_both(&w, &a, NULL);
	p = recorded(file, NULL);
	due = said(&a, "thread-1") * HZ;
	expect_near("the thread", total(p, (struct pick){ .tid = tid }), due,
		    slices_error(&a, due));
	cr_expect_eq(total(p, all), total(p, (struct pick){ .tid = tid }), "others are in it");
}

/* --- cgroups --------------------------------------------------------------------------------- */

static const char *cgroup_mount_point(void)
{
	struct run r = run_words("sh", "-c",
				 "awk '$0 ~ / - cgroup2 / {print $5; exit}' /proc/self/mountinfo");

	if (r.out_n == 0)
		cr_skip_test("needs cgroup v2");
	*strchr(r.out, '\n') = '\0';
	return r.out;
}

static void record_cgroup(const char *how_called, const char *group, const char *below)
{
	const char *file = in_dir("p.pb.gz");
	struct run a = waiting(workload("split"), "1"), b = waiting(workload("split"), "1"), w;
	struct profile *p;

	if (mkdir(group, 0755) < 0 || mkdir(below, 0755) < 0 ||
	    put_file(text("%s/cgroup.procs", below), text("%d\n", a.pid)) < 0) {
		rmdir(below);
		rmdir(group);
		cr_skip_test("needs a cgroup v2 that can be written");
	}
	w = start_wick("record", FREQ, "-o", file, "--cgroup", how_called);
	record_both(&w, &a, &b);
	rmdir(below);
	rmdir(group);
	p = recorded(file, NULL);
	expect_samples("in the cgroup", total(p, (struct pick){ .pid = a.pid }), &a, HZ);
	cr_expect_eq(total(p, all), total(p, (struct pick){ .pid = a.pid }), "others are in it");
}

Test(targets, cgroup_and_those_below_it)
{
	const char *group = text("%s/wick-e2e-%d", cgroup_mount_point(), getpid());

	record_cgroup(group, group, text("%s/inner", group));
}

Test(targets, cgroup_by_its_name_in_the_hierarchy)
{
	const char *group = text("%s/wick-e2e-%d", cgroup_mount_point(), getpid());

	record_cgroup(strrchr(group, '/') + 1, group, text("%s/inner", group));
}

/* --- CPUs and stacks ------------------------------------------------------------------------- */

Test(targets, one_cpu)
{
	const char *file = in_dir("p.pb.gz");
	struct run r;
	struct e2e_account a;
	struct profile *p;
	double due;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		cr_skip_test("needs two CPUs");
	r = wick("record", FREQ, "-o", file, "-C", "0", "--", "taskset", "-c", "0,1",
		 workload("threads"), "1", "2");
	must_end(&r, 0);
	p = recorded(file, &a);
	/* Thread 1 is pinned to CPU 0, thread 2 to CPU 1. */
	due = said(&r, "thread-1") * HZ;
	expect_near("busy-1", total(p, (struct pick){ .thread_comm = "busy-1" }), due,
		    slices_error(&r, due));
	/* Before it pinned itself it may have been on CPU 0 for a moment. */
	cr_expect_leq(total(p, (struct pick){ .thread_comm = "busy-2" }), 2);
	cr_expect_leq((double)a.ticks, (double)p->duration_ns / 1e9 * HZ * 1.03, "%s", a.comment);
}

static double kernel_frames(const struct profile *p, bool user)
{
	double n = 0;

	for (size_t i = 0; i < p->samples.n; i++)
		for (uint32_t k = 0; k < p->samples.items[i].loc_n; k++)
			n += is_kernel_frame(p, &p->samples.items[i], k) != user;
	return n;
}

Test(targets, user_stacks_only)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick("record", FREQ, "-U", "-o", file, "--", workload("syscalls"), "1");
	struct profile *p;

	must_end(&r, 0);
	p = recorded(file, NULL);
	cr_expect_eq(kernel_frames(p, false), 0, "kernel frames in spite of -U");
	/* Time in the kernel is there, told by its user stack. */
	expect_samples("samples", total(p, all), &r, HZ);
}

Test(targets, kernel_stacks_only)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick("record", FREQ, "-K", "-o", file, "--", workload("syscalls"), "1.5");
	double n, share;
	struct profile *p;

	must_end(&r, 0);
	p = recorded(file, NULL);
	cr_expect_eq(kernel_frames(p, true), 0, "user frames in spite of -K");
	n = said(&r, "cpu") * HZ;
	share = said(&r, "stime") / (said(&r, "stime") + said(&r, "utime"));
	/* The kernel's own split is known to 4·sqrt(¼/(250·1.5)) = 10 %, see test_kernel_time.c. */
	expect_share("kernel samples", total(p, all), n, share, 0.07);
	cr_expect_gt(cumulative(p, all, "do_syscall_64"), 0.5 * total(p, all));
}

/* --- outputs --------------------------------------------------------------------------------- */

static double total_of(const char *path)
{
	struct profile *p = NULL;
	struct err e = { 0 };

	cr_assert_eq(format_read(path, &p, &e), 0, "%s", e.text);
	return total(p, all);
}

Test(targets, several_outputs)
{
	const char *gz = in_dir("p.pb.gz"), *zst = in_dir("p.pb.zst"), *raw = in_dir("p.pb"),
		   *folded = in_dir("p.folded");
	struct run r = wick("record", FREQ, "-o", gz, "-o", folded, "-o", zst, "-o", raw, "--",
			    workload("split"), "0.5");
	double n;

	must_end(&r, 0);
	n = total(recorded(gz, NULL), all);
	cr_expect_eq(total(recorded(raw, NULL), all), n);
	if (have_program("zstd"))
		cr_expect_eq(total(recorded(zst, NULL), all), n);
	cr_expect_eq(total_of(zst), n);
	cr_expect_eq(total_of(folded), n);
	cr_expect_eq(files_left("p."), 4, "more than the four files");
}

Test(targets, standard_output)
{
	char quiet[512];
	struct run r;

	/* The profile is all that standard output may hold. */
	snprintf(quiet, sizeof(quiet), "%s 0.5 >/dev/null", workload("split"));
	r = wick("record", FREQ, "-o", "-", "--format", "folded", "--", "sh", "-c", quiet);
	must_end(&r, 0);
	cr_assert_eq(put_file(in_dir("p.folded"), r.out), 0);
	cr_expect_gt(total_of(in_dir("p.folded")), 0);
}
