/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unwind tables: the call frame information of an ELF object (.eh_frame; what that leaves out by
 * Go's table of functions, and then .debug_frame) as compact rows that can be searched in constant
 * time, in the kernel too. The layout and the lookup are in unwind_row.h.
 *
 * Objects are foreign and may be hostile. Building never reads outside the bytes given, takes time
 * linear in their number (but for sorting the functions) and memory up to the caller's limits. What
 * is broken is left out and counted: a table with holes is better than none, since a pc in a hole
 * has UNWIND_CFA_NONE and can be unwound by other means.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "unwind_row.h"

/* What is done of code that no table describes. To read it takes longer than all the rest. */
enum unwind_code {
	UNWIND_CODE_READ,  /* it has the rows that follow from it */
	UNWIND_CODE_LATER, /* it has a rule that is unsupported: UNWIND_WHY_UNREAD */
	UNWIND_CODE_NONE,  /* it has no rows */
};

/*
 * Zero means the default. Besides the table, building takes while it lasts at most the sections'
 * bytes and 20 bytes an FDE and 8 bytes a row, these two with up to half as much again to grow.
 */
struct unwind_opts {
	size_t max_rows;	  /* rows after merging, also FDEs; 0 = 8 million */
	size_t max_bytes;	  /* size of the table; 0 = 64 MiB */
	size_t max_section_bytes; /* largest .eh_frame, .gopclntab or .debug_frame read; 0 = 64 MiB
				   */
	enum unwind_code code;	  /* what these leave out */
};

struct unwind_stats {
	uint64_t cies, fdes;	   /* entries read */
	uint64_t go_funcs;	   /* functions that Go's table describes */
	uint64_t raw_rows;	   /* rows that all of these describe */
	uint64_t code_rows;	   /* of code that none of these describes, also if it is unread */
	uint64_t rows;		   /* after merging, with the ends of gaps */
	uint64_t long_rows;	   /* of these, with a code of 3 slots */
	uint64_t bad_cies;	   /* broken, or of an unknown kind */
	uint64_t bad_fdes;	   /* broken, of a bad CIE, or outside the executable segments */
	uint64_t empty_fdes;	   /* of length 0 */
	uint64_t overlapping_fdes; /* cut off where the next one begins, or dropped for an equal one
				    */
	bool bad_section;	   /* the section ended within an entry: the rest was not read */
	bool was_unsorted;	   /* FDEs did not come in order of address */
	bool from_debug_frame;	   /* in part or as a whole */
	uint64_t unsupported[UNWIND_WHY_MAX]; /* rows with such a rule, after merging */
};

/* A short text for each reason: "CFA expression", … Never NULL. */
const char *unwind_why_text(enum unwind_why why);

/* An executable segment: file bytes [off, off + filesz) are mapped at vaddr. */
#define UNWIND_SEGMENTS_MAX 8
struct unwind_segment {
	uint64_t vaddr, off, filesz;
};

/* A table. `words` is the area of unwind_row.h and `place` counts from its first word. */
struct unwind_table {
	uint32_t *words;
	size_t n_words;
	struct unwind_place place;
	uint32_t n_rules;
	uint64_t base; /* p_vaddr of the lowest PT_LOAD: pcs of the table count from here */
	struct unwind_segment segments[UNWIND_SEGMENTS_MAX];
	size_t n_segments;
	uint16_t machine; /* e_machine */
	struct unwind_stats stats;
};

/* The place of a table whose words were copied to word @at of a larger area. */
static inline struct unwind_place unwind_place_at(struct unwind_place p, uint32_t at)
{
	p.index += at;
	p.rules += at;
	p.rows += at;
	return p;
}

/*
 * Builds the table of the ELF file @fd (a regular file, any position, not taken; it may change
 * meanwhile) or of @n bytes that hold one (the vDSO). 0 and *@ret (free with unwind_table_free()).
 *	-ENODATA   no call frame information
 *	-ENOEXEC   no ELF file
 *	-ENOTSUP   of another machine, class or byte order, or without segments
 *	-EBADMSG   broken beyond use
 *	-EFBIG     a limit of @opts (NULL = defaults) would be exceeded
 *	-EINVAL    @fd is no regular file
 *	-ENOMEM, -errno of reading
 */
int unwind_table_from_fd(int fd, const struct unwind_opts *opts, struct unwind_table **ret);
int unwind_table_from_bytes(const void *data, size_t n, const struct unwind_opts *opts,
			    struct unwind_table **ret);

/* Accepts NULL. */
void unwind_table_free(struct unwind_table *t);

static inline void unwind_table_freep(struct unwind_table **t)
{
	unwind_table_free(*t);
}

/* The rule in force at @pc, relative to the base; one of UNWIND_CFA_NONE where there are no rows.
 */
void unwind_table_find(const struct unwind_table *t, uint32_t pc, struct unwind_rule *ret);

/*
 * What to subtract from an address in a mapping to get the table's pc, given that the mapping shows
 * @file_off of the object at address @start. 0 and *@ret; -ENOENT when no executable segment holds
 * that file offset.
 */
int unwind_table_bias(const struct unwind_table *t, uint64_t start, uint64_t file_off,
		      uint64_t *ret);
