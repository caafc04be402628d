/* SPDX-License-Identifier: Apache-2.0 */
/* Every sample tells whose it is, and every frame what it is called. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "readback.h"

E2E(names);

static const struct pick all;

static struct profile *record_of(const char *name, const char *arg, struct run *ret)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick("record", "-F", "999", "-o", file, "--", workload(name), arg);

	must_end(&r, 0);
	if (ret)
		*ret = r;
	return recorded(file, NULL);
}

Test(names, labels)
{
	const char *file = in_dir("p.pb.gz");
	struct run r =
		wick("record", "-F", "999", "-o", file, "--", workload("threads"), "0.5", "2");
	struct profile *p;

	must_end(&r, 0);
	p = recorded(file, NULL);
	for (size_t i = 0; i < p->samples.n; i++) {
		const struct profile_sample *s = &p->samples.items[i];

		cr_assert_eq(label_number(p, s, "pid"), (int64_t)said(&r, "pid"));
		cr_assert_gt(label_number(p, s, "tid"), 0);
		cr_assert_str_not_empty(label_text(p, s, "comm"));
		cr_assert_str_not_empty(label_text(p, s, "thread_comm"));
		cr_assert_eq(label_number(p, s, "ppid"), r.pid, "%s %s: %ld, not %d",
			     label_text(p, s, "comm"), label_text(p, s, "executable"),
			     (long)label_number(p, s, "ppid"), (int)r.pid);
		cr_assert_str_eq(label_text(p, s, "parent_comm"), "wick");
		cr_assert_eq(label_number(p, s, "uid"), getuid());
		if (strcmp(label_text(p, s, "comm"), "threads") == 0 &&
		    label_text(p, s, "executable")[0])
			cr_assert_str_eq(label_text(p, s, "executable"), workload("threads"));
	}
	/* A thread that gave itself a name has it, and its process keeps its own. */
	for (int i = 1; i <= 2; i++) {
		const struct pick thread = { .comm = "threads",
					     .thread_comm = text("busy-%d", i),
					     .tid = (int64_t)said(&r, text("tid-%d", i)) };
		double due = said(&r, text("thread-%d", i)) * 999;

		expect_near(thread.thread_comm, total(p, thread), due, slices_error(&r, due));
	}
}

/* The sum over samples whose leaf is a user frame that satisfies @test. */
static double leaves(const struct profile *p, bool (*test)(const char *name))
{
	double n = 0;

	for (size_t i = 0; i < p->samples.n; i++)
		if (!is_kernel_frame(p, &p->samples.items[i], 0) &&
		    test(frame_name(p, &p->samples.items[i], 0)))
			n += (double)profile_value(p, i, 0);
	return n;
}

Test(names, cxx)
{
	struct profile *p = record_of("cxxnames", "1", NULL);
	const char *fill =
		"shop::Shelf<unsigned long, 7>::fill(std::vector<std::pair<unsigned long, int>, "
		"std::allocator<std::pair<unsigned long, int> > > const&)";

	cr_expect_gt(self(p, all, fill), 0.9 * total(p, all), "no %s", fill);
	cr_expect_gt(called(p, fill, "main"), 0.9 * total(p, all));
	cr_expect_gt(called(p, fill, "shop::Shelf<unsigned long, 7>::operator()(double)"),
		     0.9 * total(p, all));
	/* pprof shortens names only if it can tell the mangled one, too. */
	for (size_t i = 0; i < p->functions.n; i++) {
		const struct profile_function *f = &p->functions.items[i];

		if (strcmp(strtab_get(&p->strings, f->name), fill) == 0)
			cr_expect_eq(
				strncmp(strtab_get(&p->strings, f->system_name), "_ZN4shop", 8), 0);
	}
}

Test(names, rust)
{
	const char *fill = "<rustnames::shop::Shelf<u64> as rustnames::shop::Fill>::fill";
	struct profile *p;

	if (!have_program("rustc"))
		cr_skip_test("needs rustc");
	p = record_of("rustnames", "400000000", NULL);
	/* The loop itself is spread over what was inlined into it. */
	cr_expect_gt(cumulative(p, all, fill), 0.9 * total(p, all), "no %s", fill);
	cr_expect_gt(cumulative(p, all, fill), self(p, all, fill), "nothing was inlined");
	/* With or without a hash at the end, as the compiler's version has it: never mangled. */
	for (size_t i = 0; i < p->functions.n; i++) {
		const char *name = strtab_get(&p->strings, p->functions.items[i].name);

		cr_expect(strncmp(name, "_ZN", 3) != 0 && strncmp(name, "_R", 2) != 0, "%s", name);
	}
}

static bool is_vdso(const char *name)
{
	return strstr(name, "vdso") || strcmp(name, "clock_gettime") == 0;
}

Test(names, vdso)
{
	struct run r;
	struct profile *p = record_of("vdso", "1", &r);

	if (in_kernel(p, all) > 0.5 * total(p, all))
		cr_skip_test("needs a clock that is read without a system call");
	cr_expect_gt(leaves(p, is_vdso), 0.5 * total(p, all), "%.0f of %.0f samples are named vdso",
		     leaves(p, is_vdso), total(p, all));
}

static bool is_place_in_stripped(const char *name)
{
	unsigned long long offset;
	char end;

	return sscanf(name, "[stripped+0x%llx%c", &offset, &end) == 2 && end == ']' && offset > 0;
}

Test(names, stripped)
{
	struct profile *p = record_of("stripped", "0.5", NULL);
	double in_user = total(p, all) - in_kernel(p, all); /* on a busy machine, not all */

	cr_expect_gt(in_user, 100);
	cr_expect_gt(leaves(p, is_place_in_stripped), 0.95 * in_user);
}

/* Code that belongs to no file: each address in the mapping that it is in. */
Test(names, two_mappings_alike)
{
	struct profile *p = record_of("twins", "0.5", NULL); /* the checker compares them */
	size_t n = 0;

	for (size_t i = 0; i < p->mappings.n; i++)
		n += p->mappings.items[i].limit - p->mappings.items[i].start == 65536;
	cr_expect_eq(n, 2, "%zu mappings for the two pieces of code", n);
}

/* No frame of the kernel is without a name, in a load that reaches many places of it. */
Test(names, kernel)
{
	const char *file = in_dir("p.pb.gz");
	struct run r =
		wick("record", "-F", "4000", "-o", file, "--", workload("storm"), "0.5", "2");
	size_t named = 0, unnamed = 0;
	struct profile *p;

	must_end(&r, 0);
	p = recorded(file, NULL);
	for (size_t i = 0; i < p->samples.n; i++)
		for (uint32_t k = 0; k < p->samples.items[i].loc_n; k++)
			if (is_kernel_frame(p, &p->samples.items[i], k)) {
				const char *name = frame_name(p, &p->samples.items[i], k);

				*(name[0] && name[0] != '[' ? &named : &unnamed) += 1;
			}
	cr_expect_gt(named, 1000);
	cr_expect_eq(unnamed, 0, "%zu of %zu kernel frames have no name", unnamed, named + unnamed);
}
