/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Foreign compressed bytes. However they come in and are asked for, the same must come out and the
 * same must be said of them; what came out, compressed, must come back.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "buffer.h"
#include "compress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT ((size_t)1 << 20)

/* All that comes out of @in, which gives @chunk bytes at a time, in pieces of @piece. */
static int inflate_all(struct buffer *out, struct buffer *in, size_t chunk, size_t piece)
{
	struct source source = { .read = buffer_give, .ctx = in };
	struct inflater *f = NULL;
	uint8_t part[70000];
	ssize_t n;
	int r;

	in->pos = 0;
	in->chunk = chunk;
	r = inflater_new(&f, &source, LIMIT);
	must(r == 0);
	while ((n = inflater_read(f, part, piece)) > 0)
		must(buffer_add(out, part, (size_t)n) == 0);
	inflater_free(f);
	must(n == 0 || n == -EBADMSG || n == -EFBIG);
	must(out->n <= LIMIT);
	return (int)n;
}

static void check_back(const struct buffer *plain, enum compression kind)
{
	struct buffer packed = { 0 }, back = { 0 };
	struct sink out = { .write = buffer_add, .ctx = &packed };
	struct compressor *c = NULL;
	size_t half = plain->n / 2;

	must(compressor_new(&c, kind, &out) == 0);
	must(compressor_write(c, plain->items, half) == 0);
	must(compressor_write(c, plain->items + half, plain->n - half) == 0);
	must(compressor_finish(c) == 0);
	compressor_free(c);
	must(inflate_all(&back, &packed, 0, 70000) == 0);
	must(back.n == plain->n && (!back.n || memcmp(back.items, plain->items, back.n) == 0));
	array_free(&packed);
	array_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer in = { .items = (uint8_t *)data, .n = size }, one = { 0 }, other = { 0 };
	int r = inflate_all(&one, &in, 0, 70000), again = inflate_all(&other, &in, 13, 1000);
	size_t n = one.n < other.n ? one.n : other.n;

	/* Before an error, the larger reads may have got less far. */
	must(r == again && (r != 0 || one.n == other.n));
	must(n == 0 || memcmp(one.items, other.items, n) == 0);
	if (r == 0 && n) {
		check_back(&one, COMPRESSION_GZIP);
		check_back(&one, COMPRESSION_ZSTD);
	}
	array_free(&one);
	array_free(&other);
	return 0;
}
