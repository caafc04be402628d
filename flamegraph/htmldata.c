/* SPDX-License-Identifier: Apache-2.0 */
#include "htmldata.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "calltree.h"
#include "flamegraph.h"
#include "othertypes.h"
#include "profile.h"
#include "shortname.h"
#include "timeline.h"
#include "workers.h"

#define NAME_MAX_BYTES 4096 /* of a name in the page */
#define VARINT_MAX     10
#define MANY_NODES     100000 /* a thread is not worth it for fewer */

/* Strings of the page as they are gathered. */
struct page_strings {
	struct bytebuf blob;
	uint32_t n;
	uint32_t *of;	  /* string of the tree -> its number here, 0 = not yet; "" is 0 anyway */
	uint32_t *shorts; /* string of the tree -> number of its short form, 0 = not yet */
	char *scratch;	  /* for short forms */
};

/* --- bytes ------------------------------------------------------------------------------------ */

static int put_bytes(struct bytebuf *b, const void *s, size_t n)
{
	if (array_reserve(b, n) < 0)
		return -ENOMEM;
	if (n)
		memcpy(b->items + b->n, s, n);
	b->n += n;
	return 0;
}

/* Room must have been reserved. */
static void put_uint_raw(struct bytebuf *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		b->items[b->n++] = (uint8_t)(v | 0x80);
	b->items[b->n++] = (uint8_t)v;
}

static int put_uint(struct bytebuf *b, uint64_t v)
{
	if (array_reserve(b, VARINT_MAX) < 0)
		return -ENOMEM;
	put_uint_raw(b, v);
	return 0;
}

static uint64_t zigzag(int64_t v)
{
	return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static int put_int(struct bytebuf *b, int64_t v)
{
	return put_uint(b, zigzag(v));
}

/* --- strings ---------------------------------------------------------------------------------- */

/* Appends a string: 0 and its number, or -ENOMEM. Long ones are cut between characters, and say so.
 */
static int add_string(struct page_strings *s, const char *text, size_t n, uint32_t *ret)
{
	static const char more[] = "…", nul[] = "\u2400";
	const char *end, *p = text;
	bool cut = n > NAME_MAX_BYTES;
	int r = 0;

	if (n == 0) {
		*ret = 0;
		return 0;
	}
	if (cut)
		for (n = NAME_MAX_BYTES; n > NAME_MAX_BYTES - 4 && (text[n] & 0xc0) == 0x80;)
			n--;
	r = put_bytes(&s->blob, "", 1);
	for (end = text + n; r == 0 && p < end;) {
		const char *z = memchr(p, 0, (size_t)(end - p));
		size_t run = (size_t)((z ? z : end) - p);

		r = put_bytes(&s->blob, p, run);
		p += run;
		if (r == 0 && z) {
			r = put_bytes(&s->blob, nul, sizeof(nul) - 1);
			p++;
		}
	}
	if (r == 0 && cut)
		r = put_bytes(&s->blob, more, sizeof(more) - 1);
	if (r == 0)
		*ret = s->n++;
	return r;
}

static int add_text(struct page_strings *s, const char *text, uint32_t *ret)
{
	return add_string(s, text, strlen(text), ret);
}

static int tree_string(struct page_strings *s, const struct strtab *t, uint32_t id, uint32_t *ret)
{
	int r = 0;

	if (id && !s->of[id])
		r = add_string(s, strtab_get(t, id), strtab_len(t, id), &s->of[id]);
	*ret = s->of[id];
	return r;
}

/* The number of the short form of the tree's string @id, which is number @whole. */
static int short_string(struct page_strings *s, const struct strtab *t, uint32_t id, uint32_t whole,
			uint32_t *ret)
{
	size_t n = strtab_len(t, id), len;
	int r = 0;

	if (!s->shorts[id]) {
		s->shorts[id] = whole;
		len = n <= NAME_MAX_BYTES ? short_name(strtab_get(t, id), n, s->scratch) : n;
		if (len < n)
			r = add_string(s, s->scratch, len, &s->shorts[id]);
	}
	*ret = s->shorts[id];
	return r;
}

/* --- parts ------------------------------------------------------------------------------------ */

static int put_frames(const struct calltree *t, struct page_strings *s, struct bytebuf *b)
{
	const struct strtab *str = t->strings;
	int r = put_uint(b, t->n_frames);

	for (size_t i = 0; i < t->n_frames && r == 0; i++) {
		const struct calltree_frame *f = &t->frames[i];
		uint32_t name = 0, shorter = 0, object = 0, source = 0;

		r = tree_string(s, str, f->name, &name);
		if (r == 0)
			r = short_string(s, str, f->name, name, &shorter);
		if (r == 0)
			r = tree_string(s, str, f->object, &object);
		if (r == 0)
			r = tree_string(s, str, f->source, &source);
		if (r == 0)
			r = array_reserve(b, 6 * VARINT_MAX);
		if (r < 0)
			return r;
		put_uint_raw(b, name);
		put_uint_raw(b, shorter);
		put_uint_raw(b, object);
		put_uint_raw(b, source);
		put_uint_raw(b, f->line);
		put_uint_raw(b, (uint64_t)f->kind);
	}
	return r;
}

static const char *or_else(const char *s, const char *other)
{
	return s && *s ? s : other;
}

static int put_texts(struct bytebuf *b, struct page_strings *s, const char *const *texts, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		uint32_t id = 0;

		r = add_text(s, texts[i], &id);
		if (r == 0)
			r = put_uint(b, id);
	}
	return r;
}

