/* SPDX-License-Identifier: Apache-2.0 */
#include "funcdiff.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "buildname.h"
#include "err.h"
#include "hash.h"
#include "hindex.h"
#include "profile.h"
#include "strtab.h"

/* A loss comes after a growth that is larger than so much of it. */
#define LOSS_WEIGHT  0.9

/* How seldom two profiles of the same program may show any significant change. */
#define FALSE_ALARMS 0.01

/* What two functions that are the same have in common. */
struct key {
	uint32_t name, object; /* strings of the matcher */
};

struct group {
	struct key key;
	const struct func *now, *base; /* one of each side */
	uint32_t number;	       /* of the change that it becomes */
};

struct matcher {
	struct funcdiff *d;
	ARRAY(struct group) groups;
	struct hindex index; /* of groups */
	struct strtab strings;
	ARRAY(char) buf;
};

/* --- matching -------------------------------------------------------------------------------- */

/* The strings by which @f of @p is found in another build. */
static int make_key(struct matcher *m, const struct profile *p, const struct func *f,
		    struct key *ret)
{
	struct text object = object_name(strtab_get(&p->strings, f->file)), name = { "", 0 };
	size_t n;
	int r;

	m->buf.n = 0;
	if (array_reserve(&m->buf, object.n + 8) < 0)
		return -ENOMEM;
	n = object_any_version(object, m->buf.items);
	r = strtab_add(&m->strings, m->buf.items, n, &ret->object);
	if (f->kind == FUNC_NAMED)
		name = func_any_build((struct text){ strtab_get(&p->strings, f->name),
						     strtab_len(&p->strings, f->name) });
	else if (f->kind == FUNC_NO_STACK)
		name = (struct text){ "[no stack]", 10 };
	return r < 0 ? r : strtab_add(&m->strings, name.s, name.n, &ret->name);
}

/* The group of @f, which is of the base or not. */
static int find_group(struct matcher *m, const struct profile *p, const struct func *f, bool base,
		      uint32_t *ret)
{
	struct group g = { 0 };
	uint32_t found = HINDEX_NONE;
	uint64_t hash;
	int r = make_key(m, p, f, &g.key);

	if (r < 0)
		return r;
	hash = hash_u64((uint64_t)g.key.name << 32 | g.key.object);
	hindex_each(&m->index, hash, i) {
		const struct key *have = &m->groups.items[i].key;

		if (have->name == g.key.name && have->object == g.key.object) {
			found = i;
			break;
		}
	}
	if (found == HINDEX_NONE) {
		found = (uint32_t)m->groups.n;
		if (array_push(&m->groups, g) < 0 || hindex_add(&m->index, hash, found) < 0)
			return -ENOMEM;
	}
	if (base && !m->groups.items[found].base)
		m->groups.items[found].base = f;
	if (!base && !m->groups.items[found].now)
		m->groups.items[found].now = f;
	*ret = found;
	return 0;
}

/* Replaces functions by their groups in the lists of @map. */
static int group_functions(struct matcher *m, struct funcmap *map, bool base)
{
	uint32_t *groups = malloc(map->funcs.n * sizeof(*groups));
	int r = groups ? 0 : -ENOMEM;

	for (size_t i = 0; i < map->funcs.n && r == 0; i++)
		r = find_group(m, map->p, &map->funcs.items[i], base, &groups[i]);
	for (size_t i = 0; i < map->lists.n && r == 0; i++)
		map->lists.items[i] = groups[map->lists.items[i]];
	if (r == 0)
		map->no_stack = groups[map->no_stack];
	free(groups);
	return r;
}

/* By the string of a name: the group that only one of the two profiles has, if there is one alone.
 */
struct alone {
	uint32_t now, base;
};

#define NOBODY UINT32_MAX
#define MANY   (UINT32_MAX - 1)

static void note_alone(uint32_t *who, uint32_t i)
{
	*who = *who == NOBODY ? i : MANY;
}

/*
 * Numbers the changes, and gives the same number to the two halves of a function whose object is
 * called otherwise in the base: a program that was built under another name.
 */
static int match_renamed(struct matcher *m)
{
	struct alone *by_name = malloc(m->strings.n * sizeof(*by_name));

	if (!by_name)
		return -ENOMEM;
	memset(by_name, 0xff, m->strings.n * sizeof(*by_name)); /* NOBODY */
	for (uint32_t i = 0; i < m->groups.n; i++) {
		const struct group *g = &m->groups.items[i];

		if (!g->base)
			note_alone(&by_name[g->key.name].now, i);
		else if (!g->now)
			note_alone(&by_name[g->key.name].base, i);
	}
	by_name[0] = (struct alone){ NOBODY, NOBODY }; /* without a name */
	for (uint32_t i = 0; i < m->groups.n; i++) {
		struct group *g = &m->groups.items[i];
		const struct alone *a = &by_name[g->key.name];

		/* The functions of the profile come first, so the other half has its number. */
		if (!g->now && i == a->base && a->now < MANY)
			g->number = m->groups.items[a->now].number;
		else
			g->number = (uint32_t)m->d->n++;
	}
	free(by_name);
	return 0;
}

