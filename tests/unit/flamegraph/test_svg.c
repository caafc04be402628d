/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocfail.h"
#include "err.h"
#include "flamegraph.h"
#include "golden.h"
#include "maker.h"
#include "outfile.h"

/* Writes the picture and reads it back; it has to be XML for a parser that is not ours, where there
 * is one. The script, which goldens would only repeat, is cut out. */
static char *picture(const struct profile *p, const struct profile *base, const struct svg_opts *o)
{
	static const char is_xml[] =
		"! command -v python3 >/dev/null || python3 -c 'import sys, xml.dom.minidom as d; "
		"d.parse(sys.argv[1])' '%s' >&2";
	char path[] = "/tmp/wick-svg-XXXXXX", command[sizeof(is_xml) + sizeof(path)], *text,
	     *script;
	struct outfile *out;
	struct err e = { 0 };
	int fd = mkstemp(path);
	off_t n;

	cr_assert_geq(fd, 0);
	close(fd);
	cr_assert_eq(outfile_open(path, &out, &e), 0, "%s", e.text);
	cr_assert_eq(svg_write(p, base, o, out, &e), 0, "%s", e.text);
	cr_assert_eq(outfile_commit(out, &e), 0, "%s", e.text);
	snprintf(command, sizeof(command), is_xml, path);
	cr_expect_eq(system(command), 0, "it is not well-formed");
	fd = open(path, O_RDONLY);
	n = lseek(fd, 0, SEEK_END);
	text = calloc(1, (size_t)n + 1);
	cr_assert_eq(pread(fd, text, (size_t)n, 0), n);
	close(fd);
	unlink(path);
	script = strstr(text, "<script>");
	if (script)
		strcpy(script, "<script/>\n</svg>\n");
	return text;
}

static const struct svg_opts defaults = { .sample_type = -1 };

static void expect_golden(const struct profile *p, const struct svg_opts *o, const char *name)
{
	char *text = picture(p, NULL, o);

	cr_expect_eq(profile_check(p), 0);
	golden_check(name, text);
	free(text);
}

static void make_service(struct maker *m, int64_t more)
{
	uint32_t start, serve, parse, copy, jit;

	make_begin_cpu(m);
	start = make_loc(m, "/usr/lib/libc.so.6", 0x100, "__libc_start_main");
	serve = make_loc(m, "/usr/bin/server", 0x1000, "serve<Request, Reply>(int)|main");
	parse = make_loc(m, "/usr/bin/server", 0x2000, "parse_object");
	copy = make_loc(m, "[kernel.kallsyms]", 0x5000, "copy_user_generic");
	jit = make_loc(m, "//anon", 0x10, "LazyCompile:~go /a.js:1");
	make_cpu_stack(m, 95 + more, parse, serve, start);
	make_cpu_stack(m, 40, copy, parse, serve, start);
	make_cpu_stack(m, 30, jit, serve, start);
	make_cpu_stack(m, 3, make_loc(m, NULL, 0, "[truncated: no unwind info]"));
}

Test(svg, draws_a_profile)
{
	struct maker m;

	make_service(&m, 0);
	expect_golden(m.p, &defaults, "svg/service.svg");
	expect_golden(m.p,
		      &(struct svg_opts){ .sample_type = 0,
					  .title = "A <title> & more",
					  .subtitle = "\"sub\"",
					  .notes = "kept -- here",
					  .width = 800,
					  .frame_height = 20,
					  .fonttype = "Verdana",
					  .fontsize = 14,
					  .countname = "ticks (all)",
					  .nametype = "Method:",
					  .colors = "hot",
					  .factor = 10,
					  .inverted = true,
					  .by_leaf = true,
					  .no_script = true },
		      "svg/options.svg");
	make_end(&m);
}

