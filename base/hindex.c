/* SPDX-License-Identifier: Apache-2.0 */
#include "hindex.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pages.h"

static void put(struct hindex *h, uint32_t hash, uint32_t item)
{
	size_t pos = hindex_start(hash);

	while (h->slots[pos & h->mask].item != HINDEX_NONE)
		pos++;
	h->slots[pos & h->mask] = (struct hindex_slot){ .hash = hash, .item = item };
}

/* Makes @want slots of it, a power of two. */
static int grow(struct hindex *h, size_t want)
{
	size_t old = h->slots ? h->mask + 1 : 0;
	struct hindex bigger = { .mask = want - 1, .n = h->n };

	bigger.slots = reallocarray(NULL, want, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	pages_expect(bigger.slots, want * sizeof(*bigger.slots));
	memset(bigger.slots, 0xff, want * sizeof(*bigger.slots));
	for (size_t i = 0; i < old; i++)
		if (h->slots[i].item != HINDEX_NONE)
			put(&bigger, h->slots[i].hash, h->slots[i].item);
	free(h->slots);
	*h = bigger;
	return 0;
}

int hindex_reserve(struct hindex *h, size_t n)
{
	size_t slots = h->slots ? h->mask + 1 : 16;

	while (n > slots / 4 * 3)
		slots *= 2;
	return h->slots && slots == h->mask + 1 ? 0 : grow(h, slots);
}

int hindex_add(struct hindex *h, uint64_t hash, uint32_t item)
{
	int r = hindex_reserve(h, h->n + 1);

	if (r < 0)
		return r;
	put(h, (uint32_t)hash, item);
	h->n++;
	return 0;
}

void hindex_clear(struct hindex *h)
{
	if (h->slots)
		memset(h->slots, 0xff, (h->mask + 1) * sizeof(*h->slots));
	h->n = 0;
}

void hindex_free(struct hindex *h)
{
	free(h->slots);
	*h = (struct hindex){ 0 };
}
