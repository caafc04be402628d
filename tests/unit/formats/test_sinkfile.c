/* SPDX-License-Identifier: Apache-2.0 */
#include "made_text.h"
#include "sinkfile.h"

Test(sinkfile, prints_into_a_sink)
{
	static const int64_t numbers[] = { 0, 7, -7, 1234567890123, INT64_MAX, INT64_MIN };
	struct buffer buf = { 0 };
	struct sink out = buffer_sink(&buf);
	struct sinkfile s;

	cr_assert_eq(sinkfile_open(&s, &out), 0);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		put_number(s.f, numbers[i]);
		fputc(' ', s.f);
	}
	cr_assert_eq(sinkfile_close(&s), 0);
	cr_assert_str_eq(buffer_text(&buf), "0 7 -7 1234567890123 9223372036854775807 "
					    "-9223372036854775808 ");
	array_free(&buf);
}

Test(sinkfile, keeps_the_first_error)
{
	struct buffer buf = { .fail_at = 1 };
	struct sink out = buffer_sink(&buf);
	struct sinkfile s;

	cr_assert_eq(sinkfile_open(&s, &out), 0);
	for (int i = 0; i < 200000; i++)
		fputs("0123456789", s.f);
	cr_assert_eq(sinkfile_close(&s), -EIO);
	array_free(&buf);
}
