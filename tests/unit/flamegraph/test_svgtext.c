/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <string.h>

#include "svgtext.h"
#include "utf8.h"

static void expect_clean(const char *s, size_t n, const char *expected)
{
	struct clean c = { 0 };

	cr_assert_eq(svg_clean(&c, s, n), 0);
	cr_expect(c.text.n == strlen(expected) &&
			  (!c.text.n || memcmp(c.text.items, expected, c.text.n) == 0),
		  "'%.*s', not '%s'", (int)c.text.n, c.text.items, expected);
	svg_clean_done(&c);
}

#define CLEAN(s, expected) expect_clean(s, sizeof(s) - 1, expected)

Test(svgtext, shows_what_would_hide_or_lie)
{
	CLEAN("main", "main");
	CLEAN("", "");
	CLEAN("a\tb\nc\rd", "a\\u0009b\\u000ac\\u000dd");
	CLEAN("\033[2J", "\xef\xbf\xbd[2J");
	CLEAN("a\0b", "a\xef\xbf\xbd"
		      "b");
	CLEAN("\x7f\xc2\x85", "\\u007f\\u0085");
	CLEAN("main\u202egnp", "main\\u202egnp");
	CLEAN("\u2066x\u2069\u200b\ufeff", "\\u2066x\\u2069\\u200b\\ufeff");
	CLEAN("日本語 é e\u0301 😀", "日本語 é e\u0301 😀");
	CLEAN("\xff\xc0x\xed\xa0\x80",
	      "\xef\xbf\xbd\xef\xbf\xbdx\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	CLEAN("\xef\xbf\xbe\xef\xbf\xbf", "\xef\xbf\xbd\xef\xbf\xbd");
	CLEAN("\xe6\x97", "\xef\xbf\xbd");
}

Test(svgtext, caps_the_length_of_names)
{
	struct clean c = { 0 };
	static char s[1 << 16];

	memset(s, 'a', sizeof(s));
	s[sizeof(s) - 1] = 'z';
	cr_assert_eq(svg_clean(&c, s, sizeof(s)), 0);
	cr_expect_leq(c.text.n, SVG_NAME_MAX + 4);
	cr_expect_eq(c.text.items[c.text.n - 1], 'z');
	svg_clean_done(&c);
}

static void expect_fit(const char *s, size_t columns, const char *expected)
{
	char buf[256];
	size_t n = svg_fit(s, strlen(s), columns, buf);

	cr_expect(n == strlen(expected) && memcmp(buf, expected, n) == 0, "'%.*s', not '%s'",
		  (int)n, buf, expected);
}

Test(svgtext, keeps_both_ends_of_what_is_too_long)
{
	expect_fit("abcdefghij", 10, "abcdefghij");
	expect_fit("abcdefghij", 9, "abcd…ghij");
	expect_fit("abcdefghij", 8, "abc…ghij");
	expect_fit("abcdefghij", 7, "abcdef…");
	expect_fit("abcdefghij", 3, "ab…");
	expect_fit("abcdefghij", 2, "");
	expect_fit("ab", 2, "ab");
	expect_fit("日本語日本語", 12, "日本語日本語");
	expect_fit("日本語日本語", 9, "日本…本語");
	expect_fit("e\u0301e\u0301e\u0301", 3, "e\u0301e\u0301e\u0301");
	expect_fit("", 0, "");
}

Test(svgtext, never_cuts_a_character)
{
	static const char s[] = "aé日😀e\u0301日本語éßµ😀zz日本語";

	for (size_t columns = 0; columns < 40; columns++) {
		char buf[128];
		size_t n = svg_fit(s, strlen(s), columns, buf);

		cr_expect(utf8_is_valid(buf, n), "%zu columns: %.*s", columns, (int)n, buf);
	}
}
