/* SPDX-License-Identifier: Apache-2.0 */
#include "symtab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "radix.h"

enum {
	NAME_COMPARED = 256, /* so that long names at one address cost no more than short ones */
};

int symtab_reserve_strings(struct symtab_builder *b, size_t n, uint32_t *ret_base)
{
	size_t base = b->strings.n;

	if (n >= UINT32_MAX - base)
		return -EFBIG;
	if (b->strings.cap - base < n + 1) {
		/* Exactly: these are whole sections, and there are two or three of them. */
		char *p = realloc(b->strings.items, base + n + 1);

		if (!p)
			return -ENOMEM;
		b->strings.items = p;
		b->strings.cap = base + n + 1;
	}
	b->strings.items[base + n] = '\0';
	b->strings.n = base + n + 1;
	*ret_base = (uint32_t)base;
	return 0;
}

int symtab_add_string(struct symtab_builder *b, const char *stem, const char *suffix,
		      uint32_t *ret_name)
{
	size_t stem_n = strlen(stem), suffix_n = strlen(suffix);
	size_t base = b->strings.n, n = stem_n + suffix_n;

	if (n >= UINT32_MAX - base)
		return -EFBIG;
	if (array_reserve(&b->strings, n + 1) < 0)
		return -ENOMEM;
	memcpy(b->strings.items + base, stem, stem_n);
	memcpy(b->strings.items + base + stem_n, suffix, suffix_n + 1);
	b->strings.n = base + n + 1;
	*ret_name = (uint32_t)base;
	return 0;
}

int symtab_add(struct symtab_builder *b, const struct symtab_sym *sym)
{
	if (sym->end <= sym->start || b->strings.items[sym->name] == '\0')
		return 0;
	if (b->syms.n == SYMTAB_SYMS_MAX)
		return -EFBIG;
	return array_push(&b->syms, *sym);
}

void symtab_builder_done(struct symtab_builder *b)
{
	array_free(&b->syms);
	array_free(&b->strings);
}

void symtab_done(struct symtab *t)
{
	free(t->ranges);
	free(t->strings);
	*t = (struct symtab){ 0 };
}

