/* SPDX-License-Identifier: Apache-2.0 */
/* However processes begin, live and end, their samples are whole and tell whose they are. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "judge.h"
#include "readback.h"

E2E(lives);

#define HZ   999.0
#define FREQ "-F", "999"

static const struct pick all;

/* Samples of @comm whose stack has a frame that begins so, and one that begins as @other. */
static double with_frames(const struct profile *p, const char *comm, const char *beginning,
			  const char *other)
{
	double n = 0;

	for (size_t i = 0; i < p->samples.n; i++) {
		const struct profile_sample *s = &p->samples.items[i];

		if (has_frame(p, s, beginning) && has_frame(p, s, other) &&
		    strcmp(label_text(p, s, "comm"), comm) == 0)
			n += (double)profile_value(p, i, 0);
	}
	return n;
}

static double with_frame(const struct profile *p, const char *comm, const char *beginning)
{
	return with_frames(p, comm, beginning, beginning);
}

/*
 * Of the samples of @comm, whose work is @work: those without a name are none; cut ones are those
 * on the way in and out, of which each life has at most a few hundred microseconds.
 */
static void expect_whole(const struct profile *p, const char *comm, const char *work, double least)
{
	double n = total(p, (struct pick){ .comm = comm }),
	       worked = cumulative(p, (struct pick){ .comm = comm }, work),
	       rooted = cumulative(p, (struct pick){ .comm = comm, .in = work }, "main"),
	       cut = with_frame(p, comm, "[truncated"),
	       told = with_frames(p, comm, work, "[truncated");

	fprintf(stderr, "  %s: %.0f samples, %.0f at work, %.0f of them from main on, %.0f cut\n",
		comm, n, worked, rooted, cut);
	cr_expect_geq(n, least, "%s: %.0f of %.0f", comm, n, least);
	cr_expect_leq(worked - rooted, told, "%s: of %.0f, %.0f begin in main and %.0f say why not",
		      comm, worked, rooted, told);
	cr_expect_gt(worked, 0.5 * n, "%s: %.0f of %.0f", comm, worked, n);
	cr_expect_leq(with_frame(p, comm, "[unknown"), 0.003 * n + 1);
	cr_expect_leq(cut, MOST_CUT * n + 2);
}

static struct profile *recorded_script(const char *script, struct run *r, struct e2e_account *a)
{
	const char *file = in_dir("p.pb.gz");

	*r = wick("record", "-a", FREQ, "-o", file, "--", "sh", "-c", script);
	must_end(r, 0);
	return recorded(file, a);
}

/* --- short ones ---------------------------------------------------------------------------------
 */

/* So many programs a second, for so long. */
#define STORM_RATE "200"
#define STORM_S	   "10"

/* The file that a program of that name is in the end. */
static const char *program(const char *path)
{
	char *real = realpath(path, NULL);

	cr_assert_not_null(real, "%s", path);
	return real;
}

Test(lives, two_hundred_programs_a_second)
{
	const char *file = in_dir("p.pb.gz");
	const struct kind kinds[] = {
		{ "true", program("/bin/true") }, { "lives", workload("lives") },
		{ "sh", program("/bin/sh") },	  { "tr", program("/usr/bin/tr") },
		{ "cat", program("/bin/cat") },
	};
	struct run r = wick("record", "-a", FREQ, "-o", file, "--", workload("lives"), "rate",
			    STORM_RATE, STORM_S, "/bin/true", ",", workload("lives"), "brief",
			    "0.005", ",", "/bin/sh", "-c", "echo x | tr x y | cat >/dev/null");
	struct e2e_account a;
	struct profile *p;

	must_end(&r, 0);
	p = recorded(file, &a);
	fprintf(stderr, "  %s\n", a.comment);
	expect_storm(p, &r, kinds, sizeof(kinds) / sizeof(*kinds), MOST_CUT);
	/* A third of them work for 5 ms, some of which passes before they are that program. */
	expect_whole(p, "lives", "brief_work", 0.4 * said(&r, "started") / 3 * 0.005 * HZ);
}

/*
 * What a container is to the kernel: the root lies in a mount that nobody else sees. Its programs
 * are copies of the static `lives` under several names, whose library is not that of the machine,
 * and busybox, which Debian builds without unwind tables.
 */
