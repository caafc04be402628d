/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From pprof's ids to array indices. Most producers number from 1 on, which an array answers, and
 * in their order, which needs not even that; any other id goes to a sorted list, so that ids chosen
 * to collide cannot slow the lookup down.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "array.h"

#define IDMAP_NONE UINT32_MAX

struct idmap_pair {
	uint64_t id;
	uint32_t index;
};

struct idmap {
	uint32_t *dense; /* of the ids 1 to n */
	size_t n;
	bool in_order; /* since the sort: index id - 1 for every id from 1 to n */
	ARRAY(struct idmap_pair) sparse;
};

/* Prepares @m for @n ids: 0 or -ENOMEM. */
int idmap_init(struct idmap *m, size_t n);

void idmap_done(struct idmap *m);

/* Adds @id, which must not be 0 (-EINVAL) and not be there (-EEXIST, perhaps only at the sort).
 * -ENOMEM. */
int idmap_add(struct idmap *m, uint64_t id, uint32_t index);

/* To be called between the last add and the first get: 0 or -EEXIST. */
int idmap_sort(struct idmap *m);

/* The index of an @id that is not among the dense ones, or IDMAP_NONE. */
uint32_t idmap_get_sparse(const struct idmap *m, uint64_t id);

/* The index of @id or IDMAP_NONE. */
static inline uint32_t idmap_get(const struct idmap *m, uint64_t id)
{
	if (id - 1 >= m->n)
		return idmap_get_sparse(m, id);
	return m->in_order ? (uint32_t)(id - 1) : m->dense[id - 1];
}
