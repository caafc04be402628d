/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of folded stacks, each distinct text once: what a frame stands for in the profile is
 * found out when it is met first, after that it costs one lookup. The text itself lies in the
 * profile's strings alone.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "hindex.h"

struct profile;
struct profile_builder;

/* What a frame's annotation says of it. */
enum frame_kind {
	FRAME_PLAIN,   /* none, or _[0] */
	FRAME_KERNEL,  /* _[k] */
	FRAME_JIT,     /* _[j], _[1] */
	FRAME_INLINED, /* _[i]: into the frame before it */
};

struct frame {
	size_t off; /* of its name, without annotation, in the profile's strings */
	uint32_t n; /* bytes of the name */
	uint32_t function;
	uint32_t location; /* of this frame alone; PROFILE_NONE until it is asked for */
	enum frame_kind kind;
};

struct frametab {
	struct profile *p;	   /* borrowed */
	struct profile_builder *b; /* borrowed; builds p */
	struct hindex index;	   /* of frames, by the hash of the text with its annotation */
	ARRAY(struct frame) frames;
	uint32_t mappings[FRAME_INLINED]; /* by kind, PROFILE_NONE until one is needed */
};

void frametab_init(struct frametab *t, struct profile *p, struct profile_builder *b);
void frametab_done(struct frametab *t);

/*
 * The number of the frame whose text are the @n bytes at @text, without spaces around it, and @hash
 * their frame_hash(). With @outermost it is the first of its stack, where _[i] means nothing and is
 * a part of the name. Or -ENOMEM, -E2BIG.
 */
int64_t frametab_get(struct frametab *t, const char *text, size_t n, uint64_t hash, bool outermost);

/* Whether frame @i is what frametab_get() gives for that text. */
bool frametab_is(const struct frametab *t, uint32_t i, const char *text, size_t n, bool outermost);

/*
 * A large file has more frames than caches hold: what frametab_is() will look at is asked for in two
 * steps, some frames ahead.
 */
static inline void frametab_expect(const struct frametab *t, uint32_t i)
{
	__builtin_prefetch(&t->frames.items[i]);
}

/* The first lines tell nearly all names apart. */
void frametab_expect_name(const struct frametab *t, uint32_t i);

/* The location of frame @i alone: its number, -ENOMEM or -E2BIG. */
int64_t frametab_location(struct frametab *t, uint32_t i);

/* The mapping of locations whose outermost function has @kind: 0 and *@ret, which may be
 * PROFILE_NONE, or -ENOMEM or -E2BIG. */
int frametab_mapping(struct frametab *t, enum frame_kind kind, uint32_t *ret);
