/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Go program as it is when loaded at its own addresses: its segments, with what the dynamic
 * linker would write into them. In a position-independent program the pointers that lead from Go's
 * tables to others may be in its relocations only.
 */
#pragma once

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "elffile.h"

struct go_reloc {
	uint64_t addr, value; /* the eight bytes at addr become value */
};

struct go_image {
	const struct elf_file *file; /* borrowed */
	Elf64_Phdr *segs;	     /* PT_LOAD with bytes in the file, and PT_DYNAMIC */
	size_t n_segs;
	ARRAY(struct go_reloc) relocs; /* by addr */
	bool lacks_relocs;	       /* there were more than the limit */
	uint64_t max_search;	       /* bytes that a search may look at; 0 = any number */
};

/*
 * Reads program headers and relocations, of the latter at most @max_bytes. 0, or -EBADMSG, -ENOMEM,
 * -errno of reading.
 */
int goimage_open(struct go_image *img, const struct elf_file *f, size_t max_bytes);

/* Frees what was read. Accepts an image whose opening failed. */
void goimage_close(struct go_image *img);

/* How many bytes the file has from @addr to the end of its segment, 0 when it has none there. */
uint64_t goimage_room(const struct go_image *img, uint64_t addr);

/* What relocations take of the memory. */
size_t goimage_bytes(const struct go_image *img);

/* Whether @addr is in an executable segment. */
bool goimage_is_code(const struct go_image *img, uint64_t addr);

/* Copies @n bytes at address @addr, relocated: 0, -EBADMSG where there are none, -errno. */
int goimage_read(const struct go_image *img, uint64_t addr, void *buf, size_t n);

/* Writes the relocations of [@addr, @addr + @n) into @buf, which holds the file's bytes of it. */
void goimage_relocate(const struct go_image *img, uint64_t addr, void *buf, size_t n);
