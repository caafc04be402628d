/* SPDX-License-Identifier: Apache-2.0 */
#include "aggregate.h"

#include <errno.h>
#include <string.h>

#include "hash.h"

int aggregate_init(struct aggregate *a, size_t max_bytes)
{
	*a = (struct aggregate){ .max_bytes = max_bytes };
	return strtab_init(&a->strings);
}

void aggregate_done(struct aggregate *a)
{
	strtab_done(&a->strings);
	array_free(&a->places);
	array_free(&a->pool);
	array_free(&a->stacks);
	array_free(&a->rows);
	hindex_free(&a->place_index);
	hindex_free(&a->stack_index);
	hindex_free(&a->row_index);
}

size_t aggregate_bytes(const struct aggregate *a)
{
	size_t slots = (a->place_index.slots ? a->place_index.mask + 1 : 0) +
		       (a->stack_index.slots ? a->stack_index.mask + 1 : 0) +
		       (a->row_index.slots ? a->row_index.mask + 1 : 0);

	return a->places.cap * sizeof(*a->places.items) + a->pool.cap * sizeof(*a->pool.items) +
	       a->stacks.cap * sizeof(*a->stacks.items) + a->rows.cap * sizeof(*a->rows.items) +
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

static bool same_row(const struct agg_row *a, const struct agg_row *b)
{
	return a->stack == b->stack && a->tgid == b->tgid && a->tid == b->tid &&
	       a->comm == b->comm && a->thread_comm == b->thread_comm && a->event == b->event;
}

int aggregate_add(struct aggregate *a, const uint32_t *places, size_t n, const struct agg_row *row)
{
	struct agg_row r = *row;
	int64_t stack = add_stack(a, places, n);
	uint64_t hash;

	if (stack < 0)
		return (int)stack;
	r.stack = (uint32_t)stack;
	hash = hash_add(hash_u64((uint64_t)r.stack << 32 | r.tid),
			(uint64_t)r.tgid << 32 | r.event);
	hash = hash_add(hash, (uint64_t)r.comm << 32 | r.thread_comm);
	hindex_each(&a->row_index, hash, i)
		if (same_row(&a->rows.items[i], &r)) {
			a->rows.items[i].samples += r.samples;
			a->rows.items[i].value += r.value;
			return 0;
		}
	if (is_full(a))
		return -ENOSPC;
	if (array_push(&a->rows, r) < 0 ||
	    hindex_add(&a->row_index, hash, (uint32_t)a->rows.n - 1) < 0)
		return -ENOMEM;
	return 0;
}
