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
#include "profile.h"

#define NO_SAMPLE UINT32_MAX

int64_t functable_add(int64_t a, int64_t b)
{
	int64_t r;

	if (__builtin_add_overflow(a, b, &r))
		return a < 0 ? INT64_MIN : INT64_MAX;
	return r;
}

static uint64_t magnitude(int64_t v)
{
	return v < 0 ? -(uint64_t)v : (uint64_t)v;
}

static uint64_t add_unsigned(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

int functable_count_type(const struct profile *p)
{
	for (size_t t = 0; t < p->sample_types.n; t++) {
		const struct profile_value_type *vt = &p->sample_types.items[t];

		if (strcmp(strtab_get(&p->strings, vt->type), "samples") == 0 &&
		    strcmp(strtab_get(&p->strings, vt->unit), "count") == 0)
			return (int)t;
	}
	return -1;
}

static int alloc_sums(struct funcsums *s, size_t n)
{
	s->flat = calloc(n, sizeof(*s->flat));
	s->cum = malloc(n * sizeof(*s->cum));
	if (!s->flat || !s->cum)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		s->cum[i] = (struct funccum){ .stamp = NO_SAMPLE };
	return 0;
}

static void add_sample(struct funcsums *sums, const struct funcmap *m, uint32_t i, int64_t value)
{
	const struct profile_sample *s = &m->p->samples.items[i];
	const uint32_t *locs = m->p->stacks.items + s->loc_first;
	uint32_t leaf = s->loc_n ? m->lists.items[m->starts[locs[0]]] : m->no_stack;

	sums->flat[leaf] = functable_add(sums->flat[leaf], value);
	if (s->loc_n == 0)
		sums->cum[leaf].cum = functable_add(sums->cum[leaf].cum, value);
	for (uint32_t k = 0; k < s->loc_n; k++) {
		const uint32_t *f = m->lists.items + m->starts[locs[k]];
		const uint32_t *end = m->lists.items + m->starts[locs[k] + 1];

		for (; f < end; f++) {
			struct funccum *c = &sums->cum[*f];

			if (c->stamp == i)
				continue;
			c->stamp = i;
			c->cum = functable_add(c->cum, value);
		}
	}
}

int funcsums_make(struct funcsums *ret, const struct funcmap *m, size_t n, size_t type,
		  size_t where)
{
	const struct profile *p = m->p;
	struct functable *all = &ret->all;

	*ret = (struct funcsums){ 0 };
	if (alloc_sums(ret, n) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->samples.n && i < NO_SAMPLE; i++) {
		int64_t value = profile_value(p, i, type);

		if (!value || !profile_value(p, i, where))
			continue;
		add_sample(ret, m, i, value);
		all->total = functable_add(all->total, value);
		all->weight = add_unsigned(all->weight, magnitude(value));
		all->n_stacks++;
	}
	return 0;
}

void funcsums_done(struct funcsums *s)
{
	free(s->flat);
	free(s->cum);
	*s = (struct funcsums){ 0 };
}

/* Takes the functions out of @m, gives them their sums and drops those that no sample met. */
static void settle(struct functable *t, struct funcmap *m, const struct funcsums *s)
{
	size_t n = 0;

	*t = s->all;
	t->funcs = m->funcs.items;
	for (size_t i = 0; i < m->funcs.n; i++) {
		if (!s->flat[i] && !s->cum[i].cum)
			continue;
		t->funcs[n] = t->funcs[i];
		t->funcs[n].flat = s->flat[i];
		t->funcs[n++].cum = s->cum[i].cum;
	}
	t->n = n;
	m->funcs.items = NULL;
}

int functable_make(struct functable *ret, const struct profile *p, size_t type)
{
	struct funcsums sums = { 0 };
	struct funcmap map;
	int r = funcmap_make(&map, p);

	if (r == 0)
		r = funcsums_make(&sums, &map, map.funcs.n, type, type);
	if (r == 0)
		settle(ret, &map, &sums);
	funcsums_done(&sums);
	funcmap_done(&map);
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

static void swap(struct func *a, struct func *b)
{
	struct func c = *a;

	*a = *b;
	*b = c;
}

/* Puts the function at @i of a heap whose first is the least of its @n in its place. */
static void sift(struct func *heap, size_t n, size_t i, const struct profile *p)
{
	for (;;) {
		size_t least = i;

		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < n; child++)
			if (compare(&heap[child], &heap[least], (void *)p) > 0)
				least = child;
		if (least == i)
			return;
		swap(&heap[i], &heap[least]);
		i = least;
	}
}

void functable_sort(struct functable *t, const struct profile *p, size_t rows)
{
	/* A page of a hundred thousand: the first ones are picked, not all put in order. */
	if (rows < t->n && rows) {
		for (size_t i = rows / 2; i-- > 0;)
			sift(t->funcs, rows, i, p);
		for (size_t i = rows; i < t->n; i++)
			if (compare(&t->funcs[i], &t->funcs[0], (void *)p) < 0) {
				swap(&t->funcs[i], &t->funcs[0]);
				sift(t->funcs, rows, 0, p);
			}
	}
	if (t->n)
		qsort_r(t->funcs, rows < t->n ? rows : t->n, sizeof(*t->funcs), compare, (void *)p);
}
