/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of attributes: names and values that processes bring along, such as service.name. Equal sets
 * are stored once and have one number; number 0 is the empty set. What processes say is theirs to
 * choose, so there is a limit to all of it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "hindex.h"
#include "strtab.h"

enum { ATTRS_MAX = 32 }; /* attributes of a set */

struct attr {
	uint32_t key, value; /* strings */
};

struct attr_set {
	uint32_t first, n; /* in pool, by key; no key twice */
};

struct attrs {
	struct strtab strings;
	ARRAY(struct attr) pool;
	ARRAY(struct attr_set) sets;
	struct hindex index;
	size_t max_bytes;
};

/* Prepares @a; all of it takes little more than @max_bytes. 0 or -ENOMEM. */
int attrs_init(struct attrs *a, size_t max_bytes);
void attrs_done(struct attrs *a);
size_t attrs_bytes(const struct attrs *a);

/*
 * The number of the set of @pairs, whose strings are in a->strings: of several with one key the
 * first counts, and only so many as ATTRS_MAX. -ENOSPC over the limit, -ENOMEM.
 */
int64_t attrs_add(struct attrs *a, const struct attr *pairs, size_t n);

/* The set of what is equal in sets @x and @y, and that of all attributes of both, where those of @x
 * come first. As attrs_add(). */
int64_t attrs_common(struct attrs *a, uint32_t x, uint32_t y);
int64_t attrs_union(struct attrs *a, uint32_t x, uint32_t y);

/* The number in @to of the set @id of @from. As attrs_add(). */
int64_t attrs_import(struct attrs *to, const struct attrs *from, uint32_t id);
