/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a Go program keeps its table of functions, and what the table counts from. Both are found
 * in stripped programs too: the table by its section or its first bytes, the rest in
 * runtime.moduledata, a structure in the program's data that points to the table.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elffile.h"
#include "goimage.h"
#include "gopages.h"
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
 * The same by pages: 0, *@ret_pages, which must not move, and *@ret. As soon as the image's limit
 * of a search is reached, -EFBIG.
 */
int gofind_pages(const struct go_image *img, const struct elf_file *f, struct go_pages *ret_pages,
		 struct go_table *ret);

/* Whether sections say that @f is a Go program, or it has none. Cheap, once they have been read:
 * what is no Go program need not be searched for a table. */
bool gofind_is_go(const struct elf_file *f);

/* Addresses among which is what those of inline trees count from. */
enum { GO_BASES_MAX = 40 };
struct go_bases {
	uint64_t words[GO_BASES_MAX];
	unsigned n; /* 0 = not found, or not needed */
};

/*
 * Sets text of a table from Go 1.18 on. 0 and *@ret; -EBADMSG when its functions are not where the
 * program has code; -EFBIG when the image's limit of a search was reached; -ENOMEM; -errno of
 * reading.
 */
int gofind_bases(const struct go_image *img, const struct elf_file *f, struct go_table *t,
		 struct go_bases *ret);
