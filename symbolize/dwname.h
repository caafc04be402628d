/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The name of a function from any entry that stands for it. A concrete function or an inlined call
 * has no name of its own: DW_AT_abstract_origin leads to the abstract one, DW_AT_specification from
 * there to a declaration in its class, each perhaps in another unit or in the file that dwz made.
 */
#pragma once

#include <stdint.h>

#include "dwunit.h"
#include "symunit.h"

/* An entry: its offset in .debug_info, with this bit when that is the alternate file's. */
#define DWREF_ALT  (1ull << 63)
#define DWREF_NONE UINT64_MAX

enum { DWNAMES_TABLES = 16 };

/* Zero it and set the files. One a thread. */
struct dwnames {
	const struct dwfile *file, *alt; /* alt: NULL = there is none */
	/* The unit whose bytes are at hand. */
	const struct dwunit *unit;
	const uint8_t *bytes; /* from unit->off to unit->end */
	const struct dwabbrevs *abbrevs;
	/* Abbreviations of other units, the one used longest ago leaving first. */
	struct dwnames_table {
		const struct dwunit *unit; /* that it was read for last */
		struct dwabbrevs abbrevs;
		uint64_t used;
	} tables[DWNAMES_TABLES];
	uint64_t uses;
	uint8_t *window;
	bool missed; /* a unit was referred to that is not in its file's list, which is not whole */
	uint64_t left; /* bytes of entries and abbreviations that may be read yet */
};

void dwnames_done(struct dwnames *d);

/* Forgets the abbreviations of units: to be called when a file whose units it was asked for is closed. */
void dwnames_forget(struct dwnames *d);

/* What a value of a reference form in @u refers to, DWREF_NONE when to nothing here. */
uint64_t dwnames_ref(const struct dwfile *f, const struct dwunit *u, unsigned form, uint64_t value);

/*
 * Follows the references from @ref: 0 and *@ret (all 0 when there is no name, also when the entries
 * that it takes are more than may be read), -ENOMEM.
 */
int dwnames_find(struct dwnames *d, uint64_t ref, struct symunit_name *ret);
