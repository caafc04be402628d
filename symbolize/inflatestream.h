/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Uncompresses a section that is in a file piece by piece, in the order in which it lies there. Of zlib
 * places can be marked, to go on from them again later.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "inflate.h"

struct inflate_stream;
struct inflate_mark;

/*
 * The @n compressed bytes at @off of the file @fd, which is borrowed: several streams one after another
 * count as one. 0 and *@ret (free with inflate_stream_free()), or -ENOMEM. One thread at a time.
 */
int inflate_stream_new(enum inflate_format format, int fd, uint64_t off, uint64_t n,
		       struct inflate_stream **ret);
void inflate_stream_free(struct inflate_stream *s);

/*
 * Fills @buf with the next @n bytes: 0; -EBADMSG when what is compressed is broken or ends before, or
 * cannot be read; -ENOMEM. After a failure it has to go somewhere else.
 */
int inflate_stream_read(struct inflate_stream *s, void *buf, size_t n);

/*
 * Sees to it that the stream ends where it is, and that its checksum, if it has one, is right: 0; -EBADMSG;
 * -ENOMEM. It has to go somewhere else then.
 */
int inflate_stream_end(struct inflate_stream *s);

/* Whether a stream of this format can be marked: frames of zstd can only be read from their beginning. */
bool inflate_stream_has_marks(enum inflate_format format);

/* Marks where it is: 0, *@ret (caller frees with free()) and *@ret_bytes; -ENOMEM. */
int inflate_stream_mark(const struct inflate_stream *s, struct inflate_mark **ret,
			size_t *ret_bytes);

/* Goes to a mark of this stream; NULL = to the beginning. */
void inflate_stream_go(struct inflate_stream *s, const struct inflate_mark *m);

/* Bytes that were read and made so far: a measure of the time. */
uint64_t inflate_stream_work(const struct inflate_stream *s);

/* Memory held, but for what zstd takes for the window of a frame. */
size_t inflate_stream_bytes(const struct inflate_stream *s);
