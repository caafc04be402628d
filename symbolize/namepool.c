/* SPDX-License-Identifier: Apache-2.0 */
#include "namepool.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "hash.h"

enum {
	ONE = 192,	     /* numbers of one byte */
	TWO = 62 * 256,	     /* of two */
	THREE = 254,	     /* what a number of three begins with */
	PLAIN = 255,	     /* and a word that stands there itself */
	WORDS_MAX = 1 << 20, /* 16 MB */
	SEEN = 1 << 18,
	LENGTH_MAX = 3,			  /* bytes of LEB128, of less than 2^21 */
	PART_MAX = 4 * NAMEPOOL_TEXT_MAX, /* words of one byte with large numbers */
};

/* --- words ------------------------------------------------------------------------------------ */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_ident(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_';
}

/* "6vector" of a mangled name, or what is between two of these. */
static size_t mangled_word(const char *s, size_t left)
{
	size_t n = 0, value = 0;

	while (n < left && n < 3 && is_digit(s[n]))
		value = value * 10 + (size_t)(s[n++] - '0');
	if (n > 0)
		return n + value < left ? n + value : left;
	while (n < left && !is_digit(s[n]))
		n++;
	return n;
}

/* "::vector": what parts words goes with the one behind it. */
static size_t plain_word(const char *s, size_t left)
{
	size_t n = 0;

	while (n < left && !is_ident(s[n]))
		n++;
	while (n < left && is_ident(s[n]))
		n++;
	return n;
}

static bool is_mangled(const char *s)
{
	return s[0] == '_' && (s[1] == 'Z' || s[1] == 'R');
}

static uint64_t hash_word(const struct namepool_word *w)
{
	uint64_t a, b;

	memcpy(&a, w, sizeof(a));
	memcpy(&b, (const char *)w + sizeof(a), sizeof(b));
	return hash_add(hash_u64(a), b);
}

/* The number of a word, SIZE_MAX when it has none; it gets one when it comes for the second time.
 */
static int number_of(struct namepool *p, const struct namepool_word *w, size_t *ret)
{
	uint64_t hash = hash_word(w);
	uint32_t *seen = &p->seen[hash >> 32 & (SEEN - 1)];

	*ret = SIZE_MAX;
	hindex_each(&p->by_word, hash, i)
		if (memcmp(&p->words.items[i], w, sizeof(*w)) == 0) {
			*ret = i;
			return 0;
		}
	if (*seen != (uint32_t)hash) {
		*seen = (uint32_t)hash;
		return 0;
	}
	if (p->words.n == WORDS_MAX)
		return 0;
	if (array_push(&p->words, *w) < 0 ||
	    hindex_add(&p->by_word, hash, (uint32_t)p->words.n - 1) < 0)
		return -ENOMEM;
	*ret = p->words.n - 1;
	return 0;
}

static uint8_t *put_number(uint8_t *to, size_t i)
{
	if (i < ONE) {
		*to++ = (uint8_t)i;
	} else if (i < ONE + TWO) {
		*to++ = (uint8_t)(ONE + (i - ONE) / 256);
		*to++ = (uint8_t)((i - ONE) % 256);
	} else {
		*to++ = THREE;
		*to++ = (uint8_t)i;
		*to++ = (uint8_t)(i >> 8);
		*to++ = (uint8_t)(i >> 16);
	}
	return to;
}

static int put_word(struct namepool *p, const char *s, size_t n, uint8_t **to)
{
	struct namepool_word w = { .n = (uint8_t)n };
	size_t i;
	int r;

	memcpy(w.text, s, n);
	r = number_of(p, &w, &i);
	if (r < 0)
		return r;
	if (i != SIZE_MAX) {
		*to = put_number(*to, i);
		return 0;
	}
	*(*to)++ = PLAIN;
	*(*to)++ = (uint8_t)n;
	memcpy(*to, s, n);
	*to += n;
	return 0;
}

/* The words of @s, behind @to; moves it. */
static int put_words(struct namepool *p, const char *s, uint8_t **to)
{
	size_t left = strnlen(s, NAMEPOOL_TEXT_MAX - 1);
	bool mangled = is_mangled(s);
	int r = 0;

	while (r == 0 && left > 0) {
		size_t n = mangled ? mangled_word(s, left) : plain_word(s, left);

		for (left -= n; r == 0 && n > 0;) {
			size_t part = n < NAMEPOOL_WORD ? n : NAMEPOOL_WORD;

			r = put_word(p, s, part, to);
			s += part;
			n -= part;
		}
	}
	return r;
}

