/* SPDX-License-Identifier: Apache-2.0 */
/* Whose a sample is: container, service, user, environment, and the time; and by what counts split.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "readback.h"

E2E(labels);

#define FREQ "-F", "999"
#define ID_A "3f4c1e8a9b7d60512f3e4d5c6b7a8990a1b2c3d4e5f60718293a4b5c6d7e8f90"
#define ID_B "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define UID  "12345678-9abc-def0-1234-56789abcdef0"
#define U_D  "12345678_9abc_def0_1234_56789abcdef0"

static const struct pick all;

/* Makes the cgroup @path below one of this test alone; an absolute path. Skips where it cannot. */
static const char *make_cgroup(const char *path)
{
	struct run r = run_words("sh", "-c",
				 "awk '$0 ~ / - cgroup2 / {print $5; exit}' /proc/self/mountinfo");
	const char *group;

	if (r.out_n == 0)
		cr_skip_test("needs cgroup v2");
	*strchr(r.out, '\n') = '\0';
	group = text("%s/wick-labels-%d/%s", r.out, getpid(), path);
	r = run_words("mkdir", "-p", group);
	if (r.status)
		cr_skip_test("needs a cgroup v2 that can be written");
	return group;
}

/* Everything below the cgroup of this test goes. */
static void remove_cgroups(void)
{
	run_words(
		"sh", "-c",
		text("d=$(awk '$0 ~ / - cgroup2 / {print $5; exit}' /proc/self/mountinfo) && find "
		     "\"$d/wick-labels-%d\" -depth -type d -exec rmdir {} ';'",
		     getpid()));
}

static void move(pid_t pid, const char *group)
{
	cr_assert_eq(put_file(text("%s/cgroup.procs", group), text("%d", pid)), 0, "%s", group);
}

/* The sum over samples that have @value as string label @key; "" = that do not have it. */
static double with(const struct profile *p, const char *key, const char *value)
{
	double n = 0;

	for (size_t i = 0; i < p->samples.n; i++)
		if (strcmp(label_text(p, &p->samples.items[i], key), value) == 0)
			n += (double)profile_value(p, i, 0);
	return n;
}

/* Likewise for numbers, -1 = that do not have it. */
static double with_number(const struct profile *p, const char *key, int64_t value)
{
	double n = 0;

	for (size_t i = 0; i < p->samples.n; i++)
		if (label_number(p, &p->samples.items[i], key) == value)
			n += (double)profile_value(p, i, 0);
	return n;
}

/* --- containers ------------------------------------------------------------------------------ */

Test(labels, of_a_pod)
{
	const char *file = in_dir("p.pb.gz");
	const char *slice = "kubepods.slice/kubepods-burstable-pod" U_D ".slice";
	const char *group = make_cgroup(text("%s/cri-containerd-" ID_A ".scope", slice));
	struct run a = waiting(workload("split"), "0.5"), w;
	struct profile *p;
	double n;

	move(a.pid, group);
	w = start_wick("record", FREQ, "-o", file, "-p", text("%d", a.pid));
	wait_for_line(&w, "wick: sampling");
	go(&a);
	finish(&a);
	finish(&w);
	remove_cgroups();
	must_end(&w, 0);
	p = recorded(file, NULL);
	n = total(p, all);
	cr_assert_gt(n, 0);
	cr_expect_eq(with(p, "container_id", ID_A), n);
	cr_expect_eq(with(p, "pod_uid", UID), n);
	cr_expect_eq(with(p, "unit", "cri-containerd-" ID_A ".scope"), n);
	cr_expect_eq(with(p, "slice", "kubepods-burstable-pod" U_D ".slice"), n);
	cr_expect_eq(
		with(p, "cgroup",
		     text("/wick-labels-%d/%s/cri-containerd-" ID_A ".scope", getpid(), slice)),
		n);
	cr_expect_eq(with(p, "executable", workload("split")), n);
	cr_expect_eq(with_number(p, "ppid", getpid()), n);
	if (have_program("go")) {
		struct run t = run_words("go", "tool", "pprof", "-tags", file);

		must_end(&t, 0);
		cr_expect_not_null(strstr(t.out, " container_id: Total"), "%s", t.out);
		cr_expect_not_null(strstr(t.out, ID_A), "%s", t.out);
	}
}