/* --- sums ------------------------------------------------------------------------------------ */

static void renumber(const struct matcher *m, struct funcmap *map)
{
	for (size_t i = 0; i < map->lists.n; i++)
		map->lists.items[i] = m->groups.items[map->lists.items[i]].number;
	map->no_stack = m->groups.items[map->no_stack].number;
}

static int64_t scaled(double scale, int64_t v)
{
	double d = (double)v * scale;

	return scale == 1 ? v : d >= 9e18 ? INT64_MAX : d <= -9e18 ? INT64_MIN : llround(d);
}

/* Adds up one side: what it cost, and how often that was sampled. */
static int add_up_side(struct funcdiff *d, bool is_base, size_t type)
{
	struct funcmap *map = is_base ? &d->base_map : &d->map;
	int count = functable_count_type(map->p), r;
	struct funcsums sums = { 0 }, counts = { 0 };

	r = funcsums_make(&sums, map, d->n, type, type);
	if (r == 0 && count >= 0)
		r = funcsums_make(&counts, map, d->n, (size_t)count, type);
	for (size_t i = 0; i < d->n && r == 0; i++) {
		struct funcside *s = is_base ? &d->changes[i].base : &d->changes[i].now;

		s->flat = sums.flat[i];
		s->cum = sums.cum[i].cum;
		s->flat_samples = count >= 0 ? counts.flat[i] : 0;
		s->cum_samples = count >= 0 ? counts.cum[i].cum : 0;
	}
	*(is_base ? &d->base_all : &d->all) = sums.all;
	*(is_base ? &d->base_samples : &d->samples) = counts.all.total;
	funcsums_done(&sums);
	funcsums_done(&counts);
	return r;
}

/* Scales the base and drops what neither profile met. */
static void settle(struct funcdiff *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++) {
		struct funcchange *c = &d->changes[i];

		c->base.flat = scaled(d->scale, c->base.flat);
		c->base.cum = scaled(d->scale, c->base.cum);
		if (c->now.flat || c->now.cum || c->base.flat || c->base.cum)
			d->changes[n++] = *c;
	}
	d->n = n;
}

static int add_up(struct matcher *m, size_t type, size_t base_type, bool as_is)
{
	struct funcdiff *d = m->d;
	int r;

	renumber(m, &d->map);
	renumber(m, &d->base_map);
	d->changes = calloc(d->n, sizeof(*d->changes));
	if (!d->changes)
		return -ENOMEM;
	for (size_t i = 0; i < m->groups.n; i++) {
		const struct group *g = &m->groups.items[i];

		if (g->now)
			d->changes[g->number].now.f = g->now;
		if (g->base)
			d->changes[g->number].base.f = g->base;
	}
	r = add_up_side(d, false, type);
	if (r == 0)
		r = add_up_side(d, true, base_type);
	if (r < 0)
		return r;
	if (!as_is && d->base_all.weight && d->all.weight)
		d->scale = (double)d->all.weight / (double)d->base_all.weight;
	settle(d);
	return 0;
}

/* --- noise ----------------------------------------------------------------------------------- */

/* How many standard deviations a change must have so that in @n functions of the same program one
 * looks significant with a probability of FALSE_ALARMS only. */
static double threshold(size_t n)
{
	double p = FALSE_ALARMS / (double)(n ? n : 1), low = 0, high = 40;

	for (int i = 0; i < 60; i++) {
		double z = (low + high) / 2;

		if (erfc(z / sqrt(2)) > p)
			low = z;
		else
			high = z;
	}
	return high;
}

/* Whether @a of @n and @b of @m samples are more apart than @z standard deviations. */
static bool shares_differ(int64_t a, int64_t n, int64_t b, int64_t m, double z)
{
	double p = ((double)a + (double)b) / ((double)n + (double)m);
	double apart = fabs((double)a / (double)n - (double)b / (double)m);

	return apart > z * sqrt(p * (1 - p) * (1 / (double)n + 1 / (double)m));
}

/* The same of the counts themselves. */
static bool counts_differ(int64_t a, int64_t b, double z)
{
	return fabs((double)a - (double)b) > z * sqrt((double)a + (double)b);
}

/* The theory of samples that are drawn independently. What makes two runs differ beside that, like
 * the load of the machine, is a change. */
static void judge(struct funcdiff *d, bool as_is)
{
	int64_t n = d->samples, m = d->base_samples;
	double z = threshold(2 * d->n);

	d->judged = n > 0 && m > 0 && !(as_is && d->map.p->period != d->base_map.p->period);
	for (size_t i = 0; i < d->n && d->judged; i++) {
		struct funcchange *c = &d->changes[i];
		const struct funcside *now = &c->now, *base = &c->base;

		if (as_is) {
			c->flat_significant =
				counts_differ(now->flat_samples, base->flat_samples, z);
			c->cum_significant = counts_differ(now->cum_samples, base->cum_samples, z);
		} else {
			c->flat_significant =
				shares_differ(now->flat_samples, n, base->flat_samples, m, z);
			c->cum_significant =
				shares_differ(now->cum_samples, n, base->cum_samples, m, z);
		}
		d->n_significant += c->flat_significant || c->cum_significant;
	}
}

