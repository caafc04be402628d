/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of an index (see symstore.h), in the byte order of the machine that wrote it:
 *
 *	pieces: images of units (symunit.h), blocks of names (namepool.h), blocks of symbols
 *	words of the names
 *	ranges, more of them: struct dwdir_range [], as they lie in memory
 *	directory: struct store_piece [units], [names], [symbols], and of each block of symbols its
 *	first address
 *	struct store_tail, the last bytes of the file
 *
 * What a question needs is read as it is: of one address the directory, an image and a few blocks.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define STORE_MAGIC   "wickidx"
#define STORE_SUFFIX  ".wickidx"
/* Of this layout, that of images and that of names, and of how they are found: another one is not read. */
#define STORE_VERSION 5

enum {
	STORE_KEY_MAX = 200,
	STORE_PIECE_MAX = 1 << 30,
	STORE_NAMES = 16 << 10, /* of names: a block that has reached it is closed */
	STORE_SYMBOLS = 512,	/* symbols of a block */
	/* A name is at block << STORE_BLOCK_SHIFT | offset in it, a number of 32 bits. */
	STORE_BLOCK_SHIFT = 16,
};

#define STORE_NO_NAME UINT32_MAX

struct store_piece {
	uint64_t off;
	uint32_t size; /* 0 = there is none */
	uint32_t crc;  /* CRC-32 of its bytes */
};

/* Up to the next one's start. */
struct store_symbol {
	uint64_t start;
	uint32_t name; /* STORE_NO_NAME: nobody is there */
	uint32_t zero;
};

struct store_tail {
	char magic[8];
	uint32_t version;
	uint32_t n_units, n_names, n_symbols; /* pieces of each kind */
	uint8_t has_symbols;		      /* 0: the object's are to be read */
	uint8_t reason, on_miss;	      /* as in struct elf_object */
	uint8_t zero[5];
	struct store_piece words, ranges, more, directory;
	uint32_t machine; /* STORE_MACHINE as that wrote it */
	uint32_t crc;	  /* CRC-32 of what is before it in the tail */
};

#define STORE_MACHINE 0x01020304

_Static_assert(sizeof(struct store_piece) == 16, "no gaps");
_Static_assert(sizeof(struct store_symbol) == 16, "no gaps");
_Static_assert(sizeof(struct store_tail) == 104, "no gaps");

/*
 * The path of the file of @key in @dir: 0, -ENAMETOOLONG, -EINVAL for a key that is no file name,
 * -EPERM when others can write in the folder, -errno when it is not there.
 */
int symstore_path(const char *dir, const char *key, char *ret, size_t size);

/* CRC-32 of @n bytes. */
uint32_t symstore_crc(const void *p, size_t n);

/* Makes the folder, and the one it is in ("~/.cache"), where they are not there: 0 or -errno. */
int symstore_make_folder(const char *dir);

/* Removes the files that were not used for the longest time while all are more than @max bytes. */
void symstore_trim_folder(const char *dir, uint64_t max);
