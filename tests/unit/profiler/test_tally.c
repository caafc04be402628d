/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tally.h"

Test(tally, of_nothing_says_so)
{
	struct tally a = { 0 };
	char text[TALLY_TEXT_MAX];

	tally_format(&a, text);
	cr_expect_str_eq(text, "wick: ticks=0 recorded=0 idle=0 filtered=0 lost=0 truncated=0");
}

Test(tally, names_the_reasons_of_what_is_missing)
{
	struct tally a = { .recorded = 100 };
	char text[TALLY_TEXT_MAX];

	a.n[CTR_TICKS] = 161;
	a.n[CTR_IDLE] = 40;
	a.n[CTR_FILTERED] = 11;
	a.n[CTR_LOST_RING_FULL] = 3;
	a.n[CTR_LOST_MEMORY] = 7;
	a.n[CTR_TRUNC_USER_DEPTH] = 5;
	tally_format(&a, text);
	cr_expect_str_eq(text,
			 "wick: ticks=161 recorded=100 idle=40 filtered=11 lost=10 truncated=5"
			 " lost.ring_full=3 lost.memory=7 truncated.user_depth=5");
	cr_expect_eq(tally_lost(&a), 10);
	cr_expect_eq(tally_truncated(&a), 5);
	cr_expect_eq(a.n[CTR_TICKS],
		     a.recorded + a.n[CTR_IDLE] + a.n[CTR_FILTERED] + tally_lost(&a));
}

Test(tally, largest_numbers_fit_the_line)
{
	struct tally a = { .recorded = UINT64_MAX };
	char text[TALLY_TEXT_MAX];

	for (int c = 0; c < CTR_MAX; c++)
		a.n[c] = UINT64_MAX;
	tally_format(&a, text);
	cr_expect_lt(strlen(text), TALLY_TEXT_MAX - 1);
	cr_expect_not_null(strstr(text, " truncated.user_read=18446744073709551615"));
}

Test(tally, every_counter_has_a_name_and_a_meaning)
{
	for (int c = 0; c < CTR_MAX; c++) {
		cr_expect_not_null(counter_name((enum counter)c));
		cr_expect_gt(strlen(counter_help((enum counter)c)), 5, "counter %d", c);
		cr_expect_eq(strspn(counter_name((enum counter)c), "abcdefghijklmnopqrstuvwxyz_"),
			     strlen(counter_name((enum counter)c)), "names are stable identifiers");
	}
	cr_expect_str_eq(counter_name(CTR_MAX), "");
	cr_expect_str_eq(counter_help(CTR_MAX), "");
}

Test(tally, every_lost_sample_has_one_reason_and_so_has_every_truncated_one)
{
	for (int c = 0; c < CTR_MAX; c++) {
		struct tally a = { 0 };
		bool lost = c >= CTR_LOST_FIRST && c <= CTR_LOST_LAST;
		bool truncated = c >= CTR_TRUNC_FIRST && c <= CTR_TRUNC_LAST;

		a.n[c] = 1;
		cr_expect_eq(tally_lost(&a), lost);
		cr_expect_eq(tally_truncated(&a), truncated);
		cr_expect(lost || truncated || c == CTR_TICKS || c == CTR_IDLE ||
			  c == CTR_FILTERED);
	}
}