static int put_comments(const struct profile *p, struct page_strings *s, struct bytebuf *b)
{
	int r = put_uint(b, p->comments.n);

	for (size_t i = 0; i < p->comments.n && r == 0; i++) {
		const char *text = strtab_get(&p->strings, p->comments.items[i]);

		r = put_texts(b, s, &text, 1);
	}
	return r;
}

static int put_types(const struct htmldata *d, struct page_strings *s, struct bytebuf *b)
{
	const struct profile *p = d->p;
	size_t n = d->others ? d->others->n : 0;
	int r = put_uint(b, n);

	for (size_t k = 0; k < n && r == 0; k++) {
		const struct othertype *o = &d->others->items[k];
		const struct profile_value_type *vt = &p->sample_types.items[o->type];
		const char *texts[] = { strtab_get(&p->strings, vt->type),
					strtab_get(&p->strings, vt->unit) };

		r = put_texts(b, s, texts, ARRAY_LEN(texts));
		if (r == 0)
			r = array_reserve(b, 3 * VARINT_MAX);
		if (r < 0)
			return r;
		put_uint_raw(b, o->weight);
		put_uint_raw(b, o->mul);
		put_uint_raw(b, o->div);
	}
	return r;
}

static int put_meta(const struct htmldata *d, struct page_strings *s, struct bytebuf *b)
{
	const struct profile *p = d->p;
	struct profile_value_type type = { 0 };
	const char *texts[4], *period[2];
	int r;

	if (d->sample_type < p->sample_types.n)
		type = p->sample_types.items[d->sample_type];
	texts[0] = or_else(d->opts->title, "Flame graph");
	texts[1] = or_else(d->opts->base_title, "base");
	texts[2] = strtab_get(&p->strings, type.type);
	texts[3] = strtab_get(&p->strings, type.unit);
	period[0] = strtab_get(&p->strings, p->period_type.type);
	period[1] = strtab_get(&p->strings, p->period_type.unit);
	r = put_texts(b, s, texts, ARRAY_LEN(texts));
	if (r == 0)
		r = array_reserve(b, 6 * VARINT_MAX);
	if (r < 0)
		return r;
	put_uint_raw(b, d->tree->weight);
	put_uint_raw(b, d->tree->base_weight);
	put_uint_raw(b, d->tree->pruned_stacks);
	put_uint_raw(b, p->time_ns);
	put_uint_raw(b, p->duration_ns);
	put_uint_raw(b, zigzag(p->period));
	r = put_texts(b, s, period, ARRAY_LEN(period));
	if (r == 0)
		r = put_comments(p, s, b);
	return r == 0 ? put_types(d, s, b) : r;
}

