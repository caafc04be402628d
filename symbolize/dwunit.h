/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The units of one file with DWARF: their headers and what their first entry says (DWARF 5 §3.1,
 * §7.5.1). Everything else of a unit is read when an address in it is asked for.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dwabbrev.h"
#include "dwsection.h"
#include "strref.h"

#define DWUNIT_ABSENT UINT64_MAX

struct dwunit {
	uint64_t off, end;   /* in .debug_info */
	uint64_t die;	     /* of its first entry */
	uint64_t abbrev;     /* of its table in .debug_abbrev */
	struct dwshape shape;
	bool children;	     /* has entries beside the first */
	bool partial;	     /* DW_TAG_partial_unit: has no code of its own */
	uint16_t pc_forms[3]; /* of low_pc, high_pc, ranges; 0 = absent */
	uint64_t pc[3];
	uint64_t base_pc;   /* what ranges count from; 0 when absent */
	uint64_t stmt_list; /* DWUNIT_ABSENT: no lines */
	uint64_t str_offsets_base, addr_base, rnglists_base, ranges_base;
	uint64_t split_ranges_base; /* of a skeleton: what ranges_base is in its split unit */
	strref_t name, comp_dir, dwo_name;
	uint64_t dwo_id;
	/* A split unit has some sections in the file of its skeleton. */
	const struct dwsections *addrs, *gnu_ranges;
};

/*
 * Whether what is said of a unit of an executable file lies in another file, which dwo_name and dwo_id
 * name. A module that clang refers to in the same way has no code.
 */
static inline bool dwunit_is_skeleton(const struct dwunit *u)
{
	return u->dwo_name != STRREF_NONE &&
	       (u->stmt_list != DWUNIT_ABSENT || u->pc_forms[0] || u->pc_forms[2]);
}

struct dwfile {
	struct dwsections s;
	struct dwunit *units; /* by offset */
	size_t n_units;
	bool limited; /* there are more units */
	bool some;    /* those in the list are not all: dwfile_read_some() */
	bool alt; /* what .gnu_debugaltlink named: its strings have places of their own */
	/* Told of each unit when dwfile_read_units() has read its head, and of NULL behind the last one,
	 * when the list is still the old one; NULL = nobody is. */
	void (*on_unit)(void *ctx, const struct dwunit *u);
	void *on_unit_ctx;
};

/*
 * Reads the units of @f->s, which is open; type units are left out. 0; -EBADMSG when not even the
 * first one can be read (one whose end is unknown ends the list), -ENOMEM. Units beyond half a
 * million are left out, and those whose abbreviations would take too long to read (f->limited).
 */
int dwfile_read_units(struct dwfile *f);

/*
 * Reads those at @n offsets, ascending, alone; where there is none nothing is read. What was in the
 * list is released. 0, -ENOMEM.
 */
int dwfile_read_some(struct dwfile *f, const uint64_t *offs, size_t n);
void dwfile_close(struct dwfile *f);

/* The unit around an offset in .debug_info, NULL when there is none. */
const struct dwunit *dwfile_unit_at(const struct dwfile *f, uint64_t off);

/* Reads a unit's abbreviations into @a (see there), unless it holds them already: units may share a
 * table. A file that @a was used for has to be open still. */
int dwunit_read_abbrevs(const struct dwfile *f, const struct dwunit *u, uint64_t only,
			struct dwabbrevs *a);

/* Whether @a holds all of them, NULL does not. */
bool dwunit_has_abbrevs(const struct dwfile *f, const struct dwunit *u, const struct dwabbrevs *a);

/* The string that a form and its value stand for, STRREF_NONE when they stand for none. */
strref_t dwunit_string(const struct dwfile *f, const struct dwunit *u, unsigned form,
		       uint64_t value);

/* The string at @s in a file of its own sections, as dwsection_str() gives it; "" for other places. */
const char *dwfile_string(const struct dwfile *f, strref_t s, size_t n, char *buf);

/* The same by way of dwsection_str_near(). */
const char *dwfile_string_near(const struct dwfile *f, strref_t s, size_t n, char *buf,
			       struct dwsection_near *near);

/* The address that a form and its value stand for: 0; -EBADMSG when there is none at that place of
 * .debug_addr; -EINVAL when the form is none of an address. */
int dwunit_address(const struct dwunit *u, unsigned form, uint64_t value, uint64_t *ret);
