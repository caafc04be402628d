/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "outahead.h"

enum { BYTES = 3000000 }; /* many buffers and a bit */

static char byte_at(size_t i)
{
	return (char)('a' + i * 2654435761u % 26);
}

/* Puts BYTES in pieces of all lengths, with a flush and something else on the stream now and then. */
static void write_all(FILE *out, bool may_thread)
{
	struct outahead *o;
	char piece[5000];
	size_t n = 0;

	cr_assert_eq(outahead_new(out, may_thread, &o), 0);
	for (unsigned round = 0; n < BYTES; round++) {
		size_t len = round * 7919u % sizeof(piece);

		if (len > BYTES - n)
			len = BYTES - n;
		for (size_t i = 0; i < len; i++)
			piece[i] = byte_at(n + i);
		outahead_put(o, piece, len);
		n += len;
		if (round % 500 == 499 && n < BYTES) {
			outahead_flush(o);
			fputc(byte_at(n++), out);
		}
	}
	outahead_free(o);
}

static void expect_all(bool may_thread)
{
	char *text = NULL;
	size_t size, i = 0;
	FILE *out = open_memstream(&text, &size);

	write_all(out, may_thread);
	fclose(out);
	cr_assert_eq(size, BYTES);
	while (i < size && text[i] == byte_at(i))
		i++;
	cr_expect_eq(i, size, "byte %zu is another one", i);
	free(text);
}

Test(outahead, all_comes_in_order)
{
	expect_all(false);
}

Test(outahead, all_comes_in_order_from_another_thread)
{
	expect_all(true);
}

Test(outahead, much_at_once)
{
	char *text = NULL, *much = malloc(BYTES);
	size_t size;
	struct outahead *o;
	FILE *out = open_memstream(&text, &size);

	memset(much, 'x', BYTES);
	cr_assert_eq(outahead_new(out, true, &o), 0);
	outahead_put(o, "", 0);
	outahead_put(o, much, BYTES);
	outahead_free(o);
	fclose(out);
	cr_expect_eq(size, BYTES);
	cr_expect_eq(memcmp(text, much, size), 0);
	free(text);
	free(much);
}

Test(outahead, an_error_of_the_stream_is_seen)
{
	FILE *out = fopen("/dev/full", "w");

	write_all(out, true);
	cr_expect(ferror(out));
	fclose(out);
}
