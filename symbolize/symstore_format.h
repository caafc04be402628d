/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of an index (see symstore.h), little-endian:
 *
 *	pieces: images of units, chunks of strings; each a zstd frame with a checksum
 *	directory: a zstd frame of struct store_piece [units], [chunks], struct store_range [ranges]
 *	struct store_tail, the last bytes of the file
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define STORE_MAGIC   "wickidx"
#define STORE_SUFFIX  ".wickidx"
#define STORE_VERSION 1 /* of this layout and that of struct symunit: another one is not read */

enum {
	STORE_KEY_MAX = 200,
	STORE_PIECE_MAX = 1 << 30, /* bytes of a piece once it is uncompressed */
	STORE_CHUNK = 64 << 10,	   /* of strings: one that has reached it is closed */
	STORE_STRING_MAX = 64 << 10,
	/* A string is at chunk << STORE_CHUNK_SHIFT | offset in it. */
	STORE_CHUNK_SHIFT = 24,
};

struct store_piece {
	uint64_t off;
	uint32_t packed, size; /* bytes in the file, and uncompressed; 0 = there is none */
};

struct store_range {
	uint64_t lo, hi;
	uint32_t unit, zero;
};

struct store_tail {
	char magic[8];
	uint32_t version;
	uint32_t n_units, n_chunks;
	uint32_t n_ranges;
	struct store_piece directory;
	uint32_t zero;
	uint32_t crc; /* CRC-32 of what is before it in the tail */
};

_Static_assert(sizeof(struct store_piece) == 16, "no gaps");
_Static_assert(sizeof(struct store_range) == 24, "no gaps");
_Static_assert(sizeof(struct store_tail) == 48, "no gaps");

/*
 * The path of the file of @key in @dir: 0, -ENAMETOOLONG, -EINVAL for a key that is no file name,
 * -EPERM when others can write in the folder, -errno when it is not there.
 */
int symstore_path(const char *dir, const char *key, char *ret, size_t size);
