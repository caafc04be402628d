/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
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
	cr_expect(symflaws_format(&(struct symbolizer_stats){ .no_split = UINT64_MAX,
							      .no_alt = UINT64_MAX,
							      .broken = UINT64_MAX,
							      .limited = UINT64_MAX },
				  text));
	cr_expect_lt(strlen(text), SYMFLAWS_TEXT_MAX - 1);
}
