/* SPDX-License-Identifier: Apache-2.0 */
/* gzip as others write and read it: zlib is the second opinion in both directions. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <zlib.h>

#include "compress.h"
#include "made_profile.h"

#define MIB ((size_t)1 << 20)

/* Varints and short texts, much as a profile's encoding. */
static struct buffer made_bytes(size_t n)
{
	struct buffer b = { 0 };
	uint64_t state = n + 1;

	while (b.n < n) {
		uint64_t r = next_random(&state);

		if (r & 1)
			buffer_add(&b, &r, 3);
		else
			buffer_add(&b, &"some_function_name"[r >> 1 & 7], 8);
	}
	b.n = n;
	return b;
}

static void compress_in_parts(struct buffer *to, const struct buffer *from, size_t part)
{
	struct sink out = buffer_sink(to);
	struct compressor *c = NULL;

	cr_assert_eq(compressor_new(&c, COMPRESSION_GZIP, &out), 0);
	for (size_t at = 0; at < from->n; at += part)
		cr_assert_eq(compressor_write(c, from->items + at,
					      from->n - at < part ? from->n - at : part),
			     0);
	cr_assert_eq(compressor_finish(c), 0);
	compressor_free(c);
}

/* What zlib makes of one gzip member that is all of @packed. */
static void check_by_zlib(const struct buffer *packed, const struct buffer *plain)
{
	uint8_t *back = malloc(plain->n + 1);
	z_stream z = { .next_in = (Bytef *)packed->items,
		       .avail_in = (uInt)packed->n,
		       .next_out = back,
		       .avail_out = (uInt)plain->n + 1 };

	cr_assert_eq(inflateInit2(&z, 15 + 16), Z_OK);
	cr_assert_eq(inflate(&z, Z_FINISH), Z_STREAM_END);
	cr_assert_eq(z.avail_in, 0, "one member and nothing else");
	cr_assert_eq(z.total_out, plain->n);
	cr_assert(plain->n == 0 || memcmp(back, plain->items, plain->n) == 0);
	inflateEnd(&z);
	free(back);
}

/* Reads @packed, which must give @plain, in blocks of @chunk bytes. */
static void check_inflater(struct buffer *packed, const struct buffer *plain, size_t chunk)
{
	struct source source = buffer_source(packed);
	struct buffer back = { 0 };
	struct inflater *f = NULL;
	char part[5000];
	ssize_t n;

	packed->pos = 0;
	packed->chunk = chunk;
	cr_assert_eq(inflater_new(&f, &source, 0), 0);
	while ((n = inflater_read(f, part, sizeof(part))) > 0)
		buffer_add(&back, part, (size_t)n);
	cr_assert_eq(n, 0, "%zd after %zu bytes in blocks of %zu", n, back.n, chunk);
	cr_assert_eq(back.n, plain->n);
	cr_assert(plain->n == 0 || memcmp(back.items, plain->items, plain->n) == 0);
	inflater_free(f);
	array_free(&back);
}

/* Small and large are compressed by different libraries: around the border, and however it is met.
 */
Test(gzip, is_one_member_at_any_size)
{
	static const size_t sizes[] = { 0,	 1,	      1000,    4 * MIB - 1,
					4 * MIB, 4 * MIB + 1, 8 * MIB, 11 * MIB };

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		for (size_t part = 65537; part <= 16 * MIB; part *= 15) {
			struct buffer plain = made_bytes(sizes[i]), packed = { 0 };

			compress_in_parts(&packed, &plain, part);
			check_by_zlib(&packed, &plain);
			check_inflater(&packed, &plain, 0);
			array_free(&plain);
			array_free(&packed);
		}
}

/* The member that zlib makes of @plain with these settings and every part of a header there is. */
static struct buffer packed_by_zlib(const struct buffer *plain, int level, int strategy)
{
	gz_header header = { .name = (Bytef *)"profile.pb",
			     .comment = (Bytef *)"a comment",
			     .extra = (Bytef *)"\1\2\4\0abcd",
			     .extra_len = 8,
			     .hcrc = 1,
			     .time = 12345 };
	struct buffer b = { 0 };
	z_stream z = { 0 };
	size_t bound;

	cr_assert_eq(deflateInit2(&z, level, Z_DEFLATED, 15 + 16, 8, strategy), Z_OK);
	cr_assert_eq(deflateSetHeader(&z, &header), Z_OK);
	bound = deflateBound(&z, plain->n);
	cr_assert_eq(array_reserve(&b, bound), 0);
	z.next_in = plain->items;
	z.avail_in = (uInt)plain->n;
	z.next_out = b.items;
	z.avail_out = (uInt)bound;
	cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	b.n = z.total_out;
	deflateEnd(&z);
	return b;
}

Test(gzip, reads_what_zlib_writes)
{
	static const int levels[] = { 0, 1, 6, 9 };
	static const int strategies[] = { Z_DEFAULT_STRATEGY, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED };
	static const size_t chunks[] = { 0, 1, 7 };
	struct buffer plain = made_bytes(200000);

	for (size_t l = 0; l < ARRAY_LEN(levels); l++)
		for (size_t s = 0; s < ARRAY_LEN(strategies); s++)
			for (size_t c = 0; c < ARRAY_LEN(chunks); c++) {
				struct buffer packed =
					packed_by_zlib(&plain, levels[l], strategies[s]);

				check_inflater(&packed, &plain, chunks[c]);
				array_free(&packed);
			}
	array_free(&plain);
}
