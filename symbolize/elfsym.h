/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One object as the symbolizer keeps it: where its code lies in the file, and who is there. Holds
 * copies only; the file may be closed once it is loaded.
 */
#pragma once

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

#include "symbolize.h"
#include "symtab.h"

struct elf_file;
struct symasked;

struct elf_code {
	uint64_t off, n; /* bytes of the file; none in a separate debug file */
	uint64_t vaddr;	 /* where the object's addresses place them */
	uint64_t size;	 /* there */
};

struct elf_object {
	enum sym_reason reason;	 /* SYM_OK, or why none of its offsets has a name */
	enum sym_reason on_miss; /* what an offset without a name gets */
	struct elf_code *code;	 /* executable segments */
	size_t n_code;
	struct symtab syms;
};

enum { ELF_EXTRA_MAX = 2 };

/*
 * Reads where the code of @own lies; @opened is what opening it gave, and if that is negative nothing is
 * read. 0 and *@ret (release with elf_object_done()), its reason saying what is wrong with the file if
 * anything is, or -ENOMEM.
 */
int elf_object_load_code(const struct elf_file *own, int opened, struct elf_object *ret);

/*
 * Adds what names that code. The sections of all files have been read. @extra: files whose .symtab is of
 * the same object (a separate debug file, .gnu_debugdata), the better one first; those without sections
 * are passed over. 0, and a reason in @o as above, or -ENOMEM.
 */
int elf_object_load_symbols(struct elf_object *o, const struct elf_file *own,
			    const struct elf_file *const *extra, size_t n_extra);

/*
 * What elf_object_load_symbols() would make, for the addresses of @asked alone, in its syms: 1; 0 when all symbols
 * have to be loaded to know, or that costs no more; -ENOMEM. Sets on_miss of @o.
 */
int elf_object_load_some(struct elf_object *o, const struct elf_file *own,
			 const struct elf_file *const *extra, size_t n_extra,
			 struct symasked *asked);

/* Both, for a file on its own. */
int elf_object_load_fd(int fd, uint64_t max_bytes, struct elf_object *ret);

/* The same for one in memory. */
int elf_object_load_mem(const void *p, size_t n, struct elf_object *ret);

/* A symbol that somebody else read. */
struct elf_named {
	Elf64_Sym sym;	  /* st_name is not used, st_value is an address of the object */
	const char *name; /* borrowed */
	unsigned source;  /* rank of the table it is of: the smaller, the better */
};

/*
 * The same from symbols that were read elsewhere, for @own of any kind (elf_file_open_any()). Of a
 * relocatable one, sh_addr of its sections says where they have been placed. 0 and *@ret or
 * -ENOMEM.
 */
int elf_object_load_named(const struct elf_file *own, const struct elf_named *syms, size_t n,
			  struct elf_object *ret);

void elf_object_done(struct elf_object *o);

/* The symbol at an offset in the file, NULL when there is none. */
const struct symtab_range *elf_object_find(const struct elf_object *o, uint64_t off);

/* The same at one of the object's own addresses. */
const struct symtab_range *elf_object_find_vaddr(const struct elf_object *o, uint64_t vaddr);

/* Memory held. */
size_t elf_object_bytes(const struct elf_object *o);
