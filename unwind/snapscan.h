/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of an object that no search table leads to: its entries, read once and kept. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "cfientry.h"
#include "cfisource.h"

struct snap_scanned {
	uint64_t start, len; /* ELF addresses */
	uint32_t insns, n_insns, cie;
	uint8_t section;
};

struct snap_scan {
	struct cfi_source source;	    /* with sections that it owns */
	ARRAY(struct snap_scanned) entries; /* by start */
};

/* Reads the sections of @f, of up to @max bytes each, and what its code tells of the rest, into the
 * zeroed @ret (release with snap_scan_done()); with @others, what is in .eh_frame is not kept. 0, or
 * an error of unwind.h, which leaves it empty. */
int snap_scan_read(const struct cfi_file *f, bool others, size_t max, struct snap_scan *ret);
void snap_scan_done(struct snap_scan *s);

/* The memory it takes. */
size_t snap_scan_bytes(const struct snap_scan *s);

/* The last entry that does not begin behind ELF address @vaddr. 0 and *@ret, which borrows from @s;
 * -ENODATA or -EBADMSG. */
int snap_scan_find(const struct snap_scan *s, uint64_t vaddr, struct cfi_entry *ret);

/* Reads a CIE from its id on (cfi_entry_size()). @bases are of its length field. 0 or -EBADMSG. */
int snap_read_cie(struct bytes b, struct cfi_bases bases, struct cfi_common *ret);
