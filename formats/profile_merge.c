/* SPDX-License-Identifier: Apache-2.0 */
/* Adds one whole profile to the one a builder builds. */
#include "profile_merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "account.h"
#include "cleanup.h"
#include "hash.h"
#include "hindex.h"

/* Numbers of @src translated to numbers of the builder's profile, on first use: what no sample of
 * @src needs is left behind, as pprof does it. */
struct merge {
	struct profile_builder *b;
	struct profile *to;
	const struct profile *src;
	uint32_t *strings, *mappings, *functions, *locations; /* PROFILE_NONE = not yet */
	ARRAY(struct profile_line) lines;		      /* of one location */
	ARRAY(uint32_t) stack;				      /* of one sample */
	ARRAY(struct profile_label) labels;		      /* of one sample */
	struct hindex comments;				      /* strings of to->comments */
	uint32_t account; /* the comment of to->comments that is the account, or PROFILE_NONE */
};

static void merge_done(struct merge *m)
{
	free(m->strings);
	free(m->mappings);
	free(m->functions);
	free(m->locations);
	array_free(&m->lines);
	array_free(&m->stack);
	array_free(&m->labels);
	hindex_free(&m->comments);
}

static uint32_t *new_map(size_t n)
{
	uint32_t *map = reallocarray(NULL, n ? n : 1, sizeof(*map));

	if (map)
		memset(map, 0xff, n * sizeof(*map));
	return map;
}

static int merge_string(struct merge *m, uint32_t id, uint32_t *ret)
{
	const struct strtab *from = &m->src->strings;

	if (m->strings[id] == PROFILE_NONE) {
		int r = strtab_add(&m->to->strings, strtab_get(from, id), strtab_len(from, id),
				   &m->strings[id]);

		if (r < 0)
			return r;
	}
	*ret = m->strings[id];
	return 0;
}

/* Keeps the result of a builder call in its map. */
static int keep(uint32_t *slot, int64_t r)
{
	if (r < 0)
		return (int)r;
	*slot = (uint32_t)r;
	return 0;
}

static int merge_mapping(struct merge *m, uint32_t i)
{
	struct profile_mapping map = m->src->mappings.items[i];
	int r;

	if (m->mappings[i] != PROFILE_NONE)
		return 0;
	r = merge_string(m, map.file, &map.file);
	if (r == 0)
		r = merge_string(m, map.build_id, &map.build_id);
	return r < 0 ? r : keep(&m->mappings[i], profile_builder_mapping(m->b, &map));
}

static int merge_function(struct merge *m, uint32_t i)
{
	struct profile_function f = m->src->functions.items[i];
	int r;

	if (m->functions[i] != PROFILE_NONE)
		return 0;
	r = merge_string(m, f.name, &f.name);
	if (r == 0)
		r = merge_string(m, f.system_name, &f.system_name);
	if (r == 0)
		r = merge_string(m, f.file, &f.file);
	return r < 0 ? r : keep(&m->functions[i], profile_builder_function(m->b, &f));
}

static int merge_location(struct merge *m, uint32_t i)
{
	const struct profile *src = m->src;
	struct profile_location l = src->locations.items[i];
	int r;

	if (m->locations[i] != PROFILE_NONE)
		return 0;
	if (l.mapping != PROFILE_NONE) {
		uint64_t start = src->mappings.items[l.mapping].start;

		r = merge_mapping(m, l.mapping);
		if (r < 0)
			return r;
		l.mapping = m->mappings[l.mapping];
		/* The equal mapping may lie elsewhere: the distance from its start counts. */
		l.address = l.address - start + m->to->mappings.items[l.mapping].start;
	}
	m->lines.n = 0;
	for (uint32_t k = 0; k < l.line_n; k++) {
		struct profile_line line = src->lines.items[l.line_first + k];

		r = merge_function(m, line.function);
		if (r < 0)
			return r;
		line.function = m->functions[line.function];
		if (array_push(&m->lines, line) < 0)
			return -ENOMEM;
	}
	return keep(&m->locations[i], profile_builder_location(m->b, &l, m->lines.items));
}

static int merge_labels(struct merge *m, const struct profile_sample *s)
{
	m->labels.n = 0;
	for (uint32_t k = 0; k < s->label_n; k++) {
		struct profile_label l = m->src->labels.items[s->label_first + k];
		int r = merge_string(m, l.key, &l.key);

		if (r == 0)
			r = merge_string(m, l.str, &l.str);
		if (r == 0)
			r = merge_string(m, l.num_unit, &l.num_unit);
		if (r == 0)
			r = array_push(&m->labels, l);
		if (r < 0)
			return r;
	}
	return 0;
}

static int merge_sample(struct merge *m, size_t i)
{
	const struct profile_sample *s = &m->src->samples.items[i];
	const int64_t *values = array_from(&m->src->values, i * m->src->sample_types.n);
	int64_t at;
	int r;

	if (profile_is_zero(m->src, i))
		return 0;
	m->stack.n = 0;
	for (uint32_t k = 0; k < s->loc_n; k++) {
		uint32_t l = m->src->stacks.items[s->loc_first + k];

		r = merge_location(m, l);
		if (r == 0)
			r = array_push(&m->stack, m->locations[l]);
		if (r < 0)
			return r;
	}
	r = merge_labels(m, s);
	if (r < 0)
		return r;
	at = profile_builder_sample(m->b, m->stack.items, m->stack.n, m->labels.items, m->labels.n,
				    values);
	return at < 0 ? (int)at : 0;
}

/* --- header ----------------------------------------------------------------------------------- */

