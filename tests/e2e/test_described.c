/* SPDX-License-Identifier: Apache-2.0 */
/* Targets that are described, also those that are there only later; and children of targets. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "readback.h"

E2E(described);

#define HZ   999.0
#define FREQ "-F", "999"
#define ID   "5e1f0000aaaa1111bbbb2222cccc3333dddd4444eeee5555ffff666600007777"

static const struct pick all;

/* Runs @script while wick records what @options say, to the end of the script. */
static struct profile *record_during(const char *const *options, const char *script,
				     struct run *ret_script, struct e2e_account *a)
{
	const char *file = in_dir("p.pb.gz");
	const char *argv[16] = { wick_program(), "record", FREQ, "-o", file };
	struct run w;
	size_t n = 6;

	while (*options && n < 15)
		argv[n++] = *options++;
	w = start(argv, NULL);
	wait_for_line(&w, "wick: sampling");
	*ret_script = run_words("sh", "-c", script);
	send(&w, SIGINT);
	finish(&w);
	must_end(&w, 0);
	must_end(ret_script, 0);
	return recorded(file, a);
}

/* A copy of a workload under a name that is nobody else's on this machine. */
static const char *copy(const char *name, const char *as)
{
	struct run r = run_words("cp", workload(name), in_dir(as));

	must_end(&r, 0);
	return in_dir(as);
}

#define OPTIONS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* --- by name -----------------------------------------------------------------------------------
 */

/* From their first instruction on, and nobody else. */
Test(described, short_programs_by_name)
{
	const double due = 30 * 0.02 * HZ;
	const char *script = text("for i in $(seq 30); do %s 0.02; %s 0.02 1; done",
				  copy("split", "descr-brief"), workload("threads"));
	struct run r;
	struct profile *p = record_during(OPTIONS("--comm", "^descr-brief$"), script, &r, NULL);

	/* On the way through execve(2) a process has the name of its parent. */
	cr_expect_geq(total(p, (struct pick){ .comm = "descr-brief" }), 0.97 * total(p, all),
		      "others are in it");
	/* The end of a process is not in what it says of itself. */
	cr_expect_geq(total(p, all), 0.95 * due, "%.0f of %.0f", total(p, all), due);
	cr_expect_gt(cumulative(p, all, "main"), 0.75 * total(p, all));
	cr_expect_gt(cumulative(p, all, "_dl_start"), 0, "they began before wick looked");
}

/* A process that gives itself a name that is meant, and what it starts then. */
/* The workload's own name is not meant, nor is that of its copy. */
Test(described, processes_that_are_renamed)
{
	struct run r;
	struct profile *p = record_during(OPTIONS("--comm", "^child-"),
					  text("%s 40", workload("family")), &r, NULL);

	/* 40 children and as many of their children of 5 ms each. */
	cr_expect_geq(total(p, all), 0.85 * 40 * 0.010 * HZ, "%.0f", total(p, all));
	/* What they did in the same moment, before, and what user space had not looked at yet. */
	cr_expect_leq(total(p, (struct pick){ .comm = "family" }), 0.1 * total(p, all));
	cr_expect_gt(cumulative(p, all, "grandchild_work"), 0.3 * total(p, all));
}

Test(described, a_commands_programs_by_name)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick("record", FREQ, "-o", file, "--comm", "split", "sh", "-c",
			    text("%s 0.3; %s 0.2 2", workload("split"), workload("threads")));
	struct profile *p;

	must_end(&r, 0);
	p = recorded(file, NULL);
	cr_expect_eq(total(p, (struct pick){ .comm = "split" }), total(p, all));
	expect_near("split", total(p, all), 0.3 * HZ, 0.2);
}

/* --- by user -----------------------------------------------------------------------------------
 */

Test(described, a_user_from_the_moment_a_process_becomes_one)
{
	struct run r;
	struct profile *p;

	if (getuid() != 0)
		cr_skip_test("needs root");
	p = record_during(OPTIONS("--uid", "65534"),
			  text("%s 65534 0.3; %s 0.2", workload("users"), workload("split")), &r,
			  NULL);
	cr_expect_eq(cumulative(p, all, "before_work"), 0);
	expect_near("after_work", cumulative(p, all, "after_work"), said(&r, "after") * HZ, 0.2);
	expect_near("child_work", cumulative(p, all, "child_work"), said(&r, "child") * HZ, 0.2);
	cr_expect_eq(total(p, (struct pick){ .comm = "split" }), 0);
}

/* Both have to hold. */
Test(described, a_name_and_a_user)
{
	struct run r;
	struct profile *p;

	if (getuid() != 0 || !have_program("setpriv"))
		cr_skip_test("needs root and setpriv");
	p = record_during(
		OPTIONS("--comm", "descr-both", "-u", "65533,65534"),
		text("%s 0.2; setpriv --reuid 65534 %s 0.4; setpriv --reuid 65534 %s 0.2 1",
		     copy("split", "descr-both"), in_dir("descr-both"), workload("threads")),
		&r, NULL);
	cr_expect_eq(total(p, (struct pick){ .comm = "descr-both" }), total(p, all));
	expect_near("both", total(p, all), 0.4 * HZ, 0.2);
}

