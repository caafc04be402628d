/* SPDX-License-Identifier: Apache-2.0 */
#include "snapgo.h"

#include <stdlib.h>
#include <string.h>

#include "snapinsn.h"

/*
 * Bytes of writable data up to where the table's base is: Go's linker puts it before what is large.
 */
#define SEARCH_MAX (16u << 20)

int snap_go_open(const struct cfi_file *f, size_t max, struct snap_go **ret)
{
	struct snap_go *g = calloc(1, sizeof(*g));
	int r;

	if (!g)
		return -ENOMEM;
	r = cfi_source_open(f, 0, CFI_WANT_NOTHING, &g->source);
	/* Without sections anything could be a Go program, and all of it would be searched. */
	if (r == 0 && g->source.file.n_sections == 0)
		r = -ENODATA;
	if (r == 0)
		r = gorows_open_pages(&g->source, max, SEARCH_MAX, &g->rows);
	cfi_source_done(&g->source); /* the headers of its sections; it can still be read */
	if (r < 0) {
		snap_go_free(g);
		return r == -ENOMEM ? r : -ENODATA;
	}
	*ret = g;
	return 0;
}

void snap_go_free(struct snap_go *g)
{
	if (!g)
		return;
	gorows_close(&g->rows);
	free(g);
}

size_t snap_go_bytes(const struct snap_go *g)
{
	return sizeof(*g) + gorows_bytes(&g->rows);
}

void snap_go_drop(struct snap_go *g)
{
	gorows_drop(&g->rows);
}

/* What @row says, as instructions. */
static size_t put_row(uint8_t *out, const struct go_row *row)
{
	struct cfi_state st = gorows_state(row);

	return row->kind == GO_ROW_SIGNAL ? snap_insn_signal(out) : snap_insn_state(out, &st);
}

int snap_go_find(struct snap_go *g, const struct cfi_file *f, uint64_t vaddr, struct cfi_entry *ret)
{
	struct go_row row;
	int r;

	g->source.file.fd = f->mem ? -1 : f->fd;
	g->source.file.mem = bytes_of(f->mem, f->mem ? (size_t)f->size : 0);
	r = gorows_at(&g->rows, vaddr, &row);
	if (r < 0)
		return r;
	*ret = snap_insn_entry(vaddr, bytes_of(g->insns, put_row(g->insns, &row)),
			       row.kind == GO_ROW_SIGNAL);
	ret->changes_stack = row.kind == GO_ROW_FP;
	return 0;
}
