/* SPDX-License-Identifier: Apache-2.0 */
/* The views of a report beside the table of functions. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "golden.h"
#include "report.h"
#include "reported.h"
#include "termtext.h"
#include "utf8.h"

static const char server[] = "/usr/bin/server";

enum view { TOP_DIFF, TREE, INVERTED, TREE_DIFF, PEEK, JSON, JSON_DIFF };

/* What is shown of a profile, and how. */
struct shown {
	enum view view;
	const struct profile *base;
	const char *pattern;
	struct report_opts opts;
	struct tree_opts tree;
};

static int write_text(const struct profile *p, const struct shown *s, FILE *f, struct err *e)
{
	struct report_opts o = s->opts;
	struct tree_opts t = s->tree;

	o.sample_type = -1;
	t.min_percent = t.min_percent ? t.min_percent : -1;
	t.invert = s->view == INVERTED;
	switch (s->view) {
	case TOP_DIFF:
		return diff_write(p, s->base, &o, f, e);
	case PEEK:
		return peek_write(p, s->pattern, &o, f, e);
	case JSON:
		return json_write(p, &o, f, e);
	case JSON_DIFF:
		return json_diff_write(p, s->base, &o, f, e);
	default:
		return tree_write(p, s->base, &o, &t, f, e);
	}
}

static char *text_of(const struct profile *p, const struct shown *s)
{
	struct err e = { 0 };
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	int r = write_text(p, s, f, &e);

	fclose(f);
	cr_assert_eq(r, 0, "%s", e.text);
	return text;
}

static void expect_text(const struct profile *p, const struct shown *s, const char *golden)
{
	char *text = text_of(p, s);

	golden_check(golden, text);
	free(text);
}

/* --- trees ----------------------------------------------------------------------------------- */

Test(report, shows_who_called_whom)
{
	struct maker m;

	make_service(&m);
	make_comment(&m, "wick: ticks=396 recorded=198 idle=196 filtered=2 lost=0 truncated=0");
	make_comment(&m, "wick 0.1.0 on Linux 6.1.0 x86_64, 2 CPUs, by cycles");
	make_comment(&m, "wick: filter: focus=crc");
	make_comment(&m, "made by somebody else");
	expect_text(m.p, &(struct shown){ .view = TREE }, "report/tree.txt");
	expect_text(m.p, &(struct shown){ .view = TREE, .opts.color = true },
		    "report/tree-colour.txt");
	expect_text(m.p, &(struct shown){ .view = INVERTED }, "report/tree-inverted.txt");
	expect_text(m.p, &(struct shown){ .view = TREE, .tree.max_depth = 3 },
		    "report/tree-depth.txt");
	expect_text(m.p, &(struct shown){ .view = TREE, .tree.min_percent = 12 },
		    "report/tree-heavy.txt");
	expect_text(m.p, &(struct shown){ .view = TREE, .opts.max_rows = 4 },
		    "report/tree-rows.txt");
	make_end(&m);
}

/* Frames 0 to n - 1 of a stack, leaf first: f0 the innermost. */
static void make_deep(struct maker *m, int64_t times, size_t n, size_t fork)
{
	uint32_t *locs = calloc(n, sizeof(*locs));
	char name[64];

	cr_assert_not_null(locs);
	for (size_t i = 0; i < n; i++) {
		/* The first `fork` frames of each stack are its own. */
		snprintf(name, sizeof(name), "%s_%zu", n - i > fork ? "left" : "level", n - i);
		locs[i] = make_loc(m, server, 0x100 * (n - i) + (n - i > fork), name);
	}
	make_stack(m, (const int64_t[]){ times, times * 10101010 }, locs, n);
	free(locs);
}

Test(report, deep_stacks_stay_on_the_page)
{
	struct maker m;
	uint32_t fib[40];

	make_begin_cpu(&m);
	/* A staircase: on each level a tenth of the time stays. */
	for (size_t i = 1; i < 60; i++)
		make_deep(&m, 10, i, i);
	make_deep(&m, 1000, 120, 60);
	for (size_t i = 0; i < 40; i++)
		fib[i] = make_loc(&m, server, 0x9000, "fib");
	fib[39] = make_loc(&m, server, 0x9100, "fib_main");
	make_stack(&m, (const int64_t[]){ 500, 5000000000 }, fib, 40);
	expect_text(m.p, &(struct shown){ .view = TREE }, "report/tree-deep.txt");
	expect_text(m.p, &(struct shown){ .view = TREE, .opts.max_rows = 8 },
		    "report/tree-deep-rows.txt");
	make_end(&m);
}

