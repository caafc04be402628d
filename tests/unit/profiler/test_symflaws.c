/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "symbolize.h"
#include "symflaws.h"

Test(symflaws, nothing_is_said_of_nothing)
{
	char text[SYMFLAWS_TEXT_MAX];

	cr_expect_not(symflaws_format(&(struct symbolizer_stats){ .hits = 3, .loads = 1 }, text));
	cr_expect_str_eq(text, "");
}

Test(symflaws, each_flaw_is_counted_in_the_comment)
{
	char text[SYMFLAWS_TEXT_MAX];

	cr_expect(symflaws_format(&(struct symbolizer_stats){ .no_split = 2 }, text));
	cr_expect_str_eq(text, "wick: symbols: no_split=2");
	cr_expect(symflaws_format(
		&(struct symbolizer_stats){
			.no_split = 1, .no_alt = 7, .broken = 20, .limited = 300 },
		text));
	cr_expect_str_eq(text, "wick: symbols: no_split=1 no_alt=7 broken=20 limited=300");
	cr_expect(symflaws_format(
		&(struct symbolizer_stats){
			.broken = 1,
			.fetching = { .timed_out = 2, .failed = 3, .skipped = 4, .late = 5 } },
		text));
	cr_expect_str_eq(text, "wick: symbols: broken=1 not_fetched=14");
	cr_expect(symflaws_format(&(struct symbolizer_stats){ .no_split = UINT64_MAX,
							      .no_alt = UINT64_MAX,
							      .broken = UINT64_MAX,
							      .limited = UINT64_MAX,
							      .fetching.failed = UINT64_MAX },
				  text));
	cr_expect_lt(strlen(text), SYMFLAWS_TEXT_MAX - 1);
}

Test(symflaws, what_servers_did_is_told_with_the_first_reason)
{
	char text[SYMFLAWS_TEXT_MAX];

	cr_expect_not(symflaws_format_fetching(&(struct symbolizer_fetching){ 0 }, text));
	cr_expect_str_eq(text, "");
	cr_expect(symflaws_format_fetching(
		&(struct symbolizer_fetching){ .failed = 1, .error = -ECONNREFUSED }, text));
	cr_expect_str_eq(text, "the servers failed (1: Connection refused)");
	cr_expect(symflaws_format_fetching(
		&(struct symbolizer_fetching){ .failed = 1, .error = -EBADMSG }, text));
	cr_expect_str_eq(text, "the servers failed (1: not what was asked for)");
	cr_expect(symflaws_format_fetching(&(struct symbolizer_fetching){ .timed_out = 2,
									  .failed = 3,
									  .skipped = 4,
									  .late = 5,
									  .error = -EHOSTUNREACH },
					   text));
	cr_expect_str_eq(text,
			 "the servers did not answer in time (2), failed (3: No route to host), "
			 "were not asked again after that (4), had not answered yet (5)");
	cr_expect(symflaws_format_fetching(&(struct symbolizer_fetching){ .timed_out = UINT64_MAX,
									  .failed = UINT64_MAX,
									  .skipped = UINT64_MAX,
									  .late = UINT64_MAX,
									  .error = -ELIBMAX },
					   text));
	cr_expect_lt(strlen(text), SYMFLAWS_TEXT_MAX - 1);
}
