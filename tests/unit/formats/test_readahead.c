/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>

#include "made_profile.h"
#include "readahead.h"

#define MIB ((size_t)1 << 20)

static struct buffer numbers(size_t n)
{
	struct buffer b = { 0 };

	for (uint32_t i = 0; b.n < n; i++)
		buffer_add(&b, &i, sizeof(i));
	b.n = n;
	return b;
}

/* Reads all of @from in parts of @part bytes; what the last read gave. */
static ssize_t read_all(struct buffer *from, size_t part, struct buffer *to)
{
	struct source source = buffer_source(from);
	struct readahead *r;
	char buf[70000];
	ssize_t n;

	cr_assert_eq(readahead_new(&r, &source), 0);
	while ((n = readahead_read(r, buf, part)) > 0)
		buffer_add(to, buf, (size_t)n);
	cr_expect_eq(readahead_read(r, buf, part), n, "the end stays the end");
	readahead_free(r);
	return n;
}

Test(readahead, gives_what_the_source_gives)
{
	static const size_t sizes[] = { 0, 1, 2 * MIB - 1, 2 * MIB, 2 * MIB + 1, 9 * MIB + 5 };
	static const size_t parts[] = { 4099, 70000 }, chunks[] = { 0, 1000 };

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		for (size_t k = 0; k < 4; k++) {
			struct buffer from = numbers(sizes[i]), to = { 0 };

			from.chunk = chunks[k / 2];
			cr_expect_eq(read_all(&from, parts[k % 2], &to), 0);
			cr_assert_eq(to.n, from.n);
			cr_assert(!to.n || memcmp(to.items, from.items, to.n) == 0);
			array_free(&from);
			array_free(&to);
		}
}

Test(readahead, an_error_comes_after_what_was_read_before)
{
	struct buffer from = numbers(9 * MIB), to = { 0 };

	from.chunk = 64 << 10;
	from.fail_at = 530; /* 512 of them go without the thread */
	cr_expect_eq(read_all(&from, 4099, &to), -EIO);
	cr_expect(to.n > 2 * MIB && to.n < from.n);
	cr_expect(memcmp(to.items, from.items, to.n) == 0);
	array_free(&from);
	array_free(&to);
}

Test(readahead, can_be_given_up_at_any_time)
{
	for (size_t stop = 0; stop < 6 * MIB; stop += MIB / 2) {
		struct buffer from = numbers(8 * MIB);
		struct source source = buffer_source(&from);
		struct readahead *r;
		char buf[70000];

		cr_assert_eq(readahead_new(&r, &source), 0);
		for (size_t n = 0; n < stop;)
			n += (size_t)readahead_read(r, buf, sizeof(buf));
		readahead_free(r);
		array_free(&from);
	}
	readahead_free(NULL);
}
