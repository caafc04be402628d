/* SPDX-License-Identifier: Apache-2.0 */
#include "othertypes.h"

#include <errno.h>
#include <stdlib.h>

#include "calltree.h"
#include "profile.h"
#include "saturate.h"

static uint64_t greatest_divisor(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Whether value @b is @a * mul / div, which the first pair that is not zero decides. */
static bool fits(struct othertype *o, int64_t a, int64_t b)
{
	if (a == 0 && b == 0)
		return true;
	if (a <= 0 || b <= 0)
		return false;
	if (!o->div) {
		uint64_t d = greatest_divisor((uint64_t)a, (uint64_t)b);

		o->mul = (uint64_t)b / d;
		o->div = (uint64_t)a / d;
	}
	return (unsigned __int128)a * o->mul == (unsigned __int128)b * o->div;
}

/* Looks at all values: weight, and mul and div if there is such a factor. */
static void look(struct othertype *o, const struct profile *p, size_t type)
{
	bool is_factor = true;

	for (size_t i = 0; i < p->samples.n; i++) {
		int64_t v = profile_value(p, i, o->type);

		o->weight = saturate_add_u64(o->weight, magnitude(v));
		is_factor = is_factor && fits(o, profile_value(p, i, type), v);
	}
	if (!is_factor)
		o->mul = o->div = 0;
}

void othertypes_find(struct othertypes *ret, const struct profile *p, size_t type, bool factors)
{
	*ret = (struct othertypes){ 0 };
	for (size_t t = 0; t < p->sample_types.n && ret->n < OTHERTYPES_MAX; t++) {
		struct othertype o = { .type = t };

		if (t == type)
			continue;
		look(&o, p, type);
		if (!o.weight || (factors && !o.div))
			continue;
		ret->by_node |= !o.div;
		ret->items[ret->n++] = o;
	}
}

static int add_values(struct othertype *o, const struct profile *p, const struct calltree *t)
{
	o->self = calloc(t->n, sizeof(*o->self));
	o->rest = calloc(t->n, sizeof(*o->rest));
	if (!o->self || !o->rest)
		return -ENOMEM;
	for (size_t i = 0; i < p->samples.n; i++) {
		const struct calltree_end *end = &t->ends[i];
		int64_t *to = end->is_cut ? &o->rest[end->node] : &o->self[end->node];

		*to = saturate_add(*to, profile_value(p, i, o->type));
	}
	return 0;
}

int othertypes_add(struct othertypes *o, const struct profile *p, const struct calltree *t)
{
	int r = 0;

	for (size_t k = 0; k < o->n && r == 0; k++)
		if (!o->items[k].div)
			r = add_values(&o->items[k], p, t);
	return r;
}

void othertypes_done(struct othertypes *o)
{
	for (size_t k = 0; k < o->n; k++) {
		free(o->items[k].self);
		free(o->items[k].rest);
	}
	*o = (struct othertypes){ 0 };
}
