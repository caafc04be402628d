/* SPDX-License-Identifier: Apache-2.0 */
/* The programs that people look at profiles with read what wick writes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "readback.h"

E2E(peers);

/* The go command: in the PATH or where distributions and the upstream archive put it; NULL = none.
 */
static const char *go_command(void)
{
	struct run r = run_words("sh", "-c",
				 "command -v go || ls -d /usr/local/go/bin/go /usr/lib/go*/bin/go");

	if (r.out_n == 0)
		return NULL;
	*strchr(r.out, '\n') = '\0';
	return r.out;
}

static void record_split(const char *file, const char *hz)
{
	struct run r = wick("record", "-F", hz, "-o", file, "--", workload("split"), "0.6");

	must_end(&r, 0);
}

/* One view of `go tool pprof`, from files alone: no network, no symbol servers, no browser. */
static struct run pprof(const char *view, const char *file)
{
	const char *path = go_command();
	struct run r;

	if (!path)
		cr_skip_test("needs go");
	/* HOME stays: newer go commands build pprof at its first use, into a cache there. */
	r = run_words("env", text("PPROF_TMPDIR=%s", in_dir("")), path, "tool", "pprof",
		      "-symbolize=none", view, file);
	must_end(&r, 0);
	return r;
}

/* The per cent in column @column (0 = first) of the row of -top that ends in @function. */
static double percent_of(const char *top, const char *function, int column)
{
	char *copy = strdup(top), *save = NULL, *save2;

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		size_t n = strlen(line), k = strlen(function);
		char *word;

		if (n < k || strcmp(line + n - k, function) != 0)
			continue;
		word = strtok_r(line, " ", &save2);
		for (int i = 0; word && i < column; i++)
			word = strtok_r(NULL, " ", &save2);
		return word ? strtod(word, NULL) : -1;
	}
	return -1;
}

Test(peers, pprof_top)
{
	const char *file = in_dir("p.pb.gz");
	struct run r;
	struct profile *p;
	double all;

	record_split(file, "999");
	p = recorded(file, NULL);
	all = total(p, (struct pick){ 0 });
	r = pprof("-top", file);
	/* "flat flat% sum% cum cum% name", rounded to 0.01 %: what we computed from the same file.
	 */
	cr_expect_float_eq(percent_of(r.out, " split_sixty", 1),
			   100 * self(p, (struct pick){ 0 }, "split_sixty") / all, 0.02, "%s",
			   r.out);
	cr_expect_float_eq(percent_of(r.out, " split_thirty", 4),
			   100 * cumulative(p, (struct pick){ 0 }, "split_thirty") / all, 0.02,
			   "%s", r.out);
	cr_expect_float_eq(percent_of(r.out, " main", 4),
			   100 * cumulative(p, (struct pick){ 0 }, "main") / all, 0.02, "%s",
			   r.out);
	cr_expect_not_null(strstr(r.out, "File: split\n"), "%s", r.out);
	cr_expect_not_null(strstr(r.out, "Build ID: "), "%s", r.out);
	cr_expect_not_null(strstr(r.out, "Type: cpu\n"), "%s", r.out);
	cr_expect_not_null(strstr(r.out, "Duration: "), "%s", r.out);
}

Test(peers, pprof_tree)
{
	const char *file = in_dir("p.pb.gz");
	struct run r;

	record_split(file, "499");
	recorded(file, NULL);
	r = pprof("-tree", file);
	cr_expect_not_null(strstr(r.out, "|   split_thirty"), "no callers in the tree:\n%s", r.out);
}

Test(peers, pprof_traces)
{
	const char *file = in_dir("p.pb.gz");
	struct run r;

	record_split(file, "499");
	recorded(file, NULL);
	r = pprof("-traces", file);
	cr_expect_not_null(
		strstr(r.out, "split_ten\n             split_thirty\n             split_turn"),
		"%s", r.out);
	cr_expect_not_null(strstr(r.out, "comm:  split\n"), "labels are missing:\n%.600s", r.out);
	cr_expect_not_null(strstr(r.out, "thread_comm:  split\n"), "labels are missing");
	cr_expect_not_null(strstr(r.out, " pid:  "), "labels are missing");
}

Test(peers, pprof_raw)
{
	const char *file = in_dir("p.pb.gz");
	struct run r;

	record_split(file, "500");
	recorded(file, NULL);
	r = pprof("-raw", file);
	cr_expect_not_null(strstr(r.out, "PeriodType: cpu nanoseconds\nPeriod: 2000000\n"),
			   "%.300s", r.out);
	cr_expect_not_null(strstr(r.out, "samples/count cpu/nanoseconds"), "%.300s", r.out);
}

Test(peers, pprof_reads_all_that_is_written)
{
	const char *raw = in_dir("p.pb"), *gz = in_dir("p.pprof");
	struct run r = wick("record", "-F", "499", "-o", raw, "-o", gz, "--", workload("split"),
			    "0.5"),
		   a, b;

	must_end(&r, 0);
	recorded(raw, NULL);
	recorded(gz, NULL);
	a = pprof("-top", raw);
	b = pprof("-top", gz);
	cr_expect_str_eq(a.out, b.out);
}

Test(peers, protoc_decodes)
{
	const char *file = in_dir("p.pb");
	struct run r;

	if (!have_program("protoc"))
		cr_skip_test("needs protoc");
	record_split(file, "499");
	recorded(file, NULL);
	r = run_argv((const char *const[]){ "protoc",
					    text("--proto_path=%s", realpath("formats", NULL)),
					    "--decode=perftools.profiles.Profile", "profile.proto",
					    NULL },
		     file);
	must_end(&r, 0);
	cr_expect_not_null(strstr(r.out, "string_table: \"split_sixty\""));
	/* protoc shows what the schema does not know as a bare number. */
	for (const char *line = r.out; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		cr_assert(*line < '0' || *line > '9', "unknown field: %.60s", line);
	}
}
