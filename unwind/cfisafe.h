/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies call frame instructions for an interpreter that trusts them. libunwind does: it takes a
 * register number of DW_CFA_register as an index without a look, takes DW_CFA_val_offset for
 * nothing and its operands for instructions, divides INT64_MIN by -1, follows a DW_OP_skip that
 * goes back to itself for ever, and expects that the CFA was defined. What arrives in the copy can
 * be run without harm, in time linear in its length; it means the same where it was sound.
 */
#pragma once

#include <stdint.h>

#include "array.h"
#include "bytes.h"
#include "cfientry.h"

/* Registers that rules may name: the sixteen and the return address. */
#define CFI_SAFE_REGS 17

struct cfi_safe {
	ARRAY(uint8_t) out; /* the copy so far */
	size_t max;	    /* bytes that it may have */
	const struct cfi_common *cie;
	uint64_t loc, stop; /* offset in the function, and the one whose rules are wanted */
	unsigned depth;	    /* of remember_state */
};

/*
 * Appends @insns up to those that take force beyond s->stop. 0; -EBADMSG for broken ones; -ENOTSUP
 * for those that cannot be made safe; -EFBIG; -ENOMEM.
 */
int cfi_safe_copy(struct cfi_safe *s, struct bytes insns);

/* Whether expression @e is known, stays inside itself and only runs forwards. */
bool cfi_safe_expr(struct bytes e);
