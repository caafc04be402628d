/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a Go program's table of functions, read by pages as they are looked at: who asks
 * about few functions of a large program reads little of it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "goimage.h"
#include "gotable.h"

enum { GO_PAGE = 4096 };

struct go_pages {
	const struct go_image *image; /* borrowed */
	uint64_t addr, off;	      /* of the table: its address, and where it is in the file */
	size_t n;
	uint8_t *bytes; /* n of them; where no page was read they are zeros that take no memory */
	uint8_t *have;	/* a bit for each page */
	size_t n_have;	/* pages that were read */
};

/*
 * For @n bytes at @off of the file, which lie at @addr of @img. 0 and *@ret (release with
 * gopages_close()), -EBADMSG when the file is shorter, -EFBIG for more than a table can have,
 * -ENOMEM.
 */
int gopages_open(const struct go_image *img, uint64_t addr, uint64_t off, uint64_t n,
		 struct go_pages *ret);

/* Accepts what is all zeros, and leaves that. */
void gopages_close(struct go_pages *p);

/* Brings what a table over bytes[] asks for, as long as @p stays where it is. */
struct go_bringer gopages_bringer(struct go_pages *p);

/* Gives all pages back: they are read again when they are looked at. */
void gopages_drop(struct go_pages *p);

/* The memory that it takes. */
size_t gopages_bytes(const struct go_pages *p);
