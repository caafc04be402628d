/* SPDX-License-Identifier: Apache-2.0 */
#include "compress.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <isa-l/igzip_lib.h>
#include <libdeflate.h>
#include <zstd.h>

#include "array.h"
#include "cleanup.h"
#include "gzipblocks.h"

#define CHUNK		 ((size_t)64 << 10)
#define MAX_DEFAULT	 ((uint64_t)4 << 30)
#define HEAD		 ((size_t)4 << 10) /* more than any gzip header but strange ones */
#define PART		 ((size_t)1 << 30) /* igzip counts in 32 bits */
/*
 * What is small, as profiles that are kept and sent are, is compressed well, what is large fast. On
 * profiles of 0.3 to 4 MB, libdeflate's level 6 makes files 2 to 6 % smaller than zlib's level 4 in
 * the same time. On 98 MB of numbers, igzip's level 3 takes a sixth of that and the file is 1 %
 * larger than libdeflate's (gzipblocks.h).
 */
#define GZIP_SMALL	 ((size_t)4 << 20)
#define GZIP_SMALL_LEVEL 6
#define ZSTD_LEVEL	 3

/* --- writing ---------------------------------------------------------------------------------- */

struct compressor {
	enum compression kind;
	const struct sink *out;
	ARRAY(uint8_t) small;	  /* gzip: all there is so far, while that is small, */
	struct gzipblocks *large; /* then this has it */
	ZSTD_CCtx *zstd;
	uint8_t buf[CHUNK];
};

int compressor_new(struct compressor **ret, enum compression kind, const struct sink *out)
{
	_cleanup_(compressor_freep) struct compressor *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->kind = kind;
	c->out = out;
	if (kind == COMPRESSION_ZSTD) {
		c->zstd = ZSTD_createCCtx();
		if (!c->zstd ||
		    ZSTD_isError(
			    ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL)) ||
		    ZSTD_isError(ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_checksumFlag, 1)))
			return -ENOMEM;
	}
	*ret = take_ptr(c);
	return 0;
}

void compressor_free(struct compressor *c)
{
	if (!c)
		return;
	array_free(&c->small);
	gzipblocks_free(c->large);
	ZSTD_freeCCtx(c->zstd);
	free(c);
}

/* It is not small any more: what was kept goes first. */
static int grow_large(struct compressor *c)
{
	int r = gzipblocks_new(&c->large, c->out);

	if (r == 0)
		r = gzipblocks_write(c->large, c->small.items, c->small.n);
	array_free(&c->small);
	return r;
}

static int gzip_write(struct compressor *c, const void *data, size_t n)
{
	int r;

	if (!c->large && c->kind == COMPRESSION_GZIP && n <= GZIP_SMALL - c->small.n) {
		if (array_reserve(&c->small, n) < 0)
			return -ENOMEM;
		if (n)
			memcpy(c->small.items + c->small.n, data, n);
		c->small.n += n;
		return 0;
	}
	r = c->large ? 0 : grow_large(c);
	return r < 0 ? r : gzipblocks_write(c->large, data, n);
}

static int small_finish(struct compressor *c)
{
	struct libdeflate_compressor *z = libdeflate_alloc_compressor(GZIP_SMALL_LEVEL);
	size_t bound = libdeflate_gzip_compress_bound(z, c->small.n), n;
	uint8_t *packed = z ? malloc(bound) : NULL;
	int r = -ENOMEM;

	if (packed) {
		n = libdeflate_gzip_compress(z, c->small.n ? c->small.items : packed, c->small.n,
					     packed, bound);
		r = n ? sink_write(c->out, packed, n) : -EIO;
	}
	free(packed);
	libdeflate_free_compressor(z);
	return r;
}

static int gzip_finish(struct compressor *c)
{
	return c->large ? gzipblocks_finish(c->large) : small_finish(c);
}

