/* SPDX-License-Identifier: Apache-2.0 */
/* The symbols of an ELF file of any kind, in memory: what elfsym.c reads of the files that it reads
 * itself. */
#pragma once

#include <stddef.h>

#include "array.h"
#include "elffile.h"
#include "elfsym.h"

/* Zero it. */
struct elf_nameds {
	ARRAY(struct elf_named) syms;
	size_t n_bytes; /* of names */
};

/*
 * Appends the symbols with names of @f (elf_file_open_any_mem(), sections read), from .symtab or
 * else .dynsym, as of rank @source: 0; -EBADMSG for a broken table, -EFBIG, -ENOMEM. Values are
 * addresses: in a relocatable file, sh_addr says where sections are; symbols of function
 * descriptors (.opd of 64-bit PowerPC) are where these point. Names are borrowed from the file's
 * bytes.
 */
int elf_nameds_read(const struct elf_file *f, unsigned source, struct elf_nameds *ret);
