/* SPDX-License-Identifier: Apache-2.0 */
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

static char *top_text(const struct profile *p, const struct report_opts *opts)
{
	struct err e = { 0 };
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	int r = top_write(p, opts, f, &e);

	fclose(f);
	cr_assert_eq(r, 0, "%s", e.text);
	return text;
}

static void expect_golden(const struct profile *p, const struct report_opts *opts, const char *name)
{
	char *text = top_text(p, opts);

	cr_expect_eq(profile_check(p), 0);
	golden_check(name, text);
	free(text);
}

static const struct report_opts defaults = { .sample_type = -1 };

Test(top, shows_shares_of_functions)
{
	struct maker m;

	make_service(&m);
	make_comment(&m, "wick: ticks=396 recorded=198 idle=196 filtered=2 lost=0 truncated=0");
	expect_golden(m.p, &defaults, "top/service.txt");
	make_end(&m);
}

/* Names of templates as demanglers write them: short where they do not fit, whole where they do. */
Test(top, shortens_names_that_do_not_fit)
{
	static const char file[] = "/usr/bin/search";
	struct maker m;
	uint32_t push, sort, lambda, small, deep;

	make_begin_cpu(&m);
	push = make_loc(&m, file, 0x100,
			"std::vector<std::pair<int, int>, std::allocator<std::pair<int, int> > >::"
			"push_back(std::pair<int, int> const&)");
	sort = make_loc(&m, file, 0x200,
			"void std::__introsort_loop<long*, long>(long*, long*, long)");
	lambda = make_loc(&m, file, 0x300,
			  "search(std::string const&)::{lambda(int, int)#1}::operator()(int, int) "
			  "const|search(std::string const&)");
	small = make_loc(&m, file, 0x400, "hash(int)");
	deep = make_loc(
		&m, file, 0x500,
		"a_name_that_is_no_template_but_longer_than_the_line_is_wide_in_any_case_for_"
		"which_the_middle_is_left_out");
	make_cpu_stack(&m, 50, push, lambda);
	make_cpu_stack(&m, 40, sort, lambda);
	make_cpu_stack(&m, 30, lambda);
	make_cpu_stack(&m, 20, small, lambda);
	make_cpu_stack(&m, 10, deep, lambda);
	expect_golden(m.p, &defaults, "top/short.txt");
	expect_golden(m.p, &(struct report_opts){ .sample_type = -1, .columns = 200 },
		      "top/short-wide.txt");
	make_end(&m);
}

Test(top, fits_narrow_and_wide_terminals)
{
	struct maker m;

	make_service(&m);
	expect_golden(m.p, &(struct report_opts){ .sample_type = -1, .columns = 56 },
		      "top/narrow.txt");
	expect_golden(m.p, &(struct report_opts){ .sample_type = -1, .columns = 120 },
		      "top/wide.txt");
	make_end(&m);
}

Test(top, colours_headings_and_hot_rows_when_asked)
{
	struct maker m;

	make_service(&m);
	make_comment(
		&m,
		"wick: ticks=200 recorded=198 idle=0 filtered=0 lost=2 truncated=0 lost.ring_full=2");
	expect_golden(m.p, &(struct report_opts){ .sample_type = -1, .color = true },
		      "top/colour.txt");
	make_end(&m);
}

Test(top, sums_up_the_rows_it_leaves_out)
{
	struct maker m;

	make_service(&m);
	expect_golden(m.p, &(struct report_opts){ .sample_type = 0, .max_rows = 3 },
		      "top/rest.txt");
	make_end(&m);
}

Test(top, names_places_without_a_function)
{
	struct maker m;

	make_begin_cpu(&m);
	make_cpu_stack(&m, 5, make_loc(&m, "/opt/app/stripped (deleted)", 0x1234, ""));
	make_cpu_stack(&m, 4, make_loc(&m, "/opt/app/stripped (deleted)", 0x1238, ""));
	make_cpu_stack(&m, 3, make_loc(&m, NULL, 0x7f0000001000, ""));
	make_cpu_stack(&m, 2, make_loc(&m, NULL, 0x7f0000002000, ""));
	make_cpu_stack(&m, 2, make_loc(&m, "[vdso]", 0x900, ""));
	make_cpu_stack(&m, 2, make_loc(&m, "//anon", 0x10, ""));
	make_cpu_stack(&m, 1, make_loc(&m, "[kernel.kallsyms]", 0x77, ""));
	make_cpu_stack(&m, 1, make_loc(&m, "[nf_tables]", 0x88, "nft_do_chain"));
	make_cpu_stack(&m, 1, make_loc(&m, "", 0x99, ""));
	make_cpu_stack(&m, 1, make_loc(&m, NULL, 0, "[truncated: no unwind info]"));
	make_stack(&m, (const int64_t[]){ 6, 60606060 }, NULL, 0);
	expect_golden(m.p, &defaults, "top/places.txt");
	make_end(&m);
}

Test(top, tells_functions_of_one_name_apart_by_their_object)
{
	struct maker m;

	make_begin_cpu(&m);
	make_cpu_stack(&m, 3, make_loc(&m, "/bin/b", 0x10, "helper"),
		       make_loc(&m, "/bin/b", 0x90, "main"));
	make_cpu_stack(&m, 3, make_loc(&m, "/bin/a", 0x10, "helper"),
		       make_loc(&m, "/bin/a", 0x90, "main"));
	make_cpu_stack(&m, 3, make_loc(&m, "/bin/a", 0x18, "abort"),
		       make_loc(&m, "/bin/a", 0x90, "main"));
	expect_golden(m.p, &defaults, "top/ties.txt");
	make_end(&m);
}

