/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "account.h"

static char *sum(const char *x, const char *y)
{
	struct account a, b;
	char *text = NULL;

	cr_assert(account_parse(x, &a));
	cr_assert(account_parse(y, &b));
	cr_assert_eq(account_add(&a, &b), 0);
	cr_assert_eq(account_format(&a, &text), 0);
	return text;
}

Test(account, adds_number_by_number)
{
	char *text = sum("wick: ticks=10 recorded=7 lost=3 lost.ring_full=3",
			 "wick: ticks=5 recorded=4 lost=1 lost.map_full=1");

	cr_assert_str_eq(text,
			 "wick: ticks=15 recorded=11 lost=4 lost.ring_full=3 lost.map_full=1");
	free(text);
}

Test(account, is_not_what_any_other_comment_is)
{
	static const char *const other[] = {
		"",
		"wick: version=1",
		"wick: ticks=",
		"wick: ticks=x",
		"wick: ticks=1  idle=2",
		"wick: ticks=1 idle",
		"wick: ticks=1 =2",
		"wick: ticks=1 idle=-1",
		"wick: ticks=99999999999999999999",
		" wick: ticks=1",
	};
	struct account a;

	for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++)
		cr_assert_not(account_parse(other[i], &a), "'%s' is no account", other[i]);
	cr_assert(account_parse("wick: ticks=18446744073709551600", &a));
}

Test(account, does_not_overflow)
{
	struct account a, b;

	cr_assert(account_parse("wick: ticks=18446744073709551600 idle=1", &a));
	cr_assert(account_parse("wick: ticks=100 idle=1", &b));
	cr_assert_eq(account_add(&a, &b), -E2BIG);
	cr_assert_eq(a.items[1].value, 1);
}

Test(account, has_a_bound)
{
	char text[4096] = "wick: ticks=1";
	struct account a;

	for (int i = 1; i < ACCOUNT_MAX; i++)
		snprintf(text + strlen(text), 16, " k%d=1", i);
	cr_assert(account_parse(text, &a));
	strcat(text, " more=1");
	cr_assert_not(account_parse(text, &a));
}
