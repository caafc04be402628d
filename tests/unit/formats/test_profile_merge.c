/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include <criterion/criterion.h>

#include "made_profile.h"

static struct profile *merge(const struct profile *x, const struct profile *y, int want)
{
	struct profile_builder *b = NULL;
	struct profile *sum = NULL;

	cr_assert_eq(profile_new(&sum), 0);
	cr_assert_eq(profile_builder_new(&b, sum), 0);
	cr_assert_eq(profile_builder_merge(b, x), 0);
	if (y)
		cr_assert_eq(profile_builder_merge(b, y), want);
	profile_builder_free(b);
	cr_assert_eq(profile_check(sum), 0);
	return sum;
}

static int64_t total(const struct profile *p, size_t type)
{
	int64_t n = 0;

	for (size_t i = 0; i < p->samples.n; i++)
		n += profile_value(p, i, type);
	return n;
}

Test(profile_merge, takes_the_first_profile_as_it_is)
{
	struct profile *p = demo_profile(), *sum = merge(p, NULL, 0);

	cr_assert_eq(sum->samples.n, p->samples.n);
	cr_assert_eq(total(sum, 0), total(p, 0));
	cr_assert_eq(sum->time_ns, p->time_ns);
	cr_assert_eq(sum->period, p->period);
	cr_assert_eq(sum->comments.n, p->comments.n);
	cr_assert_str_eq(strtab_get(&sum->strings, sum->default_sample_type), "cpu");
	profile_free(sum);
	profile_free(p);
}

Test(profile_merge, header_takes_earliest_time_largest_period_and_both_durations)
{
	struct profile *x = demo_profile(), *y = demo_profile(), *sum;

	y->time_ns -= 1000;
	y->period = 50;
	y->duration_ns = 7;
	y->doc_url = str(y, "https://example.org/");
	sum = merge(x, y, 0);
	cr_assert_eq(sum->time_ns, y->time_ns);
	cr_assert_eq(sum->period, 50);
	cr_assert_eq(sum->duration_ns, x->duration_ns + 7);
	cr_assert_str_eq(strtab_get(&sum->strings, sum->doc_url), "https://example.org/");
	profile_free(sum);
	y->time_ns = 0; /* unknown is not the earliest */
	sum = merge(y, x, 0);
	cr_assert_eq(sum->time_ns, x->time_ns);
	profile_free(sum);
	profile_free(y);
	profile_free(x);
}

Test(profile_merge, accounts_are_added_and_other_comments_stand_once)
{
	struct profile *x = demo_profile(), *sum;

	sum = merge(x, x, 0);
	cr_assert_eq(sum->comments.n, 2);
	cr_assert_str_eq(strtab_get(&sum->strings, sum->comments.items[0]),
			 "wick: ticks=40 recorded=20 idle=14 filtered=2 lost=4 lost.ring_full=4 "
			 "truncated=2 truncated.depth=2");
	cr_assert_str_eq(strtab_get(&sum->strings, sum->comments.items[1]), "recorded by a test");
	profile_free(sum);
	profile_free(x);
}

/* The same program twice, at other addresses: stacks must meet. */
Test(profile_merge, address_space_randomization_does_not_split_locations)
{
	struct profile *x = demo_profile(), *y = demo_profile(), *sum;

	array_each(&y->mappings, m) {
		m->start += 0x5550000;
		m->limit += 0x5550000;
	}
	array_each(&y->locations, l)
		l->address += 0x5550000;
	sum = merge(x, y, 0);
	cr_assert_eq(sum->mappings.n, x->mappings.n);
	cr_assert_eq(sum->locations.n, x->locations.n);
	cr_assert_eq(sum->samples.n, x->samples.n);
	cr_assert_eq(total(sum, 1), 2 * total(x, 1));
	array_each(&sum->locations, l) {
		const struct profile_mapping *m = &sum->mappings.items[l->mapping];

		cr_assert(l->address >= m->start && l->address < m->limit);
	}
	profile_free(sum);
	profile_free(y);
	profile_free(x);
}

Test(profile_merge, refuses_other_types)
{
	struct profile *x = demo_profile(), *y = demo_profile();

	y->sample_types.items[0].unit = str(y, "bytes");
	profile_free(merge(x, y, -EINVAL));
	y->sample_types.items[0].unit = str(y, "count");
	y->period_type.type = str(y, "wall");
	profile_free(merge(x, y, -EINVAL));
	y->period_type.type = str(y, "cpu");
	profile_free(merge(x, y, 0));
	y->sample_types.n = 1;
	profile_free(merge(x, y, -EINVAL));
	profile_free(y);
	profile_free(x);
}

/* As pprof does: zero samples, and what only they refer to, stay behind. */
Test(profile_merge, leaves_out_what_counts_nothing)
{
	struct profile *x = demo_profile(), *sum;

	for (size_t i = 0; i < x->samples.n; i++)
		for (size_t t = 0; t < 2 && i != 1; t++)
			x->values.items[i * 2 + t] = 0;
	sum = merge(x, NULL, 0);
	cr_assert_eq(sum->samples.n, 1);
	cr_assert_eq(sum->locations.n, 2);
	cr_assert_eq(sum->functions.n, 3);
	cr_assert_eq(sum->mappings.n, 1, "the first mapping is the program");
	profile_free(sum);
	profile_free(x);
}

Test(profile_merge, keeps_the_sum_of_random_profiles)
{
	for (uint64_t seed = 1; seed < 30; seed++) {
		struct profile *p = random_profile(seed, 200), *sum;
		int64_t want[3] = { 0 };

		array_each(&p->values, v)
			*v &= 0xffff;
		for (size_t t = 0; t < 3; t++)
			want[t] = total(p, t);
		p->period_type = (struct profile_value_type){ 1, 2 };
		sum = merge(p, p, 0);
		for (size_t t = 0; t < 3; t++)
			cr_assert_eq(total(sum, t), 2 * want[t]);
		cr_assert_leq(sum->samples.n, p->samples.n);
		profile_free(sum);
		profile_free(p);
	}
}
