/* SPDX-License-Identifier: Apache-2.0 */
/* Line number programs, DWARF 2 to 5 (DWARF 5 §6.2): which source line each instruction is of. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "dwsection.h"
#include "symunit.h"

struct dwline_span {
	uint64_t lo, hi; /* addresses, hi is the first beyond */
};

struct dwline_unit {
	uint64_t off;	      /* DW_AT_stmt_list */
	uint8_t address_size; /* of the unit: 8; what DWARF 2-4 do not say in the table itself */
	strref_t comp_dir;    /* of the unit, and its name: directory 0 and file 0 before DWARF 5 */
	strref_t name;
	/* Of DW_AT_str_offsets_base, for names that are DW_FORM_strx*; 0 = unknown: these stay
	 * unnamed. */
	uint64_t str_offsets_base;
	/* Addresses that code can have, ascending and apart: what lies elsewhere was thrown away by
	 * the linker (its sequences begin at 0 or at a tombstone) and is left out. */
	const struct dwline_span *code;
	size_t n_code;
	uint64_t max_rows; /* of one program, merged: -EFBIG beyond */
	uint64_t *
		bytes; /* counts those that are read of programs and their tables; NULL = nobody does */
};

/*
 * Appends the files and the rows of one program to @b. File numbers of the program are numbers in
 * b->files less *@ret_first_file, so that call_file and decl_file of the unit's DIEs are resolved
 * by adding it: DWARF 2-4 count from 1 (number 0 is then an entry with the unit's own name), DWARF
 * 5 from 0. *@ret_n_files is their number. Neighbouring rows of one file and line become one.
 *
 * 0; -EBADMSG for a broken program, -EFBIG, -ENOMEM: what was read before stays in @b, closed, and
 * the first file is what b->files.n was; -ENOTSUP for another version.
 */
int dwline_read(const struct dwsections *d, const struct dwline_unit *u, struct symunit_builder *b,
		uint32_t *ret_first_file, uint32_t *ret_n_files);
