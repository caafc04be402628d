/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inputs beside what they must become, in tests/golden/pprof and tests/golden/folded; `make golden`
 * writes the latter anew. pprof is shown as protoc shows it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "err.h"
#include "formats.h"
#include "golden.h"
#include "made_profile.h"

static struct profile *read_golden(const char *name)
{
	struct profile *p = NULL;
	struct err e = { 0 };
	char path[200];

	snprintf(path, sizeof(path), "tests/golden/%s", name);
	cr_assert_eq(format_read(path, &p, &e), 0, "%s", e.text);
	return p;
}

static void folded_becomes(const struct profile *p, const char *name)
{
	char *text = write_folded(p);

	golden_check(name, text);
	free(text);
}

static void pprof_becomes(const struct profile *p, const char *name)
{
	char *dir = new_scratch(), *out, path[200];
	struct err e = { 0 };

	if (run_command(&out, "protoc --version") != 0)
		cr_skip("needs protoc");
	free(out);
	snprintf(path, sizeof(path), "%s/p.pb", dir);
	cr_assert_eq(format_write(p, path, FORMAT_AUTO, NULL, &e), 0, "%s", e.text);
	cr_assert_eq(run_command(&out,
				 "protoc --decode=perftools.profiles.Profile -Iformats "
				 "formats/profile.proto < '%s'",
				 path),
		     0);
	golden_check(name, out);
	free(out);
	remove_scratch(dir);
}

Test(golden_pprof, demo)
{
	struct profile *p = demo_profile();

	pprof_becomes(p, "pprof/demo.expected");
	profile_free(p);
}

Test(golden_pprof, what_the_go_runtime_wrote)
{
	static const char *const names[] = { "go-cpu", "go-heap" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char from[100], to[100];
		struct profile *p;

		snprintf(from, sizeof(from), "pprof/%s.pb.gz", names[i]);
		snprintf(to, sizeof(to), "pprof/%s.expected", names[i]);
		p = read_golden(from);
		pprof_becomes(p, to);
		snprintf(to, sizeof(to), "pprof/%s.folded.expected", names[i]);
		folded_becomes(p, to);
		profile_free(p);
	}
}

Test(golden_folded, demo)
{
	struct profile *p = demo_profile();

	folded_becomes(p, "folded/demo.expected");
	profile_free(p);
}

Test(golden_folded, text_and_the_pprof_of_it)
{
	static const char *const names[] = { "annotated", "untidy", "async-profiler" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char from[100], to[100];
		struct profile *p;

		snprintf(from, sizeof(from), "folded/%s.in", names[i]);
		snprintf(to, sizeof(to), "folded/%s.expected", names[i]);
		p = read_golden(from);
		folded_becomes(p, to);
		snprintf(to, sizeof(to), "folded/%s.pprof.expected", names[i]);
		pprof_becomes(p, to);
		profile_free(p);
	}
}