/* Branches at every level: the indentation must not run away. */
Test(report, branches_at_every_level_stay_on_the_page)
{
	struct maker m;

	make_begin_cpu(&m);
	for (size_t i = 1; i < 50; i++)
		make_deep(&m, 100, i + 1, i);
	expect_text(m.p, &(struct shown){ .view = TREE }, "report/tree-branches.txt");
	make_end(&m);
}

/* --- callers and callees --------------------------------------------------------------------- */

Test(report, shows_callers_and_callees)
{
	struct maker m;

	make_service(&m);
	make_stack(&m, (const int64_t[]){ 3, 30303030 },
		   (const uint32_t[]){ make_loc(&m, server, 0x3000, "crc32") }, 1);
	expect_text(m.p, &(struct shown){ .view = PEEK, .pattern = "^parse_|^crc" },
		    "report/peek.txt");
	expect_text(m.p, &(struct shown){ .view = PEEK, .pattern = "libc" },
		    "report/peek-object.txt");
	expect_text(m.p, &(struct shown){ .view = PEEK, .pattern = ".", .opts.max_rows = 2 },
		    "report/peek-rows.txt");
	make_end(&m);
}

Test(report, a_bad_pattern_and_one_without_a_match_are_told)
{
	struct report_opts o = { .sample_type = -1 };
	FILE *f = fopen("/dev/null", "w");
	struct err e = { 0 };
	struct maker m;

	make_service(&m);
	cr_expect_eq(peek_write(m.p, "a(", &o, f, &e), -EINVAL);
	cr_expect_not_null(strstr(e.text, "'a(' is not a regular expression"), "%s", e.text);
	cr_expect_eq(peek_write(m.p, "nobody", &o, f, &e), -EINVAL);
	cr_expect_not_null(strstr(e.text, "matches 'nobody'"), "%s", e.text);
	fclose(f);
	make_end(&m);
}

/* --- differences ----------------------------------------------------------------------------- */

/*
 * A program that was built anew: its function `hash` takes @hash samples, the library has another
 * version, addresses are others, a copy that the compiler made of `parse` has a name of its own.
 */
static void make_build(struct maker *m, int64_t hash, int build)
{
	const char *libc = build ? "/lib/libc-2.36.so" : "/lib/libc.so.6";
	uint64_t at = build ? 0x70000 : 0;
	uint32_t main_ = make_loc(m, server, at + 0x100, "main");
	uint32_t parse = make_loc(m, server, at + 0x200, build ? "parse.isra.0" : "parse");
	uint32_t hash_ = make_loc(m, server, at + 0x300, "hash");
	uint32_t copy = make_loc(m, libc, at + 0x400, "memcpy");
	uint32_t stripped = make_loc(m, "/lib/libz.so.1", at + 0x500, "");
	uint32_t other = make_loc(m, "/lib/libz.so.1", at + 0x510, "");

	make_cpu_stack(m, hash, hash_, main_);
	make_cpu_stack(m, 300, copy, parse, main_);
	make_cpu_stack(m, 100, parse, main_);
	make_cpu_stack(m, 60, stripped, other, main_);
	if (build)
		make_cpu_stack(m, 40, make_loc(m, server, 0x600, "log_all"), main_);
	else
		make_cpu_stack(m, 41, make_loc(m, server, 0x700, "log_some"), main_);
}

