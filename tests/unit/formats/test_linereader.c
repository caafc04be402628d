/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>

#include "err.h"
#include "linereader.h"
#include "made_profile.h"

static void lines_are(const char *text, const char *const *want, size_t n)
{
	for (size_t chunk = 0; chunk < 4; chunk++) {
		struct buffer buf = { .chunk = chunk };
		struct source in = buffer_source(&buf);
		struct linereader l = linereader_of(&in, 100);
		const char *line;
		size_t len;

		buffer_add(&buf, text, strlen(text));
		for (size_t i = 0; i < n; i++) {
			cr_assert_eq(linereader_next(&l, &line, &len, NULL), 1);
			cr_assert_eq(l.line_no, i + 1);
			cr_assert_eq(len, strlen(want[i]));
			cr_assert(!len || memcmp(line, want[i], len) == 0);
		}
		cr_assert_eq(linereader_next(&l, &line, &len, NULL), 0);
		linereader_done(&l);
		array_free(&buf);
	}
}

Test(linereader, gives_lines_without_their_ends)
{
	lines_are("", NULL, 0);
	lines_are("a\n\nbc\r\n\r\nd", (const char *[]){ "a", "", "bc", "", "d" }, 5);
	lines_are("a\n", (const char *[]){ "a" }, 1);
}

Test(linereader, a_line_has_a_limit)
{
	struct buffer buf = { 0 };
	struct source in = buffer_source(&buf);
	struct linereader l = linereader_of(&in, (size_t)1 << 20);
	struct err e = { 0 };
	const char *line;
	size_t len;
	int r;

	buffer_add(&buf, "x\n", 2);
	for (int i = 0; i < 3000; i++) {
		char part[1000];

		memset(part, 'y', sizeof(part));
		buffer_add(&buf, part, sizeof(part));
	}
	cr_assert_eq(linereader_next(&l, &line, &len, &e), 1);
	r = linereader_next(&l, &line, &len, &e);
	cr_assert_eq(r, -EBADMSG);
	cr_assert_str_eq(e.text, "line 2 is longer than 1 MiB");
	cr_assert_lt(l.cap, (size_t)2 << 20, "what comes is not kept beyond the limit");
	linereader_done(&l);
	array_free(&buf);
}

Test(linereader, errors_of_the_source_are_passed_on)
{
	struct buffer buf = { .fail_at = 1 };
	struct source in = buffer_source(&buf);
	struct linereader l = linereader_of(&in, 100);
	const char *line;
	size_t len;

	buffer_add(&buf, "x\n", 2);
	cr_assert_eq(linereader_next(&l, &line, &len, NULL), -EIO);
	linereader_done(&l);
	array_free(&buf);
}
