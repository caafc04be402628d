/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which piece of code lies where, while pieces are put over one another: each address belongs to
 * the last one that was put there. That is how JIT compilers use their memory.
 *
 * Pieces are kept as layers, the newest on top: tables of disjoint ranges, sorted, each less than
 * half as large as the one below it. What is put is O(log n) on the average, a lookup is a binary
 * search in each of the few layers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct codemap_range {
	uint64_t start, end; /* start < end */
	uint32_t code;	     /* what the caller calls it */
};

enum {
	CODEMAP_FRESH = 64,  /* pieces that are not in a layer yet */
	CODEMAP_LAYERS = 64, /* more than fit into any memory */
};

/* Zero it before use. */
struct codemap {
	struct codemap_range fresh[CODEMAP_FRESH]; /* in the order in which they came */
	size_t n_fresh;
	struct codemap_layer {
		struct codemap_range *ranges;
		size_t n;
	} layers[CODEMAP_LAYERS]; /* oldest first */
	size_t n_layers;
};

void codemap_done(struct codemap *m);

/* Puts @code on [@start, @end), which is not empty: 0, or -ENOMEM, which leaves all as it was. */
int codemap_put(struct codemap *m, uint64_t start, uint64_t end, uint32_t code);

/* Whether there is code at @addr, and in *@ret which. */
bool codemap_find(const struct codemap *m, uint64_t addr, uint32_t *ret);

/* Memory held, without the structure itself. */
size_t codemap_bytes(const struct codemap *m);
