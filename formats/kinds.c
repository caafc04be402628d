/* SPDX-License-Identifier: Apache-2.0 */
#include "kinds.h"

#include <errno.h>
#include <stdlib.h>

/* No foreign label has this key: keys are compared as strings, NUL and all. */
static const char mark[] = "\0kind";

int kinds_label(struct profile *p, uint32_t kind, struct profile_label *ret)
{
	*ret = (struct profile_label){ .is_num = true, .num = kind };
	return strtab_add(&p->strings, mark, sizeof(mark) - 1, &ret->key);
}

/* Removes the mark from the labels of a sample, which lie in one piece: the kind it told. */
static uint32_t take_mark(struct profile *p, struct profile_sample *s, uint32_t key)
{
	struct profile_label *l;
	uint32_t kind = 0, kept = 0;

	if (!s->label_n)
		return 0;
	l = &p->labels.items[s->label_first];
	for (uint32_t i = 0; i < s->label_n; i++) {
		if (l[i].key == key)
			kind = (uint32_t)l[i].num;
		else
			l[kept++] = l[i];
	}
	s->label_n = kept;
	return kind;
}

static int spread_values(struct profile *p, const uint32_t *column, size_t n_types)
{
	size_t n = p->samples.n, each = p->sample_types.n;
	int64_t *wide = calloc(n * n_types + 1, sizeof(*wide));
	uint32_t key;
	int r;

	if (!wide)
		return -ENOMEM;
	r = strtab_add(&p->strings, mark, sizeof(mark) - 1, &key);
	if (r < 0) {
		free(wide);
		return r;
	}
	for (size_t i = 0; i < n; i++) {
		const uint32_t *to = column + take_mark(p, &p->samples.items[i], key) * each;

		for (size_t j = 0; j < each; j++)
			wide[i * n_types + to[j]] = p->values.items[i * each + j];
	}
	free(p->values.items);
	p->values.items = wide;
	p->values.n = p->values.cap = n * n_types;
	return 0;
}

int kinds_spread(struct profile **p, const uint32_t *column, const struct profile_value_type *types,
		 size_t n_types)
{
	int r = spread_values(*p, column, n_types);

	(*p)->sample_types.n = 0;
	for (size_t i = 0; i < n_types && r == 0; i++)
		r = array_push(&(*p)->sample_types, types[i]);
	return r < 0 ? r : profile_tidy(p);
}
