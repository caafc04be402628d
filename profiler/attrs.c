/* SPDX-License-Identifier: Apache-2.0 */
#include "attrs.h"

#include <errno.h>
#include <string.h>

#include "hash.h"

int attrs_init(struct attrs *a, size_t max_bytes)
{
	int r;

	*a = (struct attrs){ .max_bytes = max_bytes };
	if ((r = strtab_init(&a->strings)) < 0 ||
	    (r = array_push(&a->sets, (struct attr_set){ 0 })) < 0)
		attrs_done(a);
	return r;
}

void attrs_done(struct attrs *a)
{
	strtab_done(&a->strings);
	array_free(&a->pool);
	array_free(&a->sets);
	hindex_free(&a->index);
}

size_t attrs_bytes(const struct attrs *a)
{
	return a->strings.cap_bytes + a->strings.cap * sizeof(*a->strings.ents) +
	       a->pool.cap * sizeof(*a->pool.items) + a->sets.cap * sizeof(*a->sets.items) +
	       (a->index.slots ? a->index.mask + 1 : 0) * sizeof(struct hindex_slot);
}

/* Sorts @pairs of which no key comes twice into @to: how many they are. */
static size_t sort(const struct attr *pairs, size_t n, struct attr to[ATTRS_MAX])
{
	size_t kept = 0;

	for (size_t i = 0; i < n && kept < ATTRS_MAX; i++) {
		size_t at = kept;

		while (at > 0 && to[at - 1].key > pairs[i].key)
			at--;
		if (at > 0 && to[at - 1].key == pairs[i].key)
			continue;
		memmove(to + at + 1, to + at, (kept - at) * sizeof(*to));
		to[at] = pairs[i];
		kept++;
	}
	return kept;
}

int64_t attrs_add(struct attrs *a, const struct attr *pairs, size_t n)
{
	struct attr sorted[ATTRS_MAX];
	struct attr_set set = { .first = (uint32_t)a->pool.n };
	uint64_t hash;

	set.n = (uint32_t)sort(pairs, n, sorted);
	if (!set.n)
		return 0;
	hash = hash_bytes(sorted, set.n * sizeof(*sorted));
	hindex_each(&a->index, hash, i) {
		const struct attr_set *s = &a->sets.items[i];

		if (s->n == set.n &&
		    memcmp(a->pool.items + s->first, sorted, set.n * sizeof(*sorted)) == 0)
			return i;
	}
	if (attrs_bytes(a) >= a->max_bytes)
		return -ENOSPC;
	if (array_reserve(&a->pool, set.n) < 0 || array_reserve(&a->sets, 1) < 0 ||
	    hindex_add(&a->index, hash, (uint32_t)a->sets.n) < 0)
		return -ENOMEM;
	memcpy(a->pool.items + a->pool.n, sorted, set.n * sizeof(*sorted));
	a->pool.n += set.n;
	a->sets.items[a->sets.n++] = set;
	return (int64_t)a->sets.n - 1;
}

/* Copies set @id behind the @n pairs at @to; their number. */
static size_t append(const struct attrs *a, uint32_t id, struct attr *to, size_t n)
{
	const struct attr_set *s = &a->sets.items[id];

	if (s->n)
		memcpy(to + n, a->pool.items + s->first, s->n * sizeof(*to));
	return n + s->n;
}

int64_t attrs_common(struct attrs *a, uint32_t x, uint32_t y)
{
	struct attr left[ATTRS_MAX], right[ATTRS_MAX], both[ATTRS_MAX];
	size_t nl, nr, n = 0;

	if (x == y)
		return x;
	nl = append(a, x, left, 0);
	nr = append(a, y, right, 0);
	for (size_t i = 0, k = 0; i < nl && k < nr;) {
		if (left[i].key == right[k].key) {
			if (left[i].value == right[k].value)
				both[n++] = left[i];
			i++;
			k++;
		} else if (left[i].key < right[k].key) {
			i++;
		} else {
			k++;
		}
	}
	return attrs_add(a, both, n);
}

int64_t attrs_union(struct attrs *a, uint32_t x, uint32_t y)
{
	struct attr all[2 * ATTRS_MAX];

	return attrs_add(a, all, append(a, y, all, append(a, x, all, 0)));
}

int64_t attrs_import(struct attrs *to, const struct attrs *from, uint32_t id)
{
	struct attr pairs[ATTRS_MAX];
	size_t n = append(from, id, pairs, 0);

	for (size_t i = 0; i < n; i++) {
		struct attr *p = &pairs[i];

		if (strtab_add(&to->strings, strtab_get(&from->strings, p->key),
			       strtab_len(&from->strings, p->key), &p->key) < 0 ||
		    strtab_add(&to->strings, strtab_get(&from->strings, p->value),
			       strtab_len(&from->strings, p->value), &p->value) < 0)
			return -ENOMEM;
	}
	return attrs_add(to, pairs, n);
}
