/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct elf_file;
struct symtab_builder;

/*
 * Adds `foo@plt` for each stub of the procedure linkage table through which calls of foo() go to
 * another object. x86-64 only; elsewhere it adds nothing. 0, -ENOMEM, or -EBADMSG and the like for
 * a table that cannot be read. Sections must have been read.
 */
int elfplt_add(const struct elf_file *f, struct symtab_builder *b, unsigned source);

/* Whether it could add a name for @vaddr. */
bool elfplt_may_name(const struct elf_file *f, uint64_t vaddr);
