/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Line number programs. A large object has millions of rows in them, each of a few opcodes, so the
 * state of the machine is a local that stays in registers, and what is rare takes it by a copy.
 *
 * A row is held back until one at a higher address follows: only the last one at an address counts,
 * and what says the same as the row before says nothing.
 */
#include "dwline.h"

#include <dwarf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "cleanup.h"
#include "dwform.h"
#include "dwlinehead.h"

#define INLINE static inline __attribute__((always_inline))

/* What a special opcode does. */
struct step {
	uint16_t advance; /* bytes; of VLIW, operations */
	int16_t line;
};

/* What does not change from opcode to opcode. */
struct program {
	struct dwline_head head;
	const struct dwline_unit *u;
	struct symunit_builder *b;
	size_t first_row;
	uint32_t first_file, n_files;
	const struct symunit_row
		*limit;			/* of those that there is room for; one more is kept free */
	const struct dwline_span *span; /* of code: where the last address was found */
	bool code_at_zero;
	struct step steps[256];
};

struct machine {
	const uint8_t *p;
	uint64_t addr;
	uint32_t file, line; /* the file as a number in b->files */
	uint32_t op_index;
	bool dead;	/* no code of the object is meant */
	uint64_t floor; /* when dead: what an address has to reach to be of the sequence again */
	struct symunit_row pending;	 /* the row held back */
	uint32_t last_file, last_line;	 /* of the row before it */
	struct symunit_row *out, *begin; /* the next row's place; that of the sequence's first */
};

/* --- rows ------------------------------------------------------------------------------------- */

/* Makes room for another row behind @n of b->rows: its place; NULL and *@ret_error. */
static __attribute__((noinline)) struct symunit_row *make_room(struct program *g, size_t n,
							       int *ret_error)
{
	struct symunit_builder *b = g->b;
	uint64_t used = n - g->first_row;
	uint64_t left = used < g->u->max_rows ? g->u->max_rows - used : 0;

	b->rows.n = n;
	if (left == 0 || array_reserve(&b->rows, 2) < 0) {
		*ret_error = left == 0 ? -EFBIG : -ENOMEM;
		return NULL;
	}
	left = left < b->rows.cap - n - 1 ? left : b->rows.cap - n - 1;
	g->limit = b->rows.items + n + left;
	return b->rows.items + n;
}

/* Writes the row held back, unless it says the same as the one before it. */
INLINE int settle(struct program *g, struct machine *m)
{
	if (m->addr < m->pending.addr)
		return -EBADMSG; /* past the end of all addresses */
	if (m->pending.file == m->last_file && m->pending.line == m->last_line)
		return 0;
	/* The first row of a sequence stays, and its end: which of two sequences counts depends on them. */
	if (m->out > m->begin && !symunit_is_asked(&g->b->only, m->pending.addr, m->addr))
		return 0;
	if (m->out >= g->limit) { /* beyond it when the place kept free was used */
		ptrdiff_t n = m->out - m->begin;
		int r = 0;
		struct symunit_row *out = make_room(g, (size_t)(m->out - g->b->rows.items), &r);

		if (!out)
			return r;
		m->out = out;
		m->begin = out - n;
	}
	*m->out++ = m->pending;
	m->last_file = m->pending.file;
	m->last_line = m->pending.line;
	return 0;
}

INLINE int add_row(struct program *g, struct machine *m)
{
	if (m->dead)
		return 0;
	if (m->addr != m->pending.addr) {
		int r = settle(g, m);

		if (r < 0)
			return r;
		m->pending.addr = m->addr;
	}
	m->pending.file = m->file;
	m->pending.line = m->line;
	return 0;
}

/* A row that settle() takes for one that says nothing new. */
static void forget_pending(struct machine *m)
{
	m->pending = (struct symunit_row){ .file = SYMUNIT_NONE };
	m->last_file = SYMUNIT_NONE;
	m->last_line = 0;
	m->begin = m->out;
}

/* Ends what was written of the sequence, at the address that is reached. */
static int close_rows(struct program *g, struct machine *m)
{
	int r = m->addr > m->pending.addr ? settle(g, m) : 0;
	uint64_t end = r == 0 && m->addr > m->pending.addr ? m->addr : m->pending.addr;

	/* The place that is kept free serves when there is no room for more. */
	if (m->out > m->begin)
		*m->out++ = (struct symunit_row){ .addr = end, .file = SYMUNIT_END };
	forget_pending(m);
	return r;
}

/* --- sequences -------------------------------------------------------------------------------- */

