/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include <criterion/criterion.h>

#include "made_profile.h"

Test(profile, free_accepts_null)
{
	profile_free(NULL);
}

Test(profile, is_valid_when_new)
{
	struct profile *p = NULL;

	cr_assert_eq(profile_new(&p), 0);
	cr_assert_eq(profile_check(p), 0);
	cr_assert_eq(profile_default_type(p), 0);
	profile_free(p);
}

/* Each way to break the demo profile; the check must see every one. */
#define broken(name, change)                              \
	Test(profile, check_finds_##name)                 \
	{                                                 \
		struct profile *p = demo_profile();       \
                                                          \
		change;                                   \
		cr_assert_eq(profile_check(p), -EBADMSG); \
		profile_free(p);                          \
	}

broken(a_type_without_string, p->sample_types.items[1].unit = 999) broken(
	a_period_without_string, p->period_type.type = 999) broken(a_comment_without_string,
								   p->comments.items[0] = 999)
	broken(a_default_without_string, p->default_sample_type = 999) broken(
		a_mapping_without_string,
		p->mappings.items[0].build_id = 999) broken(a_function_without_string,
							    p->functions.items[0].file = 999)
		broken(a_line_without_function, p->lines.items[0].function = 999) broken(
			a_location_without_mapping,
			p->locations.items[0].mapping =
				999) broken(a_location_past_the_lines,
					    p->locations.items[0].line_first = UINT32_MAX)
			broken(a_stack_without_location, p->stacks.items[0] = 999) broken(
				a_sample_past_the_stacks,
				p->samples.items[0].loc_n =
					UINT32_MAX) broken(a_sample_past_the_labels,
							   p->samples.items[0].label_first = 999)
				broken(a_label_without_key, p->labels.items[0].key = 0) broken(
					a_label_without_string,
					p->labels.items[0].str = 999) broken(a_missing_value,
									     p->values.n--)
					broken(samples_without_types,
					       (p->sample_types.n = 0, p->values.n = 0))

						Test(profile,
						     check_accepts_a_location_without_mapping)
{
	struct profile *p = demo_profile();

	p->locations.items[0].mapping = PROFILE_NONE;
	cr_assert_eq(profile_check(p), 0);
	profile_free(p);
}

Test(profile, shows_the_default_type_else_the_last)
{
	struct profile *p = demo_profile();

	p->default_sample_type = str(p, "samples");
	cr_assert_eq(profile_default_type(p), 0);
	p->default_sample_type = str(p, "nothing of this name");
	cr_assert_eq(profile_default_type(p), 1);
	p->default_sample_type = 0;
	cr_assert_eq(profile_default_type(p), 1);
	profile_free(p);
}
