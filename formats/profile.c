/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the life cycle and the invariants of struct profile; profile_builder.c adds to one. */
#include "profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int profile_new(struct profile **ret)
{
	struct profile *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	if (strtab_init(&p->strings) < 0) {
		free(p);
		return -ENOMEM;
	}
	*ret = p;
	return 0;
}

void profile_free(struct profile *p)
{
	if (!p)
		return;
	strtab_done(&p->strings);
	array_free(&p->sample_types);
	array_free(&p->mappings);
	array_free(&p->functions);
	array_free(&p->lines);
	array_free(&p->locations);
	array_free(&p->stacks);
	array_free(&p->labels);
	array_free(&p->samples);
	array_free(&p->values);
	array_free(&p->comments);
	free(p);
}

static bool is_part(uint32_t first, uint32_t n, size_t pool)
{
	return (uint64_t)first + n <= pool;
}

static bool check_header(const struct profile *p)
{
	size_t n = p->strings.n;

	array_each(&p->sample_types, t)
		if (t->type >= n || t->unit >= n)
			return false;
	array_each(&p->comments, c)
		if (*c >= n)
			return false;
	return n > 0 && p->period_type.type < n && p->period_type.unit < n &&
	       p->default_sample_type < n && p->drop_frames < n && p->keep_frames < n &&
	       p->doc_url < n;
}

static bool check_places(const struct profile *p)
{
	size_t n = p->strings.n;

	array_each(&p->mappings, m)
		if (m->file >= n || m->build_id >= n)
			return false;
	array_each(&p->functions, f)
		if (f->name >= n || f->system_name >= n || f->file >= n)
			return false;
	array_each(&p->lines, l)
		if (l->function >= p->functions.n)
			return false;
	array_each(&p->locations, l) {
		if (l->mapping != PROFILE_NONE && l->mapping >= p->mappings.n)
			return false;
		if (!is_part(l->line_first, l->line_n, p->lines.n))
			return false;
	}
	return true;
}

static bool check_samples(const struct profile *p)
{
	size_t n = p->strings.n;

	if (p->samples.n && !p->sample_types.n)
		return false;
	if (p->values.n != p->samples.n * p->sample_types.n)
		return false;
	array_each(&p->stacks, s)
		if (*s >= p->locations.n)
			return false;
	array_each(&p->labels, l)
		if (l->key == 0 || l->key >= n || l->str >= n || l->num_unit >= n)
			return false;
	array_each(&p->samples, s)
		if (!is_part(s->loc_first, s->loc_n, p->stacks.n) ||
		    !is_part(s->label_first, s->label_n, p->labels.n))
			return false;
	return true;
}

int profile_check(const struct profile *p)
{
	return check_header(p) && check_places(p) && check_samples(p) ? 0 : -EBADMSG;
}

size_t profile_default_type(const struct profile *p)
{
	if (p->default_sample_type)
		for (size_t i = 0; i < p->sample_types.n; i++)
			if (p->sample_types.items[i].type == p->default_sample_type)
				return i;
	return p->sample_types.n ? p->sample_types.n - 1 : 0;
}
