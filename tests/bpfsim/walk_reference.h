/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * The walk up a user stack once more, from what the rules mean and without any of the sampler's
 * economies: no blocks, no maps, no area kept from frame to frame, all registers with what is known
 * of them.
 */
#pragma once

#include "walk_sim.h"

/* An area and the table that it names, as it was before it became resident. */
struct reference_area {
	struct wire_area area;
	const struct unwind_table *table; /* WIRE_HOW_ROWS only */
};

/* Walks from fake.regs over areas (in any order) to at most @max frames. */
void reference_walk(const struct reference_area *areas, size_t n, uint32_t max,
		    struct walked *ret);
