/* SPDX-License-Identifier: Apache-2.0 */
#include "perfmap.h"

#include <errno.h>
#include <string.h>

#include "bytes.h"

/* Two numbers as long as 64 bits can be written, with room for zeros and blanks; then the name. */
#define LINE_KEPT (128 + PERFMAP_NAME_MAX)

int perfmap_start(struct perfmap *p)
{
	*p = (struct perfmap){ 0 };
	return strtab_init(&p->names);
}

void perfmap_done(struct perfmap *p)
{
	codemap_done(&p->code);
	strtab_done(&p->names);
	array_free(&p->line);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A hexadecimal number that ends with a blank, and the blanks around it. */
static int parse_hex(struct bytes *b, uint64_t *ret)
{
	const char *p = (const char *)b->p + b->pos, *end = (const char *)b->p + b->n, *first;
	uint64_t v = 0;

	while (p < end && is_blank(*p))
		p++;
	if (end - p > 2 && p[0] == '0' && (p[1] | 0x20) == 'x')
		p += 2;
	for (first = p; p < end && digit_of(*p) >= 0; p++) {
		if (v >> 60)
			return -EBADMSG;
		v = v << 4 | (uint64_t)digit_of(*p);
	}
	if (p == first || p == end || !is_blank(*p))
		return -EBADMSG;
	while (p < end && is_blank(*p))
		p++;
	*ret = v;
	return bytes_seek(b, (uint64_t)(p - (const char *)b->p));
}

struct line {
	uint64_t start, size;
	const char *name;
	size_t name_n;
};

static int parse_line(const char *text, size_t n, struct line *ret)
{
	struct bytes b = bytes_of(text, n);
	struct line l;
	int r;

	if ((r = parse_hex(&b, &l.start)) < 0 || (r = parse_hex(&b, &l.size)) < 0)
		return r;
	l.name = text + b.pos;
	l.name_n = n - b.pos;
	while (l.name_n && is_blank(l.name[l.name_n - 1]))
		l.name_n--;
	if (!l.size || l.size > UINT64_MAX - l.start || !l.name_n || memchr(l.name, 0, l.name_n))
		return -EBADMSG;
	if (l.name_n > PERFMAP_NAME_MAX) /* not inside of a UTF-8 sequence */
		for (l.name_n = PERFMAP_NAME_MAX; l.name_n && (l.name[l.name_n] & 0xc0) == 0x80;)
			l.name_n--;
	*ret = l;
	return 0;
}

static bool is_empty(const char *text, size_t n)
{
	while (n && is_blank(text[n - 1]))
		n--;
	return n == 0;
}

static int add_line(struct perfmap *p, const char *text, size_t n)
{
	struct line l;
	uint32_t name;
	int r;

	if (is_empty(text, n))
		return 0;
	if (parse_line(text, n, &l) < 0) {
		p->n_bad++;
		return 0;
	}
	if (p->n_lines >= PERFMAP_LINES_MAX || p->names.n_bytes + l.name_n >= PERFMAP_NAMES_MAX) {
		p->n_over++;
		return 0;
	}
	r = strtab_add(&p->names, l.name, l.name_n, &name);
	if (r == 0)
		r = codemap_put(&p->code, l.start, l.start + l.size, name);
	p->n_lines += r == 0;
	return r;
}

/* Collects what a line begins with. */
static int add_to_line(struct perfmap *p, const char *text, size_t n)
{
	size_t room = LINE_KEPT - p->line.n;

	n = n < room ? n : room;
	if (n == 0)
		return 0;
	if (array_reserve(&p->line, n) < 0)
		return -ENOMEM;
	memcpy(p->line.items + p->line.n, text, n);
	p->line.n += n;
	return 0;
}

int perfmap_feed(struct perfmap *p, const char *text, size_t n)
{
	while (n > 0) {
		const char *nl = memchr(text, '\n', n);
		size_t len = nl ? (size_t)(nl - text) : n;
		int r = 0;

		if (p->line.n || !nl)
			r = add_to_line(p, text, len);
		if (r == 0 && nl) {
			if (p->line.n)
				r = add_line(p, p->line.items, p->line.n);
			else
				r = add_line(p, text, len < LINE_KEPT ? len : LINE_KEPT);
			p->line.n = 0;
		}
		if (r < 0)
			return r;
		len += nl ? 1 : 0;
		text += len;
		n -= len;
	}
	return 0;
}

int perfmap_finish(struct perfmap *p)
{
	size_t bad = p->n_bad;
	int r = add_line(p, p->line.items, p->line.n);

	p->n_bad = bad; /* it is not over yet */
	return r;
}

uint32_t perfmap_find(const struct perfmap *p, uint64_t addr)
{
	uint32_t name;

	return codemap_find(&p->code, addr, &name) ? name : 0;
}

size_t perfmap_bytes(const struct perfmap *p)
{
	return codemap_bytes(&p->code) + p->names.cap_bytes +
	       p->names.cap * sizeof(*p->names.ents) +
	       (p->names.index.slots ? p->names.index.mask + 1 : 0) * sizeof(struct hindex_slot) +
	       p->line.cap;
}