Test(svg, draws_differences)
{
	struct maker now, was;
	char *text;

	make_service(&now, 0);
	make_service(&was, 300);
	text = picture(now.p, was.p, &defaults);
	golden_check("svg/diff.svg", text);
	free(text);
	text = picture(now.p, was.p, &(struct svg_opts){ .sample_type = -1, .as_is = true });
	cr_expect(strstr(text, "parse_object (1.36 s, 80.36%, -178.57% from 258.93%)"), "%s", text);
	cr_expect_null(strstr(text, "in the base alone"));
	free(text);
	/* 84 samples, where the profile has 168. */
	make_cpu_stack(&was, 84, make_loc(&was, "/usr/bin/server", 0x7000, "elided"));
	text = picture(now.p, was.p, &(struct svg_opts){ .sample_type = -1, .as_is = true });
	cr_expect(strstr(text, "50.00% was in calls that are in the base alone"), "%s", text);
	free(text);
	make_end(&now);
	make_end(&was);
}

Test(svg, draws_values_below_zero)
{
	struct maker m;

	make_begin(&m);
	make_type(&m, "cpu", "nanoseconds");
	make_stack(&m, (const int64_t[]){ -3000000 },
		   (const uint32_t[]){ make_loc(&m, "/bin/a", 1, "faster") }, 1);
	make_stack(&m, (const int64_t[]){ 1000000 },
		   (const uint32_t[]){ make_loc(&m, "/bin/a", 2, "slower") }, 1);
	expect_golden(m.p, &defaults, "svg/below-zero.svg");
	make_end(&m);
}

Test(svg, says_so_when_there_is_nothing)
{
	struct maker m;

	make_begin_cpu(&m);
	expect_golden(m.p, &defaults, "svg/empty.svg");
	make_end(&m);
}

