/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed growable array. `ARRAY(struct frame) frames = {0};` owns its items; array_free() releases
 * the storage, not what the items point to. Growth may move the items: hold indices, not pointers.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#define ARRAY(T)                                                                                   \
	struct {                                                                                   \
		T *items;                                                                          \
		size_t n;                                                                          \
		size_t cap;                                                                        \
	}

/* Makes room for @want items of @size bytes. Returns 0, or -ENOMEM and leaves the array as it was. */
static inline int array_grow(void **items, size_t *cap, size_t want, size_t size)
{
	size_t n = *cap > 8 ? *cap : 8; /* it may have been fitted to less */
	void *p;

	while (n < want)
		n += n / 2;
	p = reallocarray(*items, n, size);
	if (!p)
		return -ENOMEM;
	*items = p;
	*cap = n;
	return 0;
}

/* Makes room for @more items beyond the present ones: 0 or -ENOMEM. */
#define array_reserve(a, more)                                                                     \
	((a)->n + (more) <= (a)->cap ? 0                                                           \
				     : array_grow((void **)&(a)->items, &(a)->cap, (a)->n + (more),   \
						  sizeof(*(a)->items)))

/* Makes room for exactly @want items, no fewer than there are: 0 or -ENOMEM. */
static inline int array_fit_items(void **items, size_t *cap, size_t want, size_t size)
{
	void *p = want == *cap ? *items : reallocarray(*items, want ? want : 1, size);

	if (!p && want)
		return -ENOMEM;
	*items = p;
	*cap = want;
	return 0;
}

#define array_fit(a, want) \
	array_fit_items((void **)&(a)->items, &(a)->cap, (want), sizeof(*(a)->items))

/* Appends one item: 0 or -ENOMEM. */
#define array_push(a, ...)                                                                         \
	(array_reserve(a, 1) < 0 ? -ENOMEM : ((a)->items[(a)->n++] = (__VA_ARGS__), 0))

/* Its items from number @i on: NULL of an array that has no memory, where there is no place to count from. */
#define array_from(a, i) ((a)->items ? (a)->items + (i) : NULL)

#define array_free(a)                                                                              \
	do {                                                                                       \
		free((a)->items);                                                                  \
		(a)->items = NULL;                                                                 \
		(a)->n = (a)->cap = 0;                                                             \
	} while (0)

/* Walks the items: `array_each(&frames, f) use(f->name);` */
#define array_each(a, it)                                                                          \
	for (__typeof__(&*(a)->items) it = (a)->items; (size_t)(it - (a)->items) < (a)->n; it++)

/* Items in a fixed C array. */
#define ARRAY_LEN(x) (sizeof(x) / sizeof((x)[0]))
