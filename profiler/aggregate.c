/* SPDX-License-Identifier: Apache-2.0 */
#include "aggregate.h"

#include <errno.h>
#include <string.h>

#include "hash.h"

int aggregate_init(struct aggregate *a, size_t max_bytes, uint32_t split_mask)
{
	int r;

	*a = (struct aggregate){ .max_bytes = max_bytes, .split_mask = split_mask };
	r = strtab_init(&a->strings);
	if (r == 0 && (r = attrs_init(&a->attrs, max_bytes)) < 0)
		strtab_done(&a->strings);
	return r;
}

void aggregate_done(struct aggregate *a)
{
	strtab_done(&a->strings);
	array_free(&a->places);
	array_free(&a->pool);
	array_free(&a->stacks);
	array_free(&a->rows);
	array_free(&a->label_sets);
	attrs_done(&a->attrs);
	hindex_free(&a->place_index);
	hindex_free(&a->stack_index);
	hindex_free(&a->row_index);
	hindex_free(&a->label_index);
}

size_t aggregate_bytes(const struct aggregate *a)
{
	size_t slots = (a->place_index.slots ? a->place_index.mask + 1 : 0) +
		       (a->stack_index.slots ? a->stack_index.mask + 1 : 0) +
		       (a->row_index.slots ? a->row_index.mask + 1 : 0) +
		       (a->label_index.slots ? a->label_index.mask + 1 : 0);

	return a->places.cap * sizeof(*a->places.items) + a->pool.cap * sizeof(*a->pool.items) +
	       a->stacks.cap * sizeof(*a->stacks.items) + a->rows.cap * sizeof(*a->rows.items) +
	       a->label_sets.cap * sizeof(*a->label_sets.items) + attrs_bytes(&a->attrs) +
	       slots * sizeof(struct hindex_slot) + a->strings.cap_bytes;
}

static bool is_full(const struct aggregate *a)
{
	return aggregate_bytes(a) >= a->max_bytes;
}

int64_t aggregate_place(struct aggregate *a, const struct place *p)
{
	uint64_t hash = hash_add(hash_u64((uint64_t)p->mapping), p->addr);

	if (p->jit)
		hash = hash_add(hash, (uint64_t)p->jit << 32 | p->epoch);
	hindex_each(&a->place_index, hash, i) {
		const struct place *k = &a->places.items[i];

		if (k->mapping == p->mapping && k->addr == p->addr && k->jit == p->jit &&
		    k->epoch == p->epoch)
			return i;
	}
	if (is_full(a))
		return -ENOSPC;
	if (array_push(&a->places, *p) < 0 ||
	    hindex_add(&a->place_index, hash, (uint32_t)a->places.n - 1) < 0)
		return -ENOMEM;
	return (int64_t)a->places.n - 1;
}

static int64_t add_stack(struct aggregate *a, const uint32_t *places, size_t n)
{
	uint64_t hash = hash_bytes(places, n * sizeof(*places));

	hindex_each(&a->stack_index, hash, i) {
		const struct agg_stack *s = &a->stacks.items[i];

		if (s->n == n &&
		    (!n || memcmp(a->pool.items + s->first, places, n * sizeof(*places)) == 0))
			return i;
	}
	if (is_full(a))
		return -ENOSPC;
	if (array_reserve(&a->pool, n) < 0 ||
	    array_push(&a->stacks, (struct agg_stack){ (uint32_t)a->pool.n, (uint32_t)n }) < 0 ||
	    hindex_add(&a->stack_index, hash, (uint32_t)a->stacks.n - 1) < 0)
		return -ENOMEM;
	if (n)
		memcpy(a->pool.items + a->pool.n, places, n * sizeof(*places));
	a->pool.n += n;
	return (int64_t)a->stacks.n - 1;
}

/* --- labels ---------------------------------------------------------------------------------- */

/* The number of @set, added if it is new, with that of what splits of it. */
static int64_t add_labels(struct aggregate *a, const struct label_set *set)
{
	struct agg_labels fresh = { .set = *set, .split = (uint32_t)a->label_sets.n };
	uint64_t hash = hash_bytes(set, sizeof(*set));
	struct label_set split;

	hindex_each(&a->label_index, hash, i)
		if (memcmp(&a->label_sets.items[i].set, set, sizeof(*set)) == 0)
			return i;
	if (is_full(a))
		return -ENOSPC;
	split = label_set_masked(set, a->split_mask);
	if (memcmp(&split, set, sizeof(*set)) != 0) {
		int64_t n = add_labels(a, &split);

		if (n < 0)
			return n;
		fresh.split = (uint32_t)n;
	}
	if (array_push(&a->label_sets, fresh) < 0)
		return -ENOMEM;
	if (hindex_add(&a->label_index, hash, (uint32_t)a->label_sets.n - 1) < 0) {
		a->label_sets.n--; /* nobody could find it */
		return -ENOMEM;
	}
	return (int64_t)a->label_sets.n - 1;
}

/* The number of the set of what is equal in sets @x and @y. */
static int64_t common_labels(struct aggregate *a, uint32_t x, uint32_t y)
{
	struct label_set set = a->label_sets.items[x].set;
	const struct label_set *other = &a->label_sets.items[y].set;
	uint32_t attrs = set.v[LABEL_ATTRS], others = other->v[LABEL_ATTRS];

	for (size_t l = 0; l < LABEL_MAX; l++)
		if (set.v[l] != other->v[l])
			set.v[l] = LABEL_NONE;
	if (attrs != others && attrs != LABEL_NONE && others != LABEL_NONE) {
		int64_t n = attrs_common(&a->attrs, attrs, others);

		if (n < 0)
			return n;
		set.v[LABEL_ATTRS] = n ? (uint32_t)n : LABEL_NONE;
	}
	return add_labels(a, &set);
}

/* --- rows ------------------------------------------------------------------------------------ */

static bool same_row(const struct agg_row *a, const struct agg_row *b)
{
	return a->stack == b->stack && a->split == b->split && a->event == b->event;
}

/* Adds @r to the row @i, which differs from it in nothing that splits. */
static int add_to_row(struct aggregate *a, uint32_t i, const struct agg_row *r)
{
	struct agg_row *row = &a->rows.items[i];

	if (row->labels != r->labels) {
		int64_t n = common_labels(a, row->labels, r->labels);

		if (n == -ENOMEM)
			return -ENOMEM;
		row->labels = n < 0 ? row->split : (uint32_t)n; /* no room: what splits is enough */
	}
	row->samples += r->samples;
	row->value += r->value;
	return 0;
}

int aggregate_add(struct aggregate *a, const uint32_t *places, size_t n,
		  const struct label_set *labels, const struct agg_row *row)
{
	struct agg_row r = *row;
	int64_t stack = add_stack(a, places, n), set;
	uint64_t hash;

	if (stack < 0)
		return (int)stack;
	set = add_labels(a, labels);
	if (set < 0)
		return (int)set;
	r.stack = (uint32_t)stack;
	r.labels = (uint32_t)set;
	r.split = a->label_sets.items[set].split;
	hash = hash_add(hash_u64((uint64_t)r.stack << 32 | r.split), r.event);
	hindex_each(&a->row_index, hash, i)
		if (same_row(&a->rows.items[i], &r))
			return add_to_row(a, i, &r);
	if (is_full(a))
		return -ENOSPC;
	if (array_push(&a->rows, r) < 0)
		return -ENOMEM;
	if (hindex_add(&a->row_index, hash, (uint32_t)a->rows.n - 1) < 0) {
		a->rows.n--; /* it is lost, so it does not count */
		return -ENOMEM;
	}
	return 0;
}
