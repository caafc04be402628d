/* SPDX-License-Identifier: Apache-2.0 */
#include "utf8.h"

#include <stdint.h>
#include <string.h>

size_t utf8_length(const char *text, size_t n, size_t *ret_bad)
{
	const uint8_t *s = (const uint8_t *)text;
	uint8_t low = 0x80, high = 0xbf; /* the range of the second byte */
	size_t want;

	*ret_bad = 1;
	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	want = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (s[0] == 0xe0)
		low = 0xa0; /* shorter forms exist */
	else if (s[0] == 0xed)
		high = 0x9f; /* surrogates */
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f; /* past U+10FFFF */
	for (size_t i = 1; i < want; i++) {
		if (i == n || s[i] < low || s[i] > high) {
			*ret_bad = i;
			return 0;
		}
		low = 0x80;
		high = 0xbf;
	}
	return want;
}

/* Bytes at the beginning of @s that are below 0x80: nearly all of nearly every name. */
static size_t ascii_prefix(const char *s, size_t n)
{
	size_t i = 0;
	uint64_t w;

	for (; i + sizeof(w) <= n; i += sizeof(w)) {
		memcpy(&w, s + i, sizeof(w));
		if (w & 0x8080808080808080ull)
			break;
	}
	return i;
}

bool utf8_is_valid(const char *s, size_t n)
{
	for (size_t i = ascii_prefix(s, n), bad; i < n;) {
		size_t len = utf8_length(s + i, n - i, &bad);

		if (!len)
			return false;
		i += len;
	}
	return true;
}

size_t utf8_repair(const char *s, size_t n, char *to)
{
	size_t out = 0;

	for (size_t i = 0, bad; i < n;) {
		size_t len = utf8_length(s + i, n - i, &bad);

		if (len) {
			memcpy(to + out, s + i, len);
			out += len;
			i += len;
		} else {
			memcpy(to + out, "\xef\xbf\xbd", 3);
			out += 3;
			i += bad;
		}
	}
	return out;
}
