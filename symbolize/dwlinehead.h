/* SPDX-License-Identifier: Apache-2.0 */
/* What stands before a line number program: its parameters, and its tables of directories and
 * files. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "dwform.h"
#include "dwline.h"

enum { DWLINE_FILES_MAX = 4 << 20 }; /* of one table: -EFBIG beyond */

struct dwline_head {
	struct dwshape shape; /* of the table, not of the unit */
	uint8_t min_inst;     /* bytes that one operation advances */
	uint8_t max_ops;      /* operations of one VLIW instruction; 1 = not VLIW */
	int8_t line_base;
	uint8_t line_range;	/* not 0 */
	uint8_t opcode_base;	/* the first special opcode, not 0 */
	const uint8_t *lengths; /* operands of standard opcode N at [N - 1], for N < opcode_base */
	const uint8_t *start;	/* the table's first byte, at @off of .debug_line */
	uint64_t off;
	const uint8_t *tables, *program,
		*end;	      /* the tables go on to the program, that to the end */
	ARRAY(strref_t) dirs; /* DWARF 2-4: without number 0 */
};

/*
 * The bytes of the table at @off of .debug_line from its length to its end: 0, *@ret (in the
 * section, or in *@ret_buf, which the caller frees), *@ret_n; -EBADMSG, -EFBIG, -ENOMEM.
 */
int dwline_head_fetch(const struct dwsections *d, uint64_t off, void **ret_buf, const uint8_t **ret,
		      size_t *ret_n);

/*
 * Reads what stands before the tables, of the @n bytes at @p that dwline_head_fetch() gave and that
 * are borrowed by *@ret: 0; -EBADMSG, -ENOTSUP for an unknown version.
 */
int dwline_head_read(const uint8_t *p, size_t n, const struct dwline_unit *u,
		     struct dwline_head *ret);

/* Reads the tables, the files to the end of @b->files: 0; -EBADMSG, -EFBIG, -ENOMEM. */
int dwline_head_tables(struct dwline_head *h, const struct dwsections *d,
		       const struct dwline_unit *u, struct symunit_builder *b);

/* Appends the file of DWARF 2-4 at *@p, which is moved behind it. Errors as above. */
int dwline_head_file(const struct dwline_head *h, const struct dwline_unit *u, const uint8_t **p,
		     const uint8_t *end, struct symunit_builder *b);

void dwline_head_done(struct dwline_head *h);
