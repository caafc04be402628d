/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Call frame information that nobody wrote: of code that an object's own does not cover, as machine
 * code alone tells (codeflow.h), in the form of a .debug_frame. musl is built without any, and so
 * is all of a program that a compiler was told to keep small. x86-64.
 */
#pragma once

#include <stdint.h>

#include "ehframe.h"

/* The most code that is looked at, in all pieces: what the tables are made of may take its time,
 * what a snapshot waits for may not. */
#define CODE_FRAME_MAX	    (16u << 20)
#define CODE_FRAME_MAX_SNAP (2u << 20)

/*
 * Adds the section for the code of @src that no entry of @eh, read from it, is of, and reads its
 * entries. 0, also when nothing can be learned; -EFBIG for more entries than @eh may have, -ENOMEM.
 */
int code_frame_add(struct cfi_source *src, struct eh_frame *eh, uint64_t max);
