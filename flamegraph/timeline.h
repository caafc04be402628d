/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the samples of a profile were taken, as far as they say: by the numeric label "time", the
 * beginning (in nanoseconds) of the window that a sample belongs to.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct calltree;
struct profile;

#define TIMELINE_WINDOWS 1000 /* more are put together */

struct timeline_entry {
	uint32_t node; /* of the tree: where samples end */
	uint32_t window : 31;
	uint32_t is_cut : 1; /* their stacks go on below the node, but were pruned there */
	int64_t value;
};

struct timeline {
	uint64_t *starts; /* of windows that have samples, ascending */
	size_t n_starts;
	uint64_t step; /* length of a window: the shortest time from one to the next */
	struct timeline_entry *entries; /* by node and window, no two of them equal in both */
	size_t n;
};

/* Whether any sample has a time. */
bool timeline_is_known(const struct profile *p);

/* Puts the samples of @p by value @type into windows; @t is their tree, with ends. 0, with *@ret
 * (release with timeline_done()) or, when no sample has a time, nothing; or -ENOMEM. */
int timeline_make(struct timeline *ret, const struct profile *p, size_t type,
		  const struct calltree *t);
void timeline_done(struct timeline *tl);
