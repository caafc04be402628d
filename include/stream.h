/* SPDX-License-Identifier: Apache-2.0 */
/* Where the codecs' bytes go to and come from: a file, a buffer, or a stage of compression. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct sink {
	/* Takes all @n bytes: 0 or -errno. */
	int (*write)(void *ctx, const void *data, size_t n);
	void *ctx;
};

static inline int sink_write(const struct sink *s, const void *data, size_t n)
{
	return s->write(s->ctx, data, n);
}

struct source {
	/* Gives 1 to @n bytes, 0 at the end, or -errno. */
	ssize_t (*read)(void *ctx, void *buf, size_t n);
	void *ctx;
};

static inline ssize_t source_read(const struct source *s, void *buf, size_t n)
{
	return s->read(s->ctx, buf, n);
}
