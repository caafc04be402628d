/* SPDX-License-Identifier: Apache-2.0 */
/* Code that a process made itself has the names that the process gave it. */
#include <string.h>
#include <unistd.h>

#include "readback.h"

E2E(jit);

static const struct pick all;

static struct profile *record_mode(const char *seconds, const char *mode, struct run *ret)
{
	const char *file = in_dir("p.pb.gz");
	struct run r =
		wick("record", "-F", "499", "-o", file, "--", workload("jitcode"), seconds, mode);

	must_end(&r, 0);
	unlink(text("/tmp/perf-%d.map", (int)said(&r, "pid")));
	if (ret)
		*ret = r;
	return recorded(file, NULL);
}

static double share(const struct profile *p, const char *name)
{
	return self(p, all, name) / total(p, all);
}

/* Three quarters of the work are in one piece of code, the rest is in another one. */
static void expect_hot_and_cold(const struct profile *p)
{
	double hot = self(p, all, "jit_hot one"), cold = self(p, all, "jit_cold");

	cr_expect_gt(hot + cold, 0.9 * total(p, all), "%g + %g of %g", hot, cold, total(p, all));
	expect_share("hot", hot, hot + cold, 0.75, 0.02);
	cr_expect_gt(called(p, "jit_hot one", "work"), 0.95 * hot, "frames are walked through");
}

static const struct profile_line *line_of(const struct profile *p, const char *name)
{
	array_each(&p->lines, l)
		if (strcmp(strtab_get(&p->strings, p->functions.items[l->function].name), name) ==
		    0)
			return l;
	return NULL;
}

Test(jit, perf_map)
{
	struct profile *p = record_mode("1", "map", NULL);
	const char *folded = in_dir("p.folded");
	struct run r = wick("convert", in_dir("p.pb.gz"), "-o", folded);

	expect_hot_and_cold(p);
	must_end(&r, 0);
	r = run_words("grep", "-c", ";work;jit_hot one_\\[j\\] ", folded);
	must_end(&r, 0);
}

Test(jit, perf_map_that_is_gone)
{
	expect_hot_and_cold(record_mode("1", "unlink", NULL));
}

Test(jit, perf_map_at_the_end)
{
	expect_hot_and_cold(record_mode("1", "late", NULL));
}

Test(jit, memory_mapped_twice)
{
	expect_hot_and_cold(record_mode("1", "memfd", NULL));
}

Test(jit, jitdump)
{
	struct profile *p = record_mode("1", "dump", NULL);
	const struct profile_line *l = line_of(p, "jit_cold");

	expect_hot_and_cold(p);
	cr_assert_not_null(l);
	cr_expect_eq(l->line, 9);
	cr_expect_str_eq(strtab_get(&p->strings, p->functions.items[l->function].file),
			 "/src/cold.js");
}

/* With a /tmp and a number of its own, both gone before names are given. */
Test(jit, in_a_container)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick("record", "-F", "499", "-o", file, "--", "unshare", "--pid", "--fork",
			    "--mount", "sh", "-c",
			    /* The program itself may lie below /tmp. */
			    "mount -t tmpfs none /mnt && cp \"$0\" /mnt/jitcode && "
			    "mount -t tmpfs none /tmp && exec /mnt/jitcode 1 map",
			    workload("jitcode"));
	struct profile *p;

	must_end(&r, 0);
	p = recorded(file, NULL);
	cr_expect_eq(said(&r, "pid"), 1);
	cr_expect_gt(self(p, (struct pick){ .comm = "jitcode" }, "jit_hot one"),
		     0.6 * total(p, (struct pick){ .comm = "jitcode" }));
}

/* A name holds for the samples of its time. Their time is known to a window, which is a second. */
static void expect_first_and_second(const struct profile *p)
{
	double first = share(p, "first"), second = share(p, "second");

	cr_expect_gt(first + second, 0.9);
	cr_expect(first > 0.2 && first < 0.52, "first: %g", first);
}

Test(jit, reused_memory_of_a_perf_map)
{
	expect_first_and_second(record_mode("5", "reuse-map", NULL));
}

Test(jit, reused_memory_of_a_jitdump)
{
	expect_first_and_second(record_mode("5", "reuse-dump", NULL));
}

Test(jit, two_processes_at_one_address)
{
	struct run r;
	struct profile *p = record_mode("1", "fork", &r);
	const struct pick parent = { .pid = (int64_t)said(&r, "pid") },
			  child = { .pid = (int64_t)said(&r, "child") };

	cr_expect_gt(self(p, parent, "jit_parent"), 0.9 * total(p, parent));
	cr_expect_gt(self(p, child, "jit_child"), 0.9 * total(p, child));
}

Test(jit, code_of_the_parent)
{
	struct run r;
	struct profile *p = record_mode("1", "inherit", &r);
	const struct pick child = { .pid = (int64_t)said(&r, "child") };

	cr_expect_gt(self(p, child, "jit_parent"), 0.9 * total(p, child));
}
