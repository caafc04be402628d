/* SPDX-License-Identifier: Apache-2.0 */
/* A question of many addresses in parts: while one is answered, the next ones are looked up. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "dwobject.h"
#include "symobject.h"

/* Some addresses, one behind the other, and what was found at them. */
struct dwpart {
	struct dwquery *queries; /* of the distinct addresses */
	size_t n;
	size_t first, end; /* numbers of addresses in what is asked for */
	struct dwframes frames;
	struct dwroom room;
	int error; /* of finding */
};

struct dwparts;

/*
 * Asks @o about @n addresses, ascending and borrowed. Where what was found may be put together while more
 * is looked up (dwobject_answers_apart()), a thread does the latter. 0 and *@ret, or -ENOMEM.
 */
int dwparts_new(struct symobject *o, const uint64_t *addrs, size_t n, struct dwparts **ret);

/* 1 and the next part, borrowed until the next call; 0 when all were given; -ENOMEM. */
int dwparts_next(struct dwparts *p, const struct dwpart **ret);

/* Also before all were given. */
void dwparts_free(struct dwparts *p);
