/* SPDX-License-Identifier: Apache-2.0 */
/* Views of a profile. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct err;
struct profile;

struct top_opts {
	int sample_type;   /* index into sample_types, -1 = the default type */
	size_t max_rows;   /* 0 = 30 */
	size_t columns;	   /* width of the terminal, 0 = 80 */
	bool color;	   /* SGR sequences for headings and the largest rows */
};

/*
 * Writes the functions that cost most to @out: flat and cumulative share of each, inlined frames
 * counted as functions of their own, a recursive function counted once a stack; then the account of
 * samples when the profile has one (a comment that starts with "wick: "). Names are escaped for a
 * terminal and fit the width. 0, -EINVAL with a sentence when the sample type does not exist,
 * -ENOMEM, -errno of writing.
 */
int top_write(const struct profile *p, const struct top_opts *opts, FILE *out, struct err *e);
