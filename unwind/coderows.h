/* SPDX-License-Identifier: Apache-2.0 */
/* The code of an object that its unwind information leaves out, and the rows that follow from it
 * (codescan.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "array.h"
#include "cfisource.h"
#include "codescan.h"

struct code_range {
	uint32_t lo, hi; /* from the object's base; hi > lo */
};

struct code_rows {
	const struct cfi_source *src;	 /* borrowed */
	ARRAY(struct code_range) ranges; /* where there is code, ascending, none over another */
	ARRAY(uint32_t) functions;	 /* where functions begin, by symbols and calls … */
	bool is_sorted;			 /* … ascending */
	bool has_symbols;		 /* they were read, if there are any */
	size_t max_symbols;		 /* bytes of a symbol table, and */
	size_t left;			 /* bytes of code, that are looked at */
	bool is_later;			 /* all that is told of code is that it is unread */
	struct codescan scan;
	uint8_t *buf;
	size_t cap;
};

/*
 * Looks where @src, which must outlive *@ret, has code. Of symbol tables larger than @max_bytes nothing
 * is read. 0 and *@ret (release with code_rows_done()); -ENODATA when code of its machine is not
 * understood; -ENOMEM.
 */
int code_rows_open(const struct cfi_source *src, size_t max_bytes, struct code_rows *ret);

/* Learns from what is code between @lo and @hi, from the object's base, which functions it
 * calls, also elsewhere: before any code is scanned. 0 or -ENOMEM. */
int code_rows_learn(struct code_rows *c, uint32_t lo, uint32_t hi);

/*
 * The rows of what is code between @lo and @hi, from the object's base, in their order: as
 * codescan_run(), but that @row gets addresses from that base, and one without a rule where code ends.
 * What cannot be read has none. If it is read later, a rule that is unsupported stands for all of what would
 * be. 0, -ENOMEM, or what @row gave.
 */
int code_rows_scan(struct code_rows *c, uint32_t lo, uint32_t hi, codescan_row *row, void *ctx);

/*
 * How many bytes the entry point at @pc has, from the object's base: those up to the end of its first call,
 * or of the jump or the stop that no call comes before; or of the one behind the call, if no return, which
 * would be another function's, comes before that. @max at most; 0 when it cannot be read.
 */
uint32_t code_rows_entry_bytes(struct code_rows *c, uint32_t pc, uint32_t max);

/* Gives back what was only needed while code was looked at. */
void code_rows_drop(struct code_rows *c);
void code_rows_done(struct code_rows *c);
