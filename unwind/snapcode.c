/* SPDX-License-Identifier: Apache-2.0 */
#include "snapcode.h"

#include <errno.h>
#include <stdlib.h>

#define WINDOW_BYTES (128u << 10) /* of code are looked at for one address: a millisecond or two */
#define LEARN_BYTES  (2u << 20)	  /* of code are looked at for what they call, once: ten of them */

static int learn(struct snap_code *c)
{
	uint32_t lo = (uint32_t)(c->source.text_lo - c->source.base);
	uint32_t hi = (uint32_t)(c->source.text_hi - c->source.base);

	int r = hi - lo <= LEARN_BYTES ? code_rows_learn(&c->code, lo, hi) : 0;

	code_rows_drop(&c->code);
	return r;
}

int snap_code_open(const struct cfi_file *f, size_t max, struct snap_code **ret)
{
	struct snap_code *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	r = cfi_source_open(f, 0, CFI_WANT_NOTHING, &c->source);
	if (r == 0)
		r = code_rows_open(&c->source, max, &c->code);
	if (r == 0)
		r = learn(c);
	if (r < 0) {
		snap_code_free(c);
		return r == -ENOMEM ? r : -ENODATA;
	}
	*ret = c;
	return 0;
}

void snap_code_free(struct snap_code *c)
{
	if (!c)
		return;
	code_rows_done(&c->code);
	cfi_source_done(&c->source);
	array_free(&c->rows);
	free(c);
}

size_t snap_code_bytes(const struct snap_code *c)
{
	return sizeof(*c) + c->rows.cap * sizeof(*c->rows.items) +
	       c->code.functions.cap * sizeof(*c->code.functions.items) +
	       c->source.file.n_sections * sizeof(*c->source.file.sections);
}

void snap_code_drop(struct snap_code *c)
{
	array_free(&c->rows);
	c->lo = c->hi = 0;
}

static int add_row(void *ctx, uint32_t at, const struct cfi_state *state, bool is_signal)
{
	struct snap_code *c = ctx;
	struct snap_code_row row = { .at = at, .is_known = state, .is_signal = is_signal };

	if (state)
		row.state = *state;
	return array_push(&c->rows, row);
}

/* The rows around @pc, in code from @lo to @hi. */
static int read_rows(struct snap_code *c, uint32_t lo, uint32_t hi, uint32_t pc)
{
	int r;

	if (pc - lo > WINDOW_BYTES / 2)
		lo = pc - WINDOW_BYTES / 2;
	if (hi - lo > WINDOW_BYTES)
		hi = lo + WINDOW_BYTES;
	c->rows.n = 0;
	c->lo = c->hi = 0;
	c->code.left = hi - lo;
	r = code_rows_scan(&c->code, lo, hi, add_row, c);
	code_rows_drop(&c->code);
	if (r < 0)
		return r;
	c->lo = lo;
	c->hi = hi;
	return 0;
}

/* The row in force at @pc, or NULL. */
static const struct snap_code_row *row_at(const struct snap_code *c, uint32_t pc)
{
	size_t lo = 0, hi = c->rows.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (c->rows.items[mid].at <= pc)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && c->rows.items[lo - 1].is_known ? &c->rows.items[lo - 1] : NULL;
}

int snap_code_find(struct snap_code *c, const struct cfi_file *f, uint64_t lo, uint64_t hi,
		   uint64_t vaddr, struct cfi_entry *ret)
{
	const struct cfi_source *src = &c->source;
	const struct snap_code_row *row;
	uint32_t pc;
	size_t n;
	int r = 0;

	if (lo < src->text_lo)
		lo = src->text_lo;
	if (hi > src->text_hi)
		hi = src->text_hi;
	if (vaddr < lo || vaddr >= hi)
		return -ENODATA;
	c->source.file.fd = f->mem ? -1 : f->fd;
	c->source.file.mem = bytes_of(f->mem, f->mem ? (size_t)f->size : 0);
	pc = (uint32_t)(vaddr - src->base);
	if (pc < c->lo || pc >= c->hi)
		r = read_rows(c, (uint32_t)(lo - src->base), (uint32_t)(hi - src->base), pc);
	if (r < 0)
		return r;
	row = row_at(c, pc);
	if (!row)
		return -ENODATA;
	n = row->is_signal ? snap_insn_signal(c->insns) : snap_insn_state(c->insns, &row->state);
	*ret = snap_insn_entry(vaddr, bytes_of(c->insns, n), row->is_signal);
	return 0;
}
