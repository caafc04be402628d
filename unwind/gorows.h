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
#include "cfisource.h"
#include "goimage.h"
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

/* How many bytes of code are read at a time, and of a function looked at. */
enum { GO_ROWS_WINDOW = 64 << 10, GO_ROWS_CODE = 4 << 10 };

struct go_rows {
	struct go_image image;
	struct go_table table;
	void *bytes;	/* of the table */
	uint64_t entry; /* where the kernel starts the program */
	struct go_runs runs;
	ARRAY(struct go_row) rows; /* of the function that was read last */
	uint8_t *window;
	uint64_t window_at;
	size_t window_n;
};

/*
 * Finds the table of @src, which is borrowed. 0 and *@ret (release with gorows_close()); -ENODATA
 * when it is no Go program for x86-64, or errors of gofind_table() and gofind_bases().
 */
int gorows_open(const struct cfi_source *src, size_t max_bytes, struct go_rows *ret);

/* Accepts what is all zeros. */
void gorows_close(struct go_rows *g);

/*
 * Fills rows with those of function @f, ascending: none when the table does not describe it, as is
 * so for C. 0 or -ENOMEM, or -errno of reading.
 */
int gorows_read(struct go_rows *g, const struct go_func *f);
