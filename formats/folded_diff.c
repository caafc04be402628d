/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each line is given to the reader of folded stacks as two: the stack with its second count, and
 * the stack under a root of our own with its first. Samples below that root are those of the base.
 */
#include "folded_diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "cleanup.h"
#include "err.h"
#include "folded.h"
#include "foldedcount.h"
#include "kinds.h"
#include "linereader.h"
#include "profile.h"

#define LINE_MAX_BYTES ((size_t)16 << 20)

/* No line can have it: text has no such character. */
static const char base_leaf[] = ";\001base";

struct doubler {
	struct linereader lines;
	struct err *e;
	int64_t carry[2]; /* what rounding left of either column */
	char *items;	  /* the two lines, to be given */
	size_t n, cap, pos;
};

static size_t trimmed(const char *s, size_t n)
{
	while (n && strchr(" \t\r", s[n - 1]) && s[n - 1])
		n--;
	return n;
}

/* The parts of a line. */
struct parts {
	size_t stack; /* length */
	int64_t base, new;
};

/* 0 and *@ret; -EINVAL when there are not two counts; -ERANGE when one is too large. */
static int split(const char *s, size_t n, int64_t carry[2], struct parts *ret)
{
	int r = folded_take_count(s, &n, &carry[1], &ret->new);

	if (r < 0)
		return r;
	n = trimmed(s, n);
	r = folded_take_count(s, &n, &carry[0], &ret->base);
	ret->stack = trimmed(s, n);
	return r < 0 ? r : ret->stack ? 0 : -EINVAL;
}

bool folded_diff_sniff(const char *s, size_t n)
{
	const char *end = s + n;
	int64_t carry[2] = { 0 };
	bool any = false;
	struct parts parts;

	while (s < end) {
		const char *stop = memchr(s, '\n', (size_t)(end - s));
		size_t len = trimmed(s, (size_t)((stop ? stop : end) - s));

		if (!stop && any)
			return true; /* the rest of it is still to be read */
		if (len && *s != '#') {
			any = split(s, len, carry, &parts) == 0;
			if (!any)
				return false;
		}
		s = stop ? stop + 1 : end;
	}
	return any;
}

static int put(struct doubler *d, const char *s, size_t n)
{
	if (array_reserve(d, n) < 0)
		return -ENOMEM;
	if (n)
		memcpy(d->items + d->n, s, n);
	d->n += n;
	return 0;
}

/* The stack with what is below it, and a count, which is not negative. */
static int put_line(struct doubler *d, const char *s, size_t n, const char *leaf, int64_t count)
{
	char text[24], *end = text + sizeof(text), *at = end;

	*--at = '\n';
	do
		*--at = (char)('0' + count % 10);
	while ((count /= 10) > 0);
	*--at = ' ';
	return put(d, s, n) < 0 || put(d, leaf, strlen(leaf)) < 0 ||
			       put(d, at, (size_t)(end - at)) < 0
		       ? -ENOMEM
		       : 0;
}

/* The next line as two: 1, 0 at the end, or -errno. */
static int refill(struct doubler *d)
{
	struct parts p = { 0 };
	const char *s = NULL;
	size_t n = 0;
	int r;

	do {
		r = linereader_next(&d->lines, &s, &n, d->e);
		if (r <= 0)
			return r;
		n = trimmed(s, n);
	} while (n == 0 || *s == '#');
	r = split(s, n, d->carry, &p);
	if (r < 0)
		return err_set(d->e, -EBADMSG,
			       r == -ERANGE ? "a count in line %zu is too large"
					    : "line %zu does not end in two numbers, as the lines "
					      "before it do",
			       d->lines.line_no);
	d->n = d->pos = 0;
	r = put_line(d, s, p.stack, "", p.new);
	if (r == 0)
		r = put_line(d, s, p.stack, base_leaf, p.base);
	return r < 0 ? r : 1;
}

static ssize_t give(void *ctx, void *buf, size_t n)
{
	struct doubler *d = ctx;

	if (d->pos == d->n) {
		int r = refill(d);

		if (r <= 0)
			return r;
	}
	if (n > d->n - d->pos)
		n = d->n - d->pos;
	memcpy(buf, d->items + d->pos, n);
	d->pos += n;
	return (ssize_t)n;
}

/* --- telling the two apart -------------------------------------------------------------------- */

static bool is_base(const struct profile *p, const struct profile_sample *s)
{
	const struct profile_location *l;
	const struct profile_line *line;

	if (!s->loc_n)
		return false;
	l = &p->locations.items[p->stacks.items[s->loc_first]];
	line = &p->lines.items[l->line_first];
	return strcmp(strtab_get(&p->strings, p->functions.items[line->function].name),
		      base_leaf + 1) == 0;
}

/* Marks the samples of the base, and takes their leaf away. The reader gives no labels. */
static int mark_samples(struct profile *p)
{
	struct profile_label base;
	int r = kinds_label(p, 1, &base);

	if (r < 0)
		return r;
	p->labels.n = 0;
	if (array_push(&p->labels, base) < 0)
		return -ENOMEM;
	array_each(&p->samples, s)
		if (is_base(p, s)) {
			s->loc_first++;
			s->loc_n--;
			/* Each needs a label of its own, which is taken away in its place. */
			s->label_first = (uint32_t)p->labels.n;
			s->label_n = 1;
			if (array_push(&p->labels, base) < 0)
				return -ENOMEM;
		}
	return 0;
}

static int split_types(struct profile **p)
{
	static const uint32_t column[] = { 1, 0 };
	struct profile_value_type types[2] = { 0 };
	int r = mark_samples(*p);

	if (r == 0)
		r = strtab_adds(&(*p)->strings, "base", &types[0].type);
	if (r == 0)
		r = strtab_adds(&(*p)->strings, "samples", &types[1].type);
	if (r == 0)
		r = strtab_adds(&(*p)->strings, "count", &types[0].unit);
	types[1].unit = types[0].unit;
	(*p)->default_sample_type = types[1].type;
	return r < 0 ? r : kinds_spread(p, column, types, 2);
}

int folded_diff_read(const struct source *in, struct profile **ret, struct err *e)
{
	struct doubler d = { .lines = linereader_of(in, LINE_MAX_BYTES), .e = e };
	struct source doubled = { .read = give, .ctx = &d };
	_cleanup_(profile_freep) struct profile *p = NULL;
	int r = folded_read(&doubled, &p, e);

	if (r == 0)
		r = split_types(&p);
	linereader_done(&d.lines);
	free(d.items);
	if (r == 0)
		*ret = take_ptr(p);
	return r;
}
