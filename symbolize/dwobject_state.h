/* SPDX-License-Identifier: Apache-2.0 */
/* What a dwobject holds: for dwobject.c, which opens it, and dwfind.c, which asks it. */
#pragma once

#include <stdatomic.h>

#include "dwdir.h"
#include "dwobject.h"
#include "dwunit.h"
#include "symstore.h"

struct unit_image {
	struct symunit *image; /* NULL = not read, or not kept */
	size_t bytes;
	uint64_t lo, hi; /* what it says something of, once it was read */
	bool limited;	 /* that is not all that there is */
};

struct dwobject {
	struct dwfile file, alt;
	bool has_alt;
	struct dwdir dir;
	bool has_aranges; /* .debug_aranges is in dir, too */
	ARRAY(uint32_t) loose; /* units that do not say where their code is */
	size_t inflated; /* bytes of sections that were compressed */
	size_t n_units;
	struct unit_image *images; /* of each unit */
	struct symstore *store;	   /* where they come from; NULL = from the file */
	char *store_dir, *store_key; /* where they go to, when many are read; NULL = nowhere */
	uint64_t store_max_bytes;
	struct dwline_span *code;
	size_t n_code;
	size_t max_images;
	unsigned threads;
	atomic_size_t image_bytes;
	atomic_uint_fast64_t broken, limited;
	/* Bytes that the present call has read, in a wide sense, and how many it may. */
	atomic_uint_fast64_t work;
	uint64_t max_work;
};
