/* SPDX-License-Identifier: Apache-2.0 */
#include "kinds.h"
#include "made_text.h"

Test(kinds, each_gets_its_own_types)
{
	static const uint32_t column[] = { 0, 2 };
	struct profile *p = read_folded("a 1\nb 2\nc 4\n");
	struct profile_value_type types[3];
	struct profile_label mark;

	for (size_t i = 0; i < 3; i++)
		types[i] = (struct profile_value_type){ str(p, (char[]){ 't', (char)('0' + i), 0 }),
							str(p, "count") };
	cr_assert_eq(kinds_label(p, 1, &mark), 0);
	cr_assert_eq(array_push(&p->labels, mark), 0);
	p->samples.items[1].label_n = 1;
	p->samples.items[1].loc_first = 0; /* the stack of the first */
	cr_assert_eq(kinds_spread(&p, column, types, 3), 0);
	cr_assert_eq(profile_check(p), 0);
	cr_assert_eq(p->sample_types.n, 3);
	cr_assert_eq(p->samples.n, 2, "of two kinds, but one stack and no labels");
	cr_expect_eq(profile_value(p, 0, 0), 1);
	cr_expect_eq(profile_value(p, 0, 1), 0);
	cr_expect_eq(profile_value(p, 0, 2), 2);
	cr_expect_eq(profile_value(p, 1, 0), 4);
	cr_expect_eq(p->labels.n, 0);
	profile_free(p);
}

Test(kinds, tidying_drops_what_is_not_needed)
{
	struct profile *p = read_folded("a;b 1\nc 4\n");

	p->samples.n = p->values.n = 1;
	cr_assert_eq(profile_tidy(&p), 0);
	cr_expect_eq(p->functions.n, 2);
	must_fold(p, "a;b 1\n");
	profile_free(p);
}