/* --- nodes ------------------------------------------------------------------------------------ */

/* How many levels up from the node before the parent of each node is, and the deepest node. */
static int put_levels(const struct calltree *t, struct bytebuf *b)
{
	ARRAY(uint32_t) ends = { 0 }; /* of the nodes that are open, the root's first */
	int r = array_reserve(b, t->n * 5);

	for (uint32_t i = 0; i < t->n && r == 0; i++) {
		uint32_t up = 0;

		for (; ends.n && ends.items[ends.n - 1] <= i; up++)
			ends.n--;
		put_uint_raw(b, up);
		r = array_push(&ends, i + t->nodes[i].size);
	}
	array_free(&ends);
	return r;
}

/* What was pruned below each node: its total without its own and its children's. */
static void rests(const struct calltree *t, const int64_t *total, const int64_t *self, int64_t *ret)
{
	for (uint32_t i = 0; i < t->n; i++) {
		const struct calltree_node *node = &t->nodes[i];
		uint64_t rest = (uint64_t)(total ? total[i] : node->total) -
				(uint64_t)(total ? self[i] : node->self);

		for (uint32_t c = i + 1; c < i + node->size; c += t->nodes[c].size)
			rest -= (uint64_t)(total ? total[c] : t->nodes[c].total);
		ret[i] = (int64_t)rest;
	}
}

static int put_column(struct bytebuf *b, const int64_t *v, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = put_int(b, v[i]);
	return r;
}

static int put_values(const struct calltree *t, bool has_rest, struct bytebuf *b)
{
	int64_t *rest = NULL;
	int r = 0;

	if (array_reserve(b, t->n * 4) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < t->n && r == 0; i++)
		r = put_int(b, t->nodes[i].self);
	if (r == 0 && has_rest) {
		rest = malloc(t->n * sizeof(*rest));
		if (!rest)
			return -ENOMEM;
		rests(t, NULL, NULL, rest);
		r = put_column(b, rest, t->n);
	}
	if (r == 0 && t->base_total) {
		r = put_column(b, t->base_self, t->n);
		if (r == 0 && has_rest) {
			rests(t, t->base_total, t->base_self, rest);
			r = put_column(b, rest, t->n);
		}
	}
	free(rest);
	return r;
}

static int put_nodes(const struct calltree *t, bool has_rest, struct bytebuf *b)
{
	int r = put_uint(b, t->n);

	if (r == 0)
		r = put_uint(b, t->max_depth);
	if (r == 0)
		r = put_levels(t, b);
	if (r == 0)
		r = array_reserve(b, t->n * 5);
	if (r < 0)
		return r;
	for (size_t i = 0; i < t->n; i++)
		put_uint_raw(b, t->nodes[i].frame == CALLTREE_ROOT ? 0 : t->nodes[i].frame);
	return put_values(t, has_rest, b);
}

static int put_other_values(const struct htmldata *d, bool has_rest, struct bytebuf *b)
{
	size_t n = d->others ? d->others->n : 0;
	int r = 0;

	for (size_t k = 0; k < n && r == 0; k++) {
		const struct othertype *o = &d->others->items[k];

		if (o->div)
			continue;
		r = put_column(b, o->self, d->tree->n);
		if (r == 0 && has_rest)
			r = put_column(b, o->rest, d->tree->n);
	}
	return r;
}

static int put_time(const struct timeline *tl, struct bytebuf *b)
{
	uint64_t before = 0;
	int r = put_uint(b, tl->n_starts);

	for (size_t i = 0; i < tl->n_starts && r == 0; i++) {
		r = put_uint(b, tl->starts[i] - before);
		before = tl->starts[i];
	}
	if (r == 0)
		r = put_uint(b, tl->n);
	if (r == 0)
		r = put_uint(b, tl->step);
	before = 0;
	for (size_t i = 0; i < tl->n && r == 0; i++) {
		r = put_uint(b, tl->entries[i].node - before);
		before = tl->entries[i].node;
	}
	for (size_t i = 0; i < tl->n && r == 0; i++)
		r = put_uint(b, tl->entries[i].window * 2 + tl->entries[i].is_cut);
	for (size_t i = 0; i < tl->n && r == 0; i++)
		r = put_int(b, tl->entries[i].value);
	return r;
}