static const char *container_script(const char *command)
{
	return text(
		"unshare --user --map-root-user --mount --pid --fork sh -ec '"
		"mkdir -p root; mount -t tmpfs none root; mkdir root/bin root/dev; "
		"for i in lives in-true in-echo in-cat in-sh; do cp %s root/bin/$i; done; "
		"cp $(command -v busybox) root/bin; exec chroot root /bin/busybox sh -c \"%s\"'",
		workload("lives-static"), command);
}

static void needs_containers(void)
{
	struct run r;

	if (!have_program("busybox") || !have_program("unshare"))
		cr_skip_test("needs busybox and unshare");
	r = run_words("sh", "-c", container_script("exit 7"));
	if (r.status != 7)
		cr_skip_test("needs namespaces of users: %s", r.err);
}

Test(lives, two_hundred_programs_a_second_in_a_container)
{
	const struct kind kinds[] = {
		{ "in-true", "/bin/in-true" }, { "lives", "/bin/lives" },
		{ "in-sh", "/bin/in-sh" },     { "in-echo", "/bin/in-echo" },
		{ "in-cat", "/bin/in-cat" },
	};
	struct e2e_account a;
	struct profile *p;
	struct run r;

	needs_containers();
	p = recorded_script(container_script("/bin/lives rate " STORM_RATE " " STORM_S
					     " /bin/in-true , /bin/lives brief 0.005 , /bin/in-sh"),
			    &r, &a);
	fprintf(stderr, "  %s\n", a.comment);
	expect_storm(p, &r, kinds, sizeof(kinds) / sizeof(*kinds), MOST_CUT);
	/* A third of them work for 5 ms, some of which passes before they are that program. */
	expect_whole(p, "lives", "brief_work", 0.4 * said(&r, "started") / 3 * 0.005 * HZ);
}

/* Each is the first and only process of its container. */
Test(lives, containers_that_end_at_once)
{
	struct profile *p;
	struct run r;

	needs_containers();
	p = recorded_script(
		text("for i in $(seq 20); do %s; done", container_script("/bin/lives brief 0.02")),
		&r, NULL);
	/* What the same process was before counts as its work, too. */
	expect_whole(p, "lives", "brief_work", 0.5 * 20 * 0.02 * HZ);
}

/* Parent and children share their stacks until one of them writes: at one in 30 of the ticks in
 * which the kernel is at that, the page is not there. */
Test(lives, that_share_stacks)
{
	const char *file = in_dir("p.pb.gz");
	struct run r =
		wick("record", "-F", "4999", "-o", file, "--", workload("lives"), "shares", "2");
	struct profile *p;
	double n, unread;

	must_end(&r, 0);
	p = recorded(file, NULL);
	n = with_frame(p, "lives", "do_wp_page");
	unread = with_frame(p, "lives", "[truncated: the user stack could not be read");
	fprintf(stderr, "  %.0f while a page was replaced, %.0f unread\n", n, unread);
	if (n < 100)
		cr_skip_test("the kernel calls it otherwise, or the machine is too busy");
	cr_expect_eq(unread, 0, "%.0f of %.0f", unread, n);
}

Test(lives, five_hundred_children)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick("record", FREQ, "-o", file, "--", workload("lives"), "brood", "500");
	struct profile *p;

	must_end(&r, 0);
	p = recorded(file, NULL);
	/* Each of 500 lives is up to one sample more or less, and as much where it is cut in two.
	 */
	expect_near("children", cumulative(p, all, "brood_work"), 500 * 0.004 * HZ,
		    0.05 + 4 * sqrt(500 * 0.5) / (500 * 0.004 * HZ));
	expect_whole(p, "lives", "brood_work", 0.9 * 500 * 0.004 * HZ);
}

/* --- one after another under one number ----------------------------------------------------------
 */

Test(lives, exec_in_the_middle)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick("record", FREQ, "-o", file, "--", "sh", "-c",
			    text("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; exec %s 0.3",
				 workload("split")));
	struct profile *p;
	int64_t pid;

	must_end(&r, 0);
	p = recorded(file, NULL);
	pid = (int64_t)said(&r, "pid");
	expect_near("both", total(p, (struct pick){ .pid = pid }), said(&r, "cpu") * HZ, 0.2);
	cr_expect_gt(total(p, (struct pick){ .comm = "split", .pid = pid, .in = "main" }), 50);
	cr_expect_gt(total(p, (struct pick){ .comm = "sh", .pid = pid }), 10);
	cr_expect_eq(cumulative(p, (struct pick){ .comm = "sh" }, "split_turn"), 0);
	cr_expect_leq(with_frame(p, "sh", "[unknown"), MOST_UNKNOWN);
}

