/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's walk finds the stacks that libunwind finds, on the machine as it is. */
#include <stdio.h>
#include <string.h>

#include "harness.h"

E2E(verify_unwind);

/* The numbers of the line of the report that ends with @name. */
static void expect_program(const struct run *r, const char *name)
{
	const char *end = strstr(r->out, text("%s\n", name)), *line = end;
	double frames, agree, stacks, whole;

	cr_assert_not_null(end, "no line of %s in:\n%s%s", name, r->out, r->err);
	while (line > r->out && line[-1] != '\n')
		line--;
	cr_assert_eq(sscanf(line, "%lf %lf%% %lf %lf%%", &frames, &agree, &stacks, &whole), 4, "%s",
		     line);
	cr_expect_gt(frames, 100, "%s", r->out);
	cr_expect_geq(agree, 99.9, "%s", r->out);
	cr_expect_gt(stacks, 20, "%s", r->out);
#ifndef __SANITIZE_ADDRESS__ /* with which most of the time passes before the tables are made */
	cr_expect_gt(whole, 80, "%s", r->out);
#endif
}

Test(verify_unwind, agrees_on_a_busy_machine)
{
	struct run deep = start_words(workload("deep-nofp"), "60", "4");
	struct run split = start_words(workload("split-nofp"), "4");
	struct run r = wick("doctor", "--verify-unwind", "3");

	finish(&deep);
	finish(&split);
	cr_assert_lt(r.status, 2, "%s", r.err);
	expect_program(&r, "/deep-nofp");
	expect_program(&r, "/split-nofp");
	cr_expect_not_null(strstr(r.out, "verdict"), "%s", r.out);
	/* In bytes: an ellipsis has three. */
	for (const char *line = r.out; *line; line = strchr(line, '\n') + 1)
		cr_expect_leq(strcspn(line, "\n"), 80 + 2, "%s", line);
}

Test(verify_unwind, says_what_it_does_not_understand)
{
	struct run r = wick("doctor", "--verify-unwind", "soon");

	must_end(&r, 2);
	cr_expect_not_null(strstr(r.err, "wants seconds, such as 10, not 'soon'"), "%s", r.err);
	r = wick("doctor", "--verify-unwind", "1", "2");
	must_end(&r, 2);
	cr_expect_not_null(strstr(r.err, "not '2'"), "%s", r.err);
	r = wick("doctor", "--verify-unwind", "--json");
	must_end(&r, 2);
	cr_expect_not_null(strstr(r.err, "exclude each other"), "%s", r.err);
}
