/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which unwind tables are in the sampler's memory, and where: the user-space side of wire_unwind.h.
 * Works on plain memory, so it neither knows nor cares that the kernel reads along.
 *
 * Memory that the sampler may still be reading is not used again before an RCU grace period has
 * passed: it lies between residency_mark() and residency_collect(). Not thread-safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "unwind.h"
#include "wire_unwind.h"

/* The memory-mapped arrays. Borrowed until residency_free(). */
struct residency_memory {
	uint32_t *rows;
	uint32_t n_words;
	struct wire_table *tables;
	uint32_t n_tables;
	struct wire_area *areas;
	uint32_t n_areas;
};

struct residency;

/* What names a resident table in an area: see struct wire_area. */
struct residency_ref {
	uint16_t table, tag;
};

int residency_new(struct residency **ret, const struct residency_memory *m);
void residency_free(struct residency *r);

/*
 * Makes @t resident, evicting tables that were not touched for longest. What equals a resident one
 * takes no room: copies of a library in hundreds of containers share it. 0 and *@ret; -ENOSPC when
 * it fits only after a residency_collect(), or several; -EFBIG when it never will; -EINVAL for an
 * empty one; -ENOMEM.
 */
int residency_add(struct residency *r, const struct unwind_table *t, struct residency_ref *ret);

/* Whether @ref is still resident. */
bool residency_has(const struct residency *r, struct residency_ref ref);

/* The same; if so, it counts as used now. */
bool residency_touch(struct residency *r, struct residency_ref ref);

/* The rule in force at @pc by the table @ref: true and *@ret, or false when that is not resident. */
bool residency_find(const struct residency *r, struct residency_ref ref, uint32_t pc,
		    struct unwind_rule *ret);

/* Stores the areas of a space, ascending: 0 and *@ret, -ENOSPC, -ENOMEM. */
int residency_put_space(struct residency *r, const struct wire_area *areas, size_t n,
			struct wire_space *ret);

/* Gives the areas of a space back, which the sampler was told to forget. */
void residency_drop_space(struct residency *r, struct wire_space s);

/* A grace period begins. */
void residency_mark(struct residency *r);

/*
 * It has passed: what was evicted or dropped before residency_mark() can be used again. What came
 * later waits for the next one.
 */
void residency_collect(struct residency *r);

struct residency_stats {
	uint32_t words_used, areas_used, tables_used;
	uint64_t evicted; /* tables */
};
void residency_stats(const struct residency *r, struct residency_stats *ret);
