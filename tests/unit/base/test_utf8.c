/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <criterion/criterion.h>

#include "utf8.h"

static void repaired(const char *from, size_t n, const char *want)
{
	char to[300];
	size_t len = utf8_repair(from, n, to);

	cr_assert(len == strlen(want) && memcmp(to, want, len) == 0, "'%.*s' is not '%s'", (int)len,
		  to, want);
	cr_assert(utf8_is_valid(to, len));
	cr_assert_eq(utf8_is_valid(from, n), len == n && memcmp(from, to, n) == 0);
}

#define FFFD "\xef\xbf\xbd"

Test(utf8, keeps_what_is_valid)
{
	static const char *const good[] = { "",
					    "main",
					    "naïve",
					    "日本語の名前",
					    "😀",
					    "\x7f",
					    "\xed\x9f\xbf",
					    "\xee\x80\x80",
					    "\xf4\x8f\xbf\xbf",
					    "a long name, then one more: é" };

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		repaired(good[i], strlen(good[i]), good[i]);
}

Test(utf8, replaces_each_longest_prefix_of_a_character_once)
{
	repaired("\xff", 1, FFFD);
	repaired("a\x80z", 3, "a" FFFD "z");
	repaired("\xc0\xaf", 2, FFFD FFFD);		      /* '/' in two bytes */
	repaired("\xe0\x80\xaf", 3, FFFD FFFD FFFD);	      /* in three */
	repaired("\xed\xa0\x80", 3, FFFD FFFD FFFD);	      /* a surrogate */
	repaired("\xf4\x90\x80\x80", 4, FFFD FFFD FFFD FFFD); /* past the last character */
	repaired("\xe6\x97x", 3, FFFD "x");		      /* cut */
	repaired("\xf0\x9f\x98", 3, FFFD);		      /* cut at the end */
	repaired("12345678\xe9t\xe9", 11, "12345678" FFFD "t" FFFD);
	repaired("12345678\xc3\xa9\xff", 11, "12345678é" FFFD);
}

Test(utf8, counts_a_nul_as_a_character)
{
	cr_assert(utf8_is_valid("a\0b", 3));
}