static bool is_code(struct program *g, uint64_t addr)
{
	const struct dwline_span *s = g->span;
	size_t lo = 0, hi = g->u->n_code;

	if (s && addr >= s->lo && addr < s->hi)
		return true;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (g->u->code[mid].hi <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == g->u->n_code || addr < g->u->code[lo].lo)
		return false;
	g->span = &g->u->code[lo];
	return true;
}

static uint32_t file_number(const struct program *g, uint64_t file)
{
	return file < g->n_files ? g->first_file + (uint32_t)file : SYMUNIT_NONE;
}

static void begin_sequence(struct program *g, struct machine *m)
{
	m->addr = m->floor = 0;
	m->op_index = 0;
	m->file = file_number(g, 1);
	m->line = 1;
	m->dead = !g->code_at_zero;
}

/*
 * Linkers write 0, -1, -2 or what they add to a symbol's address where the code itself was thrown
 * away. Within a sequence addresses only ascend, so a lower one is of that kind, too.
 */
static int set_address(struct program *g, struct machine *m, uint64_t addr)
{
	uint64_t floor = m->dead ? m->floor : m->addr;
	bool dead = addr < floor || !is_code(g, addr);
	int r = 0;

	if (dead && !m->dead) {
		r = close_rows(g, m);
		m->floor = floor;
	}
	m->dead = dead;
	m->addr = addr;
	m->op_index = 0;
	return r;
}

/* --- opcodes ---------------------------------------------------------------------------------- */

static int extended_op(struct program *g, struct machine *m)
{
	const uint8_t *end = g->head.end, *p;
	uint64_t n, addr = 0;
	int r = 0;

	p = dwform_uleb(m->p, end, &n);
	if (!p || n > (uint64_t)(end - p))
		return -EBADMSG;
	end = m->p = p + n;
	if (n == 0)
		return 0; /* padding */
	switch (*p++) {
	case DW_LNE_end_sequence:
		if (!m->dead)
			r = close_rows(g, m);
		begin_sequence(g, m);
		return r;
	case DW_LNE_set_address:
		n--;
		if (n == 0 || n > sizeof(addr))
			return -EBADMSG;
		dwform_uint(p, end, (unsigned)n, &addr);
		return set_address(g, m, addr);
	case DW_LNE_define_file:
		if (g->n_files >= DWLINE_FILES_MAX)
			return -EFBIG;
		r = dwline_head_file(&g->head, g->u, &p, end, g->b);
		g->n_files += r == 0;
		return r;
	default:
		return 0;
	}
}

INLINE const uint8_t *uleb(const uint8_t *p, const uint8_t *end, uint64_t *ret)
{
	if (p < end && *p < 0x80) {
		*ret = *p;
		return p + 1;
	}
	return dwform_uleb(p, end, ret);
}

/* Of a VLIW machine: operations are counted, and an instruction holds several. */
static void advance_ops(const struct program *g, struct machine *m, uint64_t ops)
{
	uint64_t n = g->head.max_ops, sum = m->op_index + ops % n;

	m->addr += (ops / n + sum / n) * g->head.min_inst;
	m->op_index = (uint32_t)(sum % n);
}

static int advance_pc(const struct program *g, struct machine *m)
{
	uint64_t ops = 0, bytes, to;

	m->p = uleb(m->p, g->head.end, &ops);
	if (!m->p)
		return -EBADMSG;
	if (g->head.max_ops > 1) {
		advance_ops(g, m, ops);
		return 0;
	}
	if (__builtin_mul_overflow(ops, g->head.min_inst, &bytes) ||
	    __builtin_add_overflow(m->addr, bytes, &to))
		return m->dead ? 0 : -EBADMSG; /* from a tombstone of -1 it is no error */
	m->addr = to;
	return 0;
}

INLINE void advance(const struct program *g, struct machine *m, unsigned opcode)
{
	if (g->head.max_ops > 1)
		advance_ops(g, m, g->steps[opcode].advance);
	else
		m->addr += g->steps[opcode].advance;
}

/* Operands of an opcode that is not known, or of no concern. */
static const uint8_t *skip_lebs(const uint8_t *p, const uint8_t *end, unsigned n)
{
	uint64_t unused;

	while (p && n-- > 0)
		p = uleb(p, end, &unused);
	return p;
}