static uint8_t *put_length(uint8_t *to, size_t n)
{
	for (; n >= 0x80; n >>= 7)
		*to++ = (uint8_t)(n | 0x80);
	*to++ = (uint8_t)n;
	return to;
}

int namepool_add(struct namepool *p, struct namepool_block *block, const char *name,
		 const char *shown)
{
	uint8_t parts[2 * PART_MAX], *mid = parts, *end, *at;
	int r;

	if (!p->seen && !(p->seen = calloc(SEEN, sizeof(*p->seen))))
		return -ENOMEM;
	r = put_words(p, name, &mid);
	end = mid;
	if (r == 0 && shown)
		r = put_words(p, shown, &end);
	if (r == 0)
		r = array_reserve(&block->bytes, 2 * LENGTH_MAX + (size_t)(end - parts));
	if (r < 0)
		return r;
	at = block->bytes.items + block->bytes.n;
	at = put_length(at, (size_t)(mid - parts));
	at = put_length(at, (size_t)(end - mid));
	memcpy(at, parts, (size_t)(end - parts));
	block->bytes.n = (size_t)(at - block->bytes.items) + (size_t)(end - parts);
	return 0;
}

void namepool_done(struct namepool *p)
{
	array_free(&p->words);
	hindex_free(&p->by_word);
	free(p->seen);
	*p = (struct namepool){ 0 };
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Stops at @end; NULL when it does not end before that. */
static const uint8_t *get_length(const uint8_t *p, const uint8_t *end, size_t *ret)
{
	*ret = 0;
	for (unsigned i = 0; i < LENGTH_MAX && p < end; i++) {
		*ret |= (size_t)(*p & 0x7f) << 7 * i;
		if (!(*p++ & 0x80))
			return p;
	}
	return NULL;
}

/* Appends the words from @p to @end, which is inside what can be read, to @out, @max at most: their
 * bytes, or SIZE_MAX. */
static size_t get_words(const struct namepool_word *words, size_t n_words, const uint8_t *p,
			const uint8_t *end, size_t max, char *out)
{
	size_t n = 0;

	for (; p < end && max > 0; max--) {
		const void *text;
		size_t i = *p++, len;

		if (i == PLAIN) {
			len = *p++;
			text = p;
			p += len;
			if (len > NAMEPOOL_WORD || p > end)
				return SIZE_MAX;
		} else {
			if (i == THREE) {
				i = p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16;
				p += 3;
			} else if (i >= ONE) {
				i = ONE + (i - ONE) * 256 + *p++;
			}
			if (i >= n_words)
				return SIZE_MAX;
			text = words[i].text;
			len = words[i].n;
		}
		if (len > NAMEPOOL_WORD || n + len >= NAMEPOOL_TEXT_MAX)
			return SIZE_MAX;
		/* The room behind both is there for it. */
		memcpy(out + n, text, sizeof(struct namepool_word));
		n += len;
	}
	out[n] = '\0';
	return p <= end ? n : SIZE_MAX;
}

int namepool_read(const struct namepool_word *words, size_t n_words, const uint8_t *bytes, size_t n,
		  size_t at, enum namepool_want want, struct namepool_name *ret)
{
	const uint8_t *p = bytes + at, *end = bytes + n;
	size_t name_n, shown_n;

	if (at >= n)
		return -EBADMSG;
	p = get_length(p, end, &name_n);
	p = p ? get_length(p, end, &shown_n) : NULL;
	if (!p || name_n > (size_t)(end - p) || shown_n > (size_t)(end - p) - name_n)
		return -EBADMSG;
	ret->n = 0;
	if (want == NAMEPOOL_SHOWN && shown_n > 0)
		ret->n = get_words(words, n_words, p, p + name_n, 1, ret->text);
	if (ret->n == 0 || !is_mangled(ret->text))
		ret->n = get_words(words, n_words, p, p + name_n, SIZE_MAX, ret->text);
	p += name_n;
	ret->shown_n = get_words(words, n_words, p, p + shown_n, SIZE_MAX, ret->shown);
	return ret->n == SIZE_MAX || ret->shown_n == SIZE_MAX ? -EBADMSG : 0;
}
