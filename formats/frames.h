/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of a profile for the writers of formats that know functions, but no locations: each
 * function once, each location as its frames from the outermost to the innermost inlined one. Filters
 * match the same names.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "array.h"
#include "profile.h"
#include "strtab.h"

struct err;

/* A function of one object: equal names of different objects or files are different functions. */
struct frame_function {
	uint32_t name, file, object; /* strings of frames.text; name is never "" */
	int64_t start_line;	     /* 0 = unknown */
	/* The line and column where it is in all frames, 0 when they differ or are not known. */
	int64_t only_line, only_column;
	bool seen;    /* in a frame */
	bool differs; /* lines of its frames do */
};

struct frame {
	uint32_t function; /* index into functions */
	int64_t line, column;
	bool inlined; /* into the frame before */
};

struct frames {
	const struct profile *p;
	struct strtab text;
	ARRAY(struct frame_function) functions;
	struct hindex index; /* of functions */
	ARRAY(struct frame) list;
	ARRAY(uint32_t) first; /* of each location in list, and one more */
};

/* What there is in @p, which must outlive @f. 0, -ENOMEM, -E2BIG; frames_done() in every case. */
int frames_init(struct frames *f, const struct profile *p);
void frames_done(struct frames *f);

/* The function that stands for a text which is none, as a comm: 0 and *@ret, or -ENOMEM. */
int frames_text(struct frames *f, const char *s, size_t n, uint32_t *ret);

/* What a function without a name is called, and a place of which not even the object is known. */
#define FRAME_NO_NAME "[unknown]"

/* "[object+0xoffset]" for a location of which only the address is known: 0 and *@ret, which the
 * caller frees, or -ENOMEM. */
int place_name(const struct profile *p, const struct profile_location *l, char **ret);

/* The string label @key of sample @i, or NULL. */
const struct profile_label *sample_label(const struct profile *p, const struct profile_sample *s,
					 uint32_t key);

/* The number of the string @s in the profile, or PROFILE_NONE. */
uint32_t profile_find_string(const struct profile *p, const char *s);

/* -EINVAL with a sentence when value @type of some sample is negative, or there is no such type. */
int check_values(const struct profile *p, size_t type, const char *format, struct err *e);
