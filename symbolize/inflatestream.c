/* SPDX-License-Identifier: Apache-2.0 */
#include "inflatestream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <isa-l/igzip_lib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "cleanup.h"

enum {
	INPUT = 64 << 10, /* compressed bytes that are read at once */
	HEAD = 16, /* igzip takes a header that comes in pieces for a damaged one */
	BACK = 8, /* bytes that igzip may have read of the next stream */
	OUTPUT_MAX = 1 << 30, /* of one call: igzip counts in 32 bits */
};

struct inflate_stream {
	enum inflate_format format;
	int fd;
	uint64_t begin, end; /* of what is compressed, in the file */
	uint64_t next;	     /* behind what is in buf */
	bool is_open; /* within a stream of zlib or a frame of zstd */
	uint64_t work;
	struct inflate_state *zlib;
	ZSTD_DCtx *zstd;
	size_t pos, n; /* what is left of buf lies between */
	uint8_t buf[INPUT];
};

/* igzip's state holds all that there is, so a copy of it goes on from the same place. The end of it is
 * a buffer of which only the beginning counts. */
struct inflate_mark {
	uint64_t next;
	bool is_open;
	size_t n_back, n;
	uint8_t back[BACK]; /* the bytes before it */
	uint8_t state[];
};

int inflate_stream_new(enum inflate_format format, int fd, uint64_t off, uint64_t n,
		       struct inflate_stream **ret)
{
	struct inflate_stream *s = malloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	*s = (struct inflate_stream){ .format = format, .fd = fd, .begin = off, .end = off + n };
	if (format == INFLATE_ZLIB)
		s->zlib = malloc(sizeof(*s->zlib));
	else
		s->zstd = ZSTD_createDCtx();
	if (!s->zlib && !s->zstd) {
		free(s);
		return -ENOMEM;
	}
	/* A frame may claim a window of any size, as if it were uncompressed in one go. Of what is claimed no
	 * more is touched than there is of the section. */
	if (s->zstd)
		ZSTD_DCtx_setParameter(s->zstd, ZSTD_d_windowLogMax,
				       ZSTD_dParam_getBounds(ZSTD_d_windowLogMax).upperBound);
	inflate_stream_go(s, NULL);
	*ret = s;
	return 0;
}

void inflate_stream_free(struct inflate_stream *s)
{
	if (!s)
		return;
	free(s->zlib);
	ZSTD_freeDCtx(s->zstd);
	free(s);
}

uint64_t inflate_stream_work(const struct inflate_stream *s)
{
	return s->work;
}

size_t inflate_stream_bytes(const struct inflate_stream *s)
{
	return sizeof(*s) + (s->zlib ? sizeof(*s->zlib) : ZSTD_sizeof_DCtx(s->zstd));
}

/* --- reading -------------------------------------------------------------------------------------- */

/* Sees to it that there are HEAD bytes at s->pos, or all that are left, and BACK before it. */
static int refill(struct inflate_stream *s)
{
	size_t from = s->pos > BACK ? s->pos - BACK : 0, want;

	if (s->n - s->pos >= HEAD || s->next == s->end)
		return 0;
	s->n -= from;
	s->pos -= from;
	memmove(s->buf, s->buf + from, s->n);
	want = s->end - s->next < INPUT - s->n ? (size_t)(s->end - s->next) : INPUT - s->n;
	while (want > 0) {
		ssize_t got = pread(s->fd, s->buf + s->n, want, (off_t)s->next);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -EBADMSG; /* truncated since it was opened */
		s->n += (size_t)got;
		s->next += (size_t)got;
		want -= (size_t)got;
	}
	return 0;
}

/* Both make some of @n bytes of what is in s->buf: how many, -EBADMSG, -ENOMEM. 0 when that was only
 * passed over. */
