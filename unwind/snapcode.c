/* SPDX-License-Identifier: Apache-2.0 */
#include "snapcode.h"

#include <errno.h>
#include <stdlib.h>

#include "hash.h"

/* Code is looked at in pieces, each once, as long as an object has not had so much of it: somebody waits,
 * and a MiB takes twenty milliseconds. */
#define PIECE_BYTES  (128u << 10)
#define OBJECT_BYTES (4u << 20)
#define MARGIN_BYTES \
	(32u << 10) /* around a piece: functions that reach into it begin or end there */

/* Code that is looked at, once, for what it calls: a tenth of that time; and gaps for which it is not, for
 * every program has a few of some bytes. */
#define LEARN_BYTES  (512u << 10)
#define LITTLE_BYTES 1024

static int learn(struct snap_code *c)
{
	uint32_t lo = (uint32_t)(c->source.text_lo - c->source.base);
	uint32_t hi = (uint32_t)(c->source.text_hi - c->source.base);

	if (c->has_learned || hi - lo > LEARN_BYTES)
		return 0;
	c->has_learned = true;
	return code_rows_learn(&c->code, lo, hi);
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
	if (r < 0) {
		snap_code_free(c);
		return r == -ENOMEM ? r : -ENODATA;
	}
	c->code.left = OBJECT_BYTES;
	*ret = c;
	return 0;
}

void snap_code_free(struct snap_code *c)
{
	if (!c)
		return;
	code_rows_done(&c->code);
	cfi_source_done(&c->source);
	snap_code_drop(c);
	free(c);
}

size_t snap_code_bytes(const struct snap_code *c)
{
	return sizeof(*c) + c->gaps.cap * sizeof(*c->gaps.items) +
	       c->rows.cap * sizeof(*c->rows.items) + c->states.cap * sizeof(*c->states.items) +
	       (c->states_index.slots ? c->states_index.mask + 1 : 0) *
		       sizeof(*c->states_index.slots) +
	       c->code.ranges.cap * sizeof(*c->code.ranges.items) +
	       c->code.functions.cap * sizeof(*c->code.functions.items) +
	       c->source.file.n_sections * sizeof(*c->source.file.sections);
}

void snap_code_drop(struct snap_code *c)
{
	array_free(&c->rows);
	array_free(&c->states);
	hindex_free(&c->states_index);
	array_free(&c->gaps);
	c->code.left = OBJECT_BYTES; /* to be read again */
}

/* With a secret, where @c lies: else an object could make all of its states collide. */
static uint64_t hash_state(const struct snap_code *c, const struct cfi_state *s)
{
	uint64_t kinds = s->cfa | s->reg << 8 | s->x_reg << 16 | (uint64_t)s->fp.loc << 24 |
			 (uint64_t)s->ra.loc << 32;

	return hash_add(hash_add(hash_add(hash_add((uintptr_t)c, kinds), (uint64_t)s->off),
				 (uint64_t)s->x_off << 32 ^ (uint32_t)s->add),
			(uint64_t)s->fp.off);
}

/* The number of @state among those that rows have, or -ENOMEM. More than there are numbers for have none. */
static int state_number(struct snap_code *c, const struct cfi_state *state)
{
	uint64_t hash = hash_state(c, state);

	hindex_each(&c->states_index, hash, i)
		if (cfi_state_is_same(&c->states.items[i], state))
			return (int)i;
	if (c->states.n == SNAP_CODE_NONE)
		return SNAP_CODE_NONE;
	if (array_push(&c->states, *state) < 0 ||
	    hindex_add(&c->states_index, hash, (uint32_t)c->states.n - 1) < 0)
		return -ENOMEM;
	return (int)c->states.n - 1;
}

static int add_row(void *ctx, uint32_t at, const struct cfi_state *state, bool is_signal)
{
	struct snap_code *c = ctx;
	int n = state ? state_number(c, state) : SNAP_CODE_NONE;
	struct snap_code_row row = { .at = at, .state = (uint16_t)n, .is_signal = is_signal };

	return n < 0 ? n : array_push(&c->rows, row);
}

/* Looks at the piece of the gap from @lo to @hi that @pc is in. 0 and *@ret, which is borrowed until the
 * next one; -ENODATA, -ENOMEM. */
static int read_gap(struct snap_code *c, uint32_t lo, uint32_t hi, uint32_t pc,
		    const struct snap_gap **ret)
{
	uint32_t piece = pc & -PIECE_BYTES;
	struct snap_gap gap = { .lo = piece > lo ? piece : lo,
				.hi = hi - piece > PIECE_BYTES ? piece + PIECE_BYTES : hi,
				.first = c->rows.n };
	uint32_t from = gap.lo - lo > MARGIN_BYTES ? gap.lo - MARGIN_BYTES : lo;
	uint32_t to = hi - gap.hi > MARGIN_BYTES ? gap.hi + MARGIN_BYTES : hi;
	int r = 0;

	if (to - from > c->code.left || c->gaps.n >= SNAP_CODE_GAPS)
		return -ENODATA;
	if (hi - lo > LITTLE_BYTES)
		r = learn(c);
	if (r == 0)
		r = code_rows_scan(&c->code, from, to, add_row, c);
	code_rows_drop(&c->code);
	if (r < 0 || array_reserve(&c->gaps, 1) < 0) {
		c->rows.n = gap.first;
		return -ENOMEM;
	}
	gap.n = c->rows.n - gap.first;
	c->gaps.items[c->gaps.n++] = gap;
	*ret = &c->gaps.items[c->gaps.n - 1];
	return 0;
}

/* The gap that holds @pc, of those that were looked at, or NULL: there are few. */
static const struct snap_gap *gap_at(const struct snap_code *c, uint32_t pc)
{
	array_each(&c->gaps, g)
		if (pc >= g->lo && pc < g->hi)
			return g;
	return NULL;
}

/* The row of @g in force at @pc, or NULL. */
static const struct snap_code_row *row_at(const struct snap_code *c, const struct snap_gap *g,
					  uint32_t pc)
{
	size_t lo = g->first, hi = g->first + g->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (c->rows.items[mid].at <= pc)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == g->first || c->rows.items[lo - 1].state == SNAP_CODE_NONE)
		return NULL;
	return &c->rows.items[lo - 1];
}

int snap_code_find(struct snap_code *c, const struct cfi_file *f, uint64_t lo, uint64_t hi,
		   uint64_t vaddr, struct cfi_entry *ret)
{
	const struct cfi_source *src = &c->source;
	const struct snap_code_row *row;
	const struct snap_gap *gap;
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
	gap = gap_at(c, pc);
	if (!gap)
		r = read_gap(c, (uint32_t)(lo - src->base), (uint32_t)(hi - src->base), pc, &gap);
	if (r < 0)
		return r;
	row = row_at(c, gap, pc);
	if (!row)
		return -ENODATA;
	n = row->is_signal ? snap_insn_signal(c->insns)
			   : snap_insn_state(c->insns, &c->states.items[row->state]);
	*ret = snap_insn_entry(vaddr, bytes_of(c->insns, n), row->is_signal);
	return 0;
}
