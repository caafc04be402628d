/* SPDX-License-Identifier: Apache-2.0 */
#include "rowset.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "stackend.h"

#define RADIX_BITS 11
#define RADIX	   (1u << RADIX_BITS)

/* One pass of the sort, by the digit at @shift; false when all keys have the same. */
static bool radix_pass(const uint64_t *from, uint64_t *to, size_t n, unsigned shift)
{
	size_t at[RADIX] = { 0 }, sum = 0;

	for (size_t i = 0; i < n; i++)
		at[from[i] >> shift & (RADIX - 1)]++;
	if (at[from[0] >> shift & (RADIX - 1)] == n)
		return false;
	for (size_t d = 0; d < RADIX; d++) {
		size_t here = at[d];

		at[d] = sum;
		sum += here;
	}
	for (size_t i = 0; i < n; i++)
		to[at[from[i] >> shift & (RADIX - 1)]++] = from[i];
	return true;
}

/* FDE numbers by address, those of one address in the order of the section; the number is the low
 * half of a key. */
static int sort_fdes(const struct eh_frame *e, uint64_t **ret)
{
	size_t n = e->fdes.n;
	_cleanup_free_ uint64_t *a = reallocarray(NULL, n, sizeof(*a));
	_cleanup_free_ uint64_t *b = reallocarray(NULL, n, sizeof(*b));

	if (!a || !b)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		a[i] = (uint64_t)e->fdes.items[i].pc << 32 | i;
	for (unsigned shift = 32; shift < 64; shift += RADIX_BITS) {
		if (radix_pass(a, b, n, shift)) {
			uint64_t *swap = a;

			a = b;
			b = swap;
		}
	}
	*ret = take_ptr(a);
	return 0;
}

static bool is_sorted(const struct eh_frame *e)
{
	for (size_t i = 1; i < e->fdes.n; i++) {
		if (e->fdes.items[i].pc < e->fdes.items[i - 1].pc)
			return false;
	}
	return true;
}

#define LEARN_BYTES 1024 /* of a gap: so little code calls little that is elsewhere */

/* What decoding works on. */
struct builder {
	const struct eh_frame *e;
	struct code_rows *code;
	struct ruleset *rules;
	struct rowset *s;
	size_t max_rows;
	uint32_t root; /* the rule of frames that have no caller */
	struct cfi cfi;
};

/* Appends a row. 0, -EFBIG or -ENOMEM. */
static inline int put(struct builder *b, uint32_t pc, uint32_t rule)
{
	struct rowset *s = b->s;

	if (s->rows.n && s->rows.items[s->rows.n - 1].pc == pc)
		s->rows.n--; /* it was in force nowhere */
	if (s->rows.n && s->rows.items[s->rows.n - 1].rule == rule)
		return 0;
	if (s->rows.n == b->max_rows)
		return -EFBIG;
	return array_push(&s->rows, (struct row){ pc, rule });
}

/* The rule of a row of Go's, or -ENOMEM. */
static int64_t go_rule(struct builder *b, const struct go_row *row)
{
	struct cfi_state st;

	if (row->kind == GO_ROW_NONE)
		return UNWIND_RULE_NONE;
	if (row->kind == GO_ROW_ROOT)
		return b->root;
	st = gorows_state(row);
	return ruleset_number(b->rules, &st, row->kind == GO_ROW_SIGNAL);
}

/* The rows of a function of Go's. As decode(). */
static int decode_go(struct builder *b, const struct eh_fde *f, uint32_t len)
{
	struct go_rows *g = b->e->go;
	struct go_func func;
	int r = gotable_func(&g->table, f->insns, &func);

	if (r == 0)
		r = gorows_read(g, &func);
	if (r < 0)
		return r == -ENOMEM ? r : -EBADMSG;
	for (size_t i = 0; r == 0 && i < g->rows.n && g->rows.items[i].at < len; i++) {
		const struct go_row *row = &g->rows.items[i];
		int64_t rule = go_rule(b, row);

		/* What returns to where a signal came in was not called from there. */
		if (row->kind == GO_ROW_SIGNAL && b->s->rows.n > 0 && f->pc > 0 && rule >= 0)
			r = put(b, f->pc - 1, (uint32_t)rule);
		if (r == 0)
			r = rule < 0 ? (int)rule : put(b, f->pc + row->at, (uint32_t)rule);
		b->e->stats->raw_rows++;
	}
	return r;
}

