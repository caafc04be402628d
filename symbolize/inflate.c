/* SPDX-License-Identifier: Apache-2.0 */
#include "inflate.h"

#include <errno.h>

#include <libdeflate.h>
#include <zstd.h>

bool inflate_is_plausible(enum inflate_format format, uint64_t n, uint64_t size)
{
	/* The shortest code of deflate (two bits) stands for 258 bytes: 1032 to 1. A block of zstd
	 * takes 3 bytes at least and becomes 128 KiB at most. */
	uint64_t ratio = format == INFLATE_ZLIB ? 1032 : (128 << 10) / 3 + 1;

	return size / ratio <= n;
}

static int inflate_zlib(const uint8_t *src, size_t n, uint8_t *dst, size_t size)
{
	struct libdeflate_decompressor *z = libdeflate_alloc_decompressor();
	int r = z ? 0 : -ENOMEM;

	/* Old linkers put sections of several objects together as they were: stream by stream. */
	while (r == 0 && size > 0) {
		size_t in, out;

		if (libdeflate_zlib_decompress_ex(z, src, n, dst, size, &in, &out) !=
		    LIBDEFLATE_SUCCESS) {
			r = -EBADMSG;
			break;
		}
		src += in;
		n -= in;
		dst += out;
		size -= out;
	}
	if (z)
		libdeflate_free_decompressor(z);
	return r;
}

static int inflate_zstd(const void *src, size_t n, void *dst, size_t size)
{
	ZSTD_DCtx *z = ZSTD_createDCtx();
	size_t got;

	if (!z)
		return -ENOMEM;
	got = ZSTD_decompressDCtx(z, dst, size, src, n);
	ZSTD_freeDCtx(z);
	return !ZSTD_isError(got) && got == size ? 0 : -EBADMSG;
}

int inflate_section(enum inflate_format format, const void *src, size_t n, void *dst, size_t size)
{
	return format == INFLATE_ZLIB ? inflate_zlib(src, n, dst, size)
				      : inflate_zstd(src, n, dst, size);
}
