/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Go's table of functions says about unwinding, on x86-64. Go makes no call frame information
 * for the running program, but its own unwinder has a table (pcsp) that tells for every instruction
 * how far the stack pointer is from where it was at the function's entry, where it pointed to the
 * return address. Functions of any frame have it, also those in assembly that keep no frame
 * pointer.
 *
 * Where the caller's frame pointer is, the table does not say; the first instructions of a function
 * do, for they are always the same.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "cfi.h"
#include "cfisource.h"
#include "goimage.h"
#include "gopages.h"
#include "gotable.h"

enum go_row_kind {
	GO_ROW_NONE,   /* nothing is known */
	GO_ROW_ROOT,   /* there is no caller */
	GO_ROW_SP,     /* CFA = rsp + 8 + delta, rbp unchanged */
	GO_ROW_SAVED,  /* the same, the caller's rbp is at CFA - 16 */
	GO_ROW_FP,     /* CFA = rbp + 8 + delta, on whatever stack that is; rbp as before */
	GO_ROW_SIGNAL, /* a signal was delivered: the registers are in what the kernel left */
};

struct go_row {
	uint32_t at; /* bytes from the function's start */
	uint8_t kind;
	int32_t delta;
};

/* How to unwind by @row, which says something; by DWARF's registers. */
struct cfi_state gorows_state(const struct go_row *row);

/* How many bytes of code are read at a time, and of a function looked at. */
enum { GO_ROWS_WINDOW = 64 << 10, GO_ROWS_CODE = 4 << 10 };

struct go_rows {
	struct go_image image;
	struct go_table table;
	void *bytes;	       /* of the table, or … */
	struct go_pages pages; /* … what was looked at of it */
	uint64_t entry;	       /* where the kernel starts the program */
	struct go_runs runs;
	ARRAY(struct go_row) rows; /* of the function that was read last */
	uint8_t *window;
	uint64_t window_at;
	size_t window_n, window_max;
};

/*
 * Finds the table of @src, which is borrowed. 0 and *@ret (release with gorows_close()); -ENODATA
 * when it is no Go program for x86-64, or errors of gofind_table() and gofind_bases().
 */
int gorows_open(const struct cfi_source *src, size_t max_bytes, struct go_rows *ret);

/*
 * The same for those who ask about few functions: of the table what they need is read when they
 * need it. Nothing in @src but its file must stay, and @ret must not move. -EFBIG also when
 * relocations have more than @max_bytes, or the base of the table is not within @max_search bytes
 * of data.
 */
int gorows_open_pages(const struct cfi_source *src, size_t max_bytes, uint64_t max_search,
		      struct go_rows *ret);

/* Accepts what is all zeros, and leaves that. */
void gorows_close(struct go_rows *g);

/* The memory that it takes now, and a way to have it take little. */
size_t gorows_bytes(const struct go_rows *g);
void gorows_drop(struct go_rows *g);

/*
 * Fills rows with those of function @f, ascending: none when the table does not describe it, as is
 * so for C. 0 or -ENOMEM, or -errno of reading.
 */
int gorows_read(struct go_rows *g, const struct go_func *f);

/*
 * The row in force at ELF address @vaddr, as the built table would have it. 0 and *@ret; -ENODATA
 * when Go's table says nothing about it; -ENOMEM, or -errno of reading.
 */
int gorows_at(struct go_rows *g, uint64_t vaddr, struct go_row *ret);
