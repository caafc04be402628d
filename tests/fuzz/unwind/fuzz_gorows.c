/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a function of Go's: its flags, whether it is an old one and in the runtime, how many
 * bytes of code it has, those, and its table of the stack pointer's values. Its rows ascend, cover
 * nothing behind it, and the searched table of a whole file is made of such rows alone
 * (fuzz_ehframe reads those).
 */
#include <stdlib.h>
#include <string.h>

#include "gorows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct go_rows *g, uint32_t n)
{
	for (size_t i = 0; i < g->rows.n; i++) {
		const struct go_row *row = &g->rows.items[i];

		if (row->at >= n || row->kind > GO_ROW_SIGNAL || (i > 0 && row[-1].at >= row->at))
			abort();
		if (i > 0 && row[-1].kind == row->kind && row[-1].delta == row->delta)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "main.f", "runtime.f", "runtime.mcall",
					     "runtime.sigtramp" };
	enum { TEXT = 0x401000, HEAD = 4 };
	struct go_rows g = { .window_at = TEXT };
	struct go_func f = { .lo = TEXT };
	const char *name;
	size_t n;

	if (size < HEAD || data[3] == 0 || data[3] > size - HEAD)
		return 0;
	n = data[3];
	name = names[data[1] % 4];
	f.flags = data[0];
	f.hi = TEXT + n + data[2];
	f.v_sp = 1; /* 0 means that there is none */
	g.table = (struct go_table){ .layout = data[1] & 4 ? GO_120 : GO_116,
				     .quantum = 1,
				     .names = bytes_of(name, strlen(name) + 1),
				     .values = bytes_of(data + HEAD + n - 1, size - HEAD - n + 1) };
	/* As much as there is room for, so that nothing more is read; exact, for ASan. */
	g.window = malloc(f.hi - f.lo);
	g.window_n = f.hi - f.lo;
	memset(g.window, 0xcc, g.window_n);
	memcpy(g.window, data + HEAD, n);
	if (gorows_read(&g, &f) == 0)
		check(&g, (uint32_t)(f.hi - f.lo));
	gorows_close(&g);
	return 0;
}
