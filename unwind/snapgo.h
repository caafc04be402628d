/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Go's functions of an object, as entries of call frame information that say what Go's table does:
 * so a snapshot is unwound through them as through all others.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "cfientry.h"
#include "cfisource.h"
#include "gorows.h"
#include "snapinsn.h"

struct snap_go {
	struct cfi_source source;
	struct go_rows rows;
	uint8_t insns[SNAP_INSNS_MAX]; /* of the entry found last */
};

/*
 * 0 and *@ret, which takes about @max bytes at most (snap_go_free()); -ENODATA when it is no Go
 * program or one whose table cannot be used, -ENOMEM.
 */
int snap_go_open(const struct cfi_file *f, size_t max, struct snap_go **ret);

/* Accepts NULL. */
void snap_go_free(struct snap_go *g);

/*
 * The entry for ELF address @vaddr, and for that alone. @f is the file as it was opened with, by a
 * descriptor that may be another one. 0 and *@ret, which borrows until the next find; -ENODATA,
 * -ENOMEM, -errno of reading.
 */
int snap_go_find(struct snap_go *g, const struct cfi_file *f, uint64_t vaddr,
		 struct cfi_entry *ret);

/* The memory it takes now, and a way to have it take little. */
size_t snap_go_bytes(const struct snap_go *g);
void snap_go_drop(struct snap_go *g);
