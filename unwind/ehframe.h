/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the entries of .eh_frame or .debug_frame: which functions there are, and their CIEs. */
#pragma once

#include <stdint.h>

#include "array.h"
#include "cfi.h"
#include "cfisource.h"
#include "unwind.h"

/* A function's entry. Addresses count from the object's base. */
struct eh_fde {
	uint32_t pc, len;	 /* len > 0 */
	uint32_t insns, n_insns; /* its instructions: part of its CIE's section */
	uint32_t cie;		 /* index */
};

struct eh_frame {
	const struct cfi_source *src;
	const struct cfi_regs *regs;
	ARRAY(struct cfi_cie) cies; /* by section and rising offset */
	ARRAY(struct eh_fde) fdes;  /* in the order of the sections */
	size_t section;		    /* that is being read */
	size_t section_cies;	    /* the first of its CIEs */
	size_t max_fdes;
	struct unwind_stats *stats;
};

/*
 * Reads all entries of @src into @ret (release with eh_frame_done(); borrows @src and @stats). What
 * is broken is counted in @stats and left out. 0, -EFBIG for more than @max_fdes, -ENOMEM.
 */
int eh_frame_read(const struct cfi_source *src, size_t max_fdes, struct unwind_stats *stats,
		  struct eh_frame *ret);
void eh_frame_done(struct eh_frame *e);

/* The instructions of FDE @f of @e. */
struct bytes eh_frame_insns(const struct eh_frame *e, const struct eh_fde *f);

/* Starts @c on FDE @f of @e. */
void eh_frame_begin(const struct eh_frame *e, const struct eh_fde *f, struct cfi *c);
