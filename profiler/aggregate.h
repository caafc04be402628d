/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was recorded so far: each distinct place, stack and row once, with their counts. Addresses
 * are normalized before they come here and get their names when the recording is written.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "attrs.h"
#include "hindex.h"
#include "labels.h"
#include "strtab.h"

/* Values of place.mapping that are no mapping. */
enum {
	PLACE_KERNEL = -1,  /* addr is a kernel address */
	PLACE_UNKNOWN = -2, /* addr is in no mapping of its process */
	PLACE_EXITED = -3,  /* the process was gone before its mappings could be read */
	PLACE_NOTE =
		-4, /* no address: addr is the enum counter that says why the stack ends here */
};

struct place {
	int64_t mapping; /* number in the object table, or PLACE_… */
	uint64_t addr;	 /* inside the mapping as the object table has it */
	/* Of code that was made at run time, which is another one in each process and in time. */
	uint32_t jit; /* number of the process in the table of those, plus 1; 0 = it is no such code
		       */
	uint32_t epoch; /* of that process */
};

/* One row: a stack and who had it, as one event saw it. */
struct agg_row {
	uint32_t stack;	 /* index into stacks */
	uint32_t split;	 /* label set: what this row has and another one has not */
	uint32_t labels; /* label set: what all samples of the row have */
	uint32_t event;
	uint64_t samples, value;
};

struct agg_stack {
	uint32_t first, n; /* in pool, leaf first */
};

struct aggregate {
	struct strtab strings;
	ARRAY(struct place) places;
	ARRAY(uint32_t) pool; /* indices into places */
	ARRAY(struct agg_stack) stacks;
	ARRAY(struct agg_row) rows;
	ARRAY(struct agg_labels {
		struct label_set set;
		uint32_t split; /* the label set of what splits of it */
	})
	label_sets;
	struct attrs attrs; /* of label sets */
	struct hindex place_index, stack_index, row_index, label_index;
	uint32_t split_mask; /* labels that split: LABEL_BIT() of each */
	size_t max_bytes;
};

/* @max_bytes bounds all of it, @split_mask says which labels split. 0 or -ENOMEM. */
int aggregate_init(struct aggregate *a, size_t max_bytes, uint32_t split_mask);
void aggregate_done(struct aggregate *a);

/* The index of a place, added if it is new: >= 0, -ENOSPC over the budget, -ENOMEM. */
int64_t aggregate_place(struct aggregate *a, const struct place *p);

/*
 * Adds row->samples and row->value to the row of the stack @places (indices, leaf first), of
 * row->event and of what splits of @labels, whose strings are in `strings`; the other members are
 * ignored. What does not split stays with the row while it is the same for all. 0, -ENOSPC over the
 * budget, -ENOMEM.
 */
int aggregate_add(struct aggregate *a, const uint32_t *places, size_t n,
		  const struct label_set *labels, const struct agg_row *row);

/* Bytes in use. */
size_t aggregate_bytes(const struct aggregate *a);
