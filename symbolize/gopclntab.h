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
 * Fills the empty @b with all functions of the Go program @f. Strings go to @own: STRREF_OWN offsets
 * are those of strtab entries (ents[id].off). Names are Go's, start lines known from Go 1.20 on. 0;
 * -ENOENT when it has no such table; -ENOTSUP for a layout that is not known; -EBADMSG for a broken
 * one; -EFBIG when the table, its inline trees or what comes out is more than @max_bytes (what comes
 * out is about twice the table); -ENOMEM; -errno of reading. On failure @b is empty, and @own may have
 * new strings.
 */
int gopclntab_read(struct elf_file *f, size_t max_bytes, struct strtab *own,
		   struct symunit_builder *b);