static int zstd_write(struct compressor *c, const void *data, size_t n, ZSTD_EndDirective mode)
{
	ZSTD_inBuffer in = { .src = data, .size = n };
	size_t left;

	do {
		ZSTD_outBuffer out = { .dst = c->buf, .size = CHUNK };
		int r;

		left = ZSTD_compressStream2(c->zstd, &out, &in, mode);
		if (ZSTD_isError(left))
			return -ENOMEM;
		r = sink_write(c->out, c->buf, out.pos);
		if (r < 0)
			return r;
	} while (mode == ZSTD_e_end ? left != 0 : in.pos < in.size);
	return 0;
}

int compressor_write(struct compressor *c, const void *data, size_t n)
{
	switch (c->kind) {
	case COMPRESSION_GZIP:
	case COMPRESSION_GZIP_SOON:
		return gzip_write(c, data, n);
	case COMPRESSION_ZSTD:
		return zstd_write(c, data, n, ZSTD_e_continue);
	default:
		return sink_write(c->out, data, n);
	}
}

int compressor_finish(struct compressor *c)
{
	switch (c->kind) {
	case COMPRESSION_GZIP:
	case COMPRESSION_GZIP_SOON:
		return gzip_finish(c);
	case COMPRESSION_ZSTD:
		return zstd_write(c, NULL, 0, ZSTD_e_end);
	default:
		return 0;
	}
}

/* --- reading ---------------------------------------------------------------------------------- */

struct inflater {
	enum compression kind;
	const struct source *in;
	uint64_t left; /* bytes that may still come out */
	struct inflate_state *gzip;
	ZSTD_DCtx *zstd;
	size_t pos, n; /* of buf: what was read and not yet used */
	bool eof;      /* of the source */
	bool open;     /* inside a gzip member or zstd frame: an end here is too early */
	uint8_t buf[CHUNK];
};

/* Reads more when the buffer is used up. 0 also at the end: then n == pos. */
static int refill(struct inflater *f)
{
	ssize_t got;

	if (f->pos < f->n || f->eof)
		return 0;
	got = source_read(f->in, f->buf, CHUNK);
	if (got < 0)
		return (int)got;
	f->eof = got == 0;
	f->pos = 0;
	f->n = (size_t)got;
	return 0;
}

/*
 * Reads on until HEAD bytes are there, or the end. A pipe may give its first bytes one by one, and
 * four are needed to tell what it is; igzip takes a gzip header that comes in pieces for a damaged
 * one when it has a checksum of its own.
 */
static int read_head(struct inflater *f)
{
	if (f->n - f->pos < HEAD && f->pos > 0) {
		memmove(f->buf, f->buf + f->pos, f->n - f->pos);
		f->n -= f->pos;
		f->pos = 0;
	}
	while (f->n - f->pos < HEAD && !f->eof) {
		ssize_t got = source_read(f->in, f->buf + f->n, CHUNK - f->n);

		if (got < 0)
			return (int)got;
		f->eof = got == 0;
		f->n += (size_t)got;
	}
	return 0;
}

static enum compression sniff(const uint8_t *p, size_t n)
{
	if (n >= 2 && p[0] == 0x1f && p[1] == 0x8b)
		return COMPRESSION_GZIP;
	if (n >= 4 && memcmp(p, "\x28\xb5\x2f\xfd", 4) == 0)
		return COMPRESSION_ZSTD;
	return COMPRESSION_NONE;
}

int inflater_new(struct inflater **ret, const struct source *in, uint64_t max)
{
	_cleanup_(inflater_freep) struct inflater *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	f->in = in;
	f->left = max ? max : MAX_DEFAULT;
	r = read_head(f);
	if (r < 0)
		return r;
	f->kind = sniff(f->buf, f->n);
	if (f->kind == COMPRESSION_GZIP) {
		f->gzip = malloc(sizeof(*f->gzip));
		if (!f->gzip)
			return -ENOMEM;
		isal_inflate_init(f->gzip);
		f->gzip->crc_flag = ISAL_GZIP;
		f->open = true;
	} else if (f->kind == COMPRESSION_ZSTD) {
		f->zstd = ZSTD_createDCtx();
		if (!f->zstd)
			return -ENOMEM;
		f->open = true;
	}
	*ret = take_ptr(f);
	return 0;
}

