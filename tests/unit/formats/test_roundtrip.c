/* SPDX-License-Identifier: Apache-2.0 */
/* What goes through a format and back must be what it was. */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "made_profile.h"

Test(roundtrip, pprof_keeps_the_demo_profile)
{
	struct profile *p = demo_profile(), *back = recode_profile(p),
		       *again = recode_profile(back);

	assert_same_profile(back, again);
	cr_assert_eq(back->samples.n, p->samples.n);
	profile_free(again);
	profile_free(back);
	profile_free(p);
}

Test(roundtrip, pprof_keeps_random_profiles_exactly)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct profile *p = random_profile(seed, seed % 20 * seed);
		struct profile *back = recode_profile(p);

		assert_same_profile(p, back);
		profile_free(back);
		profile_free(p);
	}
}

Test(roundtrip, pprof_keeps_100000_samples_exactly)
{
	struct profile *p = random_profile(7, 100000), *back = recode_profile(p);

	assert_same_profile(p, back);
	profile_free(back);
	profile_free(p);
}

/* Merging into an empty profile keeps what the samples say; a second merge doubles it. */
Test(roundtrip, merging_a_profile_twice_doubles_its_values)
{
	struct profile *p = demo_profile(), *sum = NULL;
	struct profile_builder *b = NULL;

	cr_assert_eq(profile_new(&sum), 0);
	cr_assert_eq(profile_builder_new(&b, sum), 0);
	cr_assert_eq(profile_builder_merge(b, p), 0);
	cr_assert_eq(profile_builder_merge(b, p), 0);
	cr_assert_eq(profile_check(sum), 0);
	cr_assert_eq(sum->samples.n, p->samples.n);
	cr_assert_eq(sum->locations.n, p->locations.n);
	cr_assert_eq(sum->functions.n, p->functions.n);
	for (size_t i = 0; i < p->samples.n; i++)
		for (size_t t = 0; t < 2; t++)
			cr_assert_eq(profile_value(sum, i, t), 2 * profile_value(p, i, t));
	profile_builder_free(b);
	profile_free(sum);
	profile_free(p);
}

Test(roundtrip, folded_keeps_the_stacks_of_a_profile)
{
	struct profile *p = demo_profile(), *back;
	char *text = write_folded(p), *again;

	back = read_folded(text);
	again = write_folded(back);
	cr_assert_str_eq(again, text);
	profile_free(back);
	free(again);
	free(text);
	profile_free(p);
}

/* Text made of frames that try to confuse the reader: what was written once is read and written the
 * same ever after. */
Test(roundtrip, folded_is_stable_after_the_first_writing)
{
	static const char *const frames[] = { "a",	"a b",	   "a b 1", "12",    "a;b",
					      "#x",	"",	   " ",	    "x_[k]", "x_[i]",
					      "\t1",	"a 1.",	   "a 1",   "naïve", "_[i]",
					      "a  2",	"\r",	   "-",	    "a\nb",  "[unknown]",
					      "a 3.14", "a_[j] 7", ";",	    "a " };
	uint64_t state = 99;

	for (int round = 0; round < 200; round++) {
		struct profile *p = NULL, *back;
		struct profile_builder *b = NULL;
		char *text, *again;

		cr_assert_eq(profile_new(&p), 0);
		cr_assert_eq(array_push(&p->sample_types, (struct profile_value_type){ 0 }), 0);
		cr_assert_eq(profile_builder_new(&b, p), 0);
		for (int i = 0; i < 30; i++) {
			uint32_t stack[5], n = pick(&state, 6);

			for (uint32_t k = 0; k < n; k++) {
				struct profile_function f = {
					.name = str(p, frames[pick(&state, ARRAY_LEN(frames))])
				};
				struct profile_line line = {
					.function = (uint32_t)profile_builder_function(b, &f)
				};
				struct profile_location l = { .mapping = PROFILE_NONE,
							      .line_n = 1 };

				stack[k] = (uint32_t)profile_builder_location(b, &l, &line);
			}
			profile_builder_sample(b, stack, n, NULL, 0,
					       (int64_t[]){ 1 + pick(&state, 200) });
		}
		text = write_folded(p);
		back = read_folded(text);
		again = write_folded(back);
		cr_assert_str_eq(again, text);
		profile_builder_free(b);
		profile_free(back);
		profile_free(p);
		free(again);
		free(text);
	}
}
