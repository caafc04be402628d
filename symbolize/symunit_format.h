/* SPDX-License-Identifier: Apache-2.0 */
/* How an image lies in memory: for symunit.c, which makes it, and symunit_read.c, which asks it. */
#pragma once

#include "packtab.h"
#include "symunit.h"

enum { SYMUNIT_BLOCK = 16 }; /* entries that share one of the index */

/* Where a block of a list begins. */
struct symunit_block {
	uint32_t addr; /* of its first entry */
	uint32_t off;  /* of its first byte in the list */
};

struct symunit_list {
	uint32_t index; /* offset of the blocks in the image */
	uint32_t n;	/* entries */
	uint32_t bytes; /* offset of the bytes in the image */
	uint32_t n_bytes;
};

struct symunit {
	uint64_t base; /* addresses count from here */
	uint64_t end;  /* and end before this one */
	uint32_t size; /* of the whole image */
	struct packtab scopes, names, files;
	struct symunit_list segs, rows;
};
