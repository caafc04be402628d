/* SPDX-License-Identifier: Apache-2.0 */
#include "addrreader.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static inline int digit(char c)
{
	static const uint8_t plus_1[256] = {
		['0'] = 1,  ['1'] = 2,	['2'] = 3,  ['3'] = 4,	['4'] = 5,  ['5'] = 6,
		['6'] = 7,  ['7'] = 8,	['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
		['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
		['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
	};

	return plus_1[(unsigned char)c] - 1;
}

static bool is_space(char c)
{
	return isspace((unsigned char)c);
}

int addr_parse(const char *s, size_t n, uint64_t *ret)
{
	uint64_t v = 0;

	for (; n && is_space(*s); s++)
		n--;
	while (n && is_space(s[n - 1]))
		n--;
	if (n > 2 && s[0] == '0' && (s[1] | 0x20) == 'x') {
		s += 2;
		n -= 2;
	}
	if (n == 0)
		return -EINVAL;
	for (; n; s++, n--) {
		int d = digit(*s);

		if (d < 0 || v >> 60)
			return -EINVAL;
		v = v << 4 | (unsigned)d;
	}
	*ret = v;
	return 0;
}

uint64_t addr_guess(const char *s)
{
	const char *first = s[0] == '0' && (s[1] | 0x20) == 'x' ? s + 2 : s, *p = first;
	uint64_t v = 0;

	/* strtoull() takes as long as all the rest of the reading. */
	for (int d; p - first < 16 && (d = digit(*p)) >= 0; p++)
		v = v << 4 | (unsigned)d;
	return p > first && p - first < 16 ? v : strtoull(s, NULL, 16);
}

void addr_batch_done(struct addr_batch *b)
{
	array_free(&b->addrs);
	array_free(&b->wrong);
	array_free(&b->texts);
}

void addr_reader_done(struct addr_reader *r)
{
	free(r->buf);
	r->buf = NULL;
}

static int add_wrong(struct addr_batch *b, const char *s, size_t n)
{
	struct addr_wrong w = { .i = b->addrs.n, .text = b->texts.n };

	w.n = n < ADDR_WRONG_MAX ? n : ADDR_WRONG_MAX;
	if (array_reserve(&b->texts, w.n) < 0 || array_push(&b->wrong, w) < 0)
		return -ENOMEM;
	memcpy(b->texts.items + b->texts.n, s, w.n);
	b->texts.n += w.n;
	return array_push(&b->addrs, 0);
}

static bool is_blank(const char *s, size_t n)
{
	while (n && is_space(s[n - 1]))
		n--;
	return n == 0;
}

/* One line of @n bytes, behind which a byte can be written. */
static int add_line(struct addr_reader *r, char *s, size_t n, struct addr_batch *b)
{
	uint64_t addr;

	if (r->in_long_line) { /* its begin was answered */
		r->in_long_line = false;
		return 0;
	}
	if (r->guess) {
		s[n] = '\0';
		return array_push(&b->addrs, addr_guess(s));
	}
	if (is_blank(s, n))
		return 0;
	if (addr_parse(s, n, &addr) < 0)
		return add_wrong(b, s, n);
	return array_push(&b->addrs, addr);
}

/* The newline behind the number at @line, NULL when there is another thing: nearly all lines are this. */
static char *plain_line(char *line, const char *end, uint64_t *ret)
{
	char *first, *p;
	uint64_t v = 0;

	if (end - line > 2 && line[0] == '0' && (line[1] | 0x20) == 'x')
		line += 2;
	first = p = line;
	for (int d; p < end && (d = digit(*p)) >= 0; p++)
		v = v << 4 | (unsigned)d;
	*ret = v;
	return p > first && p - first <= 16 && p < end && *p == '\n' ? p : NULL;
}

/* Takes the lines that are whole. */
static int add_lines(struct addr_reader *r, struct addr_batch *b)
{
	while (b->addrs.n < ADDR_BATCH_MAX) {
		char *line = r->buf + r->pos, *end;
		uint64_t addr;
		int res;

		end = r->in_long_line ? NULL : plain_line(line, r->buf + r->n, &addr);
		if (end) {
			res = array_push(&b->addrs, addr);
		} else {
			end = memchr(line, '\n', r->n - r->pos);
			if (!end)
				return 0;
			res = add_line(r, line, (size_t)(end - line), b);
		}
		if (res < 0)
			return res;
		r->pos += (size_t)(end - line) + 1;
	}
	return 0;
}

/* The bytes behind the last newline, when no more will come. */
static int add_last(struct addr_reader *r, struct addr_batch *b)
{
	size_t n = r->n - r->pos;
	int res = n ? add_line(r, r->buf + r->pos, n, b) : 0;

	r->pos = r->n;
	return res;
}

/* Makes room behind a line that has begun; one that fills the buffer is given up. */
static int make_room(struct addr_reader *r, struct addr_batch *b)
{
	int res = 0;

	memmove(r->buf, r->buf + r->pos, r->n - r->pos);
	r->n -= r->pos;
	r->pos = 0;
	if (r->n < ADDR_LINE_MAX)
		return 0;
	if (!r->in_long_line)
		res = r->guess ? add_line(r, r->buf, r->n, b) : add_wrong(b, r->buf, r->n);
	r->in_long_line = true;
	r->n = 0;
	return res;
}

static int fill(struct addr_reader *r)
{
	ssize_t n;

	do
		n = read(r->fd, r->buf + r->n, ADDR_LINE_MAX - r->n);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	r->n += (size_t)n;
	r->at_end = n == 0;
	return 0;
}

static bool would_block(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

int addr_reader_next(struct addr_reader *r, struct addr_batch *ret)
{
	int res = 0;

	ret->addrs.n = ret->wrong.n = ret->texts.n = 0;
	if (!r->buf) {
		r->buf = malloc(ADDR_LINE_MAX + 1);
		if (!r->buf)
			return -ENOMEM;
	}
	for (;;) {
		res = add_lines(r, ret);
		if (res < 0 || ret->addrs.n >= ADDR_BATCH_MAX)
			break;
		if (r->at_end) {
			res = add_last(r, ret);
			break;
		}
		if (ret->addrs.n && would_block(r->fd))
			break;
		res = make_room(r, ret);
		if (res == 0)
			res = fill(r);
		if (res < 0)
			break;
	}
	return res < 0 ? res : ret->addrs.n > 0;
}