Test(report, the_function_that_became_slower_comes_first)
{
	struct maker now, base;

	make_begin_cpu(&now);
	make_build(&now, 800, 1);
	make_begin_cpu(&base);
	make_build(&base, 400, 0);
	make_comment(&now, "wick: ticks=2000 recorded=1300 idle=700 filtered=0 lost=0 truncated=0");
	expect_text(now.p, &(struct shown){ .view = TOP_DIFF, .base = base.p }, "report/diff.txt");
	expect_text(now.p, &(struct shown){ .view = TOP_DIFF, .base = base.p, .opts.as_is = true },
		    "report/diff-as-is.txt");
	expect_text(now.p, &(struct shown){ .view = TREE_DIFF, .base = base.p },
		    "report/diff-tree.txt");
	expect_text(now.p, &(struct shown){ .view = JSON_DIFF, .base = base.p },
		    "report/diff.json");
	make_end(&now);
	make_end(&base);
}

/* The verdict of a comparison of two profiles of which one has @now and one @base samples of hash.
 */
static bool is_chance(int64_t now, int64_t base)
{
	struct maker n, b;
	bool only;
	char *text;

	make_begin_cpu(&n);
	make_build(&n, now, 0);
	make_begin_cpu(&b);
	make_build(&b, base, 0);
	text = text_of(n.p, &(struct shown){ .view = TOP_DIFF, .base = b.p });
	only = strstr(text, "differ only by\n  statistics") != NULL;
	cr_expect_neq(only, strstr(text, "changed by more than chance explains;") != NULL, "%s",
		      text);
	free(text);
	make_end(&n);
	make_end(&b);
	return only;
}

Test(report, chance_is_told_from_change)
{
	cr_expect(is_chance(400, 400));
	cr_expect(is_chance(400, 440));
	cr_expect(is_chance(440, 400));
	cr_expect_not(is_chance(600, 400));
	cr_expect_not(is_chance(400, 600));
}

Test(report, a_program_under_another_name_is_matched)
{
	struct maker now, base;
	char *text;

	make_begin_cpu(&now);
	make_cpu_stack(&now, 100, make_loc(&now, "/tmp/after", 0x100, "work"));
	make_begin_cpu(&base);
	make_cpu_stack(&base, 90, make_loc(&base, "/tmp/before", 0x100, "work"));
	text = text_of(now.p, &(struct shown){ .view = TOP_DIFF, .base = base.p });
	cr_expect_null(strstr(text, "new"), "%s", text);
	cr_expect_null(strstr(text, "gone"), "%s", text);
	free(text);
	make_end(&now);
	make_end(&base);
}

Test(report, what_cannot_be_compared_is_told)
{
	struct report_opts o = { .sample_type = -1 };
	FILE *f = fopen("/dev/null", "w");
	struct maker now, base;
	struct err e = { 0 };

	make_service(&now);
	make_begin(&base);
	make_type(&base, "alloc_space", "bytes");
	cr_expect_eq(diff_write(now.p, base.p, &o, f, &e), -EINVAL);
	cr_expect_not_null(strstr(e.text, "the base has no value 'cpu'"), "%s", e.text);
	cr_expect_eq(json_diff_write(now.p, base.p, &o, f, &e), -EINVAL);
	cr_expect_eq(tree_write(now.p, base.p, &o, &(struct tree_opts){ .min_percent = -1 }, f, &e),
		     -EINVAL);
	fclose(f);
	make_end(&now);
	make_end(&base);
}

/* --- for programs ---------------------------------------------------------------------------- */

Test(report, json_has_it_all_on_a_page)
{
	struct maker m;
	char *text;

	make_service(&m);
	make_comment(&m, "wick: ticks=396 recorded=198 idle=186 filtered=2 lost=10 truncated=1 "
			 "lost.ring_full=10 truncated.no_info=1");
	make_comment(&m, "wick 0.1.0 on Linux 6.1.0 x86_64, 2 CPUs, by cycles");
	expect_text(m.p, &(struct shown){ .view = JSON }, "report/service.json");
	text = text_of(m.p, &(struct shown){ .view = JSON });
	cr_expect_lt(strlen(text), 5000);
	free(text);
	make_end(&m);
}

Test(report, json_of_a_long_stack_and_of_nothing)
{
	struct maker m;

	make_begin_cpu(&m);
	make_deep(&m, 10, 200, 200);
	expect_text(m.p, &(struct shown){ .view = JSON, .opts.max_rows = 1 }, "report/deep.json");
	make_end(&m);
	make_begin_cpu(&m);
	expect_text(m.p, &(struct shown){ .view = JSON }, "report/empty.json");
	make_end(&m);
	make_begin(&m);
	expect_text(m.p, &(struct shown){ .view = JSON }, "report/void.json");
	make_end(&m);
}

