/* SPDX-License-Identifier: Apache-2.0 */
/* Answers about the code of one object: debug information where it has some, and its symbols. */
#pragma once

#include "answer.h"
#include "symobject.h"

/*
 * Answers @req, which is of SYM_ELF or SYM_VADDR, in @a. 0 or -ENOMEM.
 *
 * The function that the code was compiled into is named by its linkage name in the debug information. Where
 * that has but a plain name (a C function, or one that the compiler kept to the unit), a symbol that covers
 * the address is the better name when it is mangled or begins with fewer underscores: the C library's own
 * names for malloc and dlopen are __GI___libc_malloc and ___dlopen. What the compiler hung on a symbol
 * (".part.0", ".cold") is left out. Where there is no debug information, the symbol is the name.
 */
int dwanswer_run(struct symobject *o, const struct sym_request *req, struct answering *a);
