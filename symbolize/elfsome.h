/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is at a few addresses, while tables of symbols are read once and in any order. A function with a size that
 * covers an address names it whatever else there is, so those are kept, and only their names are read. Where
 * none does, nobody is there if the nearest begin of a function before the address is of one that has a size.
 * What else there may be (functions without a size, labels) takes all symbols to know.
 */
#pragma once

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "elfcode.h"
#include "symtab.h"

struct elf_file;

/* A table of symbols in its file. */
struct elftable {
	const struct elf_file *file;
	uint64_t off, n; /* in symbols */
	uint64_t strings, n_strings;
	unsigned source;
};

struct elfsome {
	const uint64_t *addrs; /* ascending; borrowed */
	size_t n;
	struct elfsome_near *near; /* what is before each */
	const struct elfcode *code;
	ARRAY(struct symtab_sym)
	kept; /* of the table that is read; their names are places in its strings */
	bool is_unclear;
};

/* Zero what is @ret. 0 or -ENOMEM; @addrs and @code are borrowed. */
int elfsome_init(struct elfsome *ret, const uint64_t *addrs, size_t n, const struct elfcode *code);
void elfsome_done(struct elfsome *s);

/* Looks at @n symbols of @t: 0 or -ENOMEM. */
int elfsome_look(struct elfsome *s, const struct elftable *t, const Elf64_Sym *syms, size_t n);

/* Ends the table @t: adds to @b what was kept of it. 0, -ENOMEM or what reading the file returns. */
int elfsome_keep(struct elfsome *s, const struct elftable *t, struct symtab_builder *b);

/* Whether the symbols that were kept answer for all addresses, once all tables have been read. */
bool elfsome_is_clear(const struct elfsome *s);
