/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Go's own table of functions (.gopclntab), which also stripped Go programs keep: functions, their
 * files and lines, and from Go 1.12 on what was inlined where. Layouts of Go 1.2, 1.16, 1.18 and 1.20
 * (debug/gosym and runtime/symtab.go of Go describe them).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "elffile.h"
#include "symunit.h"

struct strtab;

/*
 * Fills @b with all functions of the Go program @f. Strings go to @own: STRREF_OWN offsets are those
 * of strtab entries (ents[id].off). 0; -ENOENT when it has no such table; -ENOTSUP for a layout that
 * is not known; -EBADMSG for a broken one; -EFBIG for one over @max_bytes; -ENOMEM.
 */
int gopclntab_read(struct elf_file *f, size_t max_bytes, struct strtab *own,
		   struct symunit_builder *b);
