/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the rules of what is equal in a profile; merging whole profiles is profile_merge.c. */
#include "profile_merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "hindex.h"

#define TABLE_MAX ((size_t)1 << 31)

struct profile_builder {
	struct profile *p;
	struct hindex mappings, functions, locations, samples;
	ARRAY(struct profile_label) sorted; /* labels of the sample that is being added */
};

int profile_builder_new(struct profile_builder **ret, struct profile *p)
{
	struct profile_builder *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->p = p;
	*ret = b;
	return 0;
}

void profile_builder_free(struct profile_builder *b)
{
	if (!b)
		return;
	hindex_free(&b->mappings);
	hindex_free(&b->functions);
	hindex_free(&b->locations);
	hindex_free(&b->samples);
	array_free(&b->sorted);
	free(b);
}

struct profile *profile_builder_profile(struct profile_builder *b)
{
	return b->p;
}

/* --- mappings --------------------------------------------------------------------------------- */

static uint64_t rounded_size(const struct profile_mapping *m)
{
	return (m->limit - m->start + 0xfff) & ~(uint64_t)0xfff;
}

/* What names the object: the build id is the better identity, paths differ between containers. */
static uint32_t mapping_object(const struct profile_mapping *m)
{
	return m->build_id ? m->build_id : m->file;
}

static bool same_mapping(const struct profile_mapping *a, const struct profile_mapping *b)
{
	return rounded_size(a) == rounded_size(b) && a->file_offset == b->file_offset &&
	       mapping_object(a) == mapping_object(b);
}

static void widen_mapping(struct profile_mapping *m, const struct profile_mapping *with)
{
	uint64_t size = with->limit - with->start;

	/* Sizes are equal after rounding only: an address of the longer one must fit. */
	if (size > m->limit - m->start && m->start <= UINT64_MAX - size)
		m->limit = m->start + size;
	m->has_functions &= with->has_functions;
	m->has_filenames &= with->has_filenames;
	m->has_line_numbers &= with->has_line_numbers;
	m->has_inline_frames &= with->has_inline_frames;
}

int64_t profile_builder_mapping(struct profile_builder *b, const struct profile_mapping *m)
{
	struct profile *p = b->p;
	uint64_t h = hash_u64(rounded_size(m));

	h = hash_add(h, m->file_offset);
	h = hash_add(h, mapping_object(m));
	hindex_each(&b->mappings, h, i)
		if (same_mapping(&p->mappings.items[i], m)) {
			widen_mapping(&p->mappings.items[i], m);
			return i;
		}
	if (p->mappings.n >= TABLE_MAX)
		return -E2BIG;
	if (array_reserve(&p->mappings, 1) < 0 ||
	    hindex_add(&b->mappings, h, (uint32_t)p->mappings.n) < 0)
		return -ENOMEM;
	p->mappings.items[p->mappings.n] = *m;
	return (int64_t)p->mappings.n++;
}

/* --- functions -------------------------------------------------------------------------------- */

static bool same_function(const struct profile_function *a, const struct profile_function *b)
{
	return a->name == b->name && a->system_name == b->system_name && a->file == b->file &&
	       a->start_line == b->start_line;
}

int64_t profile_builder_function(struct profile_builder *b, const struct profile_function *f)
{
	struct profile *p = b->p;
	uint64_t h = hash_u64((uint64_t)f->name << 32 | f->system_name);

	h = hash_add(h, f->file);
	h = hash_add(h, (uint64_t)f->start_line);
	hindex_each(&b->functions, h, i)
		if (same_function(&p->functions.items[i], f))
			return i;
	if (p->functions.n >= TABLE_MAX)
		return -E2BIG;
	if (array_reserve(&p->functions, 1) < 0 ||
	    hindex_add(&b->functions, h, (uint32_t)p->functions.n) < 0)
		return -ENOMEM;
	p->functions.items[p->functions.n] = *f;
	return (int64_t)p->functions.n++;
}

/* --- locations -------------------------------------------------------------------------------- */

static uint64_t relative_address(const struct profile *p, const struct profile_location *l)
{
	return l->mapping == PROFILE_NONE ? l->address
					  : l->address - p->mappings.items[l->mapping].start;
}

static uint64_t hash_location(const struct profile *p, const struct profile_location *l,
			      const struct profile_line *lines)
{
	uint64_t h = hash_u64(relative_address(p, l));

	h = hash_add(h, (uint64_t)l->mapping << 1 | l->is_folded);
	for (uint32_t i = 0; i < l->line_n; i++) {
		h = hash_add(h, lines[i].function);
		h = hash_add(h, (uint64_t)lines[i].line);
		h = hash_add(h, (uint64_t)lines[i].column);
	}
	return h;
}

static bool same_location(const struct profile *p, const struct profile_location *have,
			  const struct profile_location *l, const struct profile_line *lines)
{
	if (have->mapping != l->mapping || have->address != l->address ||
	    have->is_folded != l->is_folded || have->line_n != l->line_n)
		return false;
	for (uint32_t i = 0; i < l->line_n; i++) {
		const struct profile_line *own = &p->lines.items[have->line_first + i];

		if (own->function != lines[i].function || own->line != lines[i].line ||
		    own->column != lines[i].column)
			return false;
	}
	return true;
}

