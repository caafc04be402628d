/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A profile may hold a million samples of fifty frames, so a frame costs two array accesses here
 * and no hash: the functions of each location are found once, before, and kept as a list of
 * numbers; a function remembers the last sample that counted it, which makes recursion count once.
 */
#include "functable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "hash.h"
#include "hindex.h"
#include "profile.h"
#include "saturate.h"

#define NO_SAMPLE UINT32_MAX
#define NO_STACK  0 /* number of the function that stands for it */

struct builder {
	const struct profile *p;
	struct hindex index; /* of funcs */
	ARRAY(struct func) funcs;
	/* Functions of location i, innermost first: lists[starts[i]] up to lists[starts[i + 1]]. */
	ARRAY(uint32_t) lists;
	uint32_t *starts;
	/* Of each function. Apart from struct func: the walk over the samples touches nothing else,
	 * and these stay in the cache longer. */
	int64_t *flat, *cum;
	uint32_t *stamps; /* the last sample that counted it */
};

static int find_or_add(struct builder *b, const struct func *f, uint32_t *ret)
{
	uint64_t hash =
		hash_add(hash_add(hash_u64(f->kind), (uint64_t)f->name << 32 | f->file), f->off);

	hindex_each(&b->index, hash, i) {
		const struct func *have = &b->funcs.items[i];

		if (have->kind == f->kind && have->name == f->name && have->file == f->file &&
		    have->off == f->off) {
			*ret = i;
			return 0;
		}
	}
	if (array_push(&b->funcs, *f) < 0)
		return -ENOMEM;
	*ret = (uint32_t)(b->funcs.n - 1);
	return hindex_add(&b->index, hash, *ret);
}

static int push_func(struct builder *b, const struct func *f)
{
	uint32_t i;

	if (find_or_add(b, f, &i) < 0)
		return -ENOMEM;
	return array_push(&b->lists, i);
}

/* A location that has no named line is a place of its own. */
static int push_place(struct builder *b, const struct profile_location *l)
{
	struct func f = { .kind = FUNC_UNKNOWN };

	if (l->mapping != PROFILE_NONE) {
		const struct profile_mapping *m = &b->p->mappings.items[l->mapping];

		f = (struct func){
			.kind = FUNC_OFFSET,
			.file = m->file,
			.off = l->address - m->start + m->file_offset,
		};
	}
	return push_func(b, &f);
}

static int list_location(struct builder *b, const struct profile_location *l)
{
	uint32_t file = l->mapping == PROFILE_NONE ? 0 : b->p->mappings.items[l->mapping].file;
	size_t before = b->lists.n;

	for (uint32_t i = 0; i < l->line_n; i++) {
		const struct profile_line *line = &b->p->lines.items[l->line_first + i];
		const struct profile_function *fn = &b->p->functions.items[line->function];
		struct func f = { .kind = FUNC_NAMED, .file = file };

		f.name = fn->name ? fn->name : fn->system_name;
		if (f.name && push_func(b, &f) < 0)
			return -ENOMEM;
	}
	return b->lists.n > before ? 0 : push_place(b, l);
}

static int list_locations(struct builder *b)
{
	b->starts = calloc(b->p->locations.n + 1, sizeof(*b->starts));
	if (!b->starts)
		return -ENOMEM;
	for (size_t i = 0; i < b->p->locations.n; i++) {
		if (list_location(b, &b->p->locations.items[i]) < 0)
			return -ENOMEM;
		if (b->lists.n > UINT32_MAX)
			return -ENOMEM;
		b->starts[i + 1] = (uint32_t)b->lists.n;
	}
	return 0;
}

static int alloc_sums(struct builder *b)
{
	b->flat = calloc(b->funcs.n, sizeof(*b->flat));
	b->cum = calloc(b->funcs.n, sizeof(*b->cum));
	b->stamps = malloc(b->funcs.n * sizeof(*b->stamps));
	if (!b->flat || !b->cum || !b->stamps)
		return -ENOMEM;
	memset(b->stamps, 0xff, b->funcs.n * sizeof(*b->stamps)); /* NO_SAMPLE */
	return 0;
}

static void add_sample(struct builder *b, uint32_t i, int64_t value)
{
	const struct profile_sample *s = &b->p->samples.items[i];
	const uint32_t *locs = b->p->stacks.items + s->loc_first;
	uint32_t leaf = s->loc_n ? b->lists.items[b->starts[locs[0]]] : NO_STACK;

	b->flat[leaf] = saturate_add(b->flat[leaf], value);
	if (s->loc_n == 0)
		b->cum[leaf] = saturate_add(b->cum[leaf], value);
	for (uint32_t k = 0; k < s->loc_n; k++) {
		const uint32_t *f = b->lists.items + b->starts[locs[k]];
		const uint32_t *end = b->lists.items + b->starts[locs[k] + 1];

		for (; f < end; f++) {
			if (b->stamps[*f] == i)
				continue;
			b->stamps[*f] = i;
			b->cum[*f] = saturate_add(b->cum[*f], value);
		}
	}
}

/* Gives the sums to the functions and drops those that no sample met. */
static void settle(struct builder *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->funcs.n; i++) {
		if (!b->flat[i] && !b->cum[i])
			continue;
		b->funcs.items[n] = b->funcs.items[i];
		b->funcs.items[n].flat = b->flat[i];
		b->funcs.items[n++].cum = b->cum[i];
	}
	b->funcs.n = n;
}

static int build(struct builder *b, struct functable *ret, size_t type)
{
	struct functable t = { 0 };

	/* First of all, so that it is number NO_STACK. */
	if (array_push(&b->funcs, (struct func){ .kind = FUNC_NO_STACK }) < 0 ||
	    list_locations(b) < 0 || alloc_sums(b) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < b->p->samples.n && i < NO_SAMPLE; i++) {
		int64_t value = profile_value(b->p, i, type);

		if (!value)
			continue;
		add_sample(b, i, value);
		t.total = saturate_add(t.total, value);
		t.weight = saturate_add_u64(t.weight, magnitude(value));
		t.n_stacks++;
	}
	settle(b);
	t.funcs = b->funcs.items;
	t.n = b->funcs.n;
	b->funcs.items = NULL;
	*ret = t;
	return 0;
}

int functable_make(struct functable *ret, const struct profile *p, size_t type)
{
	struct builder b = { .p = p };
	int r = build(&b, ret, type);

	hindex_free(&b.index);
	array_free(&b.funcs);
	array_free(&b.lists);
	free(b.starts);
	free(b.flat);
	free(b.cum);
	free(b.stamps);
	return r;
}

void functable_done(struct functable *t)
{
	free(t->funcs);
	*t = (struct functable){ 0 };
}

static int compare(const void *va, const void *vb, void *ctx)
{
	const struct func *a = va, *b = vb;
	const struct profile *p = ctx;
	int r;

	if (a->flat != b->flat)
		return a->flat > b->flat ? -1 : 1;
	if (a->cum != b->cum)
		return a->cum > b->cum ? -1 : 1;
	if (a->kind != b->kind)
		return (a->kind > b->kind) - (a->kind < b->kind);
	r = strcmp(strtab_get(&p->strings, a->name), strtab_get(&p->strings, b->name));
	if (r == 0)
		r = strcmp(strtab_get(&p->strings, a->file), strtab_get(&p->strings, b->file));
	return r ? r : (a->off > b->off) - (a->off < b->off);
}

void functable_sort(struct functable *t, const struct profile *p)
{
	if (t->n)
		qsort_r(t->funcs, t->n, sizeof(*t->funcs), compare, (void *)p);
}