Test(lives, a_number_that_is_used_again_at_once)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick("record", "-a", FREQ, "-o", file, "--", workload("lives"), "again",
			    workload("split"), "0.2");
	struct profile *p;
	struct pick one = { .comm = "lives" };

	if (r.status == 77)
		cr_skip_test("needs to give processes their numbers (clone3, Linux 5.5)");
	must_end(&r, 0);
	p = recorded(file, NULL);
	one.pid = (int64_t)said(&r, "pid");
	expect_near("the first", cumulative(p, one, "first_work"), 0.2 * HZ, 0.2);
	cr_expect_eq(cumulative(p, one, "split_turn"), 0);
	one.comm = "split";
	expect_near("the second", total(p, one), 0.2 * HZ, 0.2);
	cr_expect_eq(cumulative(p, one, "first_work"), 0);
	cr_expect_gt(cumulative(p, one, "main"), 0.8 * total(p, one));
}

Test(lives, threads_that_are_renamed)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick("record", FREQ, "-o", file, "--", workload("lives"), "renames");
	struct profile *p;

	must_end(&r, 0);
	p = recorded(file, NULL);
	for (int i = 1; i <= 3; i++) {
		struct pick one = { .comm = "lives", .thread_comm = text("phase-%d", i) };

		expect_near(one.thread_comm, total(p, one), 0.25 * HZ, 0.2);
	}
}

/* --- where programs come from --------------------------------------------------------------------
 */

static void expect_split(const struct profile *p, const char *comm, double seconds)
{
	const struct pick one = { .comm = comm };

	expect_near(comm, total(p, one), seconds * HZ, 0.2);
	cr_expect_gt(cumulative(p, one, "split_turn"), 0.9 * total(p, one));
	cr_expect_gt(cumulative(p, one, "main"), 0.9 * total(p, one));
}

Test(lives, a_program_that_was_deleted_and_one_that_was_replaced)
{
	const char *file = in_dir("p.pb.gz"), *gone = in_dir("gone"), *other = in_dir("other");
	struct run r = run_words("cp", workload("split"), gone), a, b, w;
	struct profile *p;

	must_end(&r, 0);
	r = run_words("cp", workload("split"), other);
	must_end(&r, 0);
	a = waiting(gone, "0.4");
	b = waiting(other, "0.4");
	unlink(gone);
	r = run_words("cp", workload("threads"), in_dir("new"));
	must_end(&r, 0);
	cr_assert_eq(rename(in_dir("new"), other), 0);
	w = start_wick("record", "-a", FREQ, "-o", file);
	wait_for_line(&w, "wick: sampling");
	go(&a);
	go(&b);
	finish(&a);
	finish(&b);
	send(&w, SIGINT);
	finish(&w);
	must_end(&w, 0);
	p = recorded(file, NULL);
	expect_split(p, "gone", 0.4);
	expect_split(p, "other", 0.4);
}

/* Under one name and one inode, one after the other: the first has no names rather than wrong ones.
 */
Test(lives, a_program_that_was_written_over)
{
	struct run r;
	struct profile *p =
		recorded_script(text("cp %s prog && ./prog 0.3 && cat %s >prog && ./prog 0.3 1",
				     workload("split"), workload("threads")),
				&r, NULL);

	cr_expect_eq(cumulative(p, (struct pick){ .comm = "prog" }, "split_turn"), 0);
	expect_near("the second", total(p, (struct pick){ .thread_comm = "busy-1" }), 0.3 * HZ,
		    0.1);
	cr_expect_gt(cumulative(p, (struct pick){ .thread_comm = "busy-1" }, "thread_work"),
		     0.9 * total(p, (struct pick){ .thread_comm = "busy-1" }));
	cr_expect_eq(cumulative(p, (struct pick){ .thread_comm = "prog" }, "thread_work"), 0);
	cr_expect_not_null(strstr(r.err, "written over"), "nothing is said of it:\n%s", r.err);
}

Test(lives, a_program_in_memory)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick("record", FREQ, "-o", file, "--", workload("lives"), "memory",
			    workload("split"), "0.4");
	struct profile *p;

	must_end(&r, 0);
	p = recorded(file, NULL);
	cr_expect_gt(cumulative(p, all, "split_turn"), 0.85 * 0.4 * HZ);
	cr_expect_gt(cumulative(p, (struct pick){ .in = "split_turn" }, "main"), 0.85 * 0.4 * HZ);
}

