/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be said of folded stacks without knowing any frame: where lines and their frames are, the
 * counts, which frames are probably the same. Of a large text a thread of its own finds it, some lines ahead of those who
 * look the frames up; of a small one the caller's thread does, by the same steps.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "err.h"
#include "stream.h"

/* A frame as it stands in a line. The next one follows after a ';'. */
struct folded_piece {
	uint32_t id; /* the same for equal texts, and hardly ever for others */
	uint32_t n;
};

/* A line whose count is not 0. Fractions are rounded in the order of lines, each with what the ones
 * before left, so that the sum of all is right. */
struct folded_stack {
	int64_t count;
	uint32_t off; /* of its first piece, in the text */
	uint32_t n;   /* pieces */
};

struct folded_batch {
	ARRAY(char) text;
	size_t used; /* of it: what follows is of the next batch, which begins with it */
	ARRAY(struct folded_stack) stacks;
	ARRAY(struct folded_piece) pieces; /* of one stack after another */
	uint32_t ids;			   /* that pieces have so far */
	/* What comes after these stacks: 1 = another batch, 0 = the end, or -errno. */
	int then;
	struct err why; /* of an error that is not the source's */
};

struct foldedscan;

/* Starts reading @in, which must outlive it and be used by nobody else: 0 or -ENOMEM. Where no thread
 * can be had, there is none. */
int foldedscan_new(struct foldedscan **ret, const struct source *in);

/* The next batch, never NULL; it stays as it is until the next call, of which there is none after one
 * that no batch comes after. It may have no stacks. */
const struct folded_batch *foldedscan_next(struct foldedscan *s);

/* Accepts NULL. Waits until @in gave what it is being asked for; after it, @in is the caller's again. */
void foldedscan_free(struct foldedscan *s);
