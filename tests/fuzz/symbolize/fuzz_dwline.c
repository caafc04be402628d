/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as line number tables, one behind the other, which are also their own strings. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dwline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_ROWS = 100000 };

/* Sequences ascend and are closed, and files are those that were given. */
static void check(const struct symunit_builder *b)
{
	bool open = false;

	for (size_t i = 0; i < b->rows.n; i++) {
		const struct symunit_row *row = &b->rows.items[i];

		if ((open && row->addr <= row[-1].addr) ||
		    (row->file != SYMUNIT_NONE && row->file != SYMUNIT_END &&
		     row->file >= b->files.n))
			abort();
		open = row->file != SYMUNIT_END;
	}
	if (open)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct dwline_span code[] = { { 0x1000, 0x9000 }, { 1 << 20, 1ull << 62 } };
	struct symunit_builder b = { 0 };
	struct dwsections d = { .fd = -1 };
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	d.s[DW_LINE] = (struct dwsection){ .mem = copy, .size = size };
	d.s[DW_STR_OFFSETS] = d.s[DW_LINE];
	for (uint64_t off = 0; off < size;) {
		struct dwline_unit u = { .off = off,
					 .address_size = 8,
					 .code = code,
					 .n_code = 2,
					 .str_offsets_base = 8,
					 .max_rows = MAX_ROWS };
		uint32_t first, n, len;

		symunit_builder_clear(&b);
		if (dwline_read(&d, &u, &b, &first, &n) == 0 && (first != 0 || n != b.files.n))
			abort();
		check(&b);
		if (size - off < 4)
			break;
		memcpy(&len, data + off, 4);
		off += 4 + (uint64_t)len;
	}
	symunit_builder_done(&b);
	free(copy);
	return 0;
}
