/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code of an object that no table describes, as entries of call frame information that say what the code
 * itself does (coderows.h).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "cfientry.h"
#include "coderows.h"
#include "hindex.h"
#include "snapinsn.h"

struct snap_code_row {
	uint32_t at;
	uint16_t state; /* in states; SNAP_CODE_NONE */
	bool is_signal;
};

#define SNAP_CODE_NONE UINT16_MAX
#define SNAP_CODE_GAPS 4096u /* of an object, until they are dropped */

/* Code that was looked at, and @n rows of it from number @first on. */
struct snap_gap {
	uint32_t lo, hi; /* from the object's base */
	size_t first, n;
};

struct snap_code {
	struct cfi_source source;
	struct code_rows code;
	bool has_learned; /* which functions are called */
	ARRAY(struct snap_gap) gaps;
	ARRAY(struct snap_code_row) rows;
	ARRAY(struct cfi_state) states; /* that they have: some hundreds */
	struct hindex states_index;
	uint8_t insns[SNAP_INSNS_MAX]; /* of the entry found last */
};

/* 0 and *@ret, which takes about @max bytes at most (snap_code_free()); -ENODATA for code that is not
 * understood, -ENOMEM. */
int snap_code_open(const struct cfi_file *f, size_t max, struct snap_code **ret);

/* Accepts NULL. */
void snap_code_free(struct snap_code *c);

/*
 * The entry for ELF address @vaddr, and for that alone, in code from @lo to @hi that nothing else
 * describes. @f is the file as it was opened with, by a descriptor that may be another one. 0 and *@ret,
 * which borrows until the next find; -ENODATA, -ENOMEM.
 */
int snap_code_find(struct snap_code *c, const struct cfi_file *f, uint64_t lo, uint64_t hi,
		   uint64_t vaddr, struct cfi_entry *ret);

/* The memory it takes now, and a way to have it take little. */
size_t snap_code_bytes(const struct snap_code *c);
void snap_code_drop(struct snap_code *c);
