/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "foldedscan.h"
#include "framescan.h"
#include "made_profile.h"

#define MIB ((size_t)1 << 20)

/* Lines of folded stacks, @n bytes or a few more; each is of other length than those around it. */
static struct buffer made_text(size_t n)
{
	struct buffer b = { 0 };
	uint64_t state = 7;
	char line[300];

	while (b.n < n) {
		size_t k = 0, frames = next_random(&state) % 12 + 1;

		for (size_t i = 0; i < frames; i++)
			k += (size_t)sprintf(line + k, "%sframe %u", i ? ";" : "",
					     (unsigned)(next_random(&state) % 5000));
		k += (size_t)sprintf(line + k, " %u\n", (unsigned)(next_random(&state) % 9 + 1));
		buffer_add(&b, line, k);
	}
	return b;
}

struct hashes {
	ARRAY(uint64_t) by_id;
};

/* Each id is of one text. */
static void check_id(const struct folded_batch *b, const struct folded_piece *p, const char *text,
		     struct hashes *h)
{
	uint64_t hash = frame_hash(text, p->n);

	cr_assert_lt(p->id, b->ids);
	if (p->id == h->by_id.n)
		cr_assert_eq(array_push(&h->by_id, hash), 0);
	cr_assert_lt(p->id, h->by_id.n);
	cr_assert_eq(h->by_id.items[p->id], hash);
}

/* Writes the stacks of @b as they were. */
static void put_stacks(const struct folded_batch *b, struct buffer *to, struct hashes *h)
{
	const struct folded_piece *p = b->pieces.items;

	array_each(&b->stacks, s) {
		const char *text = b->text.items + s->off;
		char count[24];

		for (uint32_t i = 0; i < s->n; i++, p++) {
			check_id(b, p, text, h);
			if (i)
				buffer_add(to, ";", 1);
			buffer_add(to, text, p->n);
			text += p->n + 1;
		}
		buffer_add(to, count, (size_t)sprintf(count, " %lld\n", (long long)s->count));
	}
	cr_assert_eq(p, b->pieces.items + b->pieces.n);
}

/* Scans @from; what came after the last batch, with *@why. */
static int scan_all(struct buffer *from, struct buffer *to, struct err *why)
{
	struct source in = buffer_source(from);
	const struct folded_batch *b;
	struct hashes hashes = { 0 };
	struct foldedscan *s;
	int then;

	cr_assert_eq(foldedscan_new(&s, &in), 0);
	do {
		b = foldedscan_next(s);
		put_stacks(b, to, &hashes);
		then = b->then;
	} while (then > 0);
	*why = b->why;
	cr_assert_eq(hashes.by_id.n, b->ids);
	array_free(&hashes.by_id);
	foldedscan_free(s);
	return then;
}

Test(foldedscan, finds_all_stacks_whatever_the_size)
{
	static const size_t sizes[] = { 0, 1, MIB / 4, 2 * MIB - 50, 2 * MIB, 7 * MIB + 5 };
	static const size_t chunks[] = { 0, 999, 70000 };

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		for (size_t k = 0; k < ARRAY_LEN(chunks); k++) {
			struct buffer from = made_text(sizes[i]), to = { 0 };
			struct err why;

			from.chunk = chunks[k];
			cr_expect_eq(scan_all(&from, &to, &why), 0);
			cr_assert_eq(to.n, from.n);
			cr_assert(!to.n || memcmp(to.items, from.items, to.n) == 0);
			array_free(&from);
			array_free(&to);
		}
}

Test(foldedscan, lines_of_all_lengths_are_found)
{
	static const size_t lengths[] = { 1, MIB / 4 - 3, MIB / 4, 3 * MIB, 16 * MIB - 9, 100 };
	struct buffer from = { 0 }, to = { 0 };
	struct err why;

	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		char *line = malloc(lengths[i]);

		memset(line, 'a' + (int)i, lengths[i]);
		buffer_add(&from, line, lengths[i]);
		buffer_add(&from, " 1\n", 3);
		free(line);
	}
	cr_expect_eq(scan_all(&from, &to, &why), 0);
	cr_assert_eq(to.n, from.n);
	cr_assert(memcmp(to.items, from.items, to.n) == 0);
	array_free(&from);
	array_free(&to);
}

/* Puts @line into made text: "@what LINE @then" must be said of it, and all before it be found. */
static void refused(size_t at, const char *line, size_t n, const char *what, const char *then)
{
	struct buffer from = made_text(at), to = { 0 }, more = made_text(MIB);
	size_t before = from.n, lines = 1;
	char wanted[100];
	struct err why;

	for (size_t i = 0; i < from.n; i++)
		lines += from.items[i] == '\n';
	buffer_add(&from, line, n);
	buffer_add(&from, more.items, more.n);
	snprintf(wanted, sizeof(wanted), "%s %zu %s", what, lines, then);
	cr_expect_eq(scan_all(&from, &to, &why), -EBADMSG);
	cr_expect(strstr(why.text, wanted), "'%s' does not say '%s'", why.text, wanted);
	cr_assert_eq(to.n, before);
	cr_assert(memcmp(to.items, from.items, to.n) == 0);
	array_free(&from);
	array_free(&to);
	array_free(&more);
}

Test(foldedscan, errors_name_the_line_and_come_after_what_was_before)
{
	size_t n = 17 * MIB;
	char *endless = malloc(n);

	memset(endless, 'x', n);
	for (size_t at = MIB; at <= 4 * MIB; at += 3 * MIB) {
		refused(at, "a;b\n", 4, "line", "does not end in");
		refused(at, "a 9223372036854775808\n", 22, "count in line", "is too large");
		refused(at, endless, n, "line", "is longer than 16 MiB");
	}
	free(endless);
}

Test(foldedscan, an_error_of_the_source_comes_after_what_was_read_before)
{
	for (int fail_at = 2; fail_at < 100; fail_at += 90) {
		struct buffer from = made_text(8 * MIB), to = { 0 };
		struct err why;

		from.chunk = 64 << 10;
		from.fail_at = fail_at;
		cr_expect_eq(scan_all(&from, &to, &why), -EIO);
		cr_expect_str_eq(why.text, "");
		cr_expect(to.n && to.n <= from.pos && from.pos - to.n < 300, "whole lines");
		cr_expect(memcmp(to.items, from.items, to.n) == 0);
		array_free(&from);
		array_free(&to);
	}
}

Test(foldedscan, can_be_given_up_at_any_time)
{
	for (size_t stop = 0; stop < 20; stop++) {
		struct buffer from = made_text(6 * MIB);
		struct source in = buffer_source(&from);
		struct foldedscan *s;

		cr_assert_eq(foldedscan_new(&s, &in), 0);
		for (size_t i = 0; i < stop; i++)
			cr_assert_eq(foldedscan_next(s)->then, 1);
		foldedscan_free(s);
		array_free(&from);
	}
	foldedscan_free(NULL);
}
