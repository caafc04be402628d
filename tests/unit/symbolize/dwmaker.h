/* SPDX-License-Identifier: Apache-2.0 */
/* Debug information written by hand, as sections in memory or as an ELF file. Failures end the
 * program. */
#pragma once

#include <dwarf.h>
#include <stdint.h>

#include "array.h"
#include "dwsection.h"

/* Zero it. */
struct dwmaker {
	ARRAY(uint8_t) s[DW_SECTIONS];
	size_t unit; /* where the unit's length is in .debug_info */
	bool wide;   /* 64-bit DWARF */
	bool zlib;   /* in a file they are compressed */
};

void dwmaker_done(struct dwmaker *m);

/* Where the next byte goes. */
size_t dwmaker_at(const struct dwmaker *m, enum dwsection_id id);

void dwmaker_uint(struct dwmaker *m, enum dwsection_id id, uint64_t v, size_t bytes);
void dwmaker_uleb(struct dwmaker *m, enum dwsection_id id, uint64_t v);
void dwmaker_sleb(struct dwmaker *m, enum dwsection_id id, int64_t v);

/* With its NUL: where it begins. */
size_t dwmaker_str(struct dwmaker *m, enum dwsection_id id, const char *s);

/* An abbreviation: pairs of attribute and form up to 0; a constant follows DW_FORM_implicit_const.
 */
void dwmaker_abbrev(struct dwmaker *m, uint64_t code, unsigned tag, bool children,
		    const int *attrs);
#define DWMAKER_ABBREV(m, code, tag, children, ...) \
	dwmaker_abbrev(m, code, tag, children, (const int[]){ __VA_ARGS__, 0 })
#define DWMAKER_NO_ATTRS 0

/* A unit of DWARF 2 to 5 with its table at @abbrev, type 0 = DW_UT_compile: where it begins. */
size_t dwmaker_unit(struct dwmaker *m, unsigned version, unsigned type, uint64_t abbrev);
/* Sets its length. */
void dwmaker_unit_end(struct dwmaker *m);

/* Shorthands for .debug_info. */
static inline void dwmaker_u8(struct dwmaker *m, uint64_t v)
{
	dwmaker_uint(m, DW_INFO, v, 1);
}

static inline void dwmaker_u32(struct dwmaker *m, uint64_t v)
{
	dwmaker_uint(m, DW_INFO, v, 4);
}

static inline void dwmaker_u64(struct dwmaker *m, uint64_t v)
{
	dwmaker_uint(m, DW_INFO, v, 8);
}

/* Units of functions "uUNIT_fFUNCTION", 16 bytes each, one behind the other from 0x1000 on. */
void dwmaker_many(struct dwmaker *m, unsigned units, unsigned functions);

/* The sections, each in memory of exactly its size; close with dwsections_close(). */
struct dwsections dwmaker_sections(const struct dwmaker *m);

/* A file with these sections, whose code is at 0x1000 and is not in it: a memfd, which the caller
 * closes. */
int dwmaker_elf(const struct dwmaker *m);
