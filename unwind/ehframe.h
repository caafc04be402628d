/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which functions there are: the entries of .eh_frame or .debug_frame, with their CIEs, and Go's
 * functions between the two, for where several describe the same one the first counts.
 */
#pragma once

#include <stdint.h>

#include "array.h"
#include "cfi.h"
#include "cfisource.h"
#include "gorows.h"
#include "unwind.h"

/* A function's entry. Addresses count from the object's base. */
struct eh_fde {
	uint32_t pc, len;	 /* len > 0 */
	uint32_t insns, n_insns; /* its instructions: part of its CIE's section */
	uint32_t cie;		 /* index; EH_FDE_GO: insns is the number of a function of Go's */
};

#define EH_FDE_GO UINT32_MAX

struct eh_frame {
	const struct cfi_source *src;
	const struct cfi_regs *regs;
	struct go_rows *go;	    /* borrowed; NULL = none */
	ARRAY(struct cfi_cie) cies; /* by section and rising offset */
	ARRAY(struct eh_fde) fdes;  /* in the order of the sections */
	size_t section;		    /* that is being read */
	size_t section_cies;	    /* the first of its CIEs */
	size_t max_fdes;
	struct unwind_stats *stats;
};

/*
 * Reads all entries of @src, and of @go unless that is NULL, into @ret (release with
 * eh_frame_done(); borrows @src, @go and @stats). What is broken is counted in @stats and left out.
 * 0, -EFBIG for more than @max_fdes, -ENOMEM.
 */
int eh_frame_read(const struct cfi_source *src, struct go_rows *go, size_t max_fdes,
		  struct unwind_stats *stats, struct eh_frame *ret);
void eh_frame_done(struct eh_frame *e);

/* Reads the sections of the source that have come since. As eh_frame_read(). */
int eh_frame_read_more(struct eh_frame *e);

/* The instructions of FDE @f of @e; as the next, for none of Go's. */
struct bytes eh_frame_insns(const struct eh_frame *e, const struct eh_fde *f);

/* Starts @c on FDE @f of @e. */
void eh_frame_begin(const struct eh_frame *e, const struct eh_fde *f, struct cfi *c);
