/* SPDX-License-Identifier: Apache-2.0 */
#include "zsection.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "inflatestream.h"

enum {
	BLOCK = 256 << 10, /* bytes that are uncompressed at once */
	/* Blocks that are kept: a sixteenth of the section. Threads that read units one behind the other
	 * overtake each other by a few megabytes. */
	KEPT_SHARE = 16,
	KEPT_MIN = 8,
	KEPT_MAX = 64,
	MARKS = 64,	      /* 55 KiB each */
	MARK_MIN = 1 << 20,   /* bytes between two */
	STREAM_OWN = 1 << 20, /* bytes of a stream beside what it has uncompressed, at most */
	/* Times that a section may be uncompressed in pieces, and one that may not come to memory. */
	AGAIN = 3,
	AGAIN_AT_MOST = 16,
};

#define NOWHERE UINT64_MAX

struct block {
	uint64_t number; /* NOWHERE = nothing is in it */
	uint64_t used;	 /* number of the last use */
	uint8_t *bytes;	 /* BLOCK of them; NULL before the first use */
};

struct zsection {
	pthread_mutex_t lock; /* for all that changes */
	uint64_t size;
	uint64_t end;	     /* of what can be read: less once it turned out to be broken */
	uint64_t mark_bytes; /* between two marks: a multiple of BLOCK */
	struct inflate_stream *stream;
	uint64_t at;		 /* what the stream gives next; NOWHERE = it has to go somewhere */
	uint64_t max_work, work; /* of the stream: how much there may be, and what does not count */
	bool may_hold;
	uint64_t uses;
	uint8_t *whole; /* all of it; nothing else is needed then */
	size_t n_kept;
	struct block kept[KEPT_MAX];
	struct inflate_mark *marks[MARKS]; /* number i is at i * mark_bytes; NULL = there is none */
	size_t bytes;
};

/* --- making --------------------------------------------------------------------------------------- */

static uint64_t mark_bytes(uint64_t size)
{
	uint64_t n = size / MARKS + 1;

	return n < MARK_MIN ? MARK_MIN : (n + BLOCK - 1) / BLOCK * BLOCK;
}

static void drop_blocks(struct zsection *z)
{
	for (size_t i = 0; i < z->n_kept; i++) {
		struct block *b = &z->kept[i];

		z->bytes -= b->bytes ? BLOCK : 0;
		free(b->bytes);
		*b = (struct block){ .number = NOWHERE };
	}
}

int zsection_new(enum inflate_format format, int fd, uint64_t off, uint64_t n, uint64_t size,
		 bool may_hold, struct zsection **ret)
{
	struct zsection *z = calloc(1, sizeof(*z));

	if (!z)
		return -ENOMEM;
	z->size = z->end = size;
	z->may_hold = may_hold;
	z->max_work = (may_hold ? AGAIN : AGAIN_AT_MOST) * (n + size);
	z->n_kept = (size_t)(zsection_kept(z) / BLOCK);
	/* The first one is the beginning of the section. */
	z->mark_bytes = inflate_stream_has_marks(format) ? mark_bytes(size) : NOWHERE;
	drop_blocks(z);
	if (inflate_stream_new(format, fd, off, n, &z->stream) < 0) {
		free(z);
		return -ENOMEM;
	}
	pthread_mutex_init(&z->lock, NULL);
	z->bytes = sizeof(*z);
	*ret = z;
	return 0;
}

/* What pieces are read with. */
static void drop_pieces(struct zsection *z)
{
	drop_blocks(z);
	for (size_t i = 0; i < MARKS; i++)
		free(z->marks[i]);
	memset(z->marks, 0, sizeof(z->marks));
	inflate_stream_free(z->stream);
	z->stream = NULL;
	z->n_kept = 0;
	z->bytes = sizeof(*z);
}

void zsection_free(struct zsection *z)
{
	if (!z)
		return;
	drop_pieces(z);
	pthread_mutex_destroy(&z->lock);
	free(z->whole);
	free(z);
}

/* --- uncompressing -------------------------------------------------------------------------------- */

/* Puts the stream where the way to @off is shortest. */
static void go_near(struct zsection *z, uint64_t off)
{
	size_t i = (size_t)(off / z->mark_bytes);
	uint64_t from;

	while (i > 0 && !z->marks[i])
		i--;
	from = i > 0 ? i * z->mark_bytes : 0;
	if (z->at <= off && z->at >= from)
		return;
	inflate_stream_go(z->stream, z->marks[i]);
	z->at = from;
}

