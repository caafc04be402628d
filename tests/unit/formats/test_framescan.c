/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <criterion/criterion.h>

#include "array.h"
#include "framescan.h"
#include "made_profile.h"

/* A frame of @n bytes at @at of a buffer whose other bytes are ';' before it and @after behind. */
static char *frame_at(char *buf, size_t size, size_t at, size_t n, char after)
{
	uint64_t state = n;

	memset(buf, ';', at);
	for (size_t i = 0; i < n; i++) {
		char c = (char)next_random(&state);

		buf[at + i] = c == ';' ? ':' : c;
	}
	buf[at + n] = ';';
	memset(buf + at + n + 1, after, size - at - n - 1);
	return buf + at;
}

Test(framescan, finds_the_end_at_every_length_and_alignment)
{
	char buf[200];

	for (size_t at = 0; at < 16; at++)
		for (size_t n = 0; n < 100; n++) {
			uint64_t hash;
			char *p = frame_at(buf, sizeof(buf), at, n, 'x');

			cr_assert_eq(framescan(p, &hash), n);
			cr_assert_eq(hash, frame_hash(p, n), "%zu bytes", n);
		}
}

Test(framescan, what_follows_does_not_count)
{
	char one[200], other[200];

	for (size_t n = 0; n < 60; n++) {
		uint64_t a, b;

		framescan(frame_at(one, sizeof(one), 3, n, 'x'), &a);
		framescan(frame_at(other, sizeof(other), 8, n, '\xff'), &b);
		cr_assert_eq(a, b, "%zu bytes", n);
	}
}

/* Zeros are what shorter frames are filled up with. */
Test(framescan, zeros_at_the_end_count)
{
	static const char zeros[64];
	uint64_t hashes[40];

	for (size_t n = 0; n < ARRAY_LEN(hashes); n++) {
		hashes[n] = frame_hash(zeros, n);
		for (size_t k = 0; k < n; k++)
			cr_assert_neq(hashes[k], hashes[n], "%zu and %zu zeros", k, n);
	}
}

/* Where a factor of the product is 0, the other one must still count. */
Test(framescan, no_block_hides_the_others)
{
	const uint64_t factor = 0x589965cc75374cc3ull; /* as the source has it */
	char one[16] = "aaaaaaaa", other[16] = "bbbbbbbb";

	memcpy(one + 8, &factor, 8);
	memcpy(other + 8, &factor, 8);
	cr_assert_neq(frame_hash(one, 16), frame_hash(other, 16));
}

/* What machines without SSE2 do: every place of ';' in a word, beside bytes like it. */
Test(framescan, a_word_at_a_time_finds_the_first)
{
	for (unsigned at = 0; at <= 8; at++)
		for (unsigned other = ';' + 1; other < 256; other++) {
			unsigned char bytes[8];
			uint64_t word;

			memset(bytes, (int)other, sizeof(bytes));
			if (at < 8)
				memset(bytes + at, ';', 8 - at);
			if (at < 7)
				bytes[at + 1] = (unsigned char)other;
			memcpy(&word, bytes, 8);
			cr_assert_eq(framescan_word(word), at, "%u beside %u", at, other);
		}
}