Test(labels, of_processes_that_live_for_milliseconds_in_a_container_that_does_too)
{
	const char *file = in_dir("p.pb.gz");
	const char *group = make_cgroup("inner");
	/* The container is made after the recording began, and gone before its samples are read. */
	const char *script = text(
		"mkdir %s/docker-" ID_B ".scope && echo $$ >%s/docker-" ID_B
		".scope/cgroup.procs && unshare -Umpf --mount-proc %s 10; echo $$ >%s/cgroup.procs; "
		"rmdir %s/docker-" ID_B ".scope",
		group, group, workload("family"), group, group);
	struct run w = wick("record", FREQ, "-o", file, "--", "sh", "-c", script);
	struct profile *p;
	double members = 0, right = 0;

	remove_cgroups();
	must_end(&w, 0);
	p = recorded(file, NULL);
	for (size_t i = 0; i < p->samples.n; i++) {
		const struct profile_sample *s = &p->samples.items[i];

		if (!strstr(label_text(p, s, "comm"), "child"))
			continue;
		members += (double)profile_value(p, i, 0);
		if (strcmp(label_text(p, s, "container_id"), ID_B) == 0)
			right += (double)profile_value(p, i, 0);
		cr_expect_gt(label_number(p, s, "pid"), w.pid, "a number of another namespace");
		cr_expect_str_eq(label_text(p, s, "executable"), workload("family"));
	}
	cr_expect_gt(members, 50, "%.0f samples of 100 ms", members);
	cr_expect_eq(right, members);
}

Test(labels, of_a_process_that_is_moved)
{
	const char *file = in_dir("p.pb.gz");
	const char *first = make_cgroup("docker/" ID_A), *second = make_cgroup("docker/" ID_B);
	struct run a = waiting(workload("split"), "4"), w;
	struct profile *p;
	double n, before, after;

	move(a.pid, first);
	w = start_wick("record", FREQ, "-o", file, "-p", text("%d", a.pid));
	wait_for_line(&w, "wick: sampling");
	go(&a);
	sleep_ms(1500);
	move(a.pid, second);
	finish(&a);
	finish(&w);
	remove_cgroups();
	must_end(&w, 0);
	p = recorded(file, NULL);
	n = total(p, all);
	before = with(p, "container_id", ID_A);
	after = with(p, "container_id", ID_B);
	cr_expect_eq(before + after, n);
	/* A stack that both halves of a window had is counted where it was seen first. */
	cr_expect_gt(before, 0);
	cr_expect_gt(after, 0.25 * n, "%.0f of %.0f", after, n);
	cr_expect_eq(with_number(p, "pid", a.pid), n);
}

Test(labels, processes_of_a_container_are_one)
{
	const char *file = in_dir("p.pb.gz");
	const char *group = make_cgroup("docker/" ID_A);
	struct run a = waiting(workload("split"), "0.5"), b = waiting(workload("split"), "0.5"), w;
	struct profile *p;
	double n;

	move(a.pid, group);
	move(b.pid, group);
	w = start_wick("record", FREQ, "--by", "container", "-o", file, "-p",
		       text("%d,%d", a.pid, b.pid));
	wait_for_line(&w, "wick: sampling");
	go(&a);
	go(&b);
	finish(&a);
	finish(&b);
	finish(&w);
	remove_cgroups();
	must_end(&w, 0);
	p = recorded(file, NULL);
	n = total(p, all);
	expect_near("of both", n, (said(&a, "cpu") + said(&b, "cpu")) * 999, 0.2);
	cr_expect_eq(with(p, "container_id", ID_A), n);
	cr_expect_eq(with(p, "comm", "split"), n, "all have that");
	cr_expect_gt(with_number(p, "pid", -1), 0.5 * n, "what both did is told apart");
	for (size_t i = 0; i < p->samples.n; i++)
		for (size_t k = 0; k < i; k++)
			cr_expect(p->samples.items[i].loc_n != p->samples.items[k].loc_n ||
					  memcmp(p->stacks.items + p->samples.items[i].loc_first,
						 p->stacks.items + p->samples.items[k].loc_first,
						 p->samples.items[i].loc_n *
							 sizeof(*p->stacks.items)) != 0,
				  "one stack twice");
}

