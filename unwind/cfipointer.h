/* SPDX-License-Identifier: Apache-2.0 */
/* Encoded pointers (DW_EH_PE_*) of .eh_frame and .eh_frame_hdr. */
#pragma once

#include <stdint.h>

#include "bytes.h"

/* The low four bits: how it is stored. The next three: what it is relative to. */
enum cfi_enc {
	CFI_ENC_ABSPTR = 0x00,
	CFI_ENC_ULEB = 0x01,
	CFI_ENC_UDATA2 = 0x02,
	CFI_ENC_UDATA4 = 0x03,
	CFI_ENC_UDATA8 = 0x04,
	CFI_ENC_SIGNED = 0x08,
	CFI_ENC_SLEB = 0x09,
	CFI_ENC_SDATA2 = 0x0a,
	CFI_ENC_SDATA4 = 0x0b,
	CFI_ENC_SDATA8 = 0x0c,
	CFI_ENC_FORMAT = 0x0f,
	CFI_ENC_PCREL = 0x10,
	CFI_ENC_TEXTREL = 0x20,
	CFI_ENC_DATAREL = 0x30,
	CFI_ENC_FUNCREL = 0x40,
	CFI_ENC_ALIGNED = 0x50,
	CFI_ENC_RELATION = 0x70,
	CFI_ENC_INDIRECT = 0x80,
	CFI_ENC_OMIT = 0xff,
};

/* What pointers can be relative to: the address of the reader's first byte, of text and of data. */
struct cfi_bases {
	uint64_t vaddr, text, data;
};

/*
 * Reads a pointer. 0 and *@ret; -EBADMSG past the end or for an encoding that does not exist;
 * -ENOTSUP for what only the running process can tell (indirect) or has no meaning here (omitted,
 * relative to the function).
 */
int cfi_pointer(struct bytes *b, uint8_t enc, const struct cfi_bases *bases, uint64_t *ret);

/* Reads past a pointer whose value does not matter. */
int cfi_pointer_skip(struct bytes *b, uint8_t enc, const struct cfi_bases *bases);
