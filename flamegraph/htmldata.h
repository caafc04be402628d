/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data of a page: a call tree with its names as one run of bytes, which
 * flamegraph/viewer/data.js reads. Numbers are LEB128 varints, signed ones zigzag; columns stand one
 * after another, which is what compresses best:
 *
 *	"wick1" flags
 *	strings		number, bytes, then each with a NUL between two of them; number 0 is ""
 *	meta		title, base's title, type, unit; weights; how and when it was recorded;
 *			comments; number of other sample types, then type, unit, weight, mul, div of
 *			each: its values are those of the tree * mul / div, or if div is 0 columns
 *	frames		number, then name, short name, object, source (strings), line, kind of each
 *	nodes		number, depth of the deepest; columns: levels to go up from the node before,
 *			frame, self, what was pruned below it (FLAG_REST), and self and pruned of
 *			the base (FLAG_DIFF), and of each other sample type that has columns
 *	time		(FLAG_TIME) number of windows, how much later than the one before each
 *			began; number of entries, length of a window; columns: node (difference),
 *			window * 2 + whether it was pruned, value
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct calltree;
struct html_opts;
struct othertypes;
struct profile;
struct timeline;

enum htmldata_flag {
	FLAG_DIFF = 1,
	FLAG_TIME = 2,
	FLAG_REST = 4,
	FLAG_ICICLE = 8,
	FLAG_BY_LEAF = 16,
	FLAG_BY_WEIGHT = 32,
	FLAG_AS_IS = 64,
};

struct bytebuf {
	uint8_t *items;
	size_t n, cap;
};

/* What htmldata_make() makes bytes of. */
struct htmldata {
	const struct calltree *tree; /* of a difference: not scaled */
	const struct profile *p;     /* it is of */
	size_t sample_type;
	const struct timeline *time;	 /* NULL = samples have no times */
	const struct othertypes *others; /* NULL = none */
	const struct html_opts *opts;
};

/* Appends the data to @ret, whose storage the caller frees: 0 or -ENOMEM. */
int htmldata_make(const struct htmldata *d, struct bytebuf *ret);
