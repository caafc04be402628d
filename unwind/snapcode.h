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
#include "snapinsn.h"

struct snap_code_row {
	uint32_t at;
	bool is_known, is_signal;
	struct cfi_state state;
};

struct snap_code {
	struct cfi_source source;
	struct code_rows code;
	uint32_t lo, hi; /* where the rows are of, from the object's base */
	ARRAY(struct snap_code_row) rows;
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
