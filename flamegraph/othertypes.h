/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other sample types of a profile along the tree of one of them, so that a page can show each:
 * those that are a multiple of it in every sample (samples and their CPU time) as that factor, the
 * rest as values by node.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct calltree;
struct profile;

#define OTHERTYPES_MAX 16 /* more are left out */

struct othertype {
	size_t type;	   /* index into sample_types */
	uint64_t mul, div; /* the value is that of the tree's type * mul / div; div 0 = by node: */
	int64_t *self;	   /* of the samples that end in each node, */
	int64_t *rest;	   /* and of those that were cut there */
	uint64_t weight;   /* Σ |value| */
};

struct othertypes {
	struct othertype items[OTHERTYPES_MAX];
	size_t n;
	bool by_node; /* some are: the tree must be made with all_types and want_ends */
};

/* Finds the types of @p beside @type, without values by node yet. Those that are nowhere but 0 are
 * left out, and with @factors those that would need values by node. */
void othertypes_find(struct othertypes *ret, const struct profile *p, size_t type, bool factors);

/* Adds up the values by node of @t, the tree of @p: 0 or -ENOMEM. othertypes_done() in either case.
 */
int othertypes_add(struct othertypes *o, const struct profile *p, const struct calltree *t);
void othertypes_done(struct othertypes *o);
