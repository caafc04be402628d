/* SPDX-License-Identifier: Apache-2.0 */
/* Where functions of an object begin, as far as its file tells: by symbols, by what is done at its
 * entry point, by pointers in its data. x86-64. */
#pragma once

#include <stdbool.h>

#include "array.h"
#include "cfisource.h"
#include "codeflow.h"

struct code_seek {
	bool was_read;
	ARRAY(uint64_t) starts;	  /* ELF addresses of functions */
	ARRAY(uint64_t) pointers; /* … and of what data points to, which is likely to be one */
};

/* Reads all of that, once. 0 or -ENOMEM; what cannot be read is left out. code_seek_done() in both
 * cases. */
int code_seek_read(struct code_seek *k, const struct cfi_source *src);
void code_seek_done(struct code_seek *k);

/* Tells @flow, which begins at ELF address @vaddr. */
void code_seek_tell(const struct code_seek *k, uint64_t vaddr, struct code_flow *flow);
