/* SPDX-License-Identifier: Apache-2.0 */
/* From a unit of DWARF to its image: the line program and the walk over its entries, one after the
 * other into one builder. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "dwsplit.h"
#include "dwwalk.h"

/* Zero it; one a thread. What it holds is used again for the next unit. */
struct dwbuild {
	struct dwwalk walk;
	struct symunit_builder builder;
	uint64_t line_bytes; /* of programs, so far */
};

enum dwbuild_flaw { DWBUILD_SOUND, DWBUILD_BROKEN, DWBUILD_LIMITED };

struct dwbuild_unit {
	const struct dwfile *file, *alt;
	const struct dwunit *unit;
	struct dwsplit_unit *split; /* what the unit is the skeleton of; NULL = nothing */
	const struct dwline_span *code;
	size_t n_code;
	struct symunit_only only;
};

/*
 * 0, *@ret (caller frees with free()), *@ret_bytes, and in *@ret_flaw whether something of the unit
 * could not be read, or was not because it asks for too much (dwwalk_run()): the image then holds
 * what was read. -ENOMEM, -EFBIG. Names of a split unit become its owner's.
 */
int dwbuild_run(struct dwbuild *d, const struct dwbuild_unit *in, struct symunit **ret,
		size_t *ret_bytes, enum dwbuild_flaw *ret_flaw);

/* Bytes that were read so far; where a byte makes more work than one of an entry, it counts for
 * more. */
uint64_t dwbuild_work(const struct dwbuild *d);

void dwbuild_done(struct dwbuild *d);