/* A stack of 0.01 % ends in a node that others of 99.99 % go through. */
Test(report, json_names_no_stack_below_its_share)
{
	struct maker m;
	uint32_t outer, inner;
	char *text;

	make_begin_cpu(&m);
	outer = make_loc(&m, server, 0x100, "outer");
	inner = make_loc(&m, server, 0x200, "inner");
	make_cpu_stack(&m, 9999, inner, outer);
	make_cpu_stack(&m, 1, outer);
	text = text_of(m.p, &(struct shown){ .view = JSON });
	cr_expect_not_null(strstr(text, "\"frames\":[\"outer\",\"inner\"]"), "%s", text);
	cr_expect_null(strstr(text, "\"frames\":[\"outer\"]"), "%s", text);
	cr_expect_not_null(strstr(text, "\"stacks_left_out\":{\"value\":10101010}"), "%s", text);
	free(text);
	make_end(&m);
}

Test(report, counts_stop_at_the_largest_number)
{
	struct maker m;
	char *text;

	make_begin(&m);
	make_type(&m, "samples", "count");
	for (uint64_t i = 0; i < 3; i++) {
		uint32_t at = make_loc(&m, server, i, i ? i == 1 ? "a" : "b" : "c");

		make_stack(&m, (const int64_t[]){ INT64_MAX }, &at, 1);
	}
	text = text_of(m.p, &(struct shown){ .view = JSON });
	cr_expect_not_null(strstr(text, "\"samples\":18446744073709551615,"), "%s", text);
	free(text);
	text = text_of(m.p, &(struct shown){ .view = PEEK, .pattern = "a" });
	cr_expect_null(strstr(text, "9,223,372,036,854,775,805 samples"), "%s", text);
	free(text);
	make_end(&m);
}

/* --- foreign names --------------------------------------------------------------------------- */

static void expect_within(const char *text, size_t columns)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		cr_expect_leq(term_columns(text, n), columns, "%zu columns: %.*s", columns, (int)n,
			      text);
		for (size_t i = 0; i < n; i++)
			cr_expect((unsigned char)text[i] >= ' ' && text[i] != 0x7f);
		text += n + (text[n] == '\n');
	}
}

Test(report, foreign_names_are_harmless_in_every_width)
{
	const enum view views[] = { TOP_DIFF, TREE, INVERTED, TREE_DIFF, PEEK };
	struct maker m, base;

	make_hostile(&m);
	make_deep(&m, 5, 100, 50);
	make_deep(&m, 5, 50, 50);
	make_comment(&m, "wick: filter: focus=\033[31m");
	make_comment(&m, "wick \033[31m");
	make_service(&base);
	for (size_t columns = 50; columns < 200; columns += 3)
		for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
			struct shown s = { .view = views[i],
					   .pattern = ".",
					   .opts.columns = columns };
			char *text;

			s.base = s.view == TOP_DIFF || s.view == TREE_DIFF ? base.p : NULL;
			s.opts.as_is = columns % 2;
			text = text_of(m.p, &s);
			expect_within(text, columns);
			free(text);
		}
	make_end(&m);
	make_end(&base);
}

Test(report, foreign_names_are_harmless_in_json)
{
	static char huge[70000];
	struct maker m, base;
	char *text;

	make_hostile(&m);
	memset(huge, 0xa5, sizeof(huge) - 1); /* nothing but continuation bytes */
	make_cpu_stack(&m, 5, make_loc(&m, server, 0x900, huge));
	make_service(&base);
	text = text_of(m.p, &(struct shown){ .view = JSON });
	cr_expect(utf8_is_valid(text, strlen(text)));
	expect_within(text, SIZE_MAX);
	cr_expect_lt(strlen(text), 10000);
	free(text);
	text = text_of(m.p, &(struct shown){ .view = JSON_DIFF, .base = base.p });
	cr_expect(utf8_is_valid(text, strlen(text)));
	expect_within(text, SIZE_MAX);
	free(text);
	make_end(&m);
	make_end(&base);
}
