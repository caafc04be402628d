/* SPDX-License-Identifier: Apache-2.0 */
/* Hashing of bytes for in-memory tables. Not stable across versions, never written to a file. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Folds the 128-bit product of two words: every input bit reaches every output bit. */
static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 m = (unsigned __int128)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* The same, but a factor of 0, which foreign bytes can make, does not hide the other one. */
static inline uint64_t hash_keep(uint64_t a, uint64_t b)
{
	return hash_mix(a, b) ^ a ^ b;
}

static inline uint64_t hash_u64(uint64_t x)
{
	return hash_mix(x ^ 0x9e3779b97f4a7c15ull, 0xd6e8feb86659fd93ull);
}

/* Combines a running hash with one more word, order-sensitive. */
static inline uint64_t hash_add(uint64_t h, uint64_t x)
{
	return hash_mix(h ^ 0xa0761d6478bd642full, x ^ 0xe7037ed1a0b428dbull);
}

/* Hash of @n bytes; @data may be NULL when there are none. */
static inline uint64_t hash_bytes(const void *data, size_t n)
{
	const uint8_t *p = data;
	uint64_t h = hash_u64(n), a = 0, b = 0;

	for (; n > 16; n -= 16, p += 16) {
		memcpy(&a, p, 8);
		memcpy(&b, p + 8, 8);
		h = hash_keep(a ^ 0xa0761d6478bd642full ^ h, b ^ 0xe7037ed1a0b428dbull);
	}
	a = b = 0;
	if (n > 8) {
		memcpy(&a, p, 8);
		memcpy(&b, p + n - 8, 8);
	} else if (n) {
		memcpy(&a, p, n);
	}
	return hash_keep(a ^ 0x8ebc6af09c88c6e3ull ^ h, b ^ 0x589965cc75374cc3ull);
}
