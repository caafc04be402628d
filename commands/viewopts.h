/* SPDX-License-Identifier: Apache-2.0 */
/* The options by which every command that reads profiles says what of them it looks at. */
#pragma once

#include <stdbool.h>

#include "array.h"
#include "profile_filter.h"

struct err;
struct profile;

/* What getopt_long() answers for them: far from the numbers that commands give their own. */
enum {
	VIEWOPT_SAMPLE_TYPE = 0x1000,
	VIEWOPT_BY,
	VIEWOPT_FILTER, /* + enum filter_verb */
};

/* For a command's table of struct option. */
#define VIEWOPTS_LONG                                                                        \
	{ "sample-type", required_argument, NULL, VIEWOPT_SAMPLE_TYPE },                     \
		{ "focus", required_argument, NULL, VIEWOPT_FILTER + FILTER_FOCUS },         \
		{ "ignore", required_argument, NULL, VIEWOPT_FILTER + FILTER_IGNORE },       \
		{ "hide", required_argument, NULL, VIEWOPT_FILTER + FILTER_HIDE },           \
		{ "show-from", required_argument, NULL, VIEWOPT_FILTER + FILTER_SHOW_FROM }, \
		{ "pivot", required_argument, NULL, VIEWOPT_FILTER + FILTER_PIVOT },         \
	{                                                                                    \
		"by", required_argument, NULL, VIEWOPT_BY                                    \
	}

/* For a command's usage; it begins and ends with a line. */
#define VIEWOPTS_USAGE                                                                   \
	"What of the profile, in the order given, each as often as you like. RE is an\n" \
	"extended regular expression, searched for in the names of functions, objects\n" \
	"and source files.\n"                                                            \
	"\n"                                                                             \
	"      --sample-type NAME  the value, such as samples or cpu\n"                  \
	"      --focus RE          only stacks with a frame that matches\n"              \
	"      --ignore RE         only stacks without one\n"                            \
	"      --hide RE           stacks without the frames that match\n"               \
	"      --show-from RE      stacks from the match nearest the root on\n"          \
	"      --pivot RE          stacks from the match nearest the leaf on\n"          \
	"      --by LABEL          under each stack the value of a label: pid, comm,\n"  \
	"                          ...; pictures of several programs have comm there\n"  \
	"                          unless it is none\n"

/* Zero to begin with. Texts are borrowed from the command line. */
struct viewopts {
	const char *sample_type; /* NULL = not given */
	ARRAY(struct view_step {
		const char *label; /* --by, else NULL */
		struct filter filter;
	})
	steps; /* in the order of the command line */
};

/* Takes the option @opt with @arg: 1, 0 when it is none of these, -EINVAL with a sentence for a
 * text that is no regular expression, -ENOMEM. */
int viewopts_take(struct viewopts *v, int opt, const char *arg, struct err *e);

/* Does with @p what was asked for. 0 and *@ret_type, the index of the sample type (-1 = none was
 * given); -EINVAL with a sentence when there is no such thing or nothing is left; -ENOMEM, -E2BIG.
 */
int viewopts_apply(const struct viewopts *v, struct profile *p, int *ret_type, struct err *e);

/* Reads the base of a difference from @path and does the same with it; a sentence says that it is
 * the base. 0 and *@ret (free with profile_free()), errors as of inputs_read() and above. */
int viewopts_read_base(const struct viewopts *v, const char *path, struct profile **ret,
		       struct err *e);

/* Whether its samples are of several programs (label "comm"). */
bool view_has_programs(const struct profile *p);

/*
 * For pictures, in which programs would lie over each other: puts the program below each stack, as
 * --by comm does, when there are several and nothing was asked to lie there. 0, -ENOMEM, -E2BIG.
 */
int viewopts_part_programs(const struct viewopts *v, struct profile *p, struct err *e);

void viewopts_done(struct viewopts *v);
