/* SPDX-License-Identifier: Apache-2.0 */
/* Time in the kernel: as much as the kernel itself accounts, in stacks that go on in user space. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "fdutil.h"
#include "readback.h"

E2E(kernel_time);

#define HZ 999.0

/*
 * The kernel's own split into user and system time is itself sampled, at CONFIG_HZ (100 to 1000;
 * 250 in Debian's) where it is not built with exact accounting. The errors of two independent
 * counts add up as squares, so the slack is what the kernel's adds to the 4 sigma of ours, and 1 %
 * for the instructions of entry and exit that the two may count on different sides.
 */
static double kernel_error(double n, double share, double cpu)
{
	double ours = share * (1 - share) / n, its = share * (1 - share) / (cpu * 250);

	return 4 * (sqrt(ours + its) - sqrt(ours)) + 0.01;
}

static void expect_kernel_share(const char *what, const struct profile *p, struct pick pick,
				double utime, double stime)
{
	double cpu = utime + stime, share = stime / cpu, n = total(p, pick);

	/* A program that waits between short stretches is met at random: n with the deviation
	 * sqrt(n). */
	expect_near(text("%s samples", what), n, cpu * HZ, 4 / sqrt(cpu * HZ));
	expect_share(text("%s in the kernel", what), in_kernel(p, pick), n, share,
		     kernel_error(n, share, cpu));
}

/* Runs a command under wick and checks its share of kernel time. */
static struct profile *record_measured(const char *comm, const char *const *command)
{
	const char *usage = in_dir("usage"), *file = in_dir("p.pb.gz");
	const char *argv[24] = { wick_program(),       "record", "-F", "999", "-o", file, "--",
				 workload("measured"), usage };
	struct profile *p;
	struct run r, u = { 0 };

	for (size_t i = 0; command[i]; i++)
		argv[9 + i] = command[i];
	r = run_argv(argv, NULL);
	must_end(&r, 0);
	cr_assert_eq(read_whole_file(usage, 4096, &u.out, &u.out_n), 0);
	p = recorded(file, NULL);
	expect_kernel_share(comm, p, (struct pick){ .pid = (int64_t)said(&u, "pid") },
			    said(&u, "utime"), said(&u, "stime"));
	return p;
}

Test(kernel_time, of_dd)
{
	struct profile *p =
		record_measured("dd", (const char *const[]){ "dd", "if=/dev/zero", "of=/dev/null",
							     "bs=64k", "count=400000", NULL });
	const struct pick dd = { .comm = "dd" };

	cr_expect_gt(cumulative(p, dd, "ksys_read"), 0.5 * total(p, dd), "where is ksys_read?");
	cr_expect_geq(called(p, "ksys_read", "do_syscall_64"),
		      0.99 * cumulative(p, dd, "ksys_read"), "ksys_read outside of a system call");
}

/*
 * Run once before, so that the second finds all of it in memory: in a virtual machine the disk is
 * waited for outside of it, in time that the process is charged for and in which no tick comes.
 */
Test(kernel_time, of_find)
{
	struct run once = run_words("find", "/usr", "-xdev", "-size", "+1000000c", "-newer",
				    "/etc/passwd", "-name", "none");
	struct profile *p;

	must_end(&once, 0);
	p = record_measured("find", (const char *const[]){ "find", "/usr", "-xdev", "-size",
							   "+1000000c", "-newer", "/etc/passwd",
							   "-name", "none", NULL });

	cr_expect_gt(cumulative(p, (struct pick){ .comm = "find" }, "do_syscall_64"), 0);
}

/* One stack, from the leaf: the kernel's functions, its entry, then user space. */
static bool in_order(const struct profile *p, const struct profile_sample *s)
{
	uint32_t i = 0;

	while (i < s->loc_n && is_kernel_frame(p, s, i))
		i++;
	if (i == 0 || i == s->loc_n ||
	    strcmp(frame_name(p, s, i - 1), "entry_SYSCALL_64_after_hwframe") != 0)
		return false;
	for (; i < s->loc_n; i++)
		if (is_kernel_frame(p, s, i))
			return false;
	return true;
}

Test(kernel_time, of_getppid)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick("record", "-F", "999", "-o", file, "--", workload("syscalls"), "2");
	const struct pick all = { .comm = "syscalls" };
	struct profile *p;
	double getppid = 0, good = 0;

	must_end(&r, 0);
	p = recorded(file, NULL);
	expect_kernel_share("syscalls", p, all, said(&r, "utime"), said(&r, "stime"));
	for (size_t i = 0; i < p->samples.n; i++) {
		const struct profile_sample *s = &p->samples.items[i];

		for (uint32_t k = 0; k < s->loc_n; k++)
			if (strcmp(frame_name(p, s, k), "__x64_sys_getppid") == 0) {
				getppid += (double)profile_value(p, i, 0);
				good += in_order(p, s) ? (double)profile_value(p, i, 0) : 0;
				break;
			}
	}
	cr_expect_gt(getppid, 0.02 * total(p, all), "only %.0f samples in getppid", getppid);
	cr_expect_eq(good, getppid, "%.0f of %.0f stacks are not kernel, entry, user",
		     getppid - good, getppid);
	/* syscall() of the C library pushes no frame: with frame pointers its caller, ask_parent(),
	 * is not seen, but the caller's caller is. */
	expect_near("getppid called from ask_often", called(p, "__x64_sys_getppid", "ask_often"),
		    getppid, 0.01);
}
