/* SPDX-License-Identifier: Apache-2.0 */
/* Inline functions within inline functions, for two files; what they compute means nothing. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct node {
	struct node *left, *right;
	uint64_t key;
	char text[24];
};

/* Of inlines_far.c. */
uint64_t far_fold(const uint8_t *p, size_t n, uint64_t seed);
struct node *far_insert(struct node *root, uint64_t key);
int far_check(const struct node *n, int depth);
void far_fail(const char *why, int line) __attribute__((cold, noreturn));

static inline uint64_t turn(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static inline uint64_t mix(uint64_t a, uint64_t b)
{
	a ^= turn(b, 17) * 0x9e3779b97f4a7c15ull;
	return turn(a, 31) + b;
}

static inline uint64_t load(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n && i < 8; i++)
		v |= (uint64_t)p[i] << 8 * i;
	return v;
}

/* Its body is in as many functions as call it. */
static inline __attribute__((always_inline)) uint64_t fold(const uint8_t *p, size_t n, uint64_t h)
{
	while (n >= 8) {
		h = mix(h, load(p, 8));
		p += 8;
		n -= 8;
	}
	return n ? mix(h, load(p, n)) : h;
}

#define must(x)                                 \
	do {                                    \
		if (__builtin_expect(!(x), 0))  \
			far_fail(#x, __LINE__); \
	} while (0)