static int by_number(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

int symtab_rank(int a_bind, const char *a, int b_bind, const char *b)
{
	size_t a_under = strspn(a, "_"), b_under = strspn(b, "_");
	size_t a_n = strnlen(a, NAME_COMPARED), b_n = strnlen(b, NAME_COMPARED);

	if (a_bind != b_bind)
		return by_number((uint64_t)a_bind, (uint64_t)b_bind);
	if (a_under != b_under)
		return by_number(a_under, b_under);
	if (a_n != b_n)
		return by_number(a_n, b_n);
	return strncmp(a, b, NAME_COMPARED);
}

int symtab_prefer(const struct symtab_sym *a, const char *a_name, const struct symtab_sym *b,
		  const char *b_name)
{
	int r;

	if (a->start != b->start)
		return by_number(b->start, a->start);
	if (a->label != b->label)
		return by_number(a->label, b->label);
	if (a->source != b->source)
		return by_number(a->source, b->source);
	r = symtab_rank(a->bind, a_name, b->bind, b_name);
	return r ? r : by_number(a->name, b->name);
}

/* By address, then tier; inside a tier the best comes last, to lie on top of the sweep's stack. */
static int by_start(const void *pa, const void *pb, void *ctx)
{
	const struct symtab_sym *a = pa, *b = pb;
	const char *strings = ctx;

	if (a->start != b->start)
		return by_number(a->start, b->start);
	if (a->tier != b->tier)
		return by_number(a->tier, b->tier);
	return symtab_prefer(b, strings + b->name, a, strings + a->name);
}

/* Sorts symbols that lie within 4 GiB, by their addresses in linear time: few are equal in these. */
static int sort_near(struct symtab_builder *b, uint64_t base)
{
	size_t n = b->syms.n, end;
	_cleanup_free_ struct radix_key *keys = malloc(n * sizeof(*keys));
	struct symtab_sym *sorted = malloc(b->syms.cap * sizeof(*sorted));

	for (size_t i = 0; keys && i < n; i++)
		keys[i] = (struct radix_key){ (uint32_t)(b->syms.items[i].start - base), (uint32_t)i };
	if (!keys || !sorted || radix_sort(keys, n) < 0) {
		free(sorted);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		sorted[i] = b->syms.items[keys[i].item];
	free(b->syms.items);
	b->syms.items = sorted;
	for (size_t i = 0; i < n; i = end) {
		for (end = i + 1; end < n && sorted[end].start == sorted[i].start; end++)
			;
		if (end - i > 1)
			qsort_r(sorted + i, end - i, sizeof(*sorted), by_start, b->strings.items);
	}
	return 0;
}

static int sort_symbols(struct symtab_builder *b)
{
	uint64_t lo = UINT64_MAX, hi = 0;

	array_each(&b->syms, s) {
		lo = s->start < lo ? s->start : lo;
		hi = s->start > hi ? s->start : hi;
	}
	if (b->syms.n < 2)
		return 0;
	if (hi - lo <= UINT32_MAX)
		return sort_near(b, lo);
	qsort_r(b->syms.items, b->syms.n, sizeof(*b->syms.items), by_start, b->strings.items);
	return 0;
}

/* Ends each symbol of unknown size at the next symbol of its tier or a better one. */
static void close_open_ends(struct symtab_sym *syms, size_t n)
{
	uint64_t next[SYMTAB_TIERS]; /* the nearest later start in this tier or a better one */
	size_t group_end = n;

	for (int t = 0; t < SYMTAB_TIERS; t++)
		next[t] = UINT64_MAX;
	while (group_end > 0) {
		uint64_t start = syms[group_end - 1].start;
		size_t i = group_end;

		for (; i > 0 && syms[i - 1].start == start; i--) {
			struct symtab_sym *s = &syms[i - 1];

			if (s->open && next[s->tier] < s->end)
				s->end = next[s->tier];
		}
		/* Sorted by tier: the group's first has its best one. */
		for (int t = syms[i].tier; t < SYMTAB_TIERS; t++)
			next[t] = start;
		group_end = i;
	}
}

/*
 * The sweep walks the symbols by start. Those that may still cover something lie on one stack per
 * tier, linked through `below`, and the topmost live one of the best tier names the position. A
 * dead one is removed when it is found on top; each is pushed and popped once.
 */
struct sweep {
	const struct symtab_sym *syms;
	uint32_t *below;
	uint32_t top[SYMTAB_TIERS];
	ARRAY(struct symtab_range) ranges;
};

#define NOTHING UINT32_MAX

/* The symbol that names @pos, of a tier before @tiers. */
static const struct symtab_sym *sweep_best(struct sweep *s, uint64_t pos, int tiers)
{
	for (int t = 0; t < tiers; t++) {
		while (s->top[t] != NOTHING && s->syms[s->top[t]].end <= pos)
			s->top[t] = s->below[s->top[t]];
		if (s->top[t] != NOTHING)
			return &s->syms[s->top[t]];
	}
	return NULL;
}

/* States that from @pos on, @sym (NULL = a hole) names the addresses. */
static int sweep_emit(struct sweep *s, uint64_t pos, const struct symtab_sym *sym)
{
	uint32_t name = sym ? sym->name : SYMTAB_HOLE;

	if (s->ranges.n > 0 && s->ranges.items[s->ranges.n - 1].start == pos)
		s->ranges.n--;
	if (s->ranges.n > 0 ? s->ranges.items[s->ranges.n - 1].name == name : !sym)
		return 0;
	return array_push(&s->ranges, (struct symtab_range){ .start = pos, .name = name });
}

/* Emits what ends between the last start @from and the next start @to. */
static int sweep_advance(struct sweep *s, uint64_t from, uint64_t to)
{
	const struct symtab_sym *best = sweep_best(s, from, SYMTAB_TIERS);

	while (best && best->end <= to) {
		uint64_t pos = best->end;
		int r;

		best = sweep_best(s, pos, SYMTAB_TIERS);
		r = sweep_emit(s, pos, best);
		if (r < 0)
			return r;
	}
	return 0;
}

static int sweep_all(struct sweep *s, size_t n)
{
	uint64_t pos = 0;
	int r;

	for (uint32_t i = 0; i < n; i++) {
		const struct symtab_sym *sym = &s->syms[i];

		r = sweep_advance(s, pos, sym->start);
		if (r < 0)
			return r;
		pos = sym->start;
		if (sweep_best(s, pos, sym->tier))
			continue;
		s->below[i] = s->top[sym->tier];
		s->top[sym->tier] = i;
		r = sweep_emit(s, pos, sweep_best(s, pos, SYMTAB_TIERS));
		if (r < 0)
			return r;
	}
	return sweep_advance(s, pos, UINT64_MAX);
}

/*
 * Moves the strings that ranges use to the front, points the ranges there and takes them from the builder. In order
 * of their offsets, because a string that begins inside another one is its tail: it stays there, so that what is
 * left is never larger than the source, however often its bytes are shared.
 */
static int keep_used_strings(struct symtab *t, struct symtab_builder *b)
{
	_cleanup_free_ struct radix_key *order = malloc((t->n + 1) * sizeof(*order));
	size_t n = 0, src = 0, src_end = 0, dst = 0;
	char *strings = b->strings.items, *fit;

	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < t->n; i++)
		if (t->ranges[i].name != SYMTAB_HOLE)
			order[n++] = (struct radix_key){ t->ranges[i].name, (uint32_t)i };
	if (radix_sort(order, n) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct symtab_range *r = &t->ranges[order[i].item];
		size_t name = order[i].by;

		t->has_mangled |= symtab_is_mangled(strings + name);
		if (name >= src_end) {
			src = name;
			src_end = name + strlen(strings + name) + 1;
			dst = t->n_strings;
			memmove(strings + dst, strings + src, src_end - src);
			t->n_strings += src_end - src;
		}
		r->name = (uint32_t)(dst + (name - src));
		r->name_n = (uint32_t)(src_end - 1 - name);
	}
	fit = realloc(strings, t->n_strings + 1);
	t->strings = fit ? fit : strings;
	b->strings.items = NULL;
	b->strings.n = b->strings.cap = 0;
	return 0;
}

int symtab_build(struct symtab_builder *b, struct symtab *ret)
{
	size_t n = b->syms.n;
	_cleanup_free_ uint32_t *below = calloc(n + 1, sizeof(*below));
	struct sweep s = { .below = below };
	struct symtab t = { 0 };
	struct symtab_range *fit;
	int r;

	if (!below)
		return -ENOMEM;
	if (sort_symbols(b) < 0)
		return -ENOMEM;
	close_open_ends(b->syms.items, n);
	s.syms = b->syms.items;
	for (int i = 0; i < SYMTAB_TIERS; i++)
		s.top[i] = NOTHING;
	r = sweep_all(&s, n);
	t.ranges = s.ranges.items;
	t.n = s.ranges.n;
	if (r == 0)
		r = keep_used_strings(&t, b);
	if (r < 0) {
		symtab_done(&t);
		return r;
	}
	fit = realloc(t.ranges, (t.n + 1) * sizeof(*t.ranges));
	if (fit)
		t.ranges = fit;
	*ret = t;
	return 0;
}

const struct symtab_range *symtab_find(const struct symtab *t, uint64_t addr)
{
	size_t lo = 0, hi = t->n; /* ranges[lo - 1].start <= addr < ranges[hi].start */

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->ranges[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0 || t->ranges[lo - 1].name == SYMTAB_HOLE)
		return NULL;
	return &t->ranges[lo - 1];
}

size_t symtab_bytes(const struct symtab *t)
{
	return t->n * sizeof(*t->ranges) + t->n_strings;
}