INLINE int standard_op(struct program *g, struct machine *m, unsigned opcode)
{
	const uint8_t *end = g->head.end;
	uint64_t v = 0;
	int64_t sv = 0;

	switch (opcode) {
	case DW_LNS_copy:
		return add_row(g, m);
	case DW_LNS_advance_line:
		m->p = dwform_sleb(m->p, end, &sv);
		m->line += (uint32_t)sv;
		break;
	case DW_LNS_set_file:
		m->p = uleb(m->p, end, &v);
		m->file = file_number(g, v);
		break;
	case DW_LNS_set_column:
	case DW_LNS_set_isa:
		m->p = uleb(m->p, end, &v);
		break;
	case DW_LNS_negate_stmt:
	case DW_LNS_set_basic_block:
	case DW_LNS_set_prologue_end:
	case DW_LNS_set_epilogue_begin:
		return 0;
	case DW_LNS_const_add_pc:
		advance(g, m, 255);
		return 0;
	case DW_LNS_fixed_advance_pc:
		m->p = dwform_uint(m->p, end, 2, &v);
		m->addr += v;
		m->op_index = 0;
		break;
	default:
		m->p = skip_lebs(m->p, end, g->head.lengths[opcode - 1]);
		break;
	}
	return m->p ? 0 : -EBADMSG;
}

/* Of rare opcodes, whose work is not done in registers. */
static __attribute__((noinline)) int rare_op(struct program *g, struct machine *m, unsigned opcode)
{
	return opcode == 0 ? extended_op(g, m) : advance_pc(g, m);
}

/* One of many in optimized code, and of no concern: skipped where it is short. */
INLINE bool is_discriminator(const uint8_t *p, const uint8_t *end)
{
	return end - p >= 2 && p[0] > 0 && p[0] < 0x80 && p[0] < end - p &&
	       p[1] == DW_LNE_set_discriminator;
}

static int run(struct program *g, struct machine *ret)
{
	const uint8_t *end = g->head.end;
	unsigned base = g->head.opcode_base;
	struct machine m = *ret;
	int r = 0;

	while (r == 0 && m.p < end) {
		unsigned opcode = *m.p++;

		if (opcode >= base) {
			advance(g, &m, opcode);
			m.line += (uint32_t)g->steps[opcode].line;
			r = add_row(g, &m);
		} else if (opcode == 0 && is_discriminator(m.p, end)) {
			m.p += 1 + m.p[0];
		} else if (opcode == 0 || opcode == DW_LNS_advance_pc) {
			struct machine copy = m;

			r = rare_op(g, &copy, opcode);
			m = copy;
		} else {
			r = standard_op(g, &m, opcode);
		}
	}
	*ret = m;
	return r;
}

/* --- the whole -------------------------------------------------------------------------------- */

static void make_steps(struct program *g)
{
	const struct dwline_head *h = &g->head;
	unsigned unit = h->max_ops > 1 ? 1 : h->min_inst, ops = 0, line = 0;

	for (unsigned i = h->opcode_base; i < 256; i++) {
		g->steps[i].advance = (uint16_t)(ops * unit);
		g->steps[i].line = (int16_t)(h->line_base + (int)line);
		if (++line == h->line_range) {
			line = 0;
			ops++;
		}
	}
}

static int run_whole(struct program *g)
{
	struct machine m = { .p = g->head.program };
	int r = 0, closed = 0;

	m.out = make_room(g, g->first_row, &r);
	if (!m.out)
		return r;
	make_steps(g);
	g->code_at_zero = is_code(g, 0);
	forget_pending(&m);
	begin_sequence(g, &m);
	r = run(g, &m);
	if (!m.dead) { /* broken, or it ends within a sequence */
		if (r == 0 && m.pending.file != SYMUNIT_NONE)
			r = -EBADMSG;
		closed = close_rows(g, &m);
	}
	g->b->rows.n = (size_t)(m.out - g->b->rows.items);
	return r < 0 ? r : closed;
}

int dwline_read(const struct dwsections *d, const struct dwline_unit *u, struct symunit_builder *b,
		uint32_t *ret_first_file, uint32_t *ret_n_files)
{
	_cleanup_free_ void *buf = NULL;
	struct program g = { .u = u, .b = b, .first_row = b->rows.n };
	const uint8_t *p;
	size_t n, first = b->files.n;
	int r, tables;

	r = dwline_head_fetch(d, u->off, &buf, &p, &n);
	if (r == 0 && u->bytes)
		*u->bytes += n;
	if (r == 0)
		r = dwline_head_read(p, n, u, &g.head);
	if (r < 0)
		return r;
	tables = dwline_head_tables(&g.head, d, u, b);
	g.first_file = (uint32_t)first;
	g.n_files = (uint32_t)(b->files.n - first);
	/* Of broken tables the program is still good: its place is known. */
	if (tables == 0 || tables == -EBADMSG)
		r = run_whole(&g);
	dwline_head_done(&g.head);
	r = r < 0 ? r : tables;
	if (r < 0)
		return r;
	*ret_first_file = g.first_file;
	*ret_n_files = g.n_files;
	return 0;
}
