/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounds-checked reader over foreign bytes. Every access states its length and fails with -EBADMSG
 * past the end; nothing else in the project walks pointers into data it did not write.
 * Integers are little-endian.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
	const uint8_t *p;
	size_t n;
	size_t pos; /* <= n */
};

static inline struct bytes bytes_of(const void *p, size_t n)
{
	return (struct bytes){ .p = p, .n = n };
}

static inline size_t bytes_left(const struct bytes *b)
{
	return b->n - b->pos;
}

/* Moves to absolute offset @pos. */
static inline int bytes_seek(struct bytes *b, uint64_t pos)
{
	if (pos > b->n)
		return -EBADMSG;
	b->pos = (size_t)pos;
	return 0;
}

/* Borrows the next @n bytes and moves past them. */
static inline int bytes_take(struct bytes *b, uint64_t n, const void **ret)
{
	if (n > bytes_left(b))
		return -EBADMSG;
	*ret = b->p + b->pos;
	b->pos += (size_t)n;
	return 0;
}

static inline int bytes_skip(struct bytes *b, uint64_t n)
{
	const void *unused;

	return bytes_take(b, n, &unused);
}

/* Copies the next @n bytes to @ret. */
static inline int bytes_copy(struct bytes *b, void *ret, size_t n)
{
	const void *p;
	int r = bytes_take(b, n, &p);

	if (r == 0)
		memcpy(ret, p, n);
	return r;
}

#define DEFINE_BYTES_INT(name, type)                                                               \
	static inline int bytes_##name(struct bytes *b, type *ret)                                 \
	{                                                                                          \
		return bytes_copy(b, ret, sizeof(*ret));                                           \
	}
DEFINE_BYTES_INT(u8, uint8_t)
DEFINE_BYTES_INT(u16, uint16_t)
DEFINE_BYTES_INT(u32, uint32_t)
DEFINE_BYTES_INT(u64, uint64_t)

/* The part [@off, @off + @n) as a reader of its own. */
static inline int bytes_part(const struct bytes *b, uint64_t off, uint64_t n, struct bytes *ret)
{
	if (off > b->n || n > b->n - off)
		return -EBADMSG;
	*ret = bytes_of(b->p + off, (size_t)n);
	return 0;
}

/* Borrows the NUL-terminated string at the position and moves past its NUL. */
static inline int bytes_str(struct bytes *b, const char **ret)
{
	const void *end = memchr(b->p + b->pos, 0, bytes_left(b));

	if (!end)
		return -EBADMSG;
	*ret = (const char *)b->p + b->pos;
	b->pos = (size_t)((const uint8_t *)end - b->p) + 1;
	return 0;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "readers assume a little-endian host");
