/* SPDX-License-Identifier: Apache-2.0 */
#include "residency.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "extents.h"
#include "hash.h"

#define TABLE_ALIGN 16 /* words: a cache line, and more than a rule's alignment */

struct slot {
	uint32_t first, n; /* words; n == 0 = empty */
	uint64_t hash;	   /* of the words */
	uint64_t used;	   /* clock of the last touch */
	bool evicted;	   /* its place may still be read: empty when it is collected */
};

/* Cells to be given back, with the slot of the table that they held. */
struct dying {
	bool areas; /* then there is no slot */
	uint32_t slot;
	struct extent cells;
};

struct residency {
	struct residency_memory m;
	struct extents words, areas;
	struct slot *slots;
	uint32_t *order; /* room for the numbers of all slots */
	uint64_t clock, clock_at_mark;
	ARRAY(struct dying) dying;
	size_t marked; /* of `dying`: those that the sampler forgets in this grace period */
	struct residency_stats stats;
};

int residency_new(struct residency **ret, const struct residency_memory *m)
{
	struct residency *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->m = *m;
	r->slots = calloc(m->n_tables, sizeof(*r->slots));
	r->order = calloc(m->n_tables, sizeof(*r->order));
	if (!r->slots || !r->order || extents_init(&r->words, 0, m->n_words) < 0 ||
	    extents_init(&r->areas, 0, m->n_areas) < 0) {
		residency_free(r);
		return -ENOMEM;
	}
	*ret = r;
	return 0;
}

void residency_free(struct residency *r)
{
	if (!r)
		return;
	extents_done(&r->words);
	extents_done(&r->areas);
	array_free(&r->dying);
	free(r->order);
	free(r->slots);
	free(r);
}

/* What cannot be noted for collection is lost to use, never used too early. */
static void bury(struct residency *r, struct dying d)
{
	if (array_push(&r->dying, d) < 0)
		return;
}

static void evict(struct residency *r, uint32_t i)
{
	/* The tag first: whoever looks the table up from now on finds that it is gone. */
	__atomic_store_n(&r->m.tables[i].tag, r->m.tables[i].tag + 1, __ATOMIC_RELEASE);
	bury(r, (struct dying){ .slot = i, .cells = { r->slots[i].first, r->slots[i].n } });
	r->slots[i].evicted = true;
	r->stats.tables_used--;
	r->stats.evicted++;
}

/* The resident table that was not touched for longest, or n_tables. */
static uint32_t oldest(const struct residency *r)
{
	uint32_t best = r->m.n_tables;

	for (uint32_t i = 0; i < r->m.n_tables; i++)
		if (r->slots[i].n && !r->slots[i].evicted &&
		    (best == r->m.n_tables || r->slots[i].used < r->slots[best].used))
			best = i;
	return best;
}

static int free_slot(const struct residency *r, uint32_t *ret)
{
	for (uint32_t i = 0; i < r->m.n_tables; i++)
		if (!r->slots[i].n) {
			*ret = i;
			return 0;
		}
	return -ENOSPC;
}

static int by_place(const void *a, const void *b, void *ctx)
{
	const struct slot *slots = ctx, *x = &slots[*(const uint32_t *)a],
			  *y = &slots[*(const uint32_t *)b];

	return (x->first > y->first) - (x->first < y->first);
}

/* The tables that hold words, evicted ones that may still be read among them, by their place. */
static uint32_t order_by_place(struct residency *r)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < r->m.n_tables; i++)
		if (r->slots[i].n)
			r->order[n++] = i;
	qsort_r(r->order, n, sizeof(*r->order), by_place, r->slots);
	return n;
}

/* What it costs to evict some tables: words of those in use, and when any was used last. */
struct cost {
	uint64_t in_use, used;
};

static void add_cost(const struct residency *r, const struct slot *s, struct cost *cost)
{
	if (s->evicted)
		return;
	if (s->used > r->clock_at_mark)
		cost->in_use += s->n;
	if (s->used > cost->used)
		cost->used = s->used;
}

static bool is_less(struct cost a, struct cost b)
{
	return a.in_use != b.in_use ? a.in_use < b.in_use : a.used < b.used;
}

/*
 * Evicts neighbours, so that @n words in one piece will be free after the next collection: those
 * with the least in use, and of such those that were not used for longest. To evict by age alone
 * would leave holes, and drive out ever more of what is used. -ENOSPC; -EFBIG when there will never
 * be so much.
 */
static int make_room(struct residency *r, uint32_t n)
{
	uint32_t n_order = order_by_place(r), best = 0, best_end = 0;
	struct cost least = { UINT64_MAX, UINT64_MAX };

	if (n > r->m.n_words)
		return -EFBIG;
	for (uint32_t i = 0; i <= n_order; i++) {
		const struct slot *before = i ? &r->slots[r->order[i - 1]] : NULL;
		uint64_t start = before ? before->first + (uint64_t)before->n : 0;
		struct cost cost = { 0 };
		uint32_t end = i;

		start = (start + TABLE_ALIGN - 1) / TABLE_ALIGN * TABLE_ALIGN;
		if (start + n > r->m.n_words)
			break;
		for (; end < n_order && r->slots[r->order[end]].first < start + n; end++)
			add_cost(r, &r->slots[r->order[end]], &cost);
		if (is_less(cost, least)) {
			best = i;
			best_end = end;
			least = cost;
		}
	}
	for (uint32_t i = best; i < best_end; i++)
		if (!r->slots[r->order[i]].evicted)
			evict(r, r->order[i]);
	return -ENOSPC;
}

