/* SPDX-License-Identifier: Apache-2.0 */
/* Files that wick wrote, in the programs that people open them with. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "err.h"
#include "formats.h"
#include "made_profile.h"

static char *dir;

static void setup(void)
{
	dir = new_scratch();
}

static void teardown(void)
{
	remove_scratch(dir);
}

TestSuite(readers, .init = setup, .fini = teardown);

/* Writes @p as DIR/@name and frees it. */
static void save(struct profile *p, const char *name)
{
	struct err e = { 0 };
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	cr_assert_eq(format_write(p, path, FORMAT_AUTO, NULL, &e), 0, "%s", e.text);
	profile_free(p);
}

static void holds(const char *text, const char *what)
{
	cr_assert(strstr(text, what), "'%s' is not in:\n%s", what, text);
}

/* The go command: in the PATH, or where Debian and go.dev put it. Skips the test without one. */
static const char *find_go(void)
{
	static char go[200];
	char *out;

	run_command(&out, "PATH=\"$PATH:/usr/local/go/bin:$(printf '%%s:' /usr/lib/go*/bin)\" "
			  "command -v go");
	snprintf(go, sizeof(go), "%s", out);
	go[strcspn(go, "\n")] = '\0';
	free(out);
	if (!go[0])
		cr_skip("needs go");
	return go;
}

/* What pprof prints for DIR/@files with the options @options. Caller frees. */
static char *pprof(const char *options, const char *files)
{
	const char *go = find_go();
	char *out;
	int r = run_command(
		&out, "cd '%s' && PPROF_TMPDIR='%s' '%s' tool pprof -symbolize=none %s %s 2>&1",
		dir, dir, go, options, files);

	cr_assert_eq(r, 0, "pprof %s: %s", options, out);
	return out;
}

Test(readers, pprof_shows_the_top_of_ours)
{
	char *out;

	save(demo_profile(), "demo.pb.gz");
	out = pprof("-top", "demo.pb.gz");
	holds(out, "Type: cpu");
	holds(out, "File: demo");
	holds(out, "Build ID: 0123abcd");
	holds(out, "100ns");
	holds(out, "step (inline)");
	holds(out, "ksys_read");
	holds(out, "libstripped.so.1");
	free(out);
	out = pprof("-sample_index=samples -top", "demo.pb.gz");
	holds(out, "Type: samples");
	holds(out, "of 10 total");
	free(out);
}

Test(readers, pprof_shows_all_of_ours)
{
	char *out;

	save(demo_profile(), "demo.pb.gz");
	out = pprof("-raw", "demo.pb.gz");
	holds(out, "PeriodType: cpu nanoseconds");
	holds(out, "Period: 10");
	holds(out, "samples/count cpu/nanoseconds");
	holds(out, "cpu:[0");
	holds(out, "tid:[4711");
	holds(out, "comm:[demo app]");
	free(out);
	out = pprof("-comments", "demo.pb.gz");
	holds(out, "wick: ticks=20 recorded=10");
	free(out);
}

Test(readers, pprof_draws_trees_and_traces_of_ours)
{
	char *out;

	save(demo_profile(), "demo.pb.gz");
	out = pprof("-traces", "demo.pb.gz");
	holds(out, "40ns   ksys_read");
	holds(out, "step (inline)");
	free(out);
	out = pprof("-tree", "demo.pb.gz");
	holds(out, "loop");
	free(out);
	out = pprof("-top -tagfocus=tid=4711", "demo.pb.gz");
	holds(out, "70ns");
	free(out);
}

Test(readers, pprof_takes_every_compression_it_knows)
{
	char *out;

	save(demo_profile(), "demo.pb");
	out = pprof("-top", "demo.pb");
	holds(out, "ksys_read");
	free(out);
}

Test(readers, pprof_merges_and_subtracts_ours)
{
	char *out;

	save(demo_profile(), "a.pb.gz");
	save(demo_profile(), "b.pb.gz");
	out = pprof("-top", "a.pb.gz b.pb.gz");
	holds(out, "of 200ns total");
	free(out);
	out = pprof("-top -diff_base=a.pb.gz", "b.pb.gz");
	holds(out, "Showing nodes accounting for 0, 0% of 100ns total");
	free(out);
}

