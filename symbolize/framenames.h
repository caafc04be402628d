/* SPDX-License-Identifier: Apache-2.0 */
/* The names of a batch's frames: each is read one time, however many frames have it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "answer.h"
#include "array.h"
#include "hindex.h"
#include "symobject.h"
#include "symunit.h"

enum { FRAMENAMES_BYTES = 4096 }; /* longer ones are cut */

/* A string of the debug information that is in the batch. */
struct framename {
	strref_t ref;
	uint32_t name, system_name; /* offsets in the batch */
	bool mangled;
	bool is_bare; /* there is one, and it begins with no underscore */
};

/* Zero it and fill in what is borrowed. */
struct framenames {
	struct symobject *o;
	struct answering *a; /* gets the strings */
	bool shown_only;     /* of a mangled name only what is shown for it is wanted */
	uint64_t seed;	     /* who makes a file cannot make its strings collide */
	struct hindex by_ref;
	ARRAY(struct framename) names;
	char buf[FRAMENAMES_BYTES];
};

void framenames_done(struct framenames *f);

/* The name at @ref: 0, -ENOMEM, -EFBIG when the batch is full. */
int framenames_get(struct framenames *f, strref_t ref, struct framename *ret);

/*
 * Reads the names of @n frames before one of these is asked for, in the order in which they lie in the file,
 * on several threads when there are many: each costs a read of its own otherwise. 0 and *@ret (caller
 * frees): for each frame the number of its name in names; NULL when they are few, or the batch is full
 * before all are there: then each is asked for. -ENOMEM.
 */
int framenames_read(struct framenames *f, const struct symunit_frame *frames, size_t n,
		    uint32_t **ret);
