/* SPDX-License-Identifier: Apache-2.0 */
/* A picture in the making. Only svg*.c look in here. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "calltree.h"
#include "flamegraph.h"
#include "svgcolor.h"
#include "svgtext.h"
#include "ticks.h"

struct outfile;

/* Of the width, on both sides of the frames: frames are placed in percent, so that the picture is
 * right at any width without a script. */
#define SVG_MARGIN_PERCENT 1.0

/* A frame that is drawn, in preorder. */
struct svg_frame {
	uint32_t node;
	uint32_t depth;
	uint64_t at; /* where it begins, in units of weight */
};

struct svg_page {
	const struct calltree *t;
	const struct svg_opts *o;
	struct outfile *out;
	const struct palette *palette;
	const char *unit;  /* of the values, for units_value() */
	struct clean word; /* what is said after a value, if anything; there is no '(' in it */
	struct svg_frame *frames;
	size_t n_frames;
	uint32_t depth; /* of the deepest one */
	bool is_change; /* values below zero: the profile is a difference itself */
	uint64_t
		*weights; /* then, Σ |self| of the nodes before; else NULL and weights are totals */
	double most;	  /* the largest change of any frame, as a share */
	uint64_t hidden;  /* weight that ends in frames that are not drawn */
	uint64_t gone;	  /* of the base, in frames that the profile has not: nothing is as wide as
			     they are */
	bool kinds[FRAME_KINDS]; /* those that are drawn */
	bool has_account;
	struct ticks account; /* borrows from the profile */
	/* The layout, in pixels. */
	double width; /* where names are fitted: the picture's, or a guess at the window's */
	double font;
	double char_width;
	unsigned row; /* height of a frame with the gap to the next */
	double top;   /* of the first row */
	double height;
};

/* How wide node @i is. */
static inline uint64_t svg_weight(const struct svg_page *g, uint32_t i)
{
	const struct calltree_node *n = &g->t->nodes[i];

	if (g->weights)
		return g->weights[i + n->size] - g->weights[i];
	return n->total > 0 ? (uint64_t)n->total : 0;
}

/* Chooses the frames that are drawn: all those of the tree, or with @at_most only so many, the
 * lightest left out. Sets frames, n_frames, depth, most, hidden and kinds. 0 or -ENOMEM. */
int svg_choose_frames(struct svg_page *g, size_t at_most);

/* Writes them: 0 or -ENOMEM. */
int svg_write_frames(const struct svg_page *g);