/* What we read from Go and wrote again says the same to pprof. */
Test(readers, pprof_sees_no_change_in_what_went_through_us)
{
	static const char *const names[] = { "go-cpu", "go-heap" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct profile *p = NULL;
		struct err e = { 0 };
		char path[200], *ours, *theirs;

		snprintf(path, sizeof(path), "tests/golden/pprof/%s.pb.gz", names[i]);
		cr_assert_eq(format_read(path, &p, &e), 0, "%s", e.text);
		save(p, "ours.pb.gz");
		free(pprof("-proto -output=theirs.pb.gz", "ours.pb.gz"));
		ours = pprof("-raw", "ours.pb.gz");
		snprintf(path, sizeof(path), "\"$OLDPWD\"/tests/golden/pprof/%s.pb.gz", names[i]);
		theirs = pprof("-raw", path);
		cr_assert_str_eq(ours, theirs);
		free(ours);
		free(theirs);
	}
}

/* What pprof wrote is read by us. */
Test(readers, we_read_what_pprof_wrote)
{
	struct profile *p = demo_profile(), *back = NULL;
	struct err e = { 0 };
	char path[200];
	int64_t sum = 0;

	save(p, "demo.pb.gz");
	free(pprof("-proto -output=again.pb.gz", "demo.pb.gz"));
	snprintf(path, sizeof(path), "%s/again.pb.gz", dir);
	cr_assert_eq(format_read(path, &back, &e), 0, "%s", e.text);
	cr_assert_eq(back->samples.n, 4);
	cr_assert_eq(back->functions.n, 5);
	for (size_t i = 0; i < 4; i++)
		sum += profile_value(back, i, 0);
	cr_assert_eq(sum, 10);
	profile_free(back);
}

Test(readers, pprof_shows_a_profile_made_of_folded_stacks)
{
	char *out;

	save(read_folded("main;outer;inl_[i];js_[j] 3\nmain;sys_[k] 4\n"), "f.pb.gz");
	out = pprof("-top", "f.pb.gz");
	holds(out, "of 7 total");
	holds(out, "inl (inline)");
	holds(out, "sys");
	free(out);
	out = pprof("-raw", "f.pb.gz");
	holds(out, "[kernel.kallsyms]");
	free(out);
}

static void checker_accepts(const char *options, const char *name)
{
	char *out;

	if (run_command(&out, "python3 --version") != 0)
		cr_skip("needs python3");
	free(out);
	cr_assert_eq(
		run_command(&out, "tests/tools/pprof_check.py %s '%s/%s' 2>&1", options, dir, name),
		0, "%s", out);
	free(out);
}

Test(readers, the_strict_checker_accepts_ours)
{
	struct profile *p = demo_profile(), *sum = NULL;
	struct profile_builder *b = NULL;

	cr_assert_eq(profile_new(&sum), 0);
	cr_assert_eq(profile_builder_new(&b, sum), 0);
	cr_assert_eq(profile_builder_merge(b, p), 0);
	cr_assert_eq(profile_builder_merge(b, p), 0);
	profile_builder_free(b);
	p->functions.items[0].name = str(p, "caf\xe9");
	save(p, "demo.pb.gz");
	checker_accepts("--push", "demo.pb.gz");
	save(sum, "sum.pb");
	checker_accepts("--push", "sum.pb");
	save(read_folded("main;outer;inl_[i];js_[j] 3\nmain;sys_[k] 4\n"), "f.pb.gz");
	checker_accepts("--converted", "f.pb.gz");
}

Test(readers, the_strict_checker_finds_what_is_wrong_with_ours)
{
	struct profile *p = demo_profile();
	char *out;

	if (run_command(&out, "python3 --version") != 0)
		cr_skip("needs python3");
	free(out);
	p->locations.items[0].address = 1;
	save(p, "bad.pb.gz");
	cr_assert_eq(run_command(&out, "tests/tools/pprof_check.py '%s/bad.pb.gz'", dir), 1);
	holds(out, "outside its mapping");
	free(out);
}

Test(readers, flamegraph_programs_take_our_folded_stacks)
{
	static const char *const script = "/usr/share/perl5/Devel/NYTProf/flamegraph.pl";
	char *out;

	if (run_command(&out, "test -r %s && perl -v", script) != 0)
		cr_skip("needs flamegraph.pl");
	free(out);
	save(demo_profile(), "demo.folded");
	cr_assert_eq(run_command(&out, "perl %s '%s/demo.folded' 2>&1", script, dir), 0);
	holds(out, "<title>ksys_read");
	holds(out, "(10 samples, 100%)");
	free(out);
}