/* The rows of one function, which was cut to @len. 0, -EBADMSG, -EFBIG or -ENOMEM. */
static int decode(struct builder *b, const struct eh_fde *f, uint32_t len)
{
	int64_t rule = UNWIND_RULE_NONE;
	struct cfi *c = &b->cfi;
	bool is_signal;
	int more, r;

	if (f->cie == EH_FDE_GO)
		return decode_go(b, f, len);
	is_signal = b->e->cies.items[f->cie].common.is_signal;
	eh_frame_begin(b->e, f, c);
	do {
		more = cfi_next_row(c);
		if (more < 0)
			return more;
		if (c->row >= len)
			break;
		if (c->has_changed) {
			rule = ruleset_number(b->rules, &c->state, is_signal);
			if (rule < 0)
				return (int)rule;
			c->has_changed = false;
		}
		r = put(b, f->pc + (uint32_t)c->row, (uint32_t)rule);
		if (r < 0)
			return r;
		b->e->stats->raw_rows++;
	} while (more);
	return 0;
}

/* Whether @f is what a stack made by hand ends at. Its return address, less one, is before it. */
static bool is_stack_end(const struct eh_frame *e, const struct eh_fde *f)
{
	const struct cfi_source *src = e->src;
	uint8_t code[STACK_END_MAX];

	return src->machine == EM_X86_64 && f->cie != EH_FDE_GO &&
	       !e->cies.items[f->cie].common.is_signal &&
	       stack_end_may_be(eh_frame_insns(e, f), f->len) &&
	       cfi_source_code(src, src->base + f->pc, code, f->len) == 0 &&
	       stack_end_is(bytes_of(code, f->len));
}

/* A row of code that no FDE describes. */
static int put_code(void *ctx, uint32_t pc, const struct cfi_state *state, bool is_signal)
{
	struct builder *b = ctx;
	int64_t rule = UNWIND_RULE_NONE;

	if (state)
		rule = ruleset_number(b->rules, state, is_signal);
	b->e->stats->code_rows += state != NULL;
	return rule < 0 ? (int)rule : put(b, pc, (uint32_t)rule);
}

/* The gap before @pc, with what is known of the code in it, if it has @least bytes. */
static int fill_gap(struct builder *b, uint32_t pc, uint32_t least)
{
	struct rowset *s = b->s;
	int r = 0;

	if (pc - s->end < least)
		return 0;
	if (s->rows.n)
		r = put(b, s->end, UNWIND_RULE_NONE);
	if (r < 0 || !b->code)
		return r;
	r = code_rows_scan(b->code, s->end, pc, put_code, b);
	s->end = pc; /* no code is looked at twice */
	return r;
}

/* Adds function @f, cut to @len, or leaves everything as it was when it is broken. */
static int add_function(struct builder *b, const struct eh_fde *f, uint32_t len)
{
	struct rowset *s = b->s;
	bool is_apart = f->pc != s->end;
	struct row last = { 0 };
	size_t n;
	int r = fill_gap(b, f->pc, ROWSET_MIN_GAP);

	if (r < 0)
		return r;
	n = s->rows.n;
	if (n) {
		last = s->rows.items[n - 1];
		if (is_apart && is_stack_end(b->e, f))
			r = put(b, f->pc - 1, b->root);
	}
	if (r == 0)
		r = decode(b, f, len);
	if (r == -EBADMSG) {
		b->e->stats->bad_fdes++;
		s->rows.n = n;
		if (n)
			s->rows.items[n - 1] = last;
		return 0;
	}
	s->end = f->pc + len;
	return r;
}

/* Learns what the code from @lo to @hi calls, which may be in other gaps: so the first one, *@first, waits
 * for another. */
static int learn_gap(struct code_rows *code, struct code_range *first, uint32_t lo, uint32_t hi)
{
	int r = 0;

	if (lo >= hi || hi - lo < LEARN_BYTES)
		return 0;
	if (!first->hi) {
		*first = (struct code_range){ lo, hi };
		return 0;
	}
	if (first->lo < first->hi)
		r = code_rows_learn(code, first->lo, first->hi);
	first->lo = first->hi;
	return r == 0 ? code_rows_learn(code, lo, hi) : r;
}

static int learn_gaps(struct builder *b, const uint64_t *order)
{
	const struct eh_frame *e = b->e;
	uint32_t end = (uint32_t)(e->src->text_lo - e->src->base);
	uint32_t hi = (uint32_t)(e->src->text_hi - e->src->base);
	struct code_range first = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < e->fdes.n; i++) {
		const struct eh_fde *f = &e->fdes.items[order ? (uint32_t)order[i] : i];

		r = learn_gap(b->code, &first, end, f->pc);
		if (f->pc + f->len > end)
			end = f->pc + f->len;
	}
	return r == 0 ? learn_gap(b->code, &first, end, hi) : r;
}

