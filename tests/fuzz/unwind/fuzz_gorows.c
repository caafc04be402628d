/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a function of Go's: its flags, whether it is an old one and in the runtime, how many
 * bytes of code it has, those, and its table of the stack pointer's values. Its rows ascend, cover
 * nothing behind it, and one asked for by its address is the same; the searched table of a whole
 * file is made of such rows alone (fuzz_ehframe reads those, fuzz_snapshot asks for single ones).
 */
#include <elf.h>
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

/*
 * The table of one function, of the layout that has short addresses, and the segment that its code
 * is in.
 */
struct one {
	uint32_t entries[3], record[12];
	Elf64_Phdr seg;
};

static void put_table(struct one *t, struct go_rows *g, const struct go_func *f)
{
	*t = (struct one){ .entries = { 0, sizeof(t->entries), (uint32_t)(f->hi - f->lo) },
			   .seg = { .p_type = PT_LOAD,
				    .p_flags = PF_X,
				    .p_vaddr = f->lo,
				    .p_filesz = f->hi - f->lo } };
	t->record[4] = f->v_sp;
	t->record[10] = (uint32_t)f->flags << 8;
	g->table.funcs = g->table.entries = bytes_of(t, offsetof(struct one, seg));
	g->table.n_funcs = 1;
	g->table.text = f->lo;
	g->image.segs = &t->seg;
	g->image.n_segs = 1;
}

/* Asks for the row at every byte. */
static void check_each(struct go_rows *g, const struct go_func *f)
{
	struct go_rows all = { 0 };
	size_t k = 0;

	array_each(&g->rows, row)
		if (array_push(&all.rows, *row) < 0)
			return;
	for (uint64_t at = f->lo; at < f->hi; at++) {
		struct go_row row = { 0 };
		const struct go_row *want;
		int r = gorows_at(g, at, &row);

		while (k < all.rows.n && all.rows.items[k].at <= at - f->lo)
			k++;
		want = k > 0 ? &all.rows.items[k - 1] : NULL;
		if (r < 0 ? want && want->kind != GO_ROW_NONE
			  : !want || want->kind != row.kind || want->delta != row.delta)
			abort();
	}
	array_free(&all.rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "main.f", "runtime.f", "runtime.mcall",
					     "runtime.sigtramp" };
	enum { TEXT = 0x401000, HEAD = 4 };
	struct go_rows g = { .window_at = TEXT };
	struct go_func f = { .lo = TEXT };
	struct one table;
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
	if (gorows_read(&g, &f) == 0) {
		check(&g, (uint32_t)(f.hi - f.lo));
		if (g.table.layout == GO_120) {
			put_table(&table, &g, &f);
			check_each(&g, &f);
			g.image = (struct go_image){ 0 };
		}
	}
	gorows_close(&g);
	return 0;
}
