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

struct builder {
	const struct profile *p;
	struct funcmap map;
	int count_type;
	/* Of each function. Apart from struct func: the walk over the samples touches nothing else,
	 * and these stay in the cache longer. */
	int64_t *flat, *cum;
	uint64_t *flat_samples;
	uint32_t *stamps; /* the last sample that counted it */
};

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

static int alloc_sums(struct builder *b)
{
	size_t n = b->map.funcs.n;

	b->flat = calloc(n, sizeof(*b->flat));
	b->cum = calloc(n, sizeof(*b->cum));
	b->flat_samples = calloc(n, sizeof(*b->flat_samples));
	b->stamps = malloc(n * sizeof(*b->stamps));
	if (!b->flat || !b->cum || !b->flat_samples || !b->stamps)
		return -ENOMEM;
	memset(b->stamps, 0xff, n * sizeof(*b->stamps)); /* NO_SAMPLE */
	return 0;
}

/* How often the stack of sample @i was met. */
static uint64_t times_sampled(const struct builder *b, uint32_t i)
{
	int64_t n = b->count_type < 0 ? 0 : profile_value(b->p, i, (size_t)b->count_type);

	return n > 0 ? (uint64_t)n : 0;
}

static void add_sample(struct builder *b, uint32_t i, int64_t value)
{
	const struct profile_sample *s = &b->p->samples.items[i];
	const struct funcmap *m = &b->map;
	const uint32_t *locs = b->p->stacks.items + s->loc_first;
	uint32_t leaf = s->loc_n ? m->lists.items[m->starts[locs[0]]] : FUNC_NO_STACK_ID;

	b->flat[leaf] = functable_add(b->flat[leaf], value);
	b->flat_samples[leaf] = add_unsigned(b->flat_samples[leaf], times_sampled(b, i));
	if (s->loc_n == 0)
		b->cum[leaf] = functable_add(b->cum[leaf], value);
	for (uint32_t k = 0; k < s->loc_n; k++) {
		const uint32_t *f = m->lists.items + m->starts[locs[k]];
		const uint32_t *end = m->lists.items + m->starts[locs[k] + 1];

		for (; f < end; f++) {
			if (b->stamps[*f] == i)
				continue;
			b->stamps[*f] = i;
			b->cum[*f] = functable_add(b->cum[*f], value);
		}
	}
}

/* Gives the sums to the functions and drops those that no sample met. */
static void settle(struct builder *b)
{
	struct func *funcs = b->map.funcs.items;
	size_t n = 0;

	for (size_t i = 0; i < b->map.funcs.n; i++) {
		if (!b->flat[i] && !b->cum[i])
			continue;
		funcs[n] = funcs[i];
		funcs[n].flat = b->flat[i];
		funcs[n].cum = b->cum[i];
		funcs[n++].flat_samples = b->flat_samples[i];
	}
	b->map.funcs.n = n;
}

static int build(struct builder *b, struct functable *ret, size_t type)
{
	struct functable t = { 0 };

	if (funcmap_make(&b->map, b->p) < 0 || alloc_sums(b) < 0)
		return -ENOMEM;
	b->count_type = functable_count_type(b->p);
	for (uint32_t i = 0; i < b->p->samples.n && i < NO_SAMPLE; i++) {
		int64_t value = profile_value(b->p, i, type);

		if (!value)
			continue;
		add_sample(b, i, value);
		t.total = functable_add(t.total, value);
		t.weight = add_unsigned(t.weight, magnitude(value));
		t.n_samples = add_unsigned(t.n_samples, times_sampled(b, i));
		t.n_stacks++;
	}
	settle(b);
	t.funcs = b->map.funcs.items;
	t.n = b->map.funcs.n;
	b->map.funcs.items = NULL;
	*ret = t;
	return 0;
}

int functable_make(struct functable *ret, const struct profile *p, size_t type)
{
	struct builder b = { .p = p };
	int r = build(&b, ret, type);

	funcmap_done(&b.map);
	free(b.flat);
	free(b.cum);
	free(b.flat_samples);
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
