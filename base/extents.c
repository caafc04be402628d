/* SPDX-License-Identifier: Apache-2.0 */
#include "extents.h"

#include <errno.h>
#include <string.h>

int extents_init(struct extents *e, uint32_t first, uint32_t n)
{
	*e = (struct extents){ 0 };
	return array_push(&e->free, (struct extent){ first, n });
}

void extents_done(struct extents *e)
{
	array_free(&e->free);
}

/* Puts @x at position @i. */
static int insert(struct extents *e, size_t i, struct extent x)
{
	if (array_reserve(&e->free, 1) < 0)
		return -ENOMEM;
	memmove(&e->free.items[i + 1], &e->free.items[i], (e->free.n - i) * sizeof(x));
	e->free.items[i] = x;
	e->free.n++;
	return 0;
}

static void drop(struct extents *e, size_t i)
{
	e->free.n--;
	memmove(&e->free.items[i], &e->free.items[i + 1], (e->free.n - i) * sizeof(struct extent));
}

int extents_take(struct extents *e, uint32_t n, uint32_t align, uint32_t *ret)
{
	for (size_t i = 0; i < e->free.n; i++) {
		struct extent *x = &e->free.items[i];
		uint32_t start = (x->first + align - 1) / align * align, before = start - x->first;

		if (before >= x->n || x->n - before < n)
			continue;
		if (before && x->n - before > n) {
			struct extent after = { start + n, x->n - before - n };

			x->n = before;
			if (insert(e, i + 1, after) < 0) {
				e->free.items[i].n += after.n + n;
				return -ENOMEM;
			}
		} else if (before) {
			x->n = before;
		} else if (x->n > n) {
			x->first += n;
			x->n -= n;
		} else {
			drop(e, i);
		}
		e->used += n;
		*ret = start;
		return 0;
	}
	return -ENOSPC;
}

int extents_give(struct extents *e, uint32_t first, uint32_t n)
{
	struct extent *x = e->free.items;
	size_t i = 0;

	while (i < e->free.n && x[i].first < first)
		i++;
	e->used -= n;
	if (i && x[i - 1].first + x[i - 1].n == first) {
		x[i - 1].n += n;
		if (i < e->free.n && x[i - 1].first + x[i - 1].n == x[i].first) {
			x[i - 1].n += x[i].n;
			drop(e, i);
		}
		return 0;
	}
	if (i < e->free.n && first + n == x[i].first) {
		x[i].first = first;
		x[i].n += n;
		return 0;
	}
	return insert(e, i, (struct extent){ first, n });
}
