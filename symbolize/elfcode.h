/* SPDX-License-Identifier: Apache-2.0 */
/* Which symbols of an ELF file are code. */
#pragma once

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>

#include "symtab.h"

struct elf_file;

/* Addresses of executable sections, by start. Zero it. */
struct elfcode {
	struct elfcode_span {
		uint64_t start, end;
	} * spans;
	size_t n;
};

/* Adds the sections of @f: 0 or -ENOMEM. */
int elfcode_find(struct elfcode *c, const struct elf_file *f);
void elfcode_done(struct elfcode *c);

/* Whether @sym is of a type that functions have; others without a type may be labels in code. */
static inline bool elfcode_is_function(const Elf64_Sym *sym)
{
	unsigned type = ELF64_ST_TYPE(sym->st_info);

	return type == STT_FUNC || type == STT_GNU_IFUNC;
}

/* Whether @sym is code, and then all that *@ret says but its name, which may make it a tool's label. */
bool elfcode_symbol(const struct elfcode *c, const Elf64_Sym *sym, unsigned source,
		    struct symtab_sym *ret);

/* Labels that tools leave in code: ARM and RISC-V mapping symbols ($x, $d.3), .Lfoo, .annobin_*. */
bool elfcode_is_tool_label(const char *name);
