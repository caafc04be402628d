/* SPDX-License-Identifier: Apache-2.0 */
#include "termtext.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "array.h"

/* A base character carries at most this many combining ones: a stack of hundreds would cover the
 * lines above it. */
#define MAX_COMBINING  2
#define ESCAPE_COLUMNS 4 /* of one byte as \xNN */

struct range {
	uint32_t first, last;
};

/* Shows nothing, or changes how the text around it is shown: C1 controls, soft hyphen, marks and
 * overrides of direction, joiners, separators, variation selectors, tags, private planes. */
static const struct range harmful[] = {
	{ 0x0080, 0x009f },   { 0x00ad, 0x00ad },   { 0x034f, 0x034f },	   { 0x061c, 0x061c },
	{ 0x115f, 0x1160 },   { 0x17b4, 0x17b5 },   { 0x180b, 0x180f },	   { 0x200b, 0x200f },
	{ 0x2028, 0x202e },   { 0x2060, 0x206f },   { 0x3164, 0x3164 },	   { 0xfe00, 0xfe0f },
	{ 0xfeff, 0xfeff },   { 0xffa0, 0xffa0 },   { 0xfff0, 0xfffb },	   { 0xfffe, 0xffff },
	{ 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, { 0xe0000, 0x10ffff },
};

/* Drawn over the character before. */
static const struct range combining[] = {
	{ 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd }, { 0x0610, 0x061a },
	{ 0x064b, 0x065f }, { 0x0e34, 0x0e3a }, { 0x0e47, 0x0e4e }, { 0x1ab0, 0x1aff },
	{ 0x1dc0, 0x1dff }, { 0x20d0, 0x20ff }, { 0x302a, 0x302f }, { 0x3099, 0x309a },
	{ 0xfe20, 0xfe2f },
};

/* Two columns: Hangul syllables, CJK, full-width forms, emoji. */
static const struct range wide[] = {
	{ 0x1100, 0x115e },   { 0x231a, 0x231b },   { 0x2329, 0x232a },	  { 0x23e9, 0x23ec },
	{ 0x23f0, 0x23f0 },   { 0x23f3, 0x23f3 },   { 0x25fd, 0x25fe },	  { 0x2614, 0x2615 },
	{ 0x2648, 0x2653 },   { 0x267f, 0x267f },   { 0x2693, 0x2693 },	  { 0x26a1, 0x26a1 },
	{ 0x26aa, 0x26ab },   { 0x26bd, 0x26be },   { 0x26c4, 0x26c5 },	  { 0x26ce, 0x26ce },
	{ 0x26d4, 0x26d4 },   { 0x26ea, 0x26ea },   { 0x26f2, 0x26f3 },	  { 0x26f5, 0x26f5 },
	{ 0x26fa, 0x26fa },   { 0x26fd, 0x26fd },   { 0x2705, 0x2705 },	  { 0x270a, 0x270b },
	{ 0x2728, 0x2728 },   { 0x274c, 0x274c },   { 0x274e, 0x274e },	  { 0x2753, 0x2755 },
	{ 0x2757, 0x2757 },   { 0x2795, 0x2797 },   { 0x27b0, 0x27b0 },	  { 0x27bf, 0x27bf },
	{ 0x2b1b, 0x2b1c },   { 0x2b50, 0x2b50 },   { 0x2b55, 0x2b55 },	  { 0x2e80, 0x303e },
	{ 0x3041, 0xa4cf },   { 0xa960, 0xa97c },   { 0xac00, 0xd7a3 },	  { 0xf900, 0xfaff },
	{ 0xfe10, 0xfe19 },   { 0xfe30, 0xfe6b },   { 0xff01, 0xff60 },	  { 0xffe0, 0xffe6 },
	{ 0x16fe0, 0x18cff }, { 0x1aff0, 0x1b2ff }, { 0x1f004, 0x1f004 }, { 0x1f0cf, 0x1f0cf },
	{ 0x1f18e, 0x1f18e }, { 0x1f191, 0x1f19a }, { 0x1f200, 0x1f64f }, { 0x1f680, 0x1f6ff },
	{ 0x1f7e0, 0x1f7f0 }, { 0x1f900, 0x1faff }, { 0x20000, 0x3fffd },
};

static bool in_ranges(const struct range *r, size_t n, uint32_t c)
{
	size_t lo = 0;

	while (lo < n) {
		size_t mid = lo + (n - lo) / 2;

		if (c < r[mid].first)
			n = mid;
		else if (c > r[mid].last)
			lo = mid + 1;
		else
			return true;
	}
	return false;
}

/* Decodes one character of well-formed UTF-8 (shortest form, no surrogates): its length, or 0. */
static size_t utf8_decode(const unsigned char *s, size_t n, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	uint32_t c;

	if (len == 0 || len > n || s[0] > 0xf4)
		return 0;
	c = len == 1 ? s[0] : s[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return len;
}

/* What is shown as a whole or not at all: a character with its combining ones, or an escape. */
struct cell {
	size_t bytes;	/* of the text */
	size_t columns; /* on the terminal */
	bool escaped;
};

static struct cell escaped_cell(size_t bytes)
{
	return (struct cell){ .bytes = bytes, .columns = bytes * ESCAPE_COLUMNS, .escaped = true };
}

static struct cell next_cell(const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text;
	struct cell cell = { 0 };
	uint32_t c;

	cell.bytes = utf8_decode(s, n, &c);
	if (cell.bytes == 0)
		return escaped_cell(1);
	/* A combining character that has no base or follows too many others counts as harmful. */
	if (c < ' ' || c == 0x7f || in_ranges(harmful, ARRAY_LEN(harmful), c) ||
	    in_ranges(combining, ARRAY_LEN(combining), c))
		return escaped_cell(cell.bytes);
	cell.columns = in_ranges(wide, ARRAY_LEN(wide), c) ? 2 : 1;
	for (int i = 0; i < MAX_COMBINING && cell.bytes < n; i++) {
		size_t len =
			s[cell.bytes] < 0x80 ? 0 : utf8_decode(s + cell.bytes, n - cell.bytes, &c);

		if (len == 0 || !in_ranges(combining, ARRAY_LEN(combining), c))
			break;
		cell.bytes += len;
	}
	return cell;
}

static void put_cell(FILE *out, const char *s, const struct cell *cell)
{
	if (!cell->escaped) {
		fwrite(s, 1, cell->bytes, out);
		return;
	}
	for (size_t i = 0; i < cell->bytes; i++)
		fprintf(out, "\\x%02x", (unsigned char)s[i]);
}

void term_make_plain(char *s)
{
	size_t n = strlen(s);

	while (n) {
		struct cell cell = next_cell(s, n);

		if (cell.escaped)
			memset(s, '?', cell.bytes);
		s += cell.bytes;
		n -= cell.bytes;
	}
}

size_t term_columns(const char *s, size_t n)
{
	size_t columns = 0;

	for (size_t i = 0; i < n;) {
		struct cell cell = next_cell(s + i, n - i);

		i += cell.bytes;
		columns += cell.columns;
	}
	return columns;
}

size_t term_write(FILE *out, const char *s, size_t n, size_t columns, enum term_elide elide)
{
	size_t total = term_columns(s, n), head = total, tail = 0, at = 0, used = 0;
	bool elided = false;

	if (columns == 0)
		return 0;
	if (total > columns) {
		tail = elide == TERM_ELIDE_MIDDLE ? (columns - 1) * 2 / 5 : 0;
		head = columns - 1 - tail;
	}
	/* `at` counts columns of the whole text, `used` those written. */
	for (size_t i = 0; i < n;) {
		struct cell cell = next_cell(s + i, n - i);
		bool in_head = !elided && at + cell.columns <= head;

		if (!in_head && !elided) {
			elided = true;
			used += 1;
			fputs("…", out);
		}
		if (in_head || total - at <= tail) {
			put_cell(out, s + i, &cell);
			used += cell.columns;
		}
		at += cell.columns;
		i += cell.bytes;
	}
	return used;
}

void term_wrap(FILE *out, const char *s, size_t at, size_t columns, size_t indent)
{
	bool line_begins = true;

	if (columns < indent + 8)
		columns = indent + 8; /* room for something, however narrow the terminal */
	for (s += strspn(s, " "); *s; s += strspn(s, " ")) {
		size_t len = strcspn(s, " ");

		if (!line_begins && at + 1 + term_columns(s, len) > columns) {
			fprintf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (!line_begins) {
			fputc(' ', out);
			at++;
		}
		at += term_write(out, s, len, columns - at, TERM_ELIDE_MIDDLE);
		line_begins = false;
		s += len;
	}
	fputc('\n', out);
}