/* --- by container -------------------------------------------------------------------------------
 */

static const char *cgroup_mount_point(void)
{
	struct run r = run_words("sh", "-c",
				 "awk '$0 ~ / - cgroup2 / {print $5; exit}' /proc/self/mountinfo");

	if (r.out_n == 0)
		cr_skip_test("needs cgroup v2");
	*strchr(r.out, '\n') = '\0';
	return r.out;
}

/* The one is there, the other is made while wick records, and the third is not meant. */
Test(described, containers_that_are_there_and_that_come)
{
	const char *mount = cgroup_mount_point(), *slice = text("%s/wick-e2e-%d", mount, getpid()),
		   *first = text("%s/docker-" ID ".scope", slice),
		   *other = text("%s/docker-%s.scope", slice, text("0%s", &ID[1])),
		   *later = text("%s/docker/5e1f%s", slice, &ID[4]), *file = in_dir("p.pb.gz");
	struct run a = waiting(workload("split"), "0.6"), b = waiting(workload("split"), "0.6"),
		   c = waiting(workload("split"), "0.6"), w;
	bool can = mkdir(slice, 0755) == 0 && mkdir(first, 0755) == 0 && mkdir(other, 0755) == 0 &&
		   put_file(text("%s/cgroup.procs", first), text("%d", a.pid)) == 0 &&
		   put_file(text("%s/cgroup.procs", other), text("%d", b.pid)) == 0;
	struct profile *p = NULL;

	if (can) {
		w = start_wick("record", FREQ, "-o", file, "--container", "5e1f0000");
		wait_for_line(&w, "wick: sampling");
		can = mkdir(text("%s/docker", slice), 0755) == 0 && mkdir(later, 0755) == 0;
		go(&a);
		go(&b);
		sleep_ms(100); /* the process has been there; it does not begin another program */
		can = can && put_file(text("%s/cgroup.procs", later), text("%d", c.pid)) == 0;
		go(&c);
		finish(&a);
		finish(&b);
		finish(&c);
		send(&w, SIGINT);
		finish(&w);
		must_end(&w, 0);
		p = recorded(file, NULL);
	}
	rmdir(later);
	rmdir(text("%s/docker", slice));
	rmdir(other);
	rmdir(first);
	rmdir(slice);
	if (!can)
		cr_skip_test("needs a cgroup v2 that can be written");
	expect_samples("the first", total(p, (struct pick){ .pid = a.pid }), &a, HZ);
	expect_samples("the one that came", total(p, (struct pick){ .pid = c.pid }), &c, HZ);
	cr_expect_eq(total(p, (struct pick){ .pid = b.pid }), 0, "another container");
	cr_expect_eq(total(p, all), total(p, (struct pick){ .pid = a.pid }) +
					    total(p, (struct pick){ .pid = c.pid }));
}

/* --- children -----------------------------------------------------------------------------------
 */

/* A shell that waits and then starts @workload; what it says is what that says. */
static struct run waiting_shell(const char *command)
{
	return waiting("sh", "-c", text("unset WORKLOAD_WAITS; kill -STOP $$; %s; :", command));
}

static struct profile *record_shell(const char *kind, const char *inherit, struct run *a)
{
	const char *file = in_dir("p.pb.gz");
	struct run w;

	*a = waiting_shell(text("%s 0.4", workload("split")));
	w = start_wick("record", FREQ, "-o", file, kind, text("%d", a->pid), inherit);
	wait_for_line(&w, "wick: sampling");
	go(a);
	finish(a);
	finish(&w);
	must_end(&w, 0);
	return recorded(file, NULL);
}

Test(described, children_of_a_process_that_ran)
{
	struct run a;
	struct profile *p = record_shell("-p", "--inherit", &a);

	expect_near("split", total(p, (struct pick){ .comm = "split" }), said(&a, "cpu") * HZ, 0.1);
	cr_expect_gt(cumulative(p, all, "main"), 0.9 * said(&a, "cpu") * HZ);
}

Test(described, children_of_a_thread)
{
	struct run a;
	struct profile *p = record_shell("-t", "--inherit", &a);

	expect_near("split", total(p, (struct pick){ .comm = "split" }), said(&a, "cpu") * HZ, 0.1);
}

Test(described, no_children_where_they_are_not_wanted)
{
	struct run a;
	struct profile *p = record_shell("-p", "--no-inherit", &a);

	cr_expect_eq(total(p, (struct pick){ .comm = "split" }), 0);
}

Test(described, a_command_without_its_children)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick("record", FREQ, "-i", "-o", file, "sh", "-c",
			    text("%s 0.3; i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done",
				 workload("split")));
	struct profile *p;

	must_end(&r, 0);
	p = recorded(file, NULL);
	cr_expect_eq(total(p, (struct pick){ .comm = "split" }), 0);
	cr_expect_gt(total(p, (struct pick){ .comm = "sh" }), 0);
}