/* --- order ----------------------------------------------------------------------------------- */

static double weight_of(const struct funcchange *c)
{
	double change = (double)c->now.flat - (double)c->base.flat;

	return change < 0 ? -change * LOSS_WEIGHT : change;
}

static double cum_weight(const struct funcchange *c)
{
	double change = (double)c->now.cum - (double)c->base.cum;

	return change < 0 ? -change * LOSS_WEIGHT : change;
}

struct text funcdiff_name(const struct funcdiff *d, const struct funcchange *c,
			  char buf[FUNC_NAME_MAX])
{
	const struct func *f = c->now.f ? c->now.f : c->base.f;
	struct text object, name;

	name = func_name(c->now.f ? d->map.p : d->base_map.p, f, buf);
	if (f->kind != FUNC_OFFSET && func_any_build(name).n)
		return name;
	object = object_name(funcdiff_file(d, c));
	if (object.n > 255)
		object.n = 255; /* a name in a file system has no more */
	snprintf(buf, FUNC_NAME_MAX, "[%.*s: no name]", (int)object.n, object.s);
	return (struct text){ buf, strlen(buf) };
}

const char *funcdiff_file(const struct funcdiff *d, const struct funcchange *c)
{
	const struct profile *p = c->now.f ? d->map.p : d->base_map.p;

	return strtab_get(&p->strings, c->now.f ? c->now.f->file : c->base.f->file);
}

static int compare(const void *va, const void *vb, void *ctx)
{
	const struct funcchange *a = va, *b = vb;
	char buf_a[FUNC_NAME_MAX], buf_b[FUNC_NAME_MAX];
	double x = weight_of(a), y = weight_of(b);
	struct text s, t;
	int r;

	if (a->flat_significant != b->flat_significant)
		return a->flat_significant ? -1 : 1;
	if (a->cum_significant != b->cum_significant)
		return a->cum_significant ? -1 : 1;
	if (x != y)
		return x > y ? -1 : 1;
	x = cum_weight(a);
	y = cum_weight(b);
	if (x != y)
		return x > y ? -1 : 1;
	s = funcdiff_name(ctx, a, buf_a);
	t = funcdiff_name(ctx, b, buf_b);
	r = memcmp(s.s, t.s, s.n < t.n ? s.n : t.n);
	if (r == 0)
		r = (s.n > t.n) - (s.n < t.n);
	return r ? r : strcmp(funcdiff_file(ctx, a), funcdiff_file(ctx, b));
}

/* --------------------------------------------------------------------------------------------- */

int funcdiff_make(struct funcdiff *ret, const struct profile *p, size_t type,
		  const struct profile *base, size_t base_type, bool as_is)
{
	struct funcdiff *d = ret;
	struct matcher m = { .d = d };
	int r = strtab_init(&m.strings);

	*d = (struct funcdiff){ .scale = 1 };
	if (r == 0)
		r = funcmap_make(&d->map, p);
	if (r == 0)
		r = funcmap_make(&d->base_map, base);
	if (r == 0)
		r = group_functions(&m, &d->map, false);
	if (r == 0)
		r = group_functions(&m, &d->base_map, true);
	if (r == 0)
		r = match_renamed(&m);
	if (r == 0)
		r = add_up(&m, type, base_type, as_is);
	array_free(&m.groups);
	array_free(&m.buf);
	hindex_free(&m.index);
	strtab_done(&m.strings);
	if (r < 0)
		return r;
	judge(d, as_is);
	if (d->n)
		qsort_r(d->changes, d->n, sizeof(*d->changes), compare, d);
	return 0;
}

void funcdiff_done(struct funcdiff *d)
{
	funcmap_done(&d->map);
	funcmap_done(&d->base_map);
	free(d->changes);
	d->changes = NULL;
}

int funcdiff_base_type(const struct profile *p, size_t type, const struct profile *base,
		       size_t *ret, struct err *e)
{
	const char *name;

	if (type >= p->sample_types.n)
		return err_set(e, -EINVAL,
			       "the profile has no values, so there is nothing to compare");
	name = strtab_get(&p->strings, p->sample_types.items[type].type);
	for (size_t i = 0; i < base->sample_types.n; i++)
		if (strcmp(strtab_get(&base->strings, base->sample_types.items[i].type), name) ==
		    0) {
			*ret = i;
			return 0;
		}
	return err_set(e, -EINVAL,
		       "the base has no value '%s'; choose one that both profiles have with "
		       "--sample-type",
		       name);
}
