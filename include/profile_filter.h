/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a profile is looked at: the verbs that pprof, Perfetto and Firefox's profiler agree on.
 * They mean the same here, in the viewer (flamegraph/) and in every command that takes them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct profile;

enum filter_verb {
	FILTER_FOCUS,  /* only stacks in which some frame matches */
	FILTER_IGNORE, /* only stacks in which none does */
	FILTER_HIDE,   /* frames that match are taken out of their stacks; a stack of which nothing
			  is left is left out, as pprof does it */
	FILTER_SHOW_FROM, /* stacks begin at the frame nearest the root that matches; those without
			     are left out */
	FILTER_PIVOT,	  /* as SHOW_FROM, but at the frame nearest the leaf */
};

struct filter {
	enum filter_verb verb;
	/* POSIX extended regular expression, searched for in function names (as views call what has
	 * none: "[libc.so.6+0x12]"), in objects' names ("libc.so.6") and, as pprof does, in source
	 * files */
	const char *pattern;
};

/* "focus", "show-from", …: the command line option of that verb without its dashes. */
const char *filter_verb_name(enum filter_verb verb);

/* Whether the pattern is a regular expression, before a profile was read: 0, -EINVAL with a
 * sentence, -ENOMEM. */
int profile_filter_check(const struct filter *filter, struct err *e);

/*
 * Applies @filters in their order to @p, in place; every sum that a filter changes is a new total.
 * What was done is told in a comment of the profile ("wick: filter: focus=RE … left 12 of 40
 * samples/count", in the default sample type), which views print. Samples that become equal, and
 * functions that no sample needs any more, stay; merging the profile into an empty one removes
 * them. 0, -EINVAL with a sentence for a bad pattern or when nothing is left, -ENOMEM, -E2BIG.
 * After an error @p can only be freed.
 */
int profile_filter(struct profile *p, const struct filter *filters, size_t n, struct err *e);

/*
 * Puts the value of label @key of each sample below its root as a frame: "comm: postgres",
 * "pid: 123" (with the unit of a number, when it has one that is not the key itself); samples
 * without it get "KEY: none". Several calls nest, the first one outermost. 0, -EINVAL with a
 * sentence that names the labels there are when no sample has it, -ENOMEM, -E2BIG.
 */
int profile_by_label(struct profile *p, const char *key, struct err *e);

/* Whether a location is such a frame. */
bool profile_is_label_frame(const struct profile *p, uint32_t location);
