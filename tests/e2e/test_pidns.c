/* SPDX-License-Identifier: Apache-2.0 */
/* In a PID namespace of its own wick records what runs in it and nobody else, under the right names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "readback.h"

E2E(pidns);

#define HZ 999.0
#define ID "5e1f0000aaaa1111bbbb2222cccc3333dddd4444eeee5555ffff666600007777"

static const struct pick all;

/* Runs @script as the first process of a namespace: as a container without --pid=host does. */
static struct run inside(const char *script)
{
	struct run r = run_words("unshare", "-pf", "--mount-proc", "true");

	if (r.status != 0)
		cr_skip_test("needs a PID namespace of its own");
	r = run_words("unshare", "-pf", "--mount-proc", "sh", "-c", script);
	if (r.status == 77)
		cr_skip_test("%s", r.err);
	return r;
}

/*
 * A script that does the same beside a stranger outside, who runs "syscalls": it starts "split" for
 * @seconds as process $p, which has inside the number that the stranger has on the machine.
 */
static struct run beside(const struct run *stranger, const char *seconds, const char *script)
{
	return inside(text("echo %d >/proc/sys/kernel/ns_last_pid ||\n"
			   "{ echo numbers cannot be chosen >&2; exit 77; }\n"
			   "%s %s >said & p=$!\n"
			   "[ $p = %d ] || { echo the number is taken >&2; exit 77; }\n%s",
			   stranger->pid - 1, workload("split"), seconds, stranger->pid, script));
}

/* Nothing of the stranger is in @p, and all that is said to be the process that has its number is
 * split's. */
static void expect_no_stranger(const struct profile *p, const struct run *stranger)
{
	const struct pick namesake = { .pid = stranger->pid };
	double n = total(p, namesake);

	cr_expect_gt(n, 100, "%.0f samples", n);
	/* As a shell it was for a moment. */
	cr_expect_geq(total(p, (struct pick){ .pid = stranger->pid, .comm = "split" }), n - 5);
	cr_expect_gt(cumulative(p, namesake, "split_turn"), 0.9 * n);
	cr_expect_eq(cumulative(p, all, "ask_often"), 0, "the stranger is in it");
	cr_expect_eq(total(p, (struct pick){ .comm = "syscalls" }), 0);
}

/* Each "member PID COMM CPU" line of "family" against the samples of that process. */
static double check_members(const struct profile *p, const char *out)
{
	double cpu, seen = 0;
	char comm[16];
	int pid, n = 0;

	for (const char *line = out; (line = strstr(line, "member ")); line++, n++) {
		cr_assert_eq(sscanf(line, "member %d %15s %lf", &pid, comm, &cpu), 3, "%.60s",
			     line);
		cr_expect_gt(total(p, (struct pick){ .pid = pid, .comm = comm }), 0,
			     "no sample of %d, %s", pid, comm);
		seen += total(p, (struct pick){ .pid = pid });
	}
	cr_assert_gt(n, 0, "the workload said nothing");
	return seen;
}

Test(pidns, command_and_its_children)
{
	const char *file = in_dir("p.pb.gz");
	struct run stranger = start_words(workload("syscalls"), "2"), r;
	struct profile *p;

	r = inside(
		text("%s record -F 999 -o %s -- %s 30", wick_program(), file, workload("family")));
	must_end(&r, 0);
	finish(&stranger);
	p = recorded(file, NULL);
	expect_near("samples of the members", check_members(p, r.out), said(&r, "children") * HZ,
		    0.09);
	cr_expect_leq(cumulative(p, all, "[unknown: process exited]") +
			      cumulative(p, all, "[unknown]"),
		      0.02 * total(p, all));
	cr_expect_eq(cumulative(p, all, "ask_often"), 0, "the stranger is in it");
	cr_expect_null(strstr(r.err, "left out"), "of a command nobody is: %s", r.err);
}

Test(pidns, process_whose_number_a_stranger_has_outside)
{
	const char *file = in_dir("p.pb.gz");
	struct run stranger = start_words(workload("syscalls"), "4"), r;
	struct e2e_account a;
	struct profile *p;

	r = beside(&stranger, "3", text("%s record -F 999 -o %s -p $p", wick_program(), file));
	must_end(&r, 0);
	p = recorded(file, &a);
	expect_no_stranger(p, &stranger);
	cr_expect_eq(total(p, all), total(p, (struct pick){ .pid = stranger.pid }));
	cr_expect_gt(a.filtered, 100, "the stranger did not run: %s", a.comment);
	cr_expect_null(strstr(r.err, "left out"), "%s", r.err);
	finish(&stranger);
}

