/* SPDX-License-Identifier: Apache-2.0 */
/* Answers about the code of one object: debug information where it has some, and its symbols. */
#pragma once

#include "answer.h"
#include "symobject.h"

/*
 * Answers @req, which is of SYM_ELF or SYM_VADDR, in @a. 0 or -ENOMEM.
 *
 * The function that the code was compiled into is named by its linkage name in the debug information;
 * where that has none but a plain name (a C function, or one that the compiler kept to the unit) and a
 * symbol with a mangled name covers the address, by that symbol, without what the compiler hung on it
 * (".part.0", ".cold"). Where there is no debug information, by the symbol.
 */
int dwanswer_run(struct symobject *o, const struct sym_request *req, struct answering *a);
