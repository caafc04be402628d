/* SPDX-License-Identifier: Apache-2.0 */
/* As many samples as CPU time was spent, on every CPU. */
#include <unistd.h>

#include "readback.h"

E2E(two_cpus);

static void busy_threads(const char *seconds, const char *n, double hz)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick("record", "-F", text("%.0f", hz), "-o", file, "--", workload("threads"),
			    seconds, n);
	const struct pick all = { .comm = "threads" };
	struct e2e_account a;
	double due_ticks;
	struct profile *p;

	must_end(&r, 0);
	p = recorded(file, &a);
	/* Ticks come at even distances, so a thread that keeps its CPU gets one sample more or
	 * less; one that shares it, up to one more or less a slice, of either sign: well below 3 %.
	 */
	expect_near("samples", total(p, all), said(&r, "cpu") * hz, 0.03);
	/* The rest loads the program and reads the clock, in a C library without frame pointers. */
	expect_near("thread_work", cumulative(p, all, "thread_work"), total(p, all), 0.03);
	for (int i = 1; i <= 2; i++) {
		double due = said(&r, text("thread-%d", i)) * hz;

		expect_near(text("busy-%d", i),
			    total(p, (struct pick){ .thread_comm = text("busy-%d", i) }), due,
			    slices_error(&r, due));
	}
	/* Every CPU ticks all the time, whoever runs there. Fewer ticks come where a hypervisor
	 * takes the CPU away, on idle CPUs, which the kernel may leave asleep, and while a process
	 * works on BPF maps: the kernel skips programs then. */
	due_ticks = (double)p->duration_ns / 1e9 * hz * (double)sysconf(_SC_NPROCESSORS_ONLN);
	cr_expect_leq((double)a.ticks, due_ticks * 1.03, "%s in %.3f s", a.comment,
		      (double)p->duration_ns / 1e9);
	cr_expect_geq((double)a.ticks, due_ticks * 0.85, "%s in %.3f s", a.comment,
		      (double)p->duration_ns / 1e9);
	/* In nanoseconds: each sample stands for one period. */
	expect_near("nanoseconds", total(p, (struct pick){ .type = value_named(p, "cpu") }),
		    total(p, all) * 1e9 / hz, 0.001);
}

Test(two_cpus, one_thread_each)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		cr_skip_test("needs two CPUs");
	busy_threads("1.2", "2", 997);
}

Test(two_cpus, six_threads)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		cr_skip_test("needs two CPUs");
	busy_threads("0.7", "6", 997);
}
