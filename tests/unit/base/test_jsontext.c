/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "jsontext.h"
#include "utf8.h"

static void expect(const char *s, size_t n, const char *want)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	json_write_string(f, s, n);
	fclose(f);
	cr_expect_str_eq(text, want);
	cr_expect(utf8_is_valid(text, size));
	free(text);
}

#define EXPECT(s, want) expect(s, sizeof(s) - 1, want)

Test(jsontext, names_stand_for_themselves)
{
	EXPECT("", "\"\"");
	EXPECT("std::vector<int>::push_back(int const&)",
	       "\"std::vector<int>::push_back(int const&)\"");
	EXPECT("naïve 日本語 😀", "\"naïve 日本語 😀\"");
}

Test(jsontext, escapes_what_would_end_the_string_or_drive_a_terminal)
{
	EXPECT("a\"b\\c", "\"a\\\"b\\\\c\"");
	EXPECT("\"", "\"\\\"\"");
	EXPECT("\n\t\r\x1b[2J\x7f", "\"\\n\\t\\u000d\\u001b[2J\\u007f\"");
	EXPECT("a\0b", "\"a\\u0000b\"");
	EXPECT("a\xe2\x80\xae"
	       "b",
	       "\"a\\u202eb\"");
	EXPECT("\xc2\x9b", "\"\\u009b\"");
	EXPECT("\xf3\xa0\x80\x81", "\"\\udb40\\udc01\"");
}

Test(jsontext, bytes_that_are_no_text_are_replaced)
{
	EXPECT("a\xff"
	       "b",
	       "\"a\\ufffdb\"");
	EXPECT("\xe6\x97", "\"\\ufffd\"");
	EXPECT("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"");
	EXPECT("\xc0\xaf.", "\"\\ufffd\\ufffd.\"");
}
