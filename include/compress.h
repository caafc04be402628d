/* SPDX-License-Identifier: Apache-2.0 */
/* Compression as a stage between a codec and a file. The only place that knows the
 * libraries for gzip and zstd. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "stream.h"

enum compression {
	COMPRESSION_NONE,
	COMPRESSION_GZIP,      /* what is small as well as it can be, in reasonable time */
	COMPRESSION_GZIP_SOON, /* all of it as what is large: fast, and on all CPUs */
	COMPRESSION_ZSTD,
};

struct compressor;

/* Starts writing to @out, which must outlive the compressor. 0, or -ENOMEM. */
int compressor_new(struct compressor **ret, enum compression kind, const struct sink *out);

/* Compresses @n more bytes: 0, or what @out gave. */
int compressor_write(struct compressor *c, const void *data, size_t n);

/* Writes what is left and the end of the format. Nothing may be written after it. */
int compressor_finish(struct compressor *c);

void compressor_free(struct compressor *c);

static inline void compressor_freep(struct compressor **c)
{
	compressor_free(*c);
}

struct inflater;

/*
 * Starts reading @in, which must outlive the inflater, and finds out how it is compressed by its
 * first bytes. At most @max bytes come out of it (0 = 4 GiB). 0, -ENOMEM, or what @in gave.
 */
int inflater_new(struct inflater **ret, const struct source *in, uint64_t max);

/*
 * Reads up to @n bytes. The number read, 0 at the end, -EBADMSG when the compressed bytes are
 * broken or end early, -EFBIG past the limit, or what the source gave.
 */
ssize_t inflater_read(struct inflater *f, void *buf, size_t n);

/* Which compression was found, as a word for messages: "gzip", "zstd", "". */
const char *inflater_kind(const struct inflater *f);

void inflater_free(struct inflater *f);

static inline void inflater_freep(struct inflater **f)
{
	inflater_free(*f);
}
