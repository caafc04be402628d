/* SPDX-License-Identifier: Apache-2.0 */
#include "jsontext.h"

#include <stdbool.h>
#include <stdint.h>

#include "termtext.h"
#include "utf8.h"

static void put_unit(FILE *out, uint32_t unit)
{
	fprintf(out, "\\u%04x", unit);
}

static uint32_t code_point(const unsigned char *s, size_t len)
{
	uint32_t c = len == 1 ? s[0] : s[0] & (0x7fu >> len);

	for (size_t i = 1; i < len; i++)
		c = c << 6 | (s[i] & 0x3f);
	return c;
}

/* Characters past U+FFFF are two units. */
static void put_escaped(FILE *out, uint32_t c)
{
	if (c < 0x10000) {
		put_unit(out, c);
		return;
	}
	c -= 0x10000;
	put_unit(out, 0xd800 | c >> 10);
	put_unit(out, 0xdc00 | (c & 0x3ff));
}

/* Writes what cannot stand for itself at @s, or is not ASCII; the bytes used. */
static size_t put_odd(FILE *out, const char *s, size_t n)
{
	size_t bad, len = utf8_length(s, n, &bad);

	if (!len) {
		put_unit(out, 0xfffd);
		return bad;
	}
	if (*s == '"' || *s == '\\') {
		putc_unlocked('\\', out);
		putc_unlocked(*s, out);
	} else if (*s == '\n' || *s == '\t') {
		putc_unlocked('\\', out);
		putc_unlocked(*s == '\n' ? 'n' : 't', out);
	} else if (len == 1 || term_columns(s, len) > 2) { /* a terminal would show it as \xNN */
		put_escaped(out, code_point((const unsigned char *)s, len));
	} else {
		fwrite_unlocked(s, 1, len, out);
	}
	return len;
}

static bool is_plain(char c)
{
	return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
}

void json_write_string(FILE *out, const char *s, size_t n)
{
	putc_unlocked('"', out);
	while (n) {
		size_t run = 0;

		while (run < n && is_plain(s[run]))
			run++;
		fwrite_unlocked(s, 1, run, out);
		s += run;
		n -= run;
		if (n) {
			run = put_odd(out, s, n);
			s += run;
			n -= run;
		}
	}
	putc_unlocked('"', out);
}
