/* SPDX-License-Identifier: Apache-2.0 */
/* The images of an object's units: kept ones, from the index on disk, or made from its files. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dwbuild.h"
#include "dwobject.h"
#include "symstore.h"

/* Zero it; one a thread. What it holds is used again for the next unit. */
struct dwimager {
	struct dwbuild build;
	struct dwsplit_unit split;    /* the last one that was read */
	struct symstore_piece stored; /* likewise, of an index on disk */
};

/*
 * The image of unit @i of @o: 0, *@ret (NULL when it cannot be read, which is counted),
 * *@ret_bytes; free() it when *@ret_mine is set, else it is @o's, or @m's until the next call.
 * -ENOMEM. No two threads may ask for the same unit at once.
 */
int dwimager_get(struct dwimager *m, struct dwobject *o, uint32_t i, struct symunit **ret,
		 size_t *ret_bytes, bool *ret_mine);

/*
 * The image of @u, a unit of @o's file that is no skeleton and may not be in its list yet: 0, *@ret (caller
 * frees with free()), *@ret_bytes and what is wrong with it; -ENOMEM, -EFBIG.
 */
int dwimager_build(struct dwimager *m, struct dwobject *o, const struct dwunit *u,
		   struct symunit **ret, size_t *ret_bytes, enum dwbuild_flaw *ret_flaw);

void dwimager_done(struct dwimager *m);