/* Mounts that are gone with the process: a tmpfs, a bind mount over another file, an overlay, a
 * root. */
Test(lives, programs_in_mounts_of_their_own)
{
	struct profile *p;
	struct run r;

	if (getuid() != 0 || !have_program("unshare"))
		cr_skip_test("needs root and unshare");
	p = recorded_script(
		text("cp %s bound; touch over; unshare --mount sh -ec '"
		     "mkdir t; mount -t tmpfs none t; cp bound t/in-tmpfs; t/in-tmpfs 0.2; "
		     "cp bound t/in-bind; touch t/x; mount --bind t/in-bind t/x; t/x 0.2; "
		     "mkdir t/low t/up t/work t/all; cp bound t/low/in-overlay; "
		     "mount -t overlay none -o lowerdir=t/low,upperdir=t/up,workdir=t/work t/all; "
		     "t/all/in-overlay 0.2'",
		     workload("split")),
		&r, NULL);
	expect_split(p, "in-tmpfs", 0.2);
	expect_split(p, "x", 0.2);
	expect_split(p, "in-overlay", 0.2);
}

/* Its /proc/PID shows nothing any more, that of a thread that lives does. */
Test(lives, first_thread_has_ended_before)
{
	struct run r = start_words(workload("lives"), "leaderless", "3"), w;
	const char *file = in_dir("p.pb.gz");
	struct profile *p;
	double n;

	wait_for_line(&r, "ready");
	w = wick("record", "-p", text("%d", r.pid), FREQ, "--duration", "1", "-o", file);
	send(&r, SIGKILL);
	finish(&r);
	must_end(&w, 0);
	p = recorded(file, NULL);
	n = total(p, all);
	cr_expect_gt(n, 50);
	cr_expect_gt(cumulative(p, all, "outliving_work"), 0.95 * n);
	cr_expect_eq(with_frame(p, "lives", "[unknown"), 0);
}

/* Threads that the kernel makes for a process have no user stack. */
Test(lives, threads_of_the_kernel_for_a_process)
{
	struct run r = run_words(workload("iouring"), "0"), w;
	const char *file = in_dir("p.pb.gz");
	struct profile *p;

	if (r.status == 77)
		cr_skip_test("needs io_uring");
	must_end(&r, 0);
	r = start_words(workload("iouring"), "4");
	wait_for_line(&r, "ready");
	w = wick("record", "-p", text("%d", r.pid), FREQ, "--duration", "1", "-o", file);
	send(&r, SIGKILL);
	finish(&r);
	must_end(&w, 0);
	p = recorded(file, NULL);
	cr_expect_gt(total(p, all), 50);
	cr_expect_leq(with_frame(p, "iouring", "[truncated"), 2);
}

/* --- many ----------------------------------------------------------------------------------------
 */

/* A number of /proc/PID/FILE after @key. */
static double proc_number(pid_t pid, const char *file, const char *key)
{
	struct run r = run_words("grep", key, text("/proc/%d/%s", pid, file));

	must_end(&r, 0);
	return strtod(r.out + strlen(key), NULL);
}

Test(lives, three_thousand_idle_ones_at_the_start)
{
	const char *file = in_dir("p.pb.gz");
	struct run many = start_words(workload("lives"), "idle", "3000"), r, w;
	struct profile *p;
	double cpu, mb;

	wait_for_line(&many, "ready");
	w = start_wick("record", "-a", FREQ, "-o", file);
	wait_for_line(&w, "wick: sampling");
	r = run_words(workload("split"), "0.3");
	cpu = cpu_of(w.pid);
	mb = proc_number(w.pid, "status", "VmHWM:") / 1024;
	send(&w, SIGINT);
	finish(&w);
	send(&many, SIGKILL);
	finish(&many);
	must_end(&w, 0);
	p = recorded(file, NULL);
	fprintf(stderr, "  %.2f s of CPU time, %.0f MB\n", cpu, mb);
	cr_expect_lt(cpu, 1);
#ifndef __SANITIZE_ADDRESS__ /* which takes several times the memory */
	cr_expect_lt(mb, 100);
#endif
	expect_samples("split", total(p, (struct pick){ .pid = (int64_t)said(&r, "pid") }), &r, HZ);
	cr_expect_gt(cumulative(p, (struct pick){ .pid = (int64_t)said(&r, "pid") }, "main"),
		     0.9 * 0.3 * HZ);
}