static int add_functions(struct builder *b, const uint64_t *order)
{
	const struct eh_fde *fdes = b->e->fdes.items, *f, *next = NULL;
	struct unwind_stats *stats = b->e->stats;
	size_t n = b->e->fdes.n;
	int r;

	for (size_t i = 0; i < n; i++) {
		uint32_t len;

		f = &fdes[order ? (uint32_t)order[i] : i];
		len = f->len;
		/* Of several with one address the first counts; one that reaches into the next
		 * ends there: that is what a search for the last start below a pc finds. */
		for (; i + 1 < n; i++) {
			next = &fdes[order ? (uint32_t)order[i + 1] : i + 1];
			if (next->pc != f->pc)
				break;
			stats->overlapping_fdes++;
		}
		if (i + 1 < n && next->pc - f->pc < len) {
			len = next->pc - f->pc;
			stats->overlapping_fdes++;
		}
		r = add_function(b, f, len);
		if (r < 0)
			return r;
	}
	/* Behind the last one is no padding, but _fini(), which has nine bytes. */
	return b->code ? fill_gap(b, (uint32_t)(b->e->src->text_hi - b->e->src->base), 1) : 0;
}

/* How far the code at the entry point may reach: _start is a few instructions and a call or two. */
#define ENTRY_REACH 128

/* Inserts a row at position @i. */
static int insert_row(struct builder *b, size_t i, struct row row)
{
	struct rowset *s = b->s;

	if (s->rows.n == b->max_rows)
		return -EFBIG;
	if (array_reserve(&s->rows, 1) < 0)
		return -ENOMEM;
	memmove(&s->rows.items[i + 1], &s->rows.items[i], (s->rows.n - i) * sizeof(row));
	s->rows.items[i] = row;
	s->rows.n++;
	return 0;
}

/* Whether rule @number says nothing, as far as code was read. */
static bool is_of_gap(const struct builder *b, uint32_t number)
{
	uint32_t bits = b->rules->rules.items[number].bits;

	return number == UNWIND_RULE_NONE || (UNWIND_RULE_CFA(bits) == UNWIND_CFA_UNSUPPORTED &&
					      UNWIND_RULE_WHY(bits) == UNWIND_WHY_UNREAD);
}

/*
 * The entry point has no caller; where it has no unwind information either (the dynamic linker's
 * _start, some static ones), a row says so. Only a gap in the middle of rows is filled.
 */
static int mark_entry(struct builder *b)
{
	const struct cfi_source *src = b->e->src;
	uint32_t pc = (uint32_t)(src->entry - src->base), bytes = ENTRY_REACH, next, gap;
	struct rowset *s = b->s;
	size_t i = 0;
	int r;

	while (i < s->rows.n && s->rows.items[i].pc <= pc)
		i++;
	if (src->entry < src->base || src->entry - src->base > UINT32_MAX || i == 0 ||
	    i == s->rows.n || !is_of_gap(b, s->rows.items[i - 1].rule))
		return 0;
	next = s->rows.items[i].pc;
	gap = s->rows.items[i - 1].rule;
	if (b->code)
		bytes = code_rows_entry_bytes(b->code, pc, next - pc < bytes ? next - pc : bytes);
	if (!bytes)
		return 0;
	if (next - pc > bytes) {
		r = insert_row(b, i, (struct row){ pc + bytes, gap });
		if (r < 0)
			return r;
	}
	if (s->rows.items[i - 1].pc < pc)
		return insert_row(b, i, (struct row){ pc, b->root });
	s->rows.items[i - 1].rule = b->root;
	return 0;
}

static int number_root(struct builder *b)
{
	struct cfi_state root = cfi_state_initial();
	int64_t r;

	root.ra.loc = CFI_LOC_UNDEF;
	r = ruleset_number(b->rules, &root, false);
	if (r >= 0)
		b->root = (uint32_t)r;
	return r < 0 ? (int)r : 0;
}

int rowset_build(const struct eh_frame *e, struct code_rows *code, struct ruleset *rules,
		 size_t max_rows, struct rowset *ret)
{
	_cleanup_free_ uint64_t *order = NULL;
	struct rowset s = { 0 };
	struct builder b = { .e = e, .code = code, .rules = rules, .s = &s, .max_rows = max_rows };
	int r = number_root(&b);

	if (r < 0)
		return r;
	e->stats->was_unsorted = !is_sorted(e);
	if (e->stats->was_unsorted)
		r = sort_fdes(e, &order);
	if (r == 0 && code && !code->is_later)
		r = learn_gaps(&b, order);
	if (r == 0)
		r = add_functions(&b, order);
	if (r == 0)
		r = mark_entry(&b);
	if (r < 0) {
		rowset_done(&s);
		return r;
	}
	e->stats->rows = s.rows.n;
	*ret = s;
	return 0;
}

void rowset_done(struct rowset *s)
{
	array_free(&s->rows);
}
