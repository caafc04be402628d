/* SPDX-License-Identifier: Apache-2.0 */
#include "labelnames.h"

#include <errno.h>

#include "aggregate.h"
#include "profile.h"

static int add_string(struct label_names *n, const char *s, uint32_t *ret)
{
	return strtab_adds(&n->profile->strings, s, ret);
}

int label_names_init(struct label_names *n)
{
	for (enum label l = 0; l < LABEL_MAX; l++)
		if (add_string(n, label_key(l), &n->keys[l]) < 0)
			return -ENOMEM;
	return add_string(n, "nanoseconds", &n->nanoseconds);
}

static int own_label(struct label_names *n, enum label l, uint32_t value, struct profile_label *ret)
{
	struct profile_label label = { .key = n->keys[l] };

	if (l == LABEL_TIME) {
		value = value >> n->time_shift << n->time_shift;
		label.is_num = true;
		label.num = (int64_t)(n->time_ns + value * n->window_ns);
		label.num_unit = n->nanoseconds;
	} else if (label_is_number(l)) {
		label.is_num = true;
		label.num = value;
		label.num_unit = label.key; /* without a unit, readers drop a 0 */
	} else if (add_string(n, strtab_get(&n->counts->strings, value), &label.str) < 0) {
		return -ENOMEM;
	}
	*ret = label;
	return 0;
}

/* What processes say of themselves. */
static int add_attrs(struct label_names *n, uint32_t set, struct profile_label *labels,
		     size_t *count)
{
	const struct attrs *a = &n->counts->attrs;
	const struct attr_set *s = &a->sets.items[set];

	for (uint32_t i = 0; i < s->n; i++) {
		const struct attr *p = &a->pool.items[s->first + i];
		struct profile_label *l = &labels[*count];

		*l = (struct profile_label){ 0 };
		if (add_string(n, strtab_get(&a->strings, p->key), &l->key) < 0 ||
		    add_string(n, strtab_get(&a->strings, p->value), &l->str) < 0)
			return -ENOMEM;
		++*count;
	}
	return 0;
}

int label_names_get(struct label_names *n, uint32_t set, struct profile_label *labels,
		    size_t *ret_n)
{
	const struct label_set *s = &n->counts->label_sets.items[set].set;
	size_t count = 0;

	for (enum label l = 0; l < LABEL_MAX; l++) {
		int r;

		if (s->v[l] == LABEL_NONE)
			continue;
		if (l == LABEL_ATTRS)
			r = add_attrs(n, s->v[l], labels, &count);
		else
			r = own_label(n, l, s->v[l], &labels[count++]);
		if (r < 0)
			return r;
	}
	*ret_n = count;
	return 0;
}
