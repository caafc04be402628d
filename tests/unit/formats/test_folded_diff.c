/* SPDX-License-Identifier: Apache-2.0 */
#include "folded_diff.h"
#include "made_text.h"

Test(folded_diff, columns_become_base_and_samples)
{
	struct profile *p =
		must_read(folded_diff_read, "main;a;b 3 4\nmain;c_[k] 0 7\r\n# x\n\nmain;d 5 0\n"
					    "x 1;z_[i] 1\t1\nq_[i] 2 2");
	int64_t sum[2] = { 0 };

	cr_assert_eq(p->sample_types.n, 2);
	cr_expect_str_eq(strtab_get(&p->strings, p->sample_types.items[0].type), "base");
	cr_expect_str_eq(strtab_get(&p->strings, p->sample_types.items[1].type), "samples");
	cr_expect_eq(profile_default_type(p), 1);
	cr_assert_eq(p->samples.n, 5, "both columns of a stack are one sample");
	for (size_t i = 0; i < p->samples.n; i++)
		for (size_t t = 0; t < 2; t++)
			sum[t] += profile_value(p, i, t);
	cr_expect_eq(sum[0], 11);
	cr_expect_eq(sum[1], 14);
	must_fold(p, "main;a;b 3\nmain;d 5\nq_[i] 2\nx_1;z_[i] 1\n");
	profile_free(p);
}

Test(folded_diff, lines_with_one_count_are_refused)
{
	must_refuse(folded_diff_read, "a 1 2\nb 3\n", "line 2 does not end in two numbers");
	must_refuse(folded_diff_read, "a 1 2\nb 1 99999999999999999999\n",
		    "a count in line 2 is too large");
	must_refuse(folded_diff_read, "a 9223372036854775808.5 1\n", "a count in line 1");
}

/* What rounding leaves of one column does not become the other's. */
Test(folded_diff, fractions_are_rounded_for_each_column)
{
	struct profile *p = must_read(folded_diff_read, "a 0.4 1.2\nb 0.4 1.2\nc 0.4 1.2\n"
							"d 0.4 1.2\ne 0.4 1.2\nf 1. 2\n");
	int64_t sum[2] = { 0 };

	for (size_t i = 0; i < p->samples.n; i++)
		for (size_t t = 0; t < 2; t++)
			sum[t] += profile_value(p, i, t);
	cr_expect_eq(sum[0], 3);
	cr_expect_eq(sum[1], 8);
	profile_free(p);
}

Test(folded_diff, it_is_told_from_one_count)
{
	static const struct {
		const char *text;
		bool diff;
	} cases[] = {
		{ "a 1 2\nb 3 4\n", true },
		{ "a 1 2\nb 3\n", false },
		{ "a 1\n", false },
		{ "# x\n\na 1 2", true },
		{ "", false },
		{ "1 2\n", false },
		{ " 1 2\n", false },
		{ "a 1.5 2\nb 3. 4.25\n", true },
		{ "a 1.5\nb 3 4\n", false },
		{ "a 1 2\nb 3 4\nc 5", true }, /* cut by the end of what was read so far */
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		cr_expect_eq(folded_diff_sniff(cases[i].text, strlen(cases[i].text)), cases[i].diff,
			     "%s", cases[i].text);
}
