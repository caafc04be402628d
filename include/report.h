/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profiles as text: for terminals, logs and programs. Every view for people says first what was
 * measured and last what became of every sample (the account in a comment that starts with "wick:
 * "), how it was recorded and what filters left out. Names are foreign: they are escaped and fit
 * the width.
 *
 * All functions here return 0; -EINVAL with a sentence when what the options ask for is not there;
 * -ENOMEM; -errno of writing, with a sentence.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct err;
struct profile;

struct report_opts {
	int sample_type; /* index into sample_types, -1 = the default type */
	size_t max_rows; /* 0 = what suits the view */
	size_t columns;	 /* width of the terminal, 0 = 80; not of JSON */
	bool color;	 /* SGR sequences for headings and the largest rows */
	bool as_is;	 /* differences: of the values as they are, not of their shares of all */
};

/* The functions that cost most (30 rows): flat and cumulative share of each, inlined frames counted
 * as functions of their own, a recursive function counted once a stack. */
int top_write(const struct profile *p, const struct report_opts *opts, FILE *out, struct err *e);

/*
 * The functions whose name matches the POSIX extended regular expression @pattern, or if there is
 * none those whose object's name does (10 rows), and who called them and whom they called (10 rows
 * each), with shares that add up to the whole: of a function that is in a stack several times the
 * caller of the outermost and the callee of the innermost are counted. -EINVAL with a sentence for
 * a bad pattern or when nothing matches.
 */
int peek_write(const struct profile *p, const char *pattern, const struct report_opts *opts,
	       FILE *out, struct err *e);

/* Whether @pattern is such an expression: 0, or -EINVAL with a sentence, -ENOMEM. */
int peek_check(const char *pattern, struct err *e);

struct tree_opts {
	double min_percent; /* of all, of what is shown at least; < 0 = 1 */
	uint32_t max_depth; /* frames from where the tree begins; 0 = no limit */
	bool invert;	    /* from the functions that ran up to their callers */
};

/*
 * The call tree, each branch with its share: as many rows as needed, or with max_rows the heaviest
 * branches. With @base, what changed since (NULL: no comparison). Straight lines of calls take one
 * line.
 */
int tree_write(const struct profile *p, const struct profile *base, const struct report_opts *opts,
	       const struct tree_opts *tree, FILE *out, struct err *e);

/*
 * The profile for programs, as docs/report-json.md describes it: the functions that cost most (15
 * rows), a third as many of the heaviest stacks, what was measured and the account. Valid JSON in
 * UTF-8 whatever the names are, a few kilobytes, the same bytes for the same profile.
 */
int json_write(const struct profile *p, const struct report_opts *opts, FILE *out, struct err *e);

/*
 * What changed since @base, function by function (30 rows): in shares of all, or with opts->as_is
 * in the values themselves. Functions are matched across builds. What is within the noise of
 * sampling is marked, and it is said when that is all. -EINVAL also when @base has no value of that
 * name.
 */
int diff_write(const struct profile *p, const struct profile *base, const struct report_opts *opts,
	       FILE *out, struct err *e);

/* The same for programs, in the schema that docs/report-json.md describes (15 rows). */
int json_diff_write(const struct profile *p, const struct profile *base,
		    const struct report_opts *opts, FILE *out, struct err *e);
