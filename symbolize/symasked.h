/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first question about an object, if it is of few addresses: to read the symbols of those costs a tenth of
 * what all of them do. Who asks again gets all of them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symtab.h"

struct dwquery;

/* Zero it. */
struct symasked {
	uint64_t *
		addrs; /* ascending: those that were asked for, and where the symbols of these may be */
	size_t n;
	struct symtab syms; /* means nothing at other addresses; ranges NULL = was not read */
	bool was_asked;
};

/* Notes the question @queries, sorted by address, if it is the first one and small: 0 or -ENOMEM. */
int symasked_note(struct symasked *a, const struct dwquery *queries, size_t n);

/* Whether @addr is among the addresses. */
bool symasked_has(const struct symasked *a, uint64_t addr);

void symasked_done(struct symasked *a);

/* Memory held. */
size_t symasked_bytes(const struct symasked *a);
