/* SPDX-License-Identifier: Apache-2.0 */
/* What a dwobject holds: for dwobject.c, which opens it, and dwfind.c, which asks it. */
#pragma once

#include <stdatomic.h>

#include "dwdir.h"
#include "dwobject.h"
#include "dwrange.h"
#include "dwsplit.h"
#include "dwunit.h"
#include "symstore.h"

/* Bytes that a call may read for each byte of a file. */
#define DWOBJECT_WORK_FACTOR 32

struct unit_image {
	struct symunit *image; /* NULL = not read, or not kept */
	size_t bytes;
	uint64_t lo, hi; /* what it says something of, once it was read */
	bool limited;	 /* that is not all that there is */
	bool no_split;	 /* it is of a skeleton whose split unit was not there */
	bool same_id;	 /* the skeleton before it has the same id: no split unit is looked for */
	bool credited;	 /* its split unit counts in max_work */
	bool dropped;	 /* it was there and is not needed any more */
};

struct dwobject {
	struct dwfile file, alt;
	struct dwsection_near
		*near; /* strings of either that were read last; NULL until many are */
	bool has_alt;
	struct dwdir dir;      /* what units say of themselves */
	struct dwdir more;     /* what else is known of them, once it is needed */
	struct dwsplit *split; /* NULL = no unit is a skeleton */
	/* Which units there are: few addresses do not need all of them. Of a stored object all are
	 * there. */
	enum dwobject_units {
		DWOBJECT_NONE, /* nothing has been asked yet */
		DWOBJECT_SOME,
		DWOBJECT_ALL,
	} units;
	bool has_more;
	bool refers_far; /* units refer to entries of others, as far as that is known */
	ARRAY(uint32_t) loose; /* units that do not say where their code is */
	size_t inflated;       /* bytes of sections that were compressed */
	size_t n_units;
	struct unit_image *images;   /* of each unit */
	struct symstore *store;	     /* where they come from; NULL = from the file */
	char *store_dir, *store_key; /* where they go to; NULL = nowhere */
	uint64_t store_max_bytes;
	uint64_t read_bytes; /* of units that were read for answers */
	struct dwline_span *code;
	size_t n_code;
	/* Borrowed: all that will be asked, ascending; images are made for that alone. NULL = not known. */
	const uint64_t *only;
	size_t n_only;
	size_t max_images;
	unsigned threads;
	atomic_size_t image_bytes;
	atomic_uint_fast64_t broken, limited;
	atomic_uint_fast64_t no_split; /* skeletons without their split units */
	atomic_bool unsettled;	       /* a split unit could not be read to its end */
	/* Bytes that the present call has read, in a wide sense, and how many it may. */
	atomic_uint_fast64_t work, max_work;
};

/*
 * Takes the units that are in the list of the object's file: where they have their code. 0,
 * -ENOMEM. dwobject_load_all() reads all of them, in place of the units that there were.
 */
int dwobject_take_units(struct dwobject *o);
int dwobject_load_all(struct dwobject *o);

/* Whether a unit does not say where its code is, so that it has to be read: @spans are what
 * dwrange_read() gave of its ranges, and @error what went wrong with it, or 0. */
bool dwobject_is_loose(const struct dwunit *u, const struct dwspans *spans, int error);

/* Many addresses are going to be asked for: brings to memory what they need, out of order, of large
 * sections that are compressed. 0, -ENOMEM. */
int dwobject_expect_many(struct dwobject *o);

/* Where what is going to be asked is known: lets images go that say nothing of what is behind @addr. */
void dwobject_drop_behind(struct dwobject *o, uint64_t addr);

/* Asks the units that there are. As dwobject_find(); with @directory only those that say that they
 * have the address. */
int dwfind_run(struct dwobject *o, struct dwquery *queries, size_t n, bool directory,
	       struct dwframes *ret);

/* What takes an image, which is the caller's: 0 or -ENOMEM. Called by several threads. */
typedef int (*dwfind_each_fn)(void *ctx, uint32_t unit, const struct symunit *image);

/* Makes the images of all units and gives them to @each; then dir and more are all that is known of
 * them. 0 or -ENOMEM. */
int dwfind_make_all(struct dwobject *o, dwfind_each_fn each, void *ctx);

/* Whether so much of the object is read, with @bytes of units, that all of it is worth being made
 * and kept on disk. */
bool dwfind_is_much(const struct dwobject *o, uint64_t bytes);
