/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>

#include "err.h"
#include "profile.h"
#include "viewopts.h"

Test(viewopts, steps_keep_the_order_of_the_command_line)
{
	struct viewopts v = { 0 };
	struct err e;

	cr_assert_eq(viewopts_take(&v, VIEWOPT_FILTER + FILTER_HIDE, "a", &e), 1);
	cr_assert_eq(viewopts_take(&v, VIEWOPT_BY, "pid", &e), 1);
	cr_assert_eq(viewopts_take(&v, VIEWOPT_FILTER + FILTER_FOCUS, "b", &e), 1);
	cr_assert_eq(viewopts_take(&v, VIEWOPT_SAMPLE_TYPE, "cpu", &e), 1);
	cr_assert_eq(v.steps.n, 3);
	cr_assert_eq(v.steps.items[0].filter.verb, FILTER_HIDE);
	cr_assert_str_eq(v.steps.items[1].label, "pid");
	cr_assert_str_eq(v.steps.items[2].filter.pattern, "b");
	cr_assert_str_eq(v.sample_type, "cpu");
	viewopts_done(&v);
}

Test(viewopts, other_options_are_not_taken)
{
	struct viewopts v = { 0 };
	struct err e;

	cr_assert_eq(viewopts_take(&v, 'o', "a", &e), 0);
	cr_assert_eq(viewopts_take(&v, 256, "a", &e), 0);
	cr_assert_eq(v.steps.n, 0);
}

Test(viewopts, a_bad_expression_is_refused_before_anything_is_read)
{
	struct viewopts v = { 0 };
	struct err e = { 0 };

	cr_assert_eq(viewopts_take(&v, VIEWOPT_FILTER + FILTER_PIVOT, "[", &e), -EINVAL);
	cr_assert(strstr(e.text, "--pivot"), "%s", e.text);
}

static void add_sample(struct profile *p, const char *name)
{
	struct profile_function f = { 0 };
	struct profile_line line = { .function = (uint32_t)p->functions.n };
	struct profile_location l = { .mapping = PROFILE_NONE,
				      .line_first = (uint32_t)p->lines.n,
				      .line_n = 1 };
	struct profile_sample s = { .loc_first = (uint32_t)p->stacks.n, .loc_n = 1 };

	cr_assert(strtab_adds(&p->strings, name, &f.name) == 0 &&
		  array_push(&p->stacks, (uint32_t)p->locations.n) == 0 &&
		  array_push(&p->functions, f) == 0 && array_push(&p->lines, line) == 0 &&
		  array_push(&p->locations, l) == 0 && array_push(&p->samples, s) == 0 &&
		  array_push(&p->values, 1) == 0);
}

Test(viewopts, steps_are_applied_and_the_type_is_found)
{
	struct viewopts v = { .sample_type = "cpu" };
	struct profile *p;
	struct profile_value_type t;
	struct err e = { 0 };
	int type = 7;

	cr_assert_eq(profile_new(&p), 0);
	cr_assert(strtab_adds(&p->strings, "cpu", &t.type) == 0 &&
		  strtab_adds(&p->strings, "count", &t.unit) == 0 &&
		  array_push(&p->sample_types, t) == 0);
	add_sample(p, "wanted");
	add_sample(p, "other");
	cr_assert_eq(viewopts_take(&v, VIEWOPT_FILTER + FILTER_FOCUS, "wanted", &e), 1);
	cr_assert_eq(viewopts_apply(&v, p, &type, &e), 0, "%s", e.text);
	cr_assert_eq(type, 0);
	cr_assert_eq(p->samples.n, 1);
	v.sample_type = NULL;
	cr_assert_eq(viewopts_apply(&v, p, &type, &e), 0);
	cr_assert_eq(type, -1);
	cr_assert_eq(viewopts_take(&v, VIEWOPT_BY, "pid", &e), 1);
	cr_assert_eq(viewopts_apply(&v, p, &type, &e), -EINVAL);
	profile_free(p);
	viewopts_done(&v);
}
