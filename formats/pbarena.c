/* SPDX-License-Identifier: Apache-2.0 */
#include "pbarena.h"

#include <stdint.h>
#include <stdlib.h>

#define BLOCK ((size_t)64 << 10) /* holds any message but the largest samples */
#define ALIGN ((size_t)16)

struct pbarena_block {
	struct pbarena_block *older;
	size_t n, size;
	_Alignas(16) uint8_t bytes[];
};

static struct pbarena_block *add_block(struct pbarena *a, size_t size)
{
	struct pbarena_block *b = malloc(sizeof(*b) + size);

	if (!b)
		return NULL;
	*b = (struct pbarena_block){ .older = a->blocks, .size = size };
	a->blocks = b;
	return b;
}

static void *arena_alloc(void *ctx, size_t n)
{
	struct pbarena *a = ctx;
	struct pbarena_block *b = a->blocks;
	size_t want = (n + ALIGN - 1) & ~(ALIGN - 1);
	void *p;

	if (n > SIZE_MAX / 2) {
		a->failed = true;
		return NULL;
	}
	if (!b || want > b->size - b->n)
		b = add_block(a, want > BLOCK ? want : BLOCK);
	if (!b) {
		a->failed = true;
		return NULL;
	}
	p = b->bytes + b->n;
	b->n += want;
	return p;
}

static void arena_free(void *ctx, void *p)
{
	(void)ctx;
	(void)p; /* everything goes at once, at the reset */
}

void pbarena_init(struct pbarena *a)
{
	*a = (struct pbarena){
		.allocator = { .alloc = arena_alloc, .free = arena_free, .allocator_data = a },
	};
}

void pbarena_reset(struct pbarena *a)
{
	while (a->blocks && a->blocks->older) {
		struct pbarena_block *b = a->blocks;

		a->blocks = b->older;
		free(b);
	}
	if (a->blocks)
		a->blocks->n = 0;
	a->failed = false;
}

void pbarena_done(struct pbarena *a)
{
	pbarena_reset(a);
	free(a->blocks);
	a->blocks = NULL;
}