/* Evicts the oldest unless some table's number will be free after the next collection. */
static int make_number(struct residency *r)
{
	for (uint32_t i = 0; i < r->m.n_tables; i++)
		if (r->slots[i].evicted)
			return -ENOSPC;
	evict(r, oldest(r));
	return -ENOSPC;
}

/* The resident table that is the same as @t, or n_tables. */
static uint32_t find_equal(const struct residency *r, const struct unwind_table *t, uint64_t hash)
{
	const size_t bytes = t->n_words * sizeof(*t->words);

	for (uint32_t i = 0; i < r->m.n_tables; i++) {
		const struct slot *s = &r->slots[i];
		struct unwind_place place = unwind_place_at(t->place, s->first);

		if (s->n == t->n_words && s->hash == hash && !s->evicted &&
		    memcmp(&r->m.tables[i].place, &place, sizeof(place)) == 0 &&
		    memcmp(r->m.rows + s->first, t->words, bytes) == 0)
			return i;
	}
	return r->m.n_tables;
}

int residency_add(struct residency *r, const struct unwind_table *t, struct residency_ref *ret)
{
	uint32_t i, first, n = (uint32_t)t->n_words;
	struct wire_table *w;
	uint64_t hash;

	if (!n || t->n_words > UINT32_MAX)
		return -EINVAL;
	hash = hash_bytes(t->words, n * sizeof(*t->words));
	i = find_equal(r, t, hash);
	if (i < r->m.n_tables) {
		r->slots[i].used = ++r->clock;
		*ret = (struct residency_ref){ (uint16_t)i, (uint16_t)r->m.tables[i].tag };
		return 0;
	}
	if (free_slot(r, &i) < 0)
		return make_number(r);
	if (extents_take(&r->words, n, TABLE_ALIGN, &first) < 0)
		return make_room(r, n);
	memcpy(r->m.rows + first, t->words, n * sizeof(*t->words));
	r->slots[i] = (struct slot){ .first = first, .n = n, .hash = hash, .used = ++r->clock };
	w = &r->m.tables[i];
	w->place = unwind_place_at(t->place, first);
	__atomic_store_n(&w->tag, w->tag + 1, __ATOMIC_RELEASE);
	r->stats.tables_used++;
	*ret = (struct residency_ref){ .table = (uint16_t)i, .tag = (uint16_t)w->tag };
	return 0;
}

bool residency_has(const struct residency *r, struct residency_ref ref)
{
	return ref.table < r->m.n_tables && r->slots[ref.table].n &&
	       (uint16_t)r->m.tables[ref.table].tag == ref.tag;
}

bool residency_touch(struct residency *r, struct residency_ref ref)
{
	if (!residency_has(r, ref))
		return false;
	r->slots[ref.table].used = ++r->clock;
	return true;
}

bool residency_find(const struct residency *r, struct residency_ref ref, uint32_t pc,
		    struct unwind_rule *ret)
{
	const struct unwind_place *p;

	if (!residency_has(r, ref))
		return false;
	p = &r->m.tables[ref.table].place;
	unwind_load_rule(r->m.rows, p->rules,
			 unwind_find(r->m.rows, p->start, p->span, p->index, p->rows, pc), ret);
	return true;
}

int residency_put_space(struct residency *r, const struct wire_area *areas, size_t n,
			struct wire_space *ret)
{
	uint32_t first = 0;
	int res = 0;

	if (n > WIRE_SPACE_AREAS)
		n = WIRE_SPACE_AREAS;
	if (n)
		res = extents_take(&r->areas, (uint32_t)n, 1, &first);
	if (res < 0)
		return res;
	if (n)
		memcpy(r->m.areas + first, areas, n * sizeof(*areas));
	*ret = (struct wire_space){ .first = first, .n = (uint32_t)n };
	return 0;
}

void residency_drop_space(struct residency *r, struct wire_space s)
{
	if (s.n)
		bury(r, (struct dying){ .areas = true, .cells = { s.first, s.n } });
}

void residency_mark(struct residency *r)
{
	r->marked = r->dying.n;
	r->clock_at_mark = r->clock;
}

void residency_collect(struct residency *r)
{
	struct dying *d = r->dying.items;

	for (size_t i = 0; i < r->marked; i++) {
		extents_give(d[i].areas ? &r->areas : &r->words, d[i].cells.first, d[i].cells.n);
		if (!d[i].areas)
			r->slots[d[i].slot] = (struct slot){ 0 };
	}
	if (r->marked)
		memmove(d, d + r->marked, (r->dying.n - r->marked) * sizeof(*d));
	r->dying.n -= r->marked;
	r->marked = 0;
}

void residency_stats(const struct residency *r, struct residency_stats *ret)
{
	*ret = r->stats;
	ret->words_used = r->words.used;
	ret->areas_used = r->areas.used;
}
