/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds where a frame of folded stacks ends and hashes it in the same pass, 16 bytes at a time: a
 * large file has nothing but frames, so this and a table lookup are what reading one costs.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "hash.h"

#define FRAMESCAN_SLACK 16 /* bytes after a text that may be read, whatever they are */

/* The first ';' among the 8 bytes of a word, counted from its low end; 8 when there is none. */
static inline unsigned framescan_word(uint64_t word)
{
	const uint64_t ones = 0x0101010101010101ull, high = ones << 7;
	uint64_t x = word ^ ones * ';', found = (x - ones) & ~x & high;

	return found ? (unsigned)__builtin_ctzll(found) / 8 : 8;
}

/* The first ';' among 16 bytes, 16 when there is none. */
static inline unsigned framescan_block(const char *p)
{
#ifdef __SSE2__
	__m128i bytes = _mm_loadu_si128((const __m128i *)p);
	unsigned found = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(';')));

	return (unsigned)__builtin_ctz(found | 1u << 16);
#else
	uint64_t low, high;
	unsigned at;

	memcpy(&low, p, 8);
	memcpy(&high, p + 8, 8);
	at = framescan_word(low);
	return at < 8 ? at : 8 + framescan_word(high);
#endif
}

/* Adds the first @n (0 to 16) of 16 bytes to a hash. */
static inline uint64_t framescan_mix(uint64_t h, const char *p, unsigned n)
{
	uint64_t low, high;

	memcpy(&low, p, 8);
	memcpy(&high, p + 8, 8);
	if (n < 16) {
		high = n > 8 ? high & ~(~0ull << (n - 8) * 8) : 0;
		low = n >= 8 ? low : low & ~(~0ull << n * 8);
	}
	low ^= 0x8ebc6af09c88c6e3ull ^ h;
	return hash_mix(low, high ^ 0x589965cc75374cc3ull) ^ low; /* whatever the factor is */
}

/*
 * The length of the frame at @p, which some ';' ends; FRAMESCAN_SLACK bytes after that can be read.
 * *@ret_hash is frame_hash() of it.
 */
static inline size_t framescan(const char *p, uint64_t *ret_hash)
{
	uint64_t h = 0;
	size_t n = 0;

	for (;; n += 16) {
		unsigned k = framescan_block(p + n);

		h = framescan_mix(h, p + n, k);
		if (k < 16) {
			*ret_hash = h ^ (n + k);
			return n + k;
		}
	}
}

/* The hash of a frame whose length is known. */
static inline uint64_t frame_hash(const char *p, size_t n)
{
	uint64_t h = 0;
	size_t at = 0;
	char last[16] = { 0 };

	for (; n - at >= 16; at += 16)
		h = framescan_mix(h, p + at, 16);
	memcpy(last, p + at, n - at);
	return framescan_mix(h, last, (unsigned)(n - at)) ^ n;
}
