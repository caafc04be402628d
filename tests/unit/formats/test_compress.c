/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "compress.h"
#include "made_profile.h"

static const enum compression kinds[] = { COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_ZSTD };

/* Bytes that compress well in some places and not at all in others. */
static struct buffer sample_bytes(size_t n)
{
	struct buffer b = { 0 };
	uint64_t state = 5;

	while (b.n < n) {
		uint64_t words[16];

		for (int i = 0; i < 16; i++)
			words[i] = b.n & 4096 ? next_random(&state) : 42;
		buffer_add(&b, words, sizeof(words));
	}
	b.n = n;
	return b;
}

static void compress(struct buffer *to, enum compression kind, const struct buffer *from)
{
	struct compressor *c = NULL;
	struct sink out = buffer_sink(to);

	cr_assert_eq(compressor_new(&c, kind, &out), 0);
	for (size_t at = 0, part; at < from->n; at += part) {
		part = from->n - at < 7777 ? from->n - at : 7777;
		cr_assert_eq(compressor_write(c, from->items + at, part), 0);
	}
	cr_assert_eq(compressor_finish(c), 0);
	compressor_free(c);
}

/* All that comes out of @in, in pieces of @piece bytes: 0 or the error. */
static int inflate_all(struct buffer *to, struct buffer *in, size_t piece, uint64_t max)
{
	struct source source = buffer_source(in);
	struct inflater *f = NULL;
	char *buf = malloc(piece);
	ssize_t n;
	int r = inflater_new(&f, &source, max);

	while (r == 0 && (n = inflater_read(f, buf, piece)) != 0) {
		if (n < 0)
			r = (int)n;
		else
			buffer_add(to, buf, (size_t)n);
	}
	inflater_free(f);
	free(buf);
	return r;
}

Test(compress, gives_back_what_it_took)
{
	static const size_t sizes[] = { 0, 1, 65535, 65536, 65537, 300000 };
	static const size_t chunks[] = { 0, 1, 1000 };

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
		for (size_t s = 0; s < ARRAY_LEN(sizes); s++)
			for (size_t c = 0; c < ARRAY_LEN(chunks); c++) {
				struct buffer plain = sample_bytes(sizes[s]), back = { 0 };
				struct buffer packed = { .chunk = chunks[c] };

				compress(&packed, kinds[k], &plain);
				cr_assert_eq(inflate_all(&back, &packed, 65536, 0), 0);
				cr_assert_eq(back.n, plain.n);
				cr_assert(back.n == 0 ||
					  memcmp(back.items, plain.items, back.n) == 0);
				array_free(&plain);
				array_free(&packed);
				array_free(&back);
			}
}

/* Output may be pending when the input is used up. */
Test(compress, gives_all_to_small_reads)
{
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		struct buffer plain = sample_bytes(40000), packed = { 0 }, back = { 0 };

		compress(&packed, kinds[k], &plain);
		cr_assert_eq(inflate_all(&back, &packed, 3, 0), 0);
		cr_assert_eq(back.n, plain.n);
		array_free(&plain);
		array_free(&packed);
		array_free(&back);
	}
}

Test(compress, reads_members_one_after_another)
{
	for (size_t k = 1; k < ARRAY_LEN(kinds); k++)
		for (size_t chunk = 0; chunk < 6; chunk++) {
			struct buffer plain = sample_bytes(1000), packed = { .chunk = chunk };
			struct buffer none = { 0 }, back = { 0 };

			compress(&packed, kinds[k], &plain);
			compress(&packed, kinds[k], &none);
			compress(&packed, kinds[k], &plain);
			cr_assert_eq(inflate_all(&back, &packed, 500, 0), 0);
			cr_assert_eq(back.n, 2000);
			array_free(&plain);
			array_free(&packed);
			array_free(&back);
		}
}

Test(compress, ignores_padding_after_gzip)
{
	struct buffer plain = sample_bytes(1000), packed = { 0 }, back = { 0 };

	compress(&packed, COMPRESSION_GZIP, &plain);
	buffer_add(&packed, "\0\0\0\0\0\0", 6);
	cr_assert_eq(inflate_all(&back, &packed, 500, 0), 0);
	cr_assert_eq(back.n, 1000);
	array_free(&plain);
	array_free(&packed);
	array_free(&back);
}

Test(compress, notices_every_early_end)
{
	for (size_t k = 1; k < ARRAY_LEN(kinds); k++) {
		struct buffer plain = sample_bytes(300), packed = { 0 }, back = { 0 };

		compress(&packed, kinds[k], &plain);
		for (size_t n = 4; n < packed.n; n++) {
			struct buffer cut = { .items = packed.items, .n = n };

			cr_assert_eq(inflate_all(&back, &cut, 500, 0), -EBADMSG, "%zu of %zu bytes",
				     n, packed.n);
		}
		array_free(&plain);
		array_free(&packed);
		array_free(&back);
	}
}

Test(compress, notices_damage)
{
	for (size_t k = 1; k < ARRAY_LEN(kinds); k++) {
		struct buffer plain = sample_bytes(100000), packed = { 0 }, back = { 0 };

		compress(&packed, kinds[k], &plain);
		packed.items[packed.n / 2] ^= 0x10;
		cr_assert_eq(inflate_all(&back, &packed, 65536, 0), -EBADMSG);
		array_free(&plain);
		array_free(&packed);
		array_free(&back);
	}
}

Test(compress, stops_at_the_limit)
{
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		struct buffer plain = sample_bytes(100000), packed = { 0 }, back = { 0 };

		compress(&packed, kinds[k], &plain);
		cr_assert_eq(inflate_all(&back, &packed, 1000, 99999), -EFBIG);
		packed.pos = 0;
		cr_assert_leq(back.n, 99999);
		back.n = 0;
		cr_assert_eq(inflate_all(&back, &packed, 1000, 100000), 0);
		array_free(&plain);
		array_free(&packed);
		array_free(&back);
	}
}

Test(compress, hands_errors_of_files_on)
{
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		struct buffer plain = sample_bytes(300000), packed = { 0 }, back = { 0 };
		struct buffer broken = { .fail_at = 1 };
		struct sink out = buffer_sink(&broken);
		struct compressor *c = NULL;
		int r;

		cr_assert_eq(compressor_new(&c, kinds[k], &out), 0);
		r = compressor_write(c, plain.items, plain.n);
		cr_assert_eq(r < 0 ? r : compressor_finish(c), -EIO);
		compressor_free(c);
		compress(&packed, kinds[k], &plain);
		packed.fail_at = 1;
		cr_assert_eq(inflate_all(&back, &packed, 1000, 0), -EIO);
		packed.pos = 0;
		packed.chunk = 1000;
		packed.fail_at = 5;
		cr_assert_eq(inflate_all(&back, &packed, 1000, 0), -EIO);
		array_free(&plain);
		array_free(&packed);
		array_free(&back);
	}
}

Test(compress, free_accepts_null)
{
	compressor_free(NULL);
	inflater_free(NULL);
}
