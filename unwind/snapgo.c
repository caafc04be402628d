/* SPDX-License-Identifier: Apache-2.0 */
#include "snapgo.h"

#include <stdlib.h>
#include <string.h>

#include "leb.h"

enum {
	OP_UNDEFINED = 0x07,
	OP_DEF_CFA_SF = 0x12,
	OP_DEF_CFA_EXPRESSION = 0x0f,
	OP_EXPRESSION = 0x10,
	OP_OFFSET = 0x80,
	EXPR_DEREF = 0x06,
	EXPR_BREG = 0x70,
	REG_FP = 6,
	REG_SP = 7,
	REG_RA = 16,
};

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

static size_t put_bytes(uint8_t *out, size_t at, const void *p, size_t n)
{
	memcpy(out + at, p, n);
	return at + n;
}

/*
 * CFA = @reg + @off, return address at CFA - 8, rbp at CFA - 16 if it is @saved. Offsets count in
 * -1.
 */
static size_t put_frame(uint8_t *out, uint8_t reg, int64_t off, bool saved)
{
	static const uint8_t ra[] = { OP_OFFSET | REG_RA, 8 }, fp[] = { OP_OFFSET | REG_FP, 16 };
	size_t n = 0;

	out[n++] = OP_DEF_CFA_SF;
	out[n++] = reg;
	n += leb_put_sleb(out + n, -off);
	n = put_bytes(out, n, ra, sizeof(ra));
	return saved ? put_bytes(out, n, fp, sizeof(fp)) : n;
}

/* The register at @off from rsp, by an expression @op of @reg. */
static size_t put_at_sp(uint8_t *out, uint8_t op, int reg, uint32_t off, bool deref)
{
	uint8_t expr[8] = { EXPR_BREG + REG_SP };
	size_t n = 0, len = 1 + leb_put_sleb(expr + 1, off);

	if (deref)
		expr[len++] = EXPR_DEREF;
	out[n++] = op;
	if (reg >= 0)
		out[n++] = (uint8_t)reg;
	out[n++] = (uint8_t)len;
	return put_bytes(out, n, expr, len);
}

/* All registers are where the kernel left them. */
static size_t put_signal(uint8_t *out)
{
	/* By DWARF number; rsp is the CFA. */
	static const uint8_t offs[] = { 0x90,	       0x88, 0x98, 0x80, 0x70,	       0x68,
					GO_SIGNAL_RBP, 0,    0x28, 0x30, 0x38,	       0x40,
					0x48,	       0x50, 0x58, 0x60, GO_SIGNAL_RIP };
	size_t n = put_at_sp(out, OP_DEF_CFA_EXPRESSION, -1, GO_SIGNAL_RSP, true);

	for (size_t i = 0; i < sizeof(offs); i++)
		if (i != REG_SP)
			n += put_at_sp(out + n, OP_EXPRESSION, (int)i, offs[i], false);
	return n;
}

static size_t put_row(uint8_t *out, const struct go_row *row)
{
	static const uint8_t root[] = { OP_UNDEFINED, REG_RA };
	int64_t off = 8 + (int64_t)row->delta;

	switch (row->kind) {
	case GO_ROW_SIGNAL:
		return put_signal(out);
	case GO_ROW_SP:
	case GO_ROW_SAVED:
		return put_frame(out, REG_SP, off, row->kind == GO_ROW_SAVED);
	case GO_ROW_FP:
		return put_frame(out, REG_FP, off, true);
	default:
		return put_bytes(out, 0, root, sizeof(root));
	}
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
	*ret = (struct cfi_entry){
		.start = vaddr,
		.len = 1,
		.cie = { .code_align = 1,
			 .data_align = -1,
			 .ra_reg = REG_RA,
			 .is_signal = row.kind == GO_ROW_SIGNAL },
		.insns = bytes_of(g->insns, put_row(g->insns, &row)),
		.is_go = row.kind != GO_ROW_SIGNAL,
		.changes_stack = row.kind == GO_ROW_FP,
	};
	return 0;
}
