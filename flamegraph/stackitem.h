/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sample on its way along its stack, frame by frame: what a call tree is made from. There are as
 * many as samples and each is moved at each of its frames, so they are small.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "callframes.h"
#include "profile.h"

#define FRAME_END UINT32_MAX /* the stack is over */

/* The stacks of a profile and what their locations show. */
struct stackpool {
	const struct profile *p;
	struct framelists lists;
	bool by_leaf;  /* stacks begin at the leaf, else at the root */
	bool is_plain; /* each location has one frame, of the same number */
};

struct stackitem {
	int64_t value;
	uint32_t at;	    /* its location, in the pool of stacks */
	uint32_t left : 31; /* locations after that one */
	uint32_t base : 1;  /* which profile it is of */
	uint32_t sub;	    /* its frame, in the frames of that location */
	uint32_t more;	    /* frames of the location after that one */
	uint32_t frame;	    /* that frame, FRAME_END past the last */
	uint32_t sample;    /* its number */
};

static inline void stackitem_enter(struct stackitem *it, const struct stackpool *s)
{
	uint32_t location = s->p->stacks.items[it->at];

	it->sub = s->is_plain ? location : s->lists.starts[location];
	it->more = s->is_plain ? 0 : s->lists.starts[location + 1] - it->sub - 1;
	it->frame = s->lists.frames.items[it->sub];
}

/* Goes to the first frame of @sample, which is @no_stack where there is none. */
static inline void stackitem_begin(struct stackitem *it, const struct stackpool *s,
				   const struct profile_sample *sample, uint32_t no_stack)
{
	it->frame = no_stack;
	if (sample->loc_n) {
		it->left = (sample->loc_n - 1) & INT32_MAX;
		it->at = sample->loc_first + (s->by_leaf ? 0 : sample->loc_n - 1);
		stackitem_enter(it, s);
	}
}

static inline void stackitem_advance(struct stackitem *it, const struct stackpool *s)
{
	if (it->more) {
		it->more--;
		it->frame = s->lists.frames.items[++it->sub];
	} else if (it->left) {
		it->left--;
		it->at += s->by_leaf ? 1 : -1u;
		stackitem_enter(it, s);
	} else {
		it->frame = FRAME_END;
	}
}
