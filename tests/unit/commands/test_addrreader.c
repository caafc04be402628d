/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addrreader.h"
#include "allocfail.h"

static struct addr_reader reader;
static struct addr_batch batch;
static int in; /* where to write what the reader reads */

static void start(void)
{
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	reader = (struct addr_reader){ .fd = fds[0] };
	in = fds[1];
}

static void done(void)
{
	close(reader.fd);
	addr_reader_done(&reader);
	addr_batch_done(&batch);
}

TestSuite(addrreader, .init = start, .fini = done, .timeout = 20);

static void say(const char *text)
{
	cr_assert_eq(write(in, text, strlen(text)), (ssize_t)strlen(text));
}

/* The next batch as text: "10 !zebra 20". */
static const char *next(void)
{
	static char text[1024];
	size_t n = 0, wrong = 0;
	int r = addr_reader_next(&reader, &batch);

	text[0] = '\0';
	cr_assert_geq(r, 0);
	cr_expect_eq(r == 1, batch.addrs.n > 0);
	for (size_t i = 0; i < batch.addrs.n; i++)
		if (wrong < batch.wrong.n && batch.wrong.items[wrong].i == i) {
			const struct addr_wrong *w = &batch.wrong.items[wrong++];

			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s!%.*s", n ? " " : "",
					      (int)w->n, batch.texts.items + w->text);
		} else {
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%jx", n ? " " : "",
					      (uintmax_t)batch.addrs.items[i]);
		}
	return text;
}

Test(addrreader, parses_hexadecimal_numbers)
{
	static const struct {
		const char *text;
		uint64_t value;
	} good[] = { { "0", 0 },
		     { "10", 16 },
		     { " 0x10\r", 16 },
		     { "0XAbC", 0xabc },
		     { "ffffffffffffffff", UINT64_MAX },
		     { "000000000000000000000000001", 1 },
		     { "\t1\t", 1 } };
	static const char *const bad[] = { "",	  "0x", " ",   "g",	"1 2",
					   "-1",  "+1", "1.5", "0x0x1", "10000000000000000",
					   "main" };
	uint64_t v;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		cr_expect_eq(addr_parse(good[i].text, strlen(good[i].text), &v), 0, "%s",
			     good[i].text);
		cr_expect_eq(v, good[i].value);
	}
	v = 77;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		cr_expect_eq(addr_parse(bad[i], strlen(bad[i]), &v), -EINVAL, "'%s'", bad[i]);
	cr_expect_eq(v, 77, "it was touched");
}

Test(addrreader, gives_out_what_is_there)
{
	say("10\n20\n0xAbcDef0123456789\n");
	cr_expect_str_eq(next(), "10 20 abcdef0123456789");
	say("30\n");
	cr_expect_str_eq(next(), "30");
	say("40\n5");
	cr_expect_str_eq(next(), "40");
	say("0\n\n \n60");
	cr_expect_str_eq(next(), "50");
	close(in);
	cr_expect_str_eq(next(), "60", "the last line needs no end");
	cr_expect_str_eq(next(), "");
	cr_expect_str_eq(next(), "");
}

Test(addrreader, wrong_lines_keep_their_place)
{
	say("10\nzebra\n20\n1 2\n0x\n00000000000000001\n10000000000000000\n0x3\n");
	close(in);
	cr_expect_str_eq(next(), "10 !zebra 20 !1 2 !0x 1 !10000000000000000 3");
	cr_expect_str_eq(next(), "");
}

Test(addrreader, guesses_as_addr2line_does)
{
	reader.guess = true;
	say("10\n\nzebra\n12zz\n 0x20 x\nfffffffffffffffff\n-1\n1");
	close(in);
	cr_expect_str_eq(next(), "10 0 0 12 20 ffffffffffffffff ffffffffffffffff 1");
	cr_expect_eq(addr_guess("0x"), 0);
	cr_expect_eq(addr_guess("0xzz"), 0);
	cr_expect_eq(addr_guess("0x0x12"), 0);
	cr_expect_eq(addr_guess("0XaB"), 0xab);
	cr_expect_eq(addr_guess("0x123456789abcdef"), 0x123456789abcdef);
	cr_expect_eq(addr_guess("0x0123456789abcdef0"), 0x123456789abcdef0);
}

static FILE *scratch(void)
{
	FILE *f = tmpfile();

	cr_assert_not_null(f);
	close(in);
	close(reader.fd);
	reader.fd = dup(fileno(f));
	return f;
}

static void rewind_scratch(FILE *f)
{
	cr_assert_eq(fflush(f), 0);
	cr_assert_eq(lseek(reader.fd, 0, SEEK_SET), 0);
}

Test(addrreader, thousands_come_in_large_batches)
{
	enum { N = 3 * ADDR_BATCH_MAX / 2 };
	FILE *f = scratch();
	uint64_t want = 0;
	size_t batches = 0;

	for (int i = 0; i < N; i++)
		fprintf(f, "%x\n", i);
	rewind_scratch(f);
	for (; addr_reader_next(&reader, &batch) > 0; batches++)
		array_each(&batch.addrs, a)
			cr_assert_eq(*a, want++);
	cr_expect_eq(want, N);
	cr_expect_eq(batches, 2);
	fclose(f);
}

Test(addrreader, lines_without_end_are_wrong_once)
{
	FILE *f = scratch();

	fputs("10\n", f);
	for (int i = 0; i < 5 * ADDR_LINE_MAX; i++)
		fputc('a', f);
	fputs("\n20\n", f);
	rewind_scratch(f);
	cr_assert_eq(addr_reader_next(&reader, &batch), 1);
	cr_assert_eq(batch.addrs.n, 3);
	cr_assert_eq(batch.wrong.n, 1);
	cr_expect_eq(batch.wrong.items[0].i, 1);
	cr_expect_eq(batch.wrong.items[0].n, ADDR_WRONG_MAX);
	cr_expect_eq(batch.addrs.items[2], 0x20);
	fclose(f);
}

Test(addrreader, says_that_it_cannot_read)
{
	close(in);
	close(reader.fd);
	reader.fd = -1;
	cr_expect_eq(addr_reader_next(&reader, &batch), -EBADF);
}

static FILE *input;

static int attempt(void)
{
	int r;

	rewind_scratch(input);
	reader.at_end = reader.in_long_line = false;
	reader.pos = reader.n = 0;
	r = addr_reader_next(&reader, &batch);
	addr_reader_done(&reader);
	addr_batch_done(&batch);
	return r < 0 ? r : 0;
}

Test(addrreader, survives_every_failed_allocation)
{
	input = scratch();
	fputs("10\nzebra\n20\n", input);
	allocfail_each(attempt);
	fclose(input);
}
