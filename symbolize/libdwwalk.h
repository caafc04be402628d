/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image of a unit (symunit.h) from what libdw reads of it: what dwwalk.h and dwline.h do for
 * files that we read ourselves, ten times slower and for every kind of file that libdw knows.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <elfutils/libdw.h>

#include "array.h"
#include "bytes.h"
#include "dwline.h"
#include "elfwide.h"
#include "hindex.h"
#include "strtab.h"
#include "symunit.h"

/* Zero it and set the first part; the rest is used again for the next unit. */
struct libdwwalk {
	struct strtab *strings; /* takes names and paths: STRREF_OWN counts in its bytes */
	/* Where there is code, ascending and apart: what the linker threw away is elsewhere. */
	const struct dwline_span *code;
	size_t n_code;
	struct bytes lines; /* .debug_line, whose tables say how long they are; none = do not ask */
	struct elfwide wide;
	uint64_t deadline_ns; /* clock_mono_ns() when to give up */

	struct symunit_builder b;
	const char *comp_dir; /* of the unit; NULL = unknown */
	Dwarf_Files *files;   /* of the unit, for call sites */
	size_t n_files;
	ARRAY(const void *) name_keys; /* of b.names: the entries they are the names of */
	struct hindex by_key;
	ARRAY(const char *) paths; /* of b.files: libdw's strings, one a file */
	struct hindex by_path;
	ARRAY(struct libdwwalk_level) levels;
	uint32_t scope;	 /* around the entries of this level */
	uint64_t n_dies; /* seen in this unit */
};

struct libdwwalk_level {
	Dwarf_Die die;	/* the entry whose children are walked */
	uint32_t scope; /* around it */
};

/*
 * Makes the image of the unit @die; its line table is that of @skeleton, which is @die itself when
 * the unit is not split. 0 and *@ret (caller frees), *@ret_bytes: a broken unit gives what was read
 * before it broke. -ETIME past the deadline, -EFBIG for what takes too much memory, -ENOMEM.
 */
int libdwwalk_run(struct libdwwalk *w, Dwarf_Die *die, Dwarf_Die *skeleton, struct symunit **ret,
		  size_t *ret_bytes);

void libdwwalk_done(struct libdwwalk *w);
