/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hash index: finds the number of an item kept in somebody's array, by the item's hash. It stores
 * 32-bit hash and number only; the caller compares items, so one table serves every kind of key:
 *
 *	hindex_each(&t, hash, i)
 *		if (same(&items.items[i], key))
 *			return i;
 *	hindex_add(&t, hash, items.n);
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define HINDEX_NONE UINT32_MAX

struct hindex {
	struct hindex_slot {
		uint32_t hash;
		uint32_t item; /* HINDEX_NONE = empty */
	} *slots;
	size_t mask; /* slots - 1, a power of two less one; 0 with slots == NULL */
	size_t n;
};

/* Adds number @item under @hash; numbers are not checked for being there already. 0 or -ENOMEM. */
int hindex_add(struct hindex *h, uint64_t hash, uint32_t item);

/* Makes room for @n numbers in all: 0 or -ENOMEM. */
int hindex_reserve(struct hindex *h, size_t n);

/* Empties the index and keeps its storage. */
void hindex_clear(struct hindex *h);

void hindex_free(struct hindex *h);

/* Where the walk for a hash begins. Only the low 32 bits count: a slot keeps no more of it. */
static inline size_t hindex_start(uint32_t hash)
{
	return (size_t)(((uint64_t)hash * 0x9e3779b97f4a7c15ull) >> 32);
}

/* The walk for @hash will begin soon: gets what it begins with from memory. */
static inline void hindex_fetch(const struct hindex *h, uint64_t hash)
{
	if (h->slots)
		__builtin_prefetch(&h->slots[hindex_start((uint32_t)hash) & h->mask]);
}

/* Next candidate for @hash at or after slot *@pos, HINDEX_NONE when there is none left. */
static inline uint32_t hindex_next(const struct hindex *h, uint64_t hash, size_t *pos)
{
	if (!h->slots)
		return HINDEX_NONE;
	for (;; (*pos)++) {
		const struct hindex_slot *s = &h->slots[*pos & h->mask];

		if (s->item == HINDEX_NONE)
			return HINDEX_NONE;
		if (s->hash == (uint32_t)hash) {
			(*pos)++;
			return s->item;
		}
	}
}

/* Walks the numbers that may belong to @hash: compare, and break or return on a match. */
#define hindex_each(h, hash, it)                                                                   \
	for (size_t hindex_pos_ = hindex_start((uint32_t)(hash)), hindex_once_ = 1;                  \
	     hindex_once_; hindex_once_ = 0)                                                       \
		for (uint32_t it; (it = hindex_next((h), (hash), &hindex_pos_)) != HINDEX_NONE;)