int64_t profile_builder_location(struct profile_builder *b, const struct profile_location *l,
				 const struct profile_line *lines)
{
	struct profile *p = b->p;
	uint64_t h = hash_location(p, l, lines);

	hindex_each(&b->locations, h, i)
		if (same_location(p, &p->locations.items[i], l, lines))
			return i;
	if (p->locations.n >= TABLE_MAX || p->lines.n + l->line_n > TABLE_MAX)
		return -E2BIG;
	if (array_reserve(&p->locations, 1) < 0 || array_reserve(&p->lines, l->line_n) < 0 ||
	    hindex_add(&b->locations, h, (uint32_t)p->locations.n) < 0)
		return -ENOMEM;
	p->locations.items[p->locations.n] = *l;
	p->locations.items[p->locations.n].line_first = (uint32_t)p->lines.n;
	if (l->line_n)
		memcpy(p->lines.items + p->lines.n, lines, l->line_n * sizeof(*lines));
	p->lines.n += l->line_n;
	return (int64_t)p->locations.n++;
}

/* --- samples ---------------------------------------------------------------------------------- */

static int compare_labels(const void *x, const void *y)
{
	const struct profile_label *a = x, *b = y;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (a->is_num != b->is_num)
		return a->is_num ? 1 : -1;
	if (a->str != b->str)
		return a->str < b->str ? -1 : 1;
	if (a->num != b->num)
		return a->num < b->num ? -1 : 1;
	return (a->num_unit > b->num_unit) - (a->num_unit < b->num_unit);
}

/* The labels in one order, and without what the kind of a label does not use. */
static int sort_labels(struct profile_builder *b, const struct profile_label *labels, size_t n)
{
	b->sorted.n = 0;
	if (array_reserve(&b->sorted, n) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct profile_label l = { .key = labels[i].key, .is_num = labels[i].is_num };

		if (l.is_num) {
			l.num = labels[i].num;
			l.num_unit = labels[i].num_unit;
		} else {
			l.str = labels[i].str;
		}
		b->sorted.items[b->sorted.n++] = l;
	}
	if (n > 1)
		qsort(b->sorted.items, n, sizeof(*b->sorted.items), compare_labels);
	return 0;
}

static uint64_t hash_sample(const struct profile_builder *b, const uint32_t *locs, size_t n)
{
	uint64_t h = n ? hash_bytes(locs, n * sizeof(*locs)) : 0;

	array_each(&b->sorted, l) {
		h = hash_add(h, (uint64_t)l->key << 1 | l->is_num);
		h = hash_add(h, (uint64_t)l->str << 32 | l->num_unit);
		h = hash_add(h, (uint64_t)l->num);
	}
	return h;
}

static bool same_sample(const struct profile_builder *b, const struct profile_sample *s,
			const uint32_t *locs, size_t n)
{
	const struct profile *p = b->p;

	if (s->loc_n != n || s->label_n != b->sorted.n)
		return false;
	if (n && memcmp(p->stacks.items + s->loc_first, locs, n * sizeof(*locs)) != 0)
		return false;
	for (uint32_t i = 0; i < s->label_n; i++)
		if (compare_labels(&p->labels.items[s->label_first + i], &b->sorted.items[i]) != 0)
			return false;
	return true;
}

static void add_values(const struct profile *p, size_t sample, const int64_t *values)
{
	for (size_t t = 0; t < p->sample_types.n; t++) {
		int64_t *own = &p->values.items[sample * p->sample_types.n + t];

		if (__builtin_add_overflow(*own, values[t], own))
			*own = values[t] < 0 ? INT64_MIN : INT64_MAX;
	}
}

/* Appends a sample that is not there yet; its labels are b->sorted. */
static int64_t new_sample(struct profile_builder *b, uint64_t hash, const uint32_t *locs,
			  size_t n_locs, const int64_t *values)
{
	struct profile *p = b->p;
	size_t n_labels = b->sorted.n, n_values = p->sample_types.n;

	if (p->samples.n >= TABLE_MAX || p->stacks.n + n_locs > UINT32_MAX ||
	    p->labels.n + n_labels > UINT32_MAX)
		return -E2BIG;
	if (array_reserve(&p->samples, 1) < 0 || array_reserve(&p->stacks, n_locs) < 0 ||
	    array_reserve(&p->labels, n_labels) < 0 || array_reserve(&p->values, n_values) < 0 ||
	    hindex_add(&b->samples, hash, (uint32_t)p->samples.n) < 0)
		return -ENOMEM;
	if (n_locs)
		memcpy(p->stacks.items + p->stacks.n, locs, n_locs * sizeof(*locs));
	if (n_labels)
		memcpy(p->labels.items + p->labels.n, b->sorted.items,
		       n_labels * sizeof(*b->sorted.items));
	if (n_values)
		memcpy(p->values.items + p->values.n, values, n_values * sizeof(*values));
	p->samples.items[p->samples.n] = (struct profile_sample){
		.loc_first = (uint32_t)p->stacks.n,
		.loc_n = (uint32_t)n_locs,
		.label_first = (uint32_t)p->labels.n,
		.label_n = (uint32_t)n_labels,
	};
	p->stacks.n += n_locs;
	p->labels.n += n_labels;
	p->values.n += n_values;
	return (int64_t)p->samples.n++;
}

int64_t profile_builder_sample(struct profile_builder *b, const uint32_t *locs, size_t n_locs,
			       const struct profile_label *labels, size_t n_labels,
			       const int64_t *values)
{
	uint64_t h;

	if (n_locs > UINT32_MAX || n_labels > UINT32_MAX)
		return -E2BIG;
	if (sort_labels(b, labels, n_labels) < 0)
		return -ENOMEM;
	h = hash_sample(b, locs, n_locs);
	hindex_each(&b->samples, h, i)
		if (same_sample(b, &b->p->samples.items[i], locs, n_locs)) {
			add_values(b->p, i, values);
			return i;
		}
	return new_sample(b, h, locs, n_locs, values);
}
