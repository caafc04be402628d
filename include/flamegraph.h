/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of a profile. What is text is in report.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct err;
struct outfile;
struct profile;

struct svg_opts {
	const char *title;     /* NULL = "Flame Graph" or what suits; "" = none */
	const char *subtitle;  /* NULL or "" = none */
	const char *notes;     /* kept in the file, not shown; NULL = none */
	int sample_type;       /* index into sample_types, -1 = the default type */
	unsigned width;	       /* px; 0 = as wide as the window */
	unsigned frame_height; /* px; 0 = 16 */
	const char *min_width; /* frames narrower than "0.5" px or "0.1%" of all are left out; NULL
				  = half a pixel, and the narrowest ones past 10,000 frames */
	const char *fonttype;  /* NULL = "monospace" */
	double fontsize;       /* px; 0 = 12 */
	double fontwidth;      /* of a character, in parts of fontsize; 0 = 0.6 */
	const char *countname; /* what is counted; NULL = as the profile says */
	const char *nametype;  /* what a frame is; NULL = "Function:" */
	const char *colors;    /* a palette of svg_palettes(); NULL = "kind" */
	const char *bgcolors;  /* yellow, blue, green, grey, white or #rrggbb; NULL = as the palette
				  wants */
	double factor;	       /* values are multiplied by; 0 = 1 */
	bool inverted;	       /* root at the top */
	bool by_leaf;	       /* merged from the leaf */
	bool by_name;	       /* siblings by name, not by weight; differences always are */
	bool no_inlines;
	bool negate;	/* differences: red and blue change places */
	bool as_is;	/* differences: of the values as they are, not of their shares of all */
	bool no_script; /* a picture that does nothing */
};

/* Names of the palettes, for help texts: "kind, hot, mem, …". */
const char *svg_palettes(void);

/* Whether all of @o makes sense: 0, or -EINVAL with a sentence. */
int svg_check(const struct svg_opts *o, struct err *e);

/*
 * Writes a flame graph of @p as SVG, and of its difference to @base if that is not NULL. It is
 * well-formed whatever the names are, and says how much of the profile is in frames that are too
 * narrow to draw. 0; -EINVAL with a sentence for options that make no sense or a sample type that
 * is not there; -ENOMEM, -E2BIG; errors of writing are kept in @out.
 */
int svg_write(const struct profile *p, const struct profile *base, const struct svg_opts *o,
	      struct outfile *out, struct err *e);

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
