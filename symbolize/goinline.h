/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Go inlined where. Each function with inlined calls has a tree of them: an array whose items
 * say which function was called and at which address of the caller the position of the call is
 * found. A table of values says which item is innermost at an address; the same table at the
 * position of the call gives the item around it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "goimage.h"
#include "gotable.h"

enum { GO_CALLS_MAX = 1 << 20 }; /* items of one tree; Go has the same limit */

struct go_trees {
	void *mem;
	struct bytes bytes;
	uint64_t addr; /* of the first byte */
};

struct go_call {
	uint32_t name;
	uint32_t start_line; /* of the called function, 0 = unknown */
	uint32_t at; /* where the position of the call is: bytes from the function's start */
};

/*
 * Finds out where the trees are, by whether what is there are trees: from Go 1.18 on which of the
 * @n addresses at @bases is gofunc, before which of a function's data they are. Sets @t so that no
 * function has a tree when nothing fits. 0 or -ENOMEM, -errno of reading.
 */
int goinline_detect(const struct go_image *img, struct go_table *t, const uint64_t *bases,
		    unsigned n);

/* Reads the trees of all functions: 0 and *@ret; -EFBIG over @max_bytes; -ENOMEM, -errno. */
int goinline_open(const struct go_image *img, const struct go_table *t, size_t max_bytes,
		  struct go_trees *ret);
void goinline_close(struct go_trees *trees);

/* Item @i of @f's tree: 0, or -EBADMSG when it is not there. */
int goinline_call(const struct go_trees *trees, const struct go_table *t, const struct go_func *f,
		  uint32_t i, struct go_call *ret);
