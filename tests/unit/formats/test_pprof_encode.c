/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "err.h"
#include "made_profile.h"
#include "pprof.h"

static bool holds(const struct buffer *b, const char *s)
{
	return memmem(b->items, b->n, s, strlen(s)) != NULL;
}

static struct buffer encode(const struct profile *p)
{
	struct buffer b = { 0 };
	struct sink out = buffer_sink(&b);

	cr_assert_eq(pprof_encode(p, &out), 0);
	return b;
}

Test(pprof_encode, leaves_out_strings_that_nothing_refers_to)
{
	struct profile *p = demo_profile();
	struct buffer b;

	str(p, "nobody needs this one");
	b = encode(p);
	cr_assert_not(holds(&b, "nobody"));
	cr_assert(holds(&b, "recorded by a test"));
	array_free(&b);
	profile_free(p);
}

Test(pprof_encode, repairs_strings_and_leaves_the_profile_as_it_is)
{
	struct profile *p = demo_profile(), *back;

	p->functions.items[0].name = str(p, "caf\xe9<\xff>");
	back = recode_profile(p);
	cr_assert_str_eq(strtab_get(&back->strings, back->functions.items[0].name),
			 "caf\xef\xbf\xbd<\xef\xbf\xbd>");
	cr_assert_str_eq(strtab_get(&p->strings, p->functions.items[0].name), "caf\xe9<\xff>");
	profile_free(back);
	profile_free(p);
}

Test(pprof_encode, keeps_a_nul_inside_a_string)
{
	struct profile *p = demo_profile(), *back;
	uint32_t id;

	cr_assert_eq(strtab_add(&p->strings, "a\0b", 3, &id), 0);
	p->functions.items[0].name = id;
	back = recode_profile(p);
	cr_assert_eq(strtab_len(&back->strings, back->functions.items[0].name), 3);
	profile_free(back);
	profile_free(p);
}

Test(pprof_encode, gives_a_number_0_its_key_as_unit)
{
	struct profile *p = demo_profile(), *back = recode_profile(p);
	const struct profile_label *l = NULL;

	array_each(&back->labels, it)
		if (strcmp(strtab_get(&back->strings, it->key), "cpu") == 0)
			l = it;
	cr_assert_not_null(l, "the label cpu=0 is lost");
	cr_assert(l->is_num && l->num == 0);
	cr_assert_str_eq(strtab_get(&back->strings, l->num_unit), "cpu");
	array_each(&back->labels, it)
		if (strcmp(strtab_get(&back->strings, it->key), "tid") == 0)
			cr_assert_eq(it->num_unit, 0);
	profile_free(back);
	profile_free(p);
}

Test(pprof_encode, leaves_out_labels_that_say_nothing)
{
	struct profile *p = demo_profile(), *back;
	uint32_t n = p->samples.items[0].label_n;

	array_each(&p->labels, l)
		l->str = 0;
	back = recode_profile(p);
	cr_assert_eq(back->samples.items[0].label_n, n - 1, "comm is empty, tid and cpu are not");
	profile_free(back);
	profile_free(p);
}

Test(pprof_encode, writes_an_empty_profile_that_reads)
{
	struct profile *p = NULL, *back;

	cr_assert_eq(profile_new(&p), 0);
	back = recode_profile(p);
	cr_assert_eq(back->samples.n, 0);
	profile_free(back);
	profile_free(p);
}

Test(pprof_encode, writes_many_comments)
{
	struct profile *p = demo_profile(), *back;

	for (int i = 0; i < 300; i++) {
		char s[20];

		snprintf(s, sizeof(s), "comment %d", i);
		cr_assert_eq(array_push(&p->comments, str(p, s)), 0);
	}
	back = recode_profile(p);
	assert_same_profile(back, back);
	cr_assert_eq(back->comments.n, 302);
	cr_assert_str_eq(strtab_get(&back->strings, back->comments.items[301]), "comment 299");
	profile_free(back);
	profile_free(p);
}

Test(pprof_encode, carries_large_addresses_and_negative_numbers)
{
	struct profile *p = demo_profile(), *back;

	p->locations.items[0].address = UINT64_MAX;
	p->lines.items[0].line = -1;
	p->values.items[0] = INT64_MIN;
	back = recode_profile(p);
	cr_assert_eq(back->locations.items[0].address, UINT64_MAX);
	cr_assert_eq(back->lines.items[0].line, -1);
	cr_assert_eq(back->values.items[0], INT64_MIN);
	profile_free(back);
	profile_free(p);
}

Test(pprof_encode, hands_the_error_of_the_sink_on)
{
	struct profile *p = random_profile(3, 5000);

	for (int call = 1; call < 4; call++) {
		struct buffer b = { .fail_at = call };
		struct sink out = buffer_sink(&b);

		cr_assert_eq(pprof_encode(p, &out), -EIO);
		array_free(&b);
	}
	profile_free(p);
}

Test(pprof_encode, writes_the_same_bytes_each_time)
{
	struct profile *p = random_profile(5, 500);
	struct buffer x = encode(p), y = encode(p);

	cr_assert(x.n == y.n && memcmp(x.items, y.items, x.n) == 0);
	array_free(&x);
	array_free(&y);
	profile_free(p);
}
