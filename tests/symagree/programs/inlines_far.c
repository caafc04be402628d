/* SPDX-License-Identifier: Apache-2.0 */
/* The other half of inlines.c: what only link-time optimization can inline. */
#include "inlines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void far_fail(const char *why, int line)
{
	fprintf(stderr, "%d: %s\n", line, why);
	abort();
}

uint64_t far_fold(const uint8_t *p, size_t n, uint64_t seed)
{
	uint64_t h = fold(p, n, seed);

	must(n < 1u << 20);
	if (n > 64)
		h = fold(p + n / 2, n / 2, turn(h, 9));
	return h;
}

static struct node *fresh(uint64_t key)
{
	struct node *n = malloc(sizeof(*n));

	must(n);
	memset(n, 0, sizeof(*n));
	n->key = key;
	snprintf(n->text, sizeof(n->text), "%llx", (unsigned long long)key);
	return n;
}

struct node *far_insert(struct node *root, uint64_t key)
{
	struct node **at = &root;

	while (*at)
		at = key < (*at)->key ? &(*at)->left : &(*at)->right;
	*at = fresh(key);
	return root;
}

/* Never called: with --gc-sections its code is gone and its debug information stays. */
int far_unused(const struct node *n)
{
	return n ? 1 + far_unused(n->left) + far_unused(n->right) : 0;
}

/* Two functions of one body: identical code folding makes them one. */
int far_twin_one(int x)
{
	return x * 77 + (x >> 3) - 12;
}

int far_twin_two(int x)
{
	return x * 77 + (x >> 3) - 12;
}

int far_check(const struct node *n, int depth)
{
	if (!n)
		return 0;
	must(depth < 1000);
	return far_check(n->left, depth + 1) + far_check(n->right, depth + 1) +
	       (far_fold((const uint8_t *)n->text, strlen(n->text), n->key) & 1);
}