static ssize_t read_zlib(struct inflate_stream *s, uint8_t *buf, size_t n)
{
	struct inflate_state *z = s->zlib;
	int r;

	if (!s->is_open) {
		isal_inflate_init(z);
		z->crc_flag = ISAL_ZLIB;
		s->is_open = true;
	}
	z->next_in = s->buf + s->pos;
	z->avail_in = (uint32_t)(s->n - s->pos);
	z->next_out = buf;
	z->avail_out = (uint32_t)n;
	r = isal_inflate(z);
	s->pos = s->n - z->avail_in;
	if (r < 0 || r == ISAL_NEED_DICT)
		return -EBADMSG;
	s->is_open = z->block_state != ISAL_BLOCK_FINISH;
	if (!s->is_open) {
		size_t back = (size_t)z->read_in_length / 8;

		s->pos -= back < s->pos ? back : s->pos;
	}
	return (ssize_t)(n - z->avail_out);
}

static ssize_t read_zstd(struct inflate_stream *s, uint8_t *buf, size_t n)
{
	ZSTD_inBuffer in = { .src = s->buf, .size = s->n, .pos = s->pos };
	ZSTD_outBuffer out = { .dst = buf, .size = n };
	size_t r = ZSTD_decompressStream(s->zstd, &out, &in);

	if (ZSTD_isError(r))
		return ZSTD_getErrorCode(r) == ZSTD_error_memory_allocation ? -ENOMEM : -EBADMSG;
	s->pos = in.pos;
	s->is_open = r != 0;
	return (ssize_t)out.pos;
}

/* The same of what is left, read where it has to be. */
static ssize_t read_some(struct inflate_stream *s, uint8_t *buf, size_t n)
{
	int r = refill(s);
	size_t before = s->pos;
	ssize_t made;

	if (r == 0 && s->pos == s->n && !s->is_open)
		r = -EBADMSG;
	if (r < 0)
		return r;
	/* Also without input: output may be pending. */
	made = s->zlib ? read_zlib(s, buf, n) : read_zstd(s, buf, n);
	if (made < 0)
		return made;
	if (made == 0 && s->pos == before && s->is_open && s->next == s->end)
		return -EBADMSG; /* it ends too early */
	s->work += (size_t)made + (s->pos - before);
	return made;
}

int inflate_stream_read(struct inflate_stream *s, void *buf, size_t n)
{
	uint8_t *to = buf;

	while (n > 0) {
		ssize_t made = read_some(s, to, n < OUTPUT_MAX ? n : OUTPUT_MAX);

		if (made < 0)
			return (int)made;
		to += made;
		n -= (size_t)made;
	}
	return 0;
}

int inflate_stream_end(struct inflate_stream *s)
{
	uint8_t more;

	while (s->is_open) {
		ssize_t made = read_some(s, &more, 1);

		if (made != 0)
			return made < 0 ? (int)made : -EBADMSG;
	}
	return 0;
}

/* --- marks ---------------------------------------------------------------------------------------- */

bool inflate_stream_has_marks(enum inflate_format format)
{
	return format == INFLATE_ZLIB;
}

int inflate_stream_mark(const struct inflate_stream *s, struct inflate_mark **ret,
			size_t *ret_bytes)
{
	size_t n = offsetof(struct inflate_state, tmp_out_buffer) + (size_t)s->zlib->tmp_out_valid;
	struct inflate_mark *m = malloc(sizeof(*m) + n);

	if (!m)
		return -ENOMEM;
	m->next = s->next - (s->n - s->pos);
	m->is_open = s->is_open;
	m->n_back = s->pos < BACK ? s->pos : BACK;
	memcpy(m->back, s->buf + s->pos - m->n_back, m->n_back);
	m->n = n;
	memcpy(m->state, s->zlib, n);
	*ret = m;
	*ret_bytes = sizeof(*m) + n;
	return 0;
}

void inflate_stream_go(struct inflate_stream *s, const struct inflate_mark *m)
{
	s->pos = s->n = 0;
	s->next = m ? m->next : s->begin;
	s->is_open = m && m->is_open;
	if (m) {
		memcpy(s->zlib, m->state, m->n);
		memcpy(s->buf, m->back, m->n_back);
		s->pos = s->n = m->n_back;
	} else if (s->zstd) {
		ZSTD_DCtx_reset(s->zstd, ZSTD_reset_session_only);
	}
}
