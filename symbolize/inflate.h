/* SPDX-License-Identifier: Apache-2.0 */
/* Uncompresses a section whose size is known beforehand, in one go. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum inflate_format {
	INFLATE_ZLIB,
	INFLATE_ZSTD,
};

/*
 * Whether @n compressed bytes can become @size bytes at all. To be asked before memory is taken for
 * a size that a file declares.
 */
bool inflate_is_plausible(enum inflate_format format, uint64_t n, uint64_t size);

/*
 * Fills @dst with the @size bytes that the @n bytes at @src hold; several streams one after another
 * count as one. 0; -EBADMSG when they are broken or hold fewer bytes, or a stream ends beyond them;
 * -ENOMEM. @dst is undefined on failure. May be called by several threads at once.
 */
int inflate_section(enum inflate_format format, const void *src, size_t n, void *dst, size_t size);
