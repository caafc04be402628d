/* SPDX-License-Identifier: Apache-2.0 */
/* Hands out parts of a range of numbered cells: first fit, neighbours joined when given back. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "array.h"

struct extent {
	uint32_t first, n;
};

struct extents {
	ARRAY(struct extent) free; /* ascending, never touching each other */
	uint32_t used;		   /* cells handed out */
};

/* All of [@first, @first + @n) is free. 0 or -ENOMEM. */
int extents_init(struct extents *e, uint32_t first, uint32_t n);
void extents_done(struct extents *e);

/* @n (> 0) cells that begin at a multiple of @align: 0 and *@ret, -ENOSPC, -ENOMEM. */
int extents_take(struct extents *e, uint32_t n, uint32_t align, uint32_t *ret);

/* Gives [@first, @first + @n) back, which was taken as one. 0, or -ENOMEM: then it is lost. */
int extents_give(struct extents *e, uint32_t first, uint32_t n);
