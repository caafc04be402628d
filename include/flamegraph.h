/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of a profile. What is text is in report.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct err;
struct outfile;
struct profile;

struct html_opts {
	const char *title;	/* of the page; NULL or "" = "Flame graph" */
	const char *base_title; /* of a difference: what the base is called; NULL or "" = "base" */
	int sample_type;	/* index into sample_types, -1 = the default type */
	size_t max_nodes; /* of the tree in the page, lighter ones are left out; 0 = 3,000,000 */
	double min_share; /* subtrees below this share of the whole are left out; 0 = none */
	bool by_line;	  /* the lines of a function are frames of their own */
	bool no_inlines;
	/* How the page opens; all of it can be changed there. */
	bool by_name; /* siblings by name, not by weight; differences always open so */
	bool icicle;  /* root at the top */
	bool by_leaf; /* merged from the leaves */
	bool as_is;   /* differences: of the values as they are, not of their shares of all */
};

/*
 * Writes a page that shows @p, and against @base if that is not NULL: flame graph, table, call
 * tree, callers and callees, with search and filters, in one file that loads nothing from anywhere.
 * Where samples have a numeric label "time" (nanoseconds; when the window they were taken in began)
 * the page can show ranges of it. Names are data there and never markup. 0; -EINVAL with a sentence
 * for a sample type that is not there; -ENOMEM, -E2BIG; -errno of writing, with a sentence.
 */
int html_write(const struct profile *p, const struct profile *base, const struct html_opts *o,
	       struct outfile *out, struct err *e);