Test(svg, names_are_text_whatever_they_are)
{
	static const char *const hostile[] = { "</title></g></svg><script>alert(1)</script>",
					       "]]>",
					       "\"'<>&",
					       "<img src=x onerror=alert(1)>",
					       "\033[2J\033]0;owned\a",
					       "main\u202egnp.exe",
					       "latin\xe9\xff",
					       "a (1 samples, 5%)",
					       "&amp;&#0;",
					       "\xed\xa0\x80 \xef\xbf\xbe" };
	static char name[1 << 16];
	struct maker m;
	char *text;

	make_begin_cpu(&m);
	for (size_t i = 0; i < sizeof(hostile) / sizeof(*hostile); i++)
		make_cpu_stack(&m, 10 + (int64_t)i, make_loc(&m, hostile[i], i, hostile[i]));
	memset(name, '<', sizeof(name) - 1);
	make_cpu_stack(&m, 50, make_loc(&m, "/bin/a", 0, name));
	text = picture(m.p, NULL,
		       &(struct svg_opts){ .sample_type = -1,
					   .title = hostile[0],
					   .subtitle = hostile[1],
					   .notes = hostile[4],
					   .countname = hostile[3],
					   .nametype = hostile[2] });
	cr_expect_null(strstr(text, "<img"));
	cr_expect_null(strstr(text, "\033"));
	cr_expect_null(strstr(text, "\u202e"));
	cr_expect_lt(strlen(text), 200000);
	free(text);
	make_end(&m);
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

/* 40,000 functions, the i-th met i times. */
static void make_wide(struct maker *m, int n)
{
	make_begin(m);
	make_type(m, "samples", "count");
	for (int64_t i = 1; i <= n; i++) {
		char name[32];
		uint32_t locs[2];

		snprintf(name, sizeof(name), "f%lld", (long long)i);
		locs[0] = make_loc(m, NULL, 0, name);
		locs[1] = make_loc(m, NULL, 0, "main");
		make_stack(m, &i, locs, 2);
	}
}

Test(svg, leaves_out_what_is_too_narrow_and_says_how_much)
{
	struct maker m;
	char *text;

	make_wide(&m, 2000); /* 2,001,000 samples: half a pixel is 833 of them */
	text = picture(m.p, NULL, &defaults);
	cr_expect_eq(count(text, "<g "), 2 + 2000 - 833);
	cr_expect(strstr(text, "17.36% of all ends in frames too narrow to be drawn."));
	free(text);
	text = picture(m.p, NULL, &(struct svg_opts){ .sample_type = -1, .min_width = "0" });
	cr_expect_eq(count(text, "<g "), 2002);
	cr_expect_null(strstr(text, "too narrow"));
	free(text);
	text = picture(m.p, NULL, &(struct svg_opts){ .sample_type = -1, .min_width = "0.09%" });
	cr_expect_eq(count(text, "<g "), 2 + 2000 - 1800);
	free(text);
	make_end(&m);
}

Test(svg, tells_what_became_of_all_samples)
{
	struct maker m;
	char *text;

	make_service(&m, 0);
	text = picture(m.p, NULL, &defaults);
	cr_expect_null(strstr(text, "samples recorded"), "nobody counted them");
	free(text);
	make_comment(&m, "wick: ticks=2000 recorded=1500 idle=0 filtered=0 lost=500 truncated=15 "
			 "lost.ring_full=500 truncated.no_info=15");
	text = picture(m.p, NULL, &defaults);
	cr_expect(strstr(text, ">1,500 samples recorded, 25.00% lost; 1.00% of the stacks are "
			       "incomplete.<"));
	free(text);
	make_end(&m);
}

/* Chains are as heavy above as below: their number is bounded, too. */
Test(svg, bounds_the_number_of_frames)
{
	struct maker m;
	uint32_t locs[4000], at = 0;
	char *text;

	make_begin(&m);
	make_type(&m, "samples", "count");
	for (int64_t k = 0; k < 20; k++) {
		char name[32];

		snprintf(name, sizeof(name), "root%lld", (long long)k);
		for (at = 0; at < 3999; at++)
			locs[at] = make_loc(&m, NULL, 0, "again");
		locs[at++] = make_loc(&m, NULL, 0, name);
		make_stack(&m, (const int64_t[]){ 7 }, locs, at);
	}
	text = picture(m.p, NULL, &defaults);
	cr_expect_eq(count(text, "<g "), 10000);
	cr_expect(strstr(text, "of all ends in frames too narrow to be drawn."));
	free(text);
	make_end(&m);
}

Test(svg, bounds_the_depth_and_says_so)
{
	static uint32_t locs[9000];
	struct maker m;
	char *text;

	make_begin(&m);
	make_type(&m, "samples", "count");
	for (size_t i = 0; i < sizeof(locs) / sizeof(*locs); i++)
		locs[i] = make_loc(&m, NULL, 0, "again");
	make_stack(&m, (const int64_t[]){ 7 }, locs, sizeof(locs) / sizeof(*locs));
	text = picture(m.p, NULL, &defaults);
	cr_expect_eq(count(text, "<g "), 5001);
	cr_expect(
		strstr(text, "100.00% of all ends in frames too narrow or too deep to be drawn."));
	free(text);
	make_end(&m);
}

Test(svg, refuses_what_makes_no_sense_and_says_why)
{
	static const struct {
		struct svg_opts o;
		const char *say;
	} bad[] = {
		{ { .colors = "rainbow" }, "there are no colors 'rainbow'; there are kind, hot," },
		{ { .bgcolors = "url(x)" }, "'url(x)' is no background" },
		{ { .min_width = "wide" }, "'wide' is no width" },
		{ { .min_width = "-1" }, "'-1' is no width" },
		{ { .min_width = "101%" }, "'101%' is no width" },
		{ { .min_width = "nan" }, "'nan' is no width" },
		{ { .width = 20 }, "100 to 100000 pixels wide, not 20" },
		{ { .frame_height = 1000 }, "3 to 200 pixels high" },
		{ { .fonttype = "x;}*{" }, "no name of a font" },
		{ { .fontsize = 1e9 }, "1 to 100 pixels" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct err e = { 0 };

		cr_expect_eq(svg_check(&bad[i].o, &e), -EINVAL);
		cr_expect(strstr(e.text, bad[i].say), "'%s'", e.text);
	}
	cr_expect_eq(svg_check(&defaults, NULL), 0);
}

static struct maker shared;

static int attempt(void)
{
	struct outfile *out;
	int r = outfile_open("/dev/null", &out, NULL);

	if (r < 0)
		return r;
	r = svg_write(shared.p, NULL, &defaults, out, NULL);
	outfile_abort(out);
	return r;
}

Test(svg, survives_every_failure_of_memory)
{
	make_service(&shared, 0);
	allocfail_each_tolerant(attempt);
	make_end(&shared);
}
