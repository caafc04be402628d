/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gzip of what is large: it is cut into blocks that several threads compress. What comes out is one
 * member, the same bytes whatever the number of threads; blocks know nothing of one another, which
 * makes it less than half a percent larger.
 */
#pragma once

#include <stddef.h>

#include "stream.h"

struct gzipblocks;

/* Starts writing to @out, which must outlive it and is only written to by the caller's thread: 0 or
 * -ENOMEM. Threads that cannot be started are done without. */
int gzipblocks_new(struct gzipblocks **ret, const struct sink *out);

/* Compresses @n more bytes: 0, -ENOMEM, -EIO, or what @out gave. Nothing may follow an error but
 * gzipblocks_free(). */
int gzipblocks_write(struct gzipblocks *g, const void *data, size_t n);

/* Writes what is left and the end of the member. */
int gzipblocks_finish(struct gzipblocks *g);

void gzipblocks_free(struct gzipblocks *g);
