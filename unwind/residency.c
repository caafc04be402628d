/* SPDX-License-Identifier: Apache-2.0 */
#include "residency.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "extents.h"

#define TABLE_ALIGN 16 /* words: a cache line, and more than a rule's alignment */

struct slot {
	uint32_t first, n; /* words; n == 0 = empty */
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
	uint64_t clock;
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
	if (!r->slots || extents_init(&r->words, 0, m->n_words) < 0 ||
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

/* Evicts until @n words will be free after the next collection; -ENOSPC when they never will. */
static int make_room(struct residency *r, uint32_t n)
{
	uint64_t coming = 0;

	if (n > r->m.n_words)
		return -EFBIG;
	array_each(&r->dying, d)
		coming += d->areas ? 0 : d->cells.n;
	while (coming < n) {
		uint32_t i = oldest(r);

		if (i == r->m.n_tables)
			break;
		coming += r->slots[i].n;
		evict(r, i);
	}
	return -ENOSPC;
}

int residency_add(struct residency *r, const struct unwind_table *t, struct residency_ref *ret)
{
	uint32_t i, first, n = (uint32_t)t->n_words;
	struct wire_table *w;

	if (!n || t->n_words > UINT32_MAX)
		return -EINVAL;
	if (free_slot(r, &i) < 0)
		return make_room(r, 1);
	if (extents_take(&r->words, n, TABLE_ALIGN, &first) < 0)
		return make_room(r, n);
	memcpy(r->m.rows + first, t->words, n * sizeof(*t->words));
	r->slots[i] = (struct slot){ .first = first, .n = n, .used = ++r->clock };
	w = &r->m.tables[i];
	w->place = t->place;
	w->place.index += first;
	w->place.rules += first;
	w->place.rows += first;
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