Test(pidns, everybody_but_who_is_outside)
{
	const char *file = in_dir("p.pb.gz");
	struct run stranger = start_words(workload("syscalls"), "4"), r;
	struct profile *p;

	r = beside(&stranger, "4",
		   text("%s record -a -F 999 --duration 1 -o %s", wick_program(), file));
	must_end(&r, 0);
	p = recorded(file, NULL);
	expect_no_stranger(p, &stranger);
	for (size_t i = 0; i < p->samples.n; i++)
		cr_expect_gt(label_number(p, &p->samples.items[i], "pid"), 0);
	cr_expect_not_null(strstr(r.err, " Hz of this PID namespace by "), "%s", r.err);
	cr_expect_not_null(strstr(r.err, "outside of this PID namespace are left out"), "%s",
			   r.err);
	finish(&stranger);
}

Test(pidns, one_of_two_threads)
{
	const char *file = in_dir("p.pb.gz");
	struct run r =
		inside(text("%s 3 2 >said &\n"
			    "until t=$(sed -n 's/^tid-2 //p' said) && [ \"$t\" ]; do :; done\n"
			    "echo tid $t\n"
			    "%s record -F 999 -o %s -t $t",
			    workload("threads"), wick_program(), file));
	struct profile *p;

	must_end(&r, 0);
	p = recorded(file, NULL);
	cr_expect_gt(total(p, all), 100);
	cr_expect_eq(total(p, all), total(p, (struct pick){ .tid = (int64_t)said(&r, "tid") }));
	cr_expect_eq(total(p, all), total(p, (struct pick){ .thread_comm = "busy-2" }));
}

/* Containers within are ours, under the numbers that they have here, and with their labels. */
Test(pidns, containers_within_it)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = inside(
		text("m=$(awk '$0 ~ / - cgroup2 / {print $5; exit}' /proc/self/mountinfo)\n"
		     "g=$m/docker-" ID ".scope; mkdir \"$g\" && echo $$ >\"$g/cgroup.procs\" ||\n"
		     "{ rmdir \"$g\"; echo needs a cgroup v2 that can be written >&2; exit 77; }\n"
		     "echo 3000 >/proc/sys/kernel/ns_last_pid\n"
		     "%s record -F 999 -o %s -- unshare -pf --mount-proc %s 20; rc=$?\n"
		     "echo $$ >\"$m/cgroup.procs\"; rmdir \"$g\"; exit $rc",
		     wick_program(), file, workload("family")));
	double members = 0;
	struct profile *p;

	must_end(&r, 0);
	p = recorded(file, NULL);
	for (size_t i = 0; i < p->samples.n; i++) {
		const struct profile_sample *s = &p->samples.items[i];

		if (!strstr(label_text(p, s, "comm"), "child"))
			continue;
		members += (double)profile_value(p, i, 0);
		cr_expect_gt(label_number(p, s, "pid"), 3000, "a number of another namespace");
		cr_expect_str_eq(label_text(p, s, "executable"), workload("family"));
		cr_expect_str_eq(label_text(p, s, "container_id"), ID);
	}
	expect_near("samples of the members", members, said(&r, "children") * HZ, 0.15);
}

/* /proc would name others. */
Test(pidns, proc_of_another_namespace_is_refused)
{
	const char *const how[] = { "-a --duration 1", "-p 1", "-t 1", "-- true" };

	for (size_t i = 0; i < 4; i++) {
		struct run r = run_words("unshare", "-pf", "sh", "-c",
					 text("%s record %s", wick_program(), how[i]));

		if (strstr(r.err, "unshare failed"))
			cr_skip_test("needs a PID namespace of its own");
		must_end(&r, 1);
		cr_expect_not_null(strstr(r.err, "mount -t proc proc /proc"), "%s", r.err);
	}
	cr_expect_eq(files_left("wick."), 0);
}

/* Not even a thread can be started there. */
Test(pidns, namespace_for_children_alone_is_refused)
{
	struct run r = run_words("unshare", "-p", wick_program(), "record", "--", "true");

	if (strstr(r.err, "unshare failed"))
		cr_skip_test("needs a PID namespace of its own");
	must_end(&r, 1);
	cr_expect_not_null(strstr(r.err, "'unshare --pid --fork --mount-proc'"), "%s", r.err);
}

/* Where numbers are in the kernel it says by BTF alone. */
Test(pidns, kernel_without_btf_is_refused)
{
	struct run r = inside(
		text("mount -t tmpfs none /sys/kernel/btf || exit 77\n%s record -a --duration 1",
		     wick_program()));

	if (r.status == 0)
		cr_skip_test("there is BTF elsewhere");
	must_end(&r, 1);
	cr_expect_not_null(strstr(r.err, "'docker run --pid=host'"), "%s", r.err);
	cr_expect_eq(strchr(r.err, '\n'), r.err + r.err_n - 1, "more than a line: %s", r.err);
}

Test(pidns, doctor_says_what_is_recorded)
{
	struct run r = inside(text("%s doctor", wick_program()));

	must_end(&r, 0);
	cr_expect_not_null(strstr(r.out, "limited   pid_namespace: its own, pid:["), "%s", r.out);
	cr_expect_not_null(strstr(r.out, "the processes of this PID namespace, user code"), "%s",
			   r.out);
	cr_expect_null(strstr(r.err, "left out"));
}
