/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cpuset.h"

/* The set as sysfs would write it. */
static const char *text_of(const struct cpuset *s)
{
	static char text[256];
	size_t n = 0;

	text[0] = '\0';
	for (unsigned cpu = 0; cpu < CPUSET_MAX; cpu++) {
		unsigned last = cpu;

		if (!cpuset_has(s, cpu))
			continue;
		while (cpuset_has(s, last + 1))
			last++;
		n += (size_t)snprintf(text + n, sizeof(text) - n, last > cpu ? "%s%u-%u" : "%s%u",
				      n ? "," : "", cpu, last);
		cpu = last;
	}
	return text;
}

Test(cpuset, parses_numbers_and_ranges)
{
	static const struct {
		const char *text, *canonical;
		unsigned count;
	} t[] = {
		{ "0", "0", 1 },	 { "0-3,8", "0-3,8", 5 },
		{ "8,0-3", "0-3,8", 5 }, { "1,1,1", "1", 1 },
		{ "2-4,3-6", "2-6", 5 }, { "5-5", "5", 1 },
		{ "007", "7", 1 },	 { "63-64", "63-64", 2 },
		{ "8191", "8191", 1 },	 { "0-8191", "0-8191", 8192 },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct cpuset s;

		cr_expect_eq(cpuset_parse(t[i].text, &s), 0, "%s", t[i].text);
		cr_expect_str_eq(text_of(&s), t[i].canonical, "%s", t[i].text);
		cr_expect_eq(cpuset_count(&s), t[i].count, "%s", t[i].text);
	}
}

Test(cpuset, refuses_everything_else_and_leaves_the_result_alone)
{
	static const struct {
		const char *text;
		int r;
	} t[] = {
		{ "", -EINVAL },
		{ ",", -EINVAL },
		{ "1,", -EINVAL },
		{ ",1", -EINVAL },
		{ "1,,2", -EINVAL },
		{ "a", -EINVAL },
		{ "1a", -EINVAL },
		{ "-1", -EINVAL },
		{ "+1", -EINVAL },
		{ " 1", -EINVAL },
		{ "1 ", -EINVAL },
		{ "1-", -EINVAL },
		{ "3-1", -EINVAL },
		{ "1-2-3", -EINVAL },
		{ "1--2", -EINVAL },
		{ "0x1", -EINVAL },
		{ "8192", -ERANGE },
		{ "0-8192", -ERANGE },
		{ "99999999999999999999", -ERANGE },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct cpuset s = { .bits = { 5 } };

		cr_expect_eq(cpuset_parse(t[i].text, &s), t[i].r, "'%s'", t[i].text);
		cr_expect_str_eq(text_of(&s), "0,2", "'%s'", t[i].text);
	}
}

Test(cpuset, has_no_cpu_beyond_its_size)
{
	struct cpuset s;

	cr_assert_eq(cpuset_parse("0-8191", &s), 0);
	cr_expect_not(cpuset_has(&s, CPUSET_MAX));
	cr_expect_not(cpuset_has(&s, UINT32_MAX));
}

Test(cpuset, online_ones_are_as_many_as_libc_says)
{
	struct cpuset s;

	cr_assert_eq(cpuset_online(&s), 0);
	cr_expect_eq(cpuset_count(&s), (unsigned)sysconf(_SC_NPROCESSORS_ONLN));
}
