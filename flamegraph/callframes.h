/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of a call tree: what the locations of profiles are called, each distinct frame once.
 * Not for views, which read them in the tree.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "calltree.h"
#include "hindex.h"
#include "strtab.h"

struct profile;

/* What tells frames apart. */
struct callframes_opts {
	bool by_leaf; /* lists begin at the innermost function, else at the outermost */
	bool by_line;
	bool no_inlines;
	bool any_version; /* libx.so.1 and libx.so.2 are one object */
	bool any_object;  /* the object tells nothing apart */
	bool one_program; /* the first mapping of each profile is the same object */
};

/* Strings that stand for a frame's name and object in every build. */
struct frame_key {
	uint32_t name, object;
};

struct callframes {
	struct callframes_opts opts;
	struct strtab strings;
	ARRAY(struct calltree_frame) frames;
	ARRAY(struct frame_key) keys; /* of each frame */
	struct hindex index;	      /* of frames */
	uint32_t no_stack;	      /* the frame of samples that have no stack */
};

/* The frames of location i of one profile: frames[starts[i]] up to frames[starts[i + 1]], at least
 * one. */
struct framelists {
	uint32_t *starts;
	ARRAY(uint32_t) frames;
};

/* Prepares @c: 0 or -ENOMEM. callframes_done() in every case. */
int callframes_init(struct callframes *c, const struct callframes_opts *o);
void callframes_done(struct callframes *c);

/* Adds what the locations of @p show: 0 and *@ret (framelists_done() in every case), -ENOMEM,
 * -E2BIG. */
int callframes_add(struct callframes *c, const struct profile *p, struct framelists *ret);
void framelists_done(struct framelists *l);

/* Whether the profile tells which files its code is of: folded stacks do not. */
bool callframes_has_objects(const struct profile *p);

/* Whether the programs that two profiles are of, their first mappings, are found in one of them
 * alone: one program that was built under another name. */
bool callframes_program_renamed(const struct profile *p, const struct profile *base);

/* Gives the frames the numbers of their order by name, then object and kind, in @lists too: 0 or
 * -ENOMEM. No frame can be added after that. */
int callframes_sort(struct callframes *c, struct framelists *lists, size_t n_lists);
