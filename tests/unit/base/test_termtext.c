/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "termtext.h"

/* Writes @n bytes of @s in at most @columns and checks text and columns used. */
static void expect_n(const char *s, size_t n, size_t columns, enum term_elide elide,
		     const char *want, size_t want_columns)
{
	char *text = NULL;
	size_t size, used;
	FILE *f = open_memstream(&text, &size);

	used = term_write(f, s, n, columns, elide);
	fclose(f);
	cr_expect_str_eq(text, want);
	cr_expect_eq(used, want_columns, "\"%s\" took %zu columns, not %zu", text, used,
		     want_columns);
	free(text);
}

static void expect(const char *s, const char *want, size_t want_columns)
{
	expect_n(s, strlen(s), 1000, TERM_ELIDE_END, want, want_columns);
	cr_expect_eq(term_columns(s, strlen(s)), want_columns);
}

Test(termtext, leaves_harmless_text_as_it_is)
{
	expect("", "", 0);
	expect("operator<< <int>(a\\b)", "operator<< <int>(a\\b)", 21);
	expect("größe", "größe", 5);
}

Test(termtext, shows_control_characters_as_bytes)
{
	expect("\033[31mred", "\\x1b[31mred", 11);
	expect("a\nb\tc\rd\x7f", "a\\x0ab\\x09c\\x0dd\\x7f", 20);
	expect_n("a\0b", 3, 100, TERM_ELIDE_END, "a\\x00b", 6);
	expect("\xc2\x9b"
	       "2J",
	       "\\xc2\\x9b2J", 10); /* CSI of one character */
}

Test(termtext, shows_bytes_that_are_no_utf8)
{
	expect("\xff\xfe", "\\xff\\xfe", 8);
	expect("a\xc3", "a\\xc3", 5);				/* ends early */
	expect("\xc0\xaf", "\\xc0\\xaf", 8);			/* longer than needed */
	expect("\xe0\x80\xaf", "\\xe0\\x80\\xaf", 12);		/* the same with three */
	expect("\xed\xa0\x80", "\\xed\\xa0\\x80", 12);		/* a surrogate */
	expect("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", 16); /* past the last character */
	expect("\xe2\x28\xa1", "\\xe2(\\xa1", 9);
}

Test(termtext, shows_what_changes_direction_or_is_invisible)
{
	expect("a\u202e"
	       "b",
	       "a\\xe2\\x80\\xaeb", 14); /* right-to-left override */
	expect("a\u2066b", "a\\xe2\\x81\\xa6b", 14);
	expect("a\u200bb", "a\\xe2\\x80\\x8bb", 14); /* zero-width space */
	expect("\ufeffa", "\\xef\\xbb\\xbfa", 13);
	expect("a\u2028b", "a\\xe2\\x80\\xa8b", 14);
	expect("a\U000e0041", "a\\xf3\\xa0\\x81\\x81", 17); /* tag */
}

Test(termtext, limits_combining_characters)
{
	expect("e\u0301x", "e\u0301x", 2);
	expect("e\u0301\u0301\u0301", "e\u0301\u0301\\xcc\\x81", 9);
	expect("\u0301", "\\xcc\\x81", 8);
}

Test(termtext, counts_wide_characters_twice)
{
	expect("日本", "日本", 4);
	expect("🦀x", "🦀x", 3);
	expect_n("日本語", 9, 4, TERM_ELIDE_END, "日…", 3);
}

Test(termtext, elides_the_end_or_the_middle)
{
	expect_n("abcdefghij", 10, 10, TERM_ELIDE_MIDDLE, "abcdefghij", 10);
	expect_n("abcdefghij", 10, 6, TERM_ELIDE_END, "abcde…", 6);
	expect_n("abcdefghij", 10, 6, TERM_ELIDE_MIDDLE, "abc…ij", 6);
	expect_n("abcdefghij", 10, 1, TERM_ELIDE_MIDDLE, "…", 1);
	expect_n("abcdefghij", 10, 0, TERM_ELIDE_MIDDLE, "", 0);
}

Test(termtext, never_splits_an_escape)
{
	expect_n("\033\033\033", 3, 9, TERM_ELIDE_END, "\\x1b\\x1b…", 9);
	expect_n("\033\033\033", 3, 8, TERM_ELIDE_END, "\\x1b…", 5);
}

Test(termtext, stays_within_any_width)
{
	static const char hostile[] =
		"std::\033[2Jvec日本\xff\u202e語🦀e\u0301\u0301\u0301tor<int>::push_back";

	for (size_t columns = 0; columns < 90; columns++)
		for (int elide = TERM_ELIDE_END; elide <= TERM_ELIDE_MIDDLE; elide++) {
			char *text = NULL;
			size_t size, used;
			FILE *f = open_memstream(&text, &size);

			used = term_write(f, hostile, strlen(hostile), columns, elide);
			fclose(f);
			cr_expect_leq(used, columns);
			cr_expect_eq(term_columns(text, size), used, "\"%s\"", text);
			free(text);
		}
}

static void expect_wrapped(const char *s, size_t columns, size_t indent, const char *want)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	term_wrap(f, s, 0, columns, indent);
	fclose(f);
	cr_expect_str_eq(text, want);
	free(text);
}

Test(termtext, wraps_at_spaces)
{
	expect_wrapped("", 20, 2, "\n");
	expect_wrapped("a bc", 20, 4, "a bc\n");
	expect_wrapped("one two three four", 10, 2, "one two\n  three\n  four\n");
	expect_wrapped("one two three", 13, 0, "one two three\n");
	expect_wrapped("a averylongwordindeed b", 10, 2, "a\n  avery…ed\n  b\n");
	expect_wrapped("a\nb", 20, 0, "a\\x0ab\n");
}