Test(top, makes_foreign_names_harmless)
{
	struct maker m;

	make_hostile(&m);
	expect_golden(m.p, &defaults, "top/hostile.txt");
	make_end(&m);
}

Test(top, keeps_every_line_within_the_width)
{
	struct maker m;

	make_hostile(&m);
	for (size_t columns = 50; columns < 260; columns++) {
		char *text = top_text(
			m.p, &(struct report_opts){ .sample_type = -1, .columns = columns });

		for (char *line = text; *line;) {
			size_t n = strcspn(line, "\n");

			cr_expect_leq(term_columns(line, n), columns, "%.*s", (int)n, line);
			line += n + 1;
		}
		free(text);
	}
	make_end(&m);
}

Test(top, warns_of_lost_and_truncated_samples)
{
	struct maker m;

	make_service(&m);
	make_comment(&m, "made by a test");
	make_comment(
		&m,
		"wick: ticks=1500 recorded=198 idle=1200 filtered=2 lost=100 truncated=7 "
		"lost.ring_full=30 lost.map_full=70 truncated.no_unwind_info=5 truncated.too_deep=2");
	expect_golden(m.p, &defaults, "top/lost.txt");
	make_end(&m);
}

Test(top, adds_the_accounts_of_merged_profiles)
{
	struct maker m;

	make_service(&m);
	make_comment(
		&m,
		"wick: ticks=100 recorded=90 idle=0 filtered=0 lost=10 truncated=0 lost.ring_full=10");
	make_comment(
		&m,
		"wick: ticks=120 recorded=108 idle=2 filtered=0 lost=1 truncated=0 lost.ring_full=1");
	make_comment(&m, "wick: ticks=1x recorded=99999999999999999999999999 =7 lost idle=-1 ");
	make_comment(&m, "wick: nothing=1");
	expect_golden(m.p, &defaults, "top/merged.txt");
	make_end(&m);
}

Test(top, says_so_when_there_is_nothing)
{
	struct maker m;

	make_begin_cpu(&m);
	make_comment(&m, "wick: ticks=990 recorded=0 idle=990 filtered=0 lost=0 truncated=0");
	expect_golden(m.p, &defaults, "top/empty.txt");
	make_end(&m);

	make_begin(&m);
	expect_golden(m.p, &defaults, "top/void.txt");
	make_end(&m);

	make_begin_cpu(&m);
	make_stack(&m, (const int64_t[]){ 3, 0 }, NULL, 0);
	expect_golden(m.p, &(struct report_opts){ .sample_type = 1 }, "top/zero.txt");
	make_end(&m);
}

Test(top, groups_plain_counts_and_scales_bytes)
{
	struct maker m;

	make_begin(&m);
	make_type(&m, "cycles", "cycles");
	make_type(&m, "alloc_space", "bytes");
	m.p->period_type = m.p->sample_types.items[0];
	m.p->period = 1000003;
	make_stack(&m, (const int64_t[]){ 98765432100, 5LL << 30 },
		   (const uint32_t[]){ make_loc(&m, "/bin/a", 1, "big") }, 1);
	make_stack(&m, (const int64_t[]){ 1000003, 1536 },
		   (const uint32_t[]){ make_loc(&m, "/bin/a", 2, "small") }, 1);
	expect_golden(m.p, &(struct report_opts){ .sample_type = 0 }, "top/cycles.txt");
	expect_golden(m.p, &(struct report_opts){ .sample_type = 1 }, "top/bytes.txt");
	make_end(&m);
}

Test(top, shows_differences_and_survives_extreme_values)
{
	struct maker m;

	make_begin(&m);
	make_type(&m, "cpu", "nanoseconds");
	make_stack(&m, (const int64_t[]){ -3000000 },
		   (const uint32_t[]){ make_loc(&m, "/bin/a", 1, "faster") }, 1);
	make_stack(&m, (const int64_t[]){ 1000000 },
		   (const uint32_t[]){ make_loc(&m, "/bin/a", 2, "slower") }, 1);
	expect_golden(m.p, &defaults, "top/difference.txt");
	make_stack(&m, (const int64_t[]){ INT64_MAX },
		   (const uint32_t[]){ make_loc(&m, "/bin/a", 3, "huge") }, 1);
	make_stack(&m, (const int64_t[]){ INT64_MIN },
		   (const uint32_t[]){ make_loc(&m, "/bin/a", 4, "least") }, 1);
	m.p->time_ns = UINT64_MAX;
	m.p->duration_ns = UINT64_MAX;
	free(top_text(m.p, &defaults));
	make_end(&m);
}

Test(top, refuses_a_sample_type_that_is_not_there)
{
	struct maker m;
	struct err e = { 0 };

	make_service(&m);
	cr_expect_eq(top_write(m.p, &(struct report_opts){ .sample_type = 2 }, stdout, &e),
		     -EINVAL);
	cr_expect_str_eq(e.text, "the profile has no sample type 2; it has: 0 samples, 1 cpu");
	make_end(&m);
}

Test(top, reports_errors_of_writing)
{
	struct maker m;
	struct err e = { 0 };
	FILE *f = fopen("/dev/full", "w");

	cr_assert_not_null(f);
	make_service(&m);
	cr_expect_eq(top_write(m.p, &defaults, f, &e), -ENOSPC);
	cr_expect_str_eq(e.text, "cannot write the report: No space left on device");
	make_end(&m);
	fclose(f);
}