/* Without memory for it the way back is longer, nothing else. */
static void set_mark(struct zsection *z)
{
	uint64_t i = z->at / z->mark_bytes;
	size_t n;

	if (i == 0 || i >= MARKS || z->at % z->mark_bytes != 0 || z->marks[i] ||
	    inflate_stream_mark(z->stream, &z->marks[i], &n) < 0)
		return;
	z->bytes += n;
}

static int fill(struct zsection *z, uint8_t *to, size_t n)
{
	int r = inflate_stream_read(z->stream, to, n);

	if (r == 0 && z->at + n == z->size)
		r = inflate_stream_end(z->stream);
	if (r == 0) {
		z->at += n;
		return 0;
	}
	if (r == -EBADMSG && z->at < z->end)
		z->end = z->at;
	z->at = NOWHERE;
	return r;
}

/* Uncompresses the next block, in place of the one that was used longest ago. NULL: that failed. */
static struct block *next_block(struct zsection *z)
{
	struct block *b = &z->kept[0];
	size_t n = z->size - z->at < BLOCK ? (size_t)(z->size - z->at) : BLOCK;

	for (size_t i = 1; i < z->n_kept; i++)
		if (z->kept[i].used < b->used)
			b = &z->kept[i];
	if (!b->bytes) {
		b->bytes = malloc(BLOCK);
		if (!b->bytes)
			return NULL;
		z->bytes += BLOCK;
	}
	b->number = NOWHERE;
	b->used = 0;
	if (fill(z, b->bytes, n) < 0)
		return NULL;
	b->number = (z->at - 1) / BLOCK;
	b->used = ++z->uses;
	set_mark(z);
	return b;
}

static const uint8_t *get_block(struct zsection *z, uint64_t number)
{
	struct block *b;

	for (size_t i = 0; i < z->n_kept; i++) {
		b = &z->kept[i];
		if (b->number == number) {
			b->used = ++z->uses;
			return b->bytes;
		}
	}
	go_near(z, number * BLOCK);
	do
		b = next_block(z);
	while (b && b->number != number);
	return b ? b->bytes : NULL;
}

/* Brings all that can be read to memory: false without memory. */
static bool hold(struct zsection *z)
{
	uint8_t *whole = malloc(z->end + 1);

	if (!whole)
		return false;
	inflate_stream_go(z->stream, NULL);
	z->at = 0;
	while (z->at < z->end) {
		uint64_t left = z->end - z->at;

		if (fill(z, whole + z->at, left < BLOCK ? (size_t)left : BLOCK) < 0)
			break;
	}
	z->whole = whole;
	drop_pieces(z);
	z->bytes += z->end;
	return true;
}

/* --- reading -------------------------------------------------------------------------------------- */

static bool read_pieces(struct zsection *z, uint64_t off, uint8_t *to, size_t n)
{
	while (n > 0) {
		const uint8_t *block = get_block(z, off / BLOCK);
		size_t at = (size_t)(off % BLOCK), part = BLOCK - at < n ? BLOCK - at : n;

		if (!block)
			return false;
		memcpy(to, block + at, part);
		to += part;
		off += part;
		n -= part;
	}
	return true;
}

bool zsection_read(struct zsection *z, uint64_t off, void *buf, size_t n)
{
	bool ok;

	if (off > z->size || n > z->size - off)
		return false;
	pthread_mutex_lock(&z->lock);
	ok = off + n <= z->end;
	if (ok && z->stream && inflate_stream_work(z->stream) - z->work > z->max_work)
		ok = z->may_hold && hold(z) && off + n <= z->end;
	if (ok && z->whole)
		memcpy(buf, z->whole + off, n);
	else if (ok)
		ok = read_pieces(z, off, buf, n);
	pthread_mutex_unlock(&z->lock);
	return ok;
}

bool zsection_may_hold(const struct zsection *z)
{
	return z->may_hold;
}

uint64_t zsection_kept(const struct zsection *z)
{
	uint64_t kept = z->size / KEPT_SHARE / BLOCK;

	return (kept < KEPT_MIN ? KEPT_MIN : kept > KEPT_MAX ? KEPT_MAX : kept) * BLOCK;
}

void zsection_rest(struct zsection *z)
{
	pthread_mutex_lock(&z->lock);
	drop_blocks(z);
	if (z->stream)
		z->work = inflate_stream_work(z->stream);
	pthread_mutex_unlock(&z->lock);
}

size_t zsection_bytes(struct zsection *z)
{
	size_t n;

	pthread_mutex_lock(&z->lock);
	n = z->stream ? inflate_stream_bytes(z->stream) : 0;
	/* A frame of zstd may claim a larger window than it can fill: the rest is never touched. */
	if (n > z->size + STREAM_OWN)
		n = z->size + STREAM_OWN;
	n += z->bytes;
	pthread_mutex_unlock(&z->lock);
	return n;
}
