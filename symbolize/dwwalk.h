/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk over all entries of a unit that finds its functions, what was inlined into them, and where
 * (DWARF 5 §3.3). It is what a symbolizer's time goes to: a large C++ library has twenty million
 * entries, of which one in fifteen matters.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dwline.h"
#include "dwname.h"
#include "dwrange.h"
#include "hindex.h"
#include "symunit.h"

/* Zero it; what it holds is used again for the next unit. One a thread. */
struct dwwalk {
	struct dwabbrevs abbrevs;
	struct dwnames names;
	struct dwspans spans;
	ARRAY(uint32_t) parents; /* the scope around each level of entries */
	ARRAY(uint64_t) refs;	 /* of builder.names: the entries they are the names of */
	struct hindex by_ref;
	uint8_t *buf;
	size_t n_buf;
	uint64_t seed; /* of by_ref: who makes a file cannot make references collide */
	uint64_t work; /* bytes read so far, of all units; an entry of a list counts as eight */
	bool limited;  /* the last unit asked for more of it than its size allows */
};

struct dwwalk_unit {
	const struct dwfile *file, *alt; /* alt: NULL = there is none */
	const struct dwunit *unit;
	uint32_t first_file, n_files; /* of its line program in the builder: dwline_read() */
	/* Where code can be, ascending and apart: ranges that begin elsewhere are of functions that
	 * the linker threw away. */
	const struct dwline_span *code;
	size_t n_code;
};

/*
 * Appends scopes, ranges and names to @b, whose names have to be empty. 0; -EBADMSG for a broken
 * unit (what was found before stays), -EFBIG for one of more than 512 MiB or levels than anybody
 * writes, -ENOMEM. Entries can refer to the same long list of ranges, or have the same long name:
 * what is read for a unit is bounded by its size, and what is beyond is left out (w->limited).
 */
int dwwalk_run(struct dwwalk *w, const struct dwwalk_unit *in, struct symunit_builder *b);

/* Forgets what it knows by the addresses of files and units: they are going to be closed, and others may
 * come to lie where they were. */
void dwwalk_forget(struct dwwalk *w);

void dwwalk_done(struct dwwalk *w);
