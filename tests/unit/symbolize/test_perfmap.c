/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "perfmap.h"

static struct perfmap map;

static void start(void)
{
	cr_assert_eq(perfmap_start(&map), 0);
}

static void done(void)
{
	perfmap_done(&map);
}

TestSuite(perfmap, .init = start, .fini = done, .timeout = 30);

static void feed(const char *text)
{
	cr_assert_eq(perfmap_feed(&map, text, strlen(text)), 0);
}

static const char *at(uint64_t addr)
{
	return strtab_get(&map.names, perfmap_find(&map, addr));
}

Test(perfmap, takes_numbers_with_and_without_prefix)
{
	feed("7f0000001000 20 plain\n0x7f0000002000 0x20 prefixed\n0X7F0000003000 0X20 UPPER\n");
	cr_expect_str_eq(at(0x7f0000000fff), "");
	cr_expect_str_eq(at(0x7f0000001000), "plain");
	cr_expect_str_eq(at(0x7f000000101f), "plain");
	cr_expect_str_eq(at(0x7f0000001020), "");
	cr_expect_str_eq(at(0x7f0000002010), "prefixed");
	cr_expect_str_eq(at(0x7f0000003010), "UPPER");
	cr_expect_eq(map.n_lines, 3);
	cr_expect_eq(map.n_bad, 0);
}

Test(perfmap, keeps_names_as_they_are)
{
	feed("10 8 Ljava/lang/String;::equals (a, b)  c\n20 8 π\xff;\x01\r\n30 8\tafter a tab \t\n"
	     "  40   8   more blanks\n50 8 0x60 8 not a number\n");
	cr_expect_str_eq(at(0x10), "Ljava/lang/String;::equals (a, b)  c");
	cr_expect_str_eq(at(0x20), "π\xff;\x01");
	cr_expect_str_eq(at(0x30), "after a tab");
	cr_expect_str_eq(at(0x40), "more blanks");
	cr_expect_str_eq(at(0x50), "0x60 8 not a number");
}

Test(perfmap, skips_and_counts_what_makes_no_sense)
{
	static const char *const bad[] = {
		"nothing",
		"10",
		"10 8",
		"10 8 ",
		"10 8 \t\r",
		"-10 8 minus",
		"10 -8 negative",
		"10 0 empty",
		"10 g bad",
		"10,8 comma",
		"0x 8 no digits",
		"10 0x no_digits",
		"10000000000000000 8 17th",
		"10 10000000000000000 17th",
		"ffffffffffffffff 2 wraps",
		"8 ffffffffffffffff wraps_8",
		"1018 both",
		"# comment",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		feed(bad[i]);
		feed("\n");
		cr_expect_eq(map.n_bad, i + 1, "'%s' was taken", bad[i]);
	}
	feed("\n\r\n   \n\n");
	cr_expect_eq(map.n_bad, ARRAY_LEN(bad), "blank lines are not bad");
	cr_expect_eq(map.n_lines, 0);
	cr_assert_eq(perfmap_feed(&map, "10 8 nul\0nul\n20 8 good\n", 23), 0);
	cr_expect_str_eq(at(0x10), "");
	cr_expect_str_eq(at(0x20), "good");
	feed("0000000000000000000000030 8 many zeros\nfffffffffffffff0 f top\n");
	cr_expect_str_eq(at(0x30), "many zeros");
	cr_expect_str_eq(at(UINT64_MAX - 1), "top");
}

Test(perfmap, later_lines_win)
{
	feed("100 100 old\n140 20 inner\n1f0 20 over_the_end\n");
	cr_expect_str_eq(at(0x13f), "old");
	cr_expect_str_eq(at(0x140), "inner");
	cr_expect_str_eq(at(0x160), "old");
	cr_expect_str_eq(at(0x1f0), "over_the_end");
	cr_expect_str_eq(at(0x20f), "over_the_end");
	feed("0 1000 everything\n");
	cr_expect_str_eq(at(0x150), "everything");
}

Test(perfmap, last_line_may_grow)
{
	feed("10 8 whole\n20 8 ha");
	cr_expect_str_eq(at(0x20), "");
	cr_assert_eq(perfmap_finish(&map), 0);
	cr_expect_str_eq(at(0x20), "ha");
	feed("lf\n30");
	cr_expect_str_eq(at(0x20), "half");
	cr_assert_eq(perfmap_finish(&map), 0);
	cr_expect_eq(map.n_bad, 0, "it may still become a good one");
	feed(" 8 later\n");
	cr_expect_str_eq(at(0x30), "later");
}

Test(perfmap, does_not_care_how_the_text_is_cut)
{
	static const char text[] = "10 8 one\r\n\nbad\n20 8 two words\n0x30 8 three\n";

	for (size_t step = 1; step < sizeof(text); step++) {
		struct perfmap m;

		cr_assert_eq(perfmap_start(&m), 0);
		for (size_t i = 0; i < sizeof(text) - 1; i += step)
			cr_assert_eq(perfmap_feed(&m, text + i,
						  sizeof(text) - 1 - i < step ? sizeof(text) - 1 - i
									      : step),
				     0);
		cr_expect_eq(m.n_lines, 3);
		cr_expect_eq(m.n_bad, 1);
		cr_expect_str_eq(strtab_get(&m.names, perfmap_find(&m, 0x25)), "two words");
		perfmap_done(&m);
	}
}

/* A line of a gigabyte costs no memory; its name is cut, not inside of a character. */
Test(perfmap, endless_lines_are_cut)
{
	static char text[1 << 20];
	const char *name;

	for (size_t i = 0; i + 1 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	feed("10 8 x");
	for (int i = 0; i < 1024; i++)
		cr_assert_eq(perfmap_feed(&map, text, sizeof(text)), 0);
	cr_expect_leq(perfmap_bytes(&map), 32768);
	feed("\n20 8 good\n");
	name = at(0x10);
	cr_expect_eq(strlen(name), PERFMAP_NAME_MAX - 1);
	cr_expect_eq((uint8_t)name[PERFMAP_NAME_MAX - 2], 0xa9);
	cr_expect_str_eq(at(0x20), "good");
}