/* --- all of it -------------------------------------------------------------------------------- */

static unsigned int flags_of(const struct htmldata *d)
{
	const struct html_opts *o = d->opts;
	bool is_diff = d->tree->base_total != NULL;

	return (is_diff ? FLAG_DIFF : 0) | (d->time ? FLAG_TIME : 0) |
	       (d->tree->pruned_stacks ? FLAG_REST : 0) | (o->icicle ? FLAG_ICICLE : 0) |
	       (o->by_leaf ? FLAG_BY_LEAF : 0) | (o->by_name || is_diff ? 0 : FLAG_BY_WEIGHT) |
	       (o->as_is ? FLAG_AS_IS : 0);
}

static int strings_init(struct page_strings *s, const struct calltree *t)
{
	*s = (struct page_strings){ .n = 1 };
	s->of = calloc(t->strings->n + 1, sizeof(*s->of));
	s->shorts = calloc(t->strings->n + 1, sizeof(*s->shorts));
	s->scratch = malloc(NAME_MAX_BYTES + 1);
	return s->of && s->shorts && s->scratch ? 0 : -ENOMEM;
}

static int gather_head(const struct htmldata *d, struct page_strings *s, struct bytebuf *head,
		       struct bytebuf *ret)
{
	int r = put_meta(d, s, head);

	if (r == 0)
		r = put_frames(d->tree, s, head);
	if (r == 0)
		r = put_bytes(ret, "wick1", 5);
	if (r == 0)
		r = put_uint(ret, flags_of(d));
	if (r == 0)
		r = put_uint(ret, s->n);
	if (r == 0)
		r = put_uint(ret, s->blob.n);
	if (r == 0)
		r = put_bytes(ret, s->blob.items, s->blob.n);
	return r == 0 ? put_bytes(ret, head->items, head->n) : r;
}

/* All before the nodes. */
static int put_head(const struct htmldata *d, struct bytebuf *ret)
{
	struct bytebuf head = { 0 };
	struct page_strings s;
	int r = strings_init(&s, d->tree);

	if (r == 0)
		r = gather_head(d, &s, &head, ret);
	array_free(&head);
	array_free(&s.blob);
	free(s.of);
	free(s.shorts);
	free(s.scratch);
	return r;
}

/* The nodes and what follows. */
static int put_columns(const struct htmldata *d, struct bytebuf *ret)
{
	int r = put_nodes(d->tree, d->tree->pruned_stacks > 0, ret);

	if (r == 0)
		r = put_other_values(d, d->tree->pruned_stacks > 0, ret);
	return r == 0 && d->time ? put_time(d->time, ret) : r;
}

struct half {
	const struct htmldata *d;
	int (*put)(const struct htmldata *d, struct bytebuf *ret);
	struct bytebuf *ret;
	int result;
};

static void put_half(void *ctx, unsigned i)
{
	struct half *h = (struct half *)ctx + i;

	h->result = h->put(h->d, h->ret);
}

/* Neither half needs anything of the other one. */
static int put_halves(const struct htmldata *d, struct bytebuf *ret)
{
	struct bytebuf columns = { 0 };
	struct half halves[] = { { d, put_head, ret, 0 }, { d, put_columns, &columns, 0 } };
	int r;

	workers_run(ARRAY_LEN(halves), put_half, halves);
	r = halves[0].result < 0 ? halves[0].result : halves[1].result;
	if (r == 0)
		r = put_bytes(ret, columns.items, columns.n);
	array_free(&columns);
	return r;
}

int htmldata_make(const struct htmldata *d, struct bytebuf *ret)
{
	int r;

	if (d->tree->n >= MANY_NODES)
		return put_halves(d, ret);
	r = put_head(d, ret);
	return r == 0 ? put_columns(d, ret) : r;
}
