/* SPDX-License-Identifier: Apache-2.0 */
/* Reads single entries of .eh_frame or .debug_frame. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"
#include "cfipointer.h"

/* The longest entry that is looked at: a function with thousands of rows has 64 KiB. */
#define CFI_ENTRY_MAX (1u << 18)

/* What a CIE says. */
struct cfi_common {
	uint64_t code_align;
	int64_t data_align;
	uint64_t ra_reg;
	uint8_t enc;	/* of the FDE's addresses */
	bool has_size;	/* FDEs have augmentation data, preceded by its size */
	bool is_signal; /* its functions are signal trampolines */
	struct bytes insns;
};

/* A function: what its FDE and the CIE of that say. Borrows the instructions. */
struct cfi_entry {
	uint64_t start, len; /* ELF addresses */
	struct cfi_common cie;
	struct bytes insns;
	/* Made of Go's table or of code (snapinsn.h), so no instruction says: */
	bool is_partial;    /* of the caller's registers only rsp and rbp are known … */
	bool changes_stack; /* … and its frame may be on another stack */
};

/* How long an entry is that begins with @head: 0 and the bytes up to its end, with its length field
 * (*@ret_id is the offset of the id). -EBADMSG for a terminator or one that is too long. */
int cfi_entry_size(struct bytes head, uint64_t *ret_id, uint64_t *ret_size);

/* Reads a CIE from the byte after its id. @bases are of b.p[0]. 0 or -EBADMSG. */
int cfi_common_read(struct bytes b, const struct cfi_bases *bases, struct cfi_common *ret);

/*
 * Reads an FDE of @cie from the byte after its CIE pointer. @bases are of b.p[0]. 0 and *@ret but
 * for its CIE, -EBADMSG or -ENOTSUP. Its length may be 0.
 */
int cfi_entry_read(struct bytes b, const struct cfi_common *cie, const struct cfi_bases *bases,
		   struct cfi_entry *ret);
