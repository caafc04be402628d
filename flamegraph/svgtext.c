/* SPDX-License-Identifier: Apache-2.0 */
#include "svgtext.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "outfile.h"
#include "termtext.h"
#include "utf8.h"

static const char replacement[] = "\xef\xbf\xbd";
static const char ellipsis[] = "…";

static uint32_t code_point(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;
	uint32_t c = len == 1 ? s[0] : s[0] & (0x7fu >> len);

	for (size_t i = 1; i < len; i++)
		c = c << 6 | (s[i] & 0x3f);
	return c;
}

static bool is_in_xml(uint32_t c)
{
	return c >= ' ' && c != 0xfffe && c != 0xffff;
}

/* Accents stay with the letter before them. */
static bool is_accent(uint32_t c)
{
	return c >= 0x300 && c <= 0x36f && c != 0x34f;
}

static int add(struct clean *to, const char *s, size_t n)
{
	if (array_reserve(&to->text, n) < 0)
		return -ENOMEM;
	memcpy(to->text.items + to->text.n, s, n);
	to->text.n += n;
	return 0;
}

/* Adds the character of @len bytes at @s. */
static int add_odd(struct clean *to, const char *s, size_t len)
{
	uint32_t c = code_point(s, len);
	char buf[16];
	int n;

	if (!is_in_xml(c) && c != '\t' && c != '\n' && c != '\r')
		return add(to, replacement, strlen(replacement));
	/* A terminal would show it byte by byte. */
	if (is_accent(c) || (len > 1 && term_columns(s, len) <= 2))
		return add(to, s, len);
	n = snprintf(buf, sizeof(buf), "\\u%04x", c);
	return add(to, buf, (size_t)n);
}

static bool is_plain(char c)
{
	return c >= ' ' && c < 0x7f;
}

static int clean_part(struct clean *to, const char *s, size_t n)
{
	int r = 0;

	while (n && r == 0) {
		size_t run = 0, bad;

		while (run < n && is_plain(s[run]))
			run++;
		r = run ? add(to, s, run) : 0;
		s += run;
		n -= run;
		if (!n || r < 0)
			break;
		run = utf8_length(s, n, &bad);
		r = run ? add_odd(to, s, run) : add(to, replacement, strlen(replacement));
		run = run ? run : bad;
		s += run;
		n -= run;
	}
	return r;
}

int svg_clean(struct clean *to, const char *s, size_t n)
{
	size_t half = SVG_NAME_MAX / 2;
	int r;

	to->text.n = 0;
	if (n <= SVG_NAME_MAX)
		return clean_part(to, s, n);
	r = clean_part(to, s, half);
	if (r == 0)
		r = add(to, ellipsis, strlen(ellipsis));
	return r < 0 ? r : clean_part(to, s + n - half, half);
}

void svg_clean_done(struct clean *c)
{
	array_free(&c->text);
}

/* --- width ------------------------------------------------------------------------------------ */

static size_t char_length(const char *s)
{
	unsigned char c = (unsigned char)*s;

	return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* The bytes at the beginning of @s that are not more than @columns wide; accents cost nothing. */
static size_t bytes_within(const char *s, size_t n, size_t columns)
{
	size_t i = 0, used = 0;

	while (i < n) {
		size_t len = char_length(s + i), width = 1;

		if (len > 1)
			width = is_accent(code_point(s + i, len)) ? 0 : term_columns(s + i, len);
		if (used + width > columns)
			break;
		used += width;
		i += len;
	}
	return i;
}

/* The bytes at the end of @s, likewise. */
static size_t bytes_within_end(const char *s, size_t n, size_t columns)
{
	size_t from = n;

	while (from) {
		size_t at = from - 1;

		while (at && ((unsigned char)s[at] & 0xc0) == 0x80)
			at--;
		if (bytes_within(s + at, n - at, columns) < n - at)
			break;
		from = at;
	}
	return n - from;
}

size_t svg_fit(const char *s, size_t n, size_t columns, char *buf)
{
	size_t tail, head, k;

	if (bytes_within(s, n, columns) == n) {
		memcpy(buf, s, n);
		return n;
	}
	if (columns < 3)
		return 0;
	tail = columns < 8 ? 0 : (columns - 1) * 3 / 5;
	head = bytes_within(s, n, columns - 1 - tail);
	tail = bytes_within_end(s, n, tail);
	memcpy(buf, s, head);
	k = strlen(ellipsis);
	memcpy(buf + head, ellipsis, k);
	memcpy(buf + head + k, s + n - tail, tail);
	return head + k + tail;
}

/* --- writing ---------------------------------------------------------------------------------- */

void svg_put(struct outfile *out, const char *s, size_t n)
{
	if (n)
		outfile_write(out, s, n);
}

void svg_puts(struct outfile *out, const char *s)
{
	outfile_write(out, s, strlen(s));
}

void svg_putf(struct outfile *out, const char *fmt, ...)
{
	char buf[1024]; /* numbers and what is constant: never foreign text */
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	if (n > 0)
		outfile_write(out, buf, (size_t)n < sizeof(buf) ? (size_t)n : sizeof(buf) - 1);
}

void svg_put_escaped(struct outfile *out, const char *s, size_t n)
{
	size_t run = 0;

	for (size_t i = 0; i < n; i++) {
		const char *as = s[i] == '<'	? "&lt;"
				 : s[i] == '>'	? "&gt;"
				 : s[i] == '&'	? "&amp;"
				 : s[i] == '"'	? "&quot;"
				 : s[i] == '\'' ? "&#39;"
						: NULL;

		if (!as)
			continue;
		svg_put(out, s + run, i - run);
		svg_puts(out, as);
		run = i + 1;
	}
	svg_put(out, s + run, n - run);
}

int svg_put_foreign(struct outfile *out, const char *s)
{
	struct clean c = { 0 };
	int r = svg_clean(&c, s, strlen(s));

	if (r == 0)
		svg_put_escaped(out, c.text.items, c.text.n);
	svg_clean_done(&c);
	return r;
}
