/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of labels as frames. Such a frame is a function called "KEY: VALUE" whose system name is
 * KEY, without a file, at a location without a mapping and an address: that is how the next call
 * finds those that are there, also when the profile was written and read in between.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "array.h"
#include "cleanup.h"
#include "err.h"
#include "hash.h"
#include "hindex.h"
#include "profile.h"
#include "profile_filter.h"

struct labelling {
	struct profile *p;
	uint32_t key;
	struct hindex index; /* of values, by what they are */
	ARRAY(struct value {
		bool none;
		struct profile_label label;
		uint32_t location;
	})
	values;
	ARRAY(uint32_t) stacks;
	bool found; /* some sample has the label */
};

static const struct profile_label *find_label(const struct labelling *l,
					      const struct profile_sample *s)
{
	for (uint32_t i = 0; i < s->label_n; i++)
		if (l->p->labels.items[s->label_first + i].key == l->key)
			return &l->p->labels.items[s->label_first + i];
	return NULL;
}

/* "comm: postgres", "pid: 12", "time: 12 seconds", "comm: none". */
static int name_value(const struct labelling *l, const struct profile_label *label, uint32_t *ret)
{
	struct strtab *t = &l->p->strings;
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return -ENOMEM;
	fwrite(strtab_get(t, l->key), 1, strtab_len(t, l->key), out);
	fputs(": ", out);
	if (!label)
		fputs("none", out);
	else if (!label->is_num)
		fwrite(strtab_get(t, label->str), 1, strtab_len(t, label->str), out);
	else if (label->num_unit && label->num_unit != l->key)
		fprintf(out, "%" PRId64 " %s", label->num, strtab_get(t, label->num_unit));
	else
		fprintf(out, "%" PRId64, label->num);
	if (fclose(out) != 0)
		return -ENOMEM;
	return strtab_add(t, text, size, ret);
}

static int add_location(struct labelling *l, const struct profile_label *label, uint32_t *ret)
{
	struct profile *p = l->p;
	struct profile_function fn = { .system_name = l->key };
	struct profile_line line = { .function = (uint32_t)p->functions.n };
	struct profile_location loc = { .mapping = PROFILE_NONE,
					.line_first = (uint32_t)p->lines.n,
					.line_n = 1 };
	int r = name_value(l, label, &fn.name);

	if (r < 0)
		return r;
	if (p->functions.n >= PROFILE_NONE || p->lines.n >= UINT32_MAX ||
	    p->locations.n >= PROFILE_NONE)
		return -E2BIG;
	if (array_push(&p->functions, fn) < 0 || array_push(&p->lines, line) < 0)
		return -ENOMEM;
	*ret = (uint32_t)p->locations.n;
	return array_push(&p->locations, loc);
}

static bool same_value(const struct value *v, const struct profile_label *label)
{
	if (!label || v->none)
		return !label && v->none;
	return v->label.is_num == label->is_num && v->label.str == label->str &&
	       v->label.num == label->num && v->label.num_unit == label->num_unit;
}

/* The location for a value: the same one for equal ones. */
static int value_location(struct labelling *l, const struct profile_label *label, uint32_t *ret)
{
	struct value v = { .none = !label };
	uint64_t h = 0;
	int r;

	if (label) {
		v.label = *label;
		h = hash_add(hash_u64((uint64_t)label->num),
			     (uint64_t)label->str << 32 | label->num_unit);
	}
	hindex_each(&l->index, h, i)
		if (same_value(&l->values.items[i], label)) {
			*ret = l->values.items[i].location;
			return 0;
		}
	r = add_location(l, label, &v.location);
	if (r < 0)
		return r;
	if (hindex_add(&l->index, h, (uint32_t)l->values.n) < 0 || array_push(&l->values, v) < 0)
		return -ENOMEM;
	*ret = v.location;
	return 0;
}

bool profile_is_label_frame(const struct profile *p, uint32_t location)
{
	const struct profile_location *l = &p->locations.items[location];
	const struct profile_function *fn;
	const char *name, *key;
	size_t n;

	if (l->mapping != PROFILE_NONE || l->address || l->line_n != 1)
		return false;
	fn = &p->functions.items[p->lines.items[l->line_first].function];
	name = strtab_get(&p->strings, fn->name);
	key = strtab_get(&p->strings, fn->system_name);
	n = strlen(key);
	return n && !fn->file && strncmp(name, key, n) == 0 && strncmp(name + n, ": ", 2) == 0;
}

/* Copies the stack of @s to the new pool, with @frame below the label frames that it begins with.
 */
static void put_stack(struct labelling *l, struct profile_sample *s, uint32_t frame)
{
	const uint32_t *locs = s->loc_n ? &l->p->stacks.items[s->loc_first] : NULL;
	uint32_t *to = array_from(&l->stacks, l->stacks.n);
	uint32_t n = s->loc_n;

	while (n && profile_is_label_frame(l->p, locs[n - 1]))
		n--;
	if (n)
		memcpy(to, locs, n * sizeof(*to));
	to[n] = frame;
	if (s->loc_n > n)
		memcpy(to + n + 1, locs + n, (s->loc_n - n) * sizeof(*to));
	s->loc_first = (uint32_t)l->stacks.n;
	s->loc_n++;
	l->stacks.n += s->loc_n;
}

static int label_samples(struct labelling *l)
{
	struct profile *p = l->p;
	size_t entries = 0;

	array_each(&p->samples, s)
		entries += (size_t)s->loc_n + 1;
	if (entries > UINT32_MAX)
		return -E2BIG;
	if (array_reserve(&l->stacks, entries) < 0)
		return -ENOMEM;
	array_each(&p->samples, s) {
		const struct profile_label *label = find_label(l, s);
		uint32_t frame;
		int r = value_location(l, label, &frame);

		if (r < 0)
			return r;
		l->found |= label != NULL;
		put_stack(l, s, frame);
	}
	array_free(&p->stacks);
	p->stacks.items = take_ptr(l->stacks.items);
	p->stacks.n = l->stacks.n;
	p->stacks.cap = l->stacks.cap;
	return 0;
}

/* The keys of all labels, for a message. */
static int no_such_label(const struct profile *p, const char *key, struct err *e)
{
	_cleanup_free_ bool *seen = calloc(p->strings.n + 1, 1);
	char names[400] = "";
	size_t n = 0;

	if (!seen)
		return -ENOMEM;
	array_each(&p->labels, l) {
		if (!seen[l->key] && n < sizeof(names))
			n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s", n ? ", " : "",
					      strtab_get(&p->strings, l->key));
		seen[l->key] = true;
	}
	if (!n)
		return err_set(e, -EINVAL, "no sample has the label '%s', nor any other", key);
	return err_set(e, -EINVAL, "no sample has the label '%s'; there are %s", key, names);
}

static bool is_labelled(const struct profile *p, const char *key)
{
	array_each(&p->samples, s)
		for (uint32_t i = 0; i < s->label_n; i++) {
			uint32_t own = p->labels.items[s->label_first + i].key;

			if (strcmp(strtab_get(&p->strings, own), key) == 0)
				return true;
		}
	return false;
}

int profile_by_label(struct profile *p, const char *key, struct err *e)
{
	struct labelling l = { .p = p };
	int r;

	if (!is_labelled(p, key))
		return no_such_label(p, key, e);
	r = strtab_adds(&p->strings, key, &l.key);
	if (r == 0)
		r = label_samples(&l);
	hindex_free(&l.index);
	array_free(&l.values);
	array_free(&l.stacks);
	return r;
}
