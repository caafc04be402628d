/* SPDX-License-Identifier: Apache-2.0 */
/* Where offsets in a relocatable file, and addresses in one of its sections, lie once these are
 * placed. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "elffile.h"
#include "symbolize.h"

/* A section with code. */
struct libdwplace_span {
	uint64_t off, n; /* n: 0 for one that has no bytes in the file */
	uint64_t size, vaddr;
};

/* Zero it. */
struct libdwplace {
	ARRAY(struct libdwplace_span) by_off;
	ARRAY(struct libdwplace_span)
	by_size; /* those that are larger than all before them in the file */
};

/* Takes the sections of @f, whose sh_addr says where they were placed: 0 or -ENOMEM. */
int libdwplace_read(struct libdwplace *p, const struct elf_file *f);
void libdwplace_done(struct libdwplace *p);

/* Where @off (SYM_ELF: an offset in the file, SYM_VADDR: in a section) lies: UINT64_MAX for
 * nowhere. */
uint64_t libdwplace_address(const struct libdwplace *p, enum sym_kind kind, uint64_t off);

/* Memory held. */
size_t libdwplace_bytes(const struct libdwplace *p);