static int adopt_types(struct merge *m)
{
	int r = merge_string(m, m->src->period_type.type, &m->to->period_type.type);

	if (r == 0)
		r = merge_string(m, m->src->period_type.unit, &m->to->period_type.unit);
	array_each(&m->src->sample_types, t) {
		struct profile_value_type own;

		if (r == 0)
			r = merge_string(m, t->type, &own.type);
		if (r == 0)
			r = merge_string(m, t->unit, &own.unit);
		if (r == 0)
			r = array_push(&m->to->sample_types, own);
	}
	return r;
}

static bool same_type(const struct merge *m, const struct profile_value_type *own,
		      const struct profile_value_type *t)
{
	const struct strtab *to = &m->to->strings, *from = &m->src->strings;

	return strcmp(strtab_get(to, own->type), strtab_get(from, t->type)) == 0 &&
	       strcmp(strtab_get(to, own->unit), strtab_get(from, t->unit)) == 0;
}

static bool same_types(const struct merge *m)
{
	if (m->to->sample_types.n != m->src->sample_types.n ||
	    !same_type(m, &m->to->period_type, &m->src->period_type))
		return false;
	for (size_t i = 0; i < m->to->sample_types.n; i++)
		if (!same_type(m, &m->to->sample_types.items[i], &m->src->sample_types.items[i]))
			return false;
	return true;
}

/* Notes comment @i of the builder's profile, so that it is found without a walk over all. */
static int note_comment(struct merge *m, size_t i)
{
	uint32_t id = m->to->comments.items[i];
	struct account a;

	if (m->account == PROFILE_NONE && account_parse(strtab_get(&m->to->strings, id), &a))
		m->account = (uint32_t)i;
	return hindex_add(&m->comments, hash_u64(id), id);
}

/* Adds the numbers of an account to the account that is there: 1 when there was one, 0 when not. */
static int merge_account(struct merge *m, const char *text)
{
	_cleanup_free_ char *sum = NULL;
	struct account own, more;
	uint32_t *c;
	int r;

	if (m->account == PROFILE_NONE || !account_parse(text, &more))
		return 0;
	c = &m->to->comments.items[m->account];
	if (!account_parse(strtab_get(&m->to->strings, *c), &own) || account_add(&own, &more) < 0)
		return 0;
	r = account_format(&own, &sum);
	if (r == 0)
		r = strtab_adds(&m->to->strings, sum, c);
	return r < 0 ? r : 1;
}

static int merge_comment(struct merge *m, uint32_t id)
{
	uint32_t own;
	int r = merge_account(m, strtab_get(&m->src->strings, id));

	if (r != 0)
		return r < 0 ? r : 0;
	r = merge_string(m, id, &own);
	if (r < 0)
		return r;
	hindex_each(&m->comments, hash_u64(own), have)
		if (have == own)
			return 0;
	if (array_push(&m->to->comments, own) < 0)
		return -ENOMEM;
	return note_comment(m, m->to->comments.n - 1);
}

static int merge_comments(struct merge *m)
{
	int r = 0;

	for (size_t i = 0; i < m->to->comments.n && r == 0; i++)
		r = note_comment(m, i);
	for (size_t i = 0; i < m->src->comments.n && r == 0; i++)
		r = merge_comment(m, m->src->comments.items[i]);
	return r;
}

static int merge_header(struct merge *m)
{
	struct profile *to = m->to;
	const struct profile *src = m->src;
	const uint32_t theirs[] = { src->default_sample_type, src->drop_frames, src->keep_frames,
				    src->doc_url };
	uint32_t *own[] = { &to->default_sample_type, &to->drop_frames, &to->keep_frames,
			    &to->doc_url };
	int r = 0;

	if (src->time_ns && (!to->time_ns || src->time_ns < to->time_ns))
		to->time_ns = src->time_ns;
	to->duration_ns += src->duration_ns;
	if (src->period > to->period)
		to->period = src->period;
	for (size_t i = 0; i < ARRAY_LEN(own) && r == 0; i++)
		if (!*own[i])
			r = merge_string(m, theirs[i], own[i]);
	return r < 0 ? r : merge_comments(m);
}

static int merge_all(struct merge *m)
{
	bool first = m->to->sample_types.n == 0;
	int r;

	m->strings = new_map(m->src->strings.n);
	m->mappings = new_map(m->src->mappings.n);
	m->functions = new_map(m->src->functions.n);
	m->locations = new_map(m->src->locations.n);
	if (!m->strings || !m->mappings || !m->functions || !m->locations)
		return -ENOMEM;
	if (!first && !same_types(m))
		return -EINVAL;
	r = first ? adopt_types(m) : 0;
	if (r == 0)
		r = merge_header(m);
	/* The first mapping is the main program, wherever the first sample was. */
	if (r == 0 && m->src->mappings.n)
		r = merge_mapping(m, 0);
	for (size_t i = 0; i < m->src->samples.n && r == 0; i++)
		r = merge_sample(m, i);
	return r;
}

int profile_builder_merge(struct profile_builder *b, const struct profile *src)
{
	struct merge m = {
		.b = b, .to = profile_builder_profile(b), .src = src, .account = PROFILE_NONE
	};
	int r = merge_all(&m);

	merge_done(&m);
	return r;
}

int profile_tidy(struct profile **p)
{
	_cleanup_(profile_builder_freep) struct profile_builder *b = NULL;
	_cleanup_(profile_freep) struct profile *small = NULL;
	int r = profile_new(&small);

	if (r == 0)
		r = profile_builder_new(&b, small);
	if (r == 0)
		r = profile_builder_merge(b, *p);
	if (r < 0)
		return r;
	profile_free(*p);
	*p = take_ptr(small);
	return 0;
}