/* --- what processes say of themselves -------------------------------------------------------- */

Test(labels, of_a_service_that_says_what_it_is)
{
	const char *file = in_dir("p.pb.gz");
	struct run a = waiting(workload("service"), "0.5", "shop", "1.2.3"), w;
	struct profile *p;
	double n;

	w = start_wick("record", FREQ, "-o", file, "-p", text("%d", a.pid));
	wait_for_line(&w, "wick: sampling");
	go(&a);
	finish(&a);
	finish(&w);
	must_end(&w, 0);
	p = recorded(file, NULL);
	n = total(p, all);
	cr_assert_gt(n, 0);
	cr_expect_eq(with(p, "service.name", "shop"), n);
	cr_expect_eq(with(p, "service.version", "1.2.3"), n);
	cr_expect_eq(with(p, "telemetry.sdk.name", ""), n);
}

Test(labels, of_the_environment)
{
	const char *file = in_dir("p.pb.gz");
	struct run w = wick("record", FREQ, "--label-env", "DEPLOY", "--label-env", "NOWHERE", "-o",
			    file, "--", "env", "DEPLOY=bl\xffue\033[31m", workload("split"), "0.5");
	struct profile *p;

	must_end(&w, 0);
	p = recorded(file, NULL);
	cr_expect_gt(with(p, "DEPLOY", "bl\xef\xbf\xbdue\033[31m"), 0.9 * total(p, all));
	cr_expect_eq(with(p, "NOWHERE", ""), total(p, all));
}

Test(labels, users_are_told_apart)
{
	const char *file = in_dir("p.pb.gz");
	struct run w;
	struct profile *p;

	if (getuid() != 0 || !have_program("setpriv"))
		cr_skip_test("needs root and setpriv");
	w = wick("record", FREQ, "--by", "uid", "-o", file, "--", "sh", "-c",
		 text("%s 0.4; setpriv --reuid 65534 --clear-groups sh -c 'i=0; while [ $i -lt "
		      "500000 ]; do i=$((i + 1)); done'",
		      workload("split")));
	must_end(&w, 0);
	p = recorded(file, NULL);
	cr_expect_gt(with_number(p, "uid", 0), 250);
	cr_expect_gt(with_number(p, "uid", 65534), 100);
	cr_expect_eq(with_number(p, "uid", 0) + with_number(p, "uid", 65534), total(p, all));
}

/* --- time ------------------------------------------------------------------------------------ */

Test(labels, by_time_every_sample_has_its_second)
{
	const char *file = in_dir("p.pb.gz");
	struct run w = wick("record", "-F", "499", "--by", "process,time", "-o", file, "--",
			    workload("split"), "3.5");
	double seconds[16] = { 0 };
	struct profile *p;
	size_t busy = 0;

	must_end(&w, 0);
	p = recorded(file, NULL);
	for (size_t i = 0; i < p->samples.n; i++) {
		int64_t t = label_number(p, &p->samples.items[i], "time");
		uint64_t since = (uint64_t)t - p->time_ns;

		cr_assert_eq(since % 1000000000, 0, "%lld", (long long)t);
		cr_assert_lt(since / 1000000000, 16);
		seconds[since / 1000000000] += (double)profile_value(p, i, 0);
	}
	cr_expect_lt(labs((long)(p->time_ns / 1000000000) - (long)time(NULL)), 80);
	for (size_t i = 0; i < 16; i++)
		busy += seconds[i] > 100;
	cr_expect_geq(busy, 3, "%g %g %g %g", seconds[0], seconds[1], seconds[2], seconds[3]);
}

Test(labels, what_makes_no_sense_is_refused)
{
	static const struct {
		const char *option, *value, *says;
	} t[] = {
		{ "--by", "colour", "'colour' is nothing to split samples by" },
		{ "--by", "comm,", "'' is nothing to split samples by" },
		{ "--label-env", "A=b", "'A=b' is not the name of an environment variable" },
		{ "--label-env", "comm", "samples have a label 'comm' already" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct run r = wick("record", t[i].option, t[i].value, "--", "true");

		must_end(&r, 2);
		cr_expect_not_null(strstr(r.err, t[i].says), "%s", r.err);
	}
}
