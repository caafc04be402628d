/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"

#define KEYS (1 << 20)

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Hashes of a million keys, none of them twice in 64 bits and evenly spread in the low 32. */
static void expect_good(uint64_t *hashes, const char *keys)
{
	enum { BINS = 1024 };
	uint32_t bins[BINS] = { 0 }, top[BINS] = { 0 };

	for (size_t i = 0; i < KEYS; i++) {
		bins[hashes[i] % BINS]++;
		top[(uint32_t)hashes[i] >> 22]++;
	}
	/* 1024 keys a bin are expected, with a deviation of 32: six of them would be a bad sign. */
	for (size_t i = 0; i < BINS; i++) {
		cr_expect(abs((int)bins[i] - 1024) < 192, "%s: low bin %zu: %u", keys, i, bins[i]);
		cr_expect(abs((int)top[i] - 1024) < 192, "%s: high bin %zu: %u", keys, i, top[i]);
	}
	qsort(hashes, KEYS, sizeof(*hashes), by_value);
	for (size_t i = 1; i < KEYS; i++)
		cr_assert_neq(hashes[i], hashes[i - 1], "%s: a hash came twice", keys);
	free(hashes);
}

Test(hash, short_texts_do_not_collide)
{
	uint64_t *h = malloc(KEYS * sizeof(*h));
	char key[16];

	for (int i = 0; i < KEYS; i++)
		h[i] = hash_bytes(key, (size_t)snprintf(key, sizeof(key), "f%d", i));
	expect_good(h, "texts");
}

Test(hash, small_numbers_do_not_collide)
{
	uint64_t *h = malloc(KEYS * sizeof(*h));

	for (uint64_t i = 0; i < KEYS; i++)
		h[i] = hash_u64(i);
	expect_good(h, "numbers");
}

Test(hash, page_aligned_addresses_do_not_collide)
{
	uint64_t *h = malloc(KEYS * sizeof(*h));

	for (uint64_t i = 0; i < KEYS; i++)
		h[i] = hash_u64(0x7f0000000000 + (i << 12));
	expect_good(h, "addresses");
}

Test(hash, stacks_of_small_numbers_do_not_collide)
{
	uint64_t *h = malloc(KEYS * sizeof(*h));

	for (uint32_t i = 0; i < KEYS; i++) {
		uint32_t key[5] = { i & 0xff, i >> 8 & 0xff, 3, i >> 16, 5 };

		h[i] = hash_bytes(key, sizeof(key));
	}
	expect_good(h, "stacks");
}

Test(hash, pairs_do_not_collide)
{
	uint64_t *h = malloc(KEYS * sizeof(*h));

	for (uint64_t i = 0; i < KEYS; i++)
		h[i] = hash_add(hash_u64(i >> 10), i & 1023);
	expect_good(h, "pairs");
}

Test(hash, order_and_length_count)
{
	static const char zeros[64] = { 0 };

	cr_expect_neq(hash_add(hash_add(0, 1), 2), hash_add(hash_add(0, 2), 1));
	for (size_t n = 1; n < sizeof(zeros); n++)
		cr_expect_neq(hash_bytes(zeros, n), hash_bytes(zeros, n - 1), "%zu zeros", n);
}

Test(hash, every_byte_of_every_length_counts)
{
	unsigned char key[48];

	for (size_t n = 1; n <= sizeof(key); n++)
		for (size_t i = 0; i < n; i++) {
			uint64_t before;

			memset(key, 0x5a, sizeof(key));
			before = hash_bytes(key, n);
			key[i] ^= 1;
			cr_expect_neq(hash_bytes(key, n), before, "byte %zu of %zu", i, n);
		}
}

Test(hash, reads_no_byte_too_many)
{
	for (size_t n = 0; n <= 40; n++) {
		char *exact = malloc(n ? n : 1);

		memset(exact, 1, n);
		hash_bytes(exact, n); /* for the address sanitizer */
		free(exact);
	}
	cr_expect_eq(hash_bytes(NULL, 0), hash_bytes("x", 0));
}

/* Bytes that make one factor of a product 0 must not make all that share them collide. */
Test(hash, no_word_hides_the_others)
{
	static const uint64_t factors[] = { 0xe7037ed1a0b428dbull, 0x589965cc75374cc3ull };

	for (size_t f = 0; f < sizeof(factors) / sizeof(*factors); f++)
		for (size_t n = 16; n <= 40; n += 8) {
			char one[40], other[40];

			for (size_t i = 0; i < sizeof(one); i += 8) {
				memcpy(one + i, &factors[f], 8);
				memcpy(other + i, &factors[f], 8);
			}
			one[0] = 'a';
			other[0] = 'b';
			cr_assert_neq(hash_bytes(one, n), hash_bytes(other, n), "%zu bytes", n);
		}
}