void inflater_free(struct inflater *f)
{
	if (!f)
		return;
	free(f->gzip);
	ZSTD_freeDCtx(f->zstd);
	free(f);
}

/* After the end of a member: another member, or padding and rubbish, which gzip(1) ignores. */
static int next_member(struct inflater *f)
{
	int r = read_head(f);

	if (r < 0)
		return r;
	if (sniff(f->buf + f->pos, f->n - f->pos) != COMPRESSION_GZIP) {
		f->pos = f->n = 0;
		f->eof = true;
		return 0;
	}
	f->open = true;
	isal_inflate_reset(f->gzip);
	return 0;
}

static ssize_t gzip_read(struct inflater *f, void *buf, size_t n)
{
	struct inflate_state *z = f->gzip;

	z->next_out = buf;
	z->avail_out = (uint32_t)n;
	while (z->avail_out == n) {
		int r = refill(f);
		bool end = f->pos == f->n;

		if (r < 0)
			return r;
		if (end && !f->open)
			return 0;
		/* Also without input: output may be pending. */
		z->next_in = f->buf + f->pos;
		z->avail_in = (uint32_t)(f->n - f->pos);
		r = isal_inflate(z);
		f->pos = f->n - z->avail_in;
		if (r < 0 || r == ISAL_NEED_DICT)
			return -EBADMSG;
		if (z->block_state == ISAL_BLOCK_FINISH) {
			f->open = false;
			r = next_member(f);
			if (r < 0)
				return r;
		} else if (end && z->avail_out == n) {
			return -EBADMSG;
		}
	}
	return (ssize_t)(n - z->avail_out);
}

static ssize_t zstd_read(struct inflater *f, void *buf, size_t n)
{
	ZSTD_outBuffer out = { .dst = buf, .size = n };

	while (out.pos == 0) {
		ZSTD_inBuffer in;
		int r = refill(f);
		size_t z;

		if (r < 0)
			return r;
		/* Also without input: output may be pending. */
		in = (ZSTD_inBuffer){ .src = f->buf + f->pos, .size = f->n - f->pos };
		if (in.size == 0 && !f->open)
			return 0;
		z = ZSTD_decompressStream(f->zstd, &out, &in);
		if (ZSTD_isError(z))
			return -EBADMSG;
		if (in.size == 0 && out.pos == 0)
			return -EBADMSG;
		f->pos += in.pos;
		f->open = z != 0;
	}
	return (ssize_t)out.pos;
}

static ssize_t raw_read(struct inflater *f, void *buf, size_t n)
{
	int r;

	if (f->pos == f->n && n >= CHUNK) /* nothing is gained by a copy */
		return f->eof ? 0 : source_read(f->in, buf, n);
	r = refill(f);
	if (r < 0)
		return r;
	if (n > f->n - f->pos)
		n = f->n - f->pos;
	memcpy(buf, f->buf + f->pos, n);
	f->pos += n;
	return (ssize_t)n;
}

ssize_t inflater_read(struct inflater *f, void *buf, size_t n)
{
	ssize_t got;

	if (n > PART)
		n = PART;
	got = f->kind == COMPRESSION_GZIP   ? gzip_read(f, buf, n)
	      : f->kind == COMPRESSION_ZSTD ? zstd_read(f, buf, n)
					    : raw_read(f, buf, n);
	if (got > 0 && (uint64_t)got > f->left)
		return -EFBIG;
	if (got > 0)
		f->left -= (uint64_t)got;
	return got;
}

const char *inflater_kind(const struct inflater *f)
{
	return f->kind == COMPRESSION_GZIP ? "gzip" : f->kind == COMPRESSION_ZSTD ? "zstd" : "";
}
