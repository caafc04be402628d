/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a Go program keeps its table of functions, and what the table counts from. Both are found
 * in stripped programs too: the table by its section or its first bytes, the rest in
 * runtime.moduledata, a structure in the program's data that points to the table.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "elffile.h"
#include "goimage.h"
#include "gotable.h"

/*
 * 0, *@ret_bytes (the table's bytes, which @ret borrows; the caller frees) and *@ret. -ENOENT when
 * the program has no table; -ENOTSUP for a layout that is not known; -EBADMSG for a broken one;
 * -EFBIG when it has more than @max_bytes; -ENOMEM; -errno of reading. Sections of @f must have
 * been read.
 */
int gofind_table(const struct go_image *img, const struct elf_file *f, size_t max_bytes,
		 void **ret_bytes, struct go_table *ret);

/*
 * Sets text of a table from Go 1.18 on, and gofunc or the numbers of inline trees as they are in
 * this program; no function has inlined calls where these are not found. 0; -EBADMSG when its
 * functions are not where the program has code; -ENOMEM; -errno of reading.
 */
int gofind_bases(const struct go_image *img, const struct elf_file *f, struct go_table *t);
