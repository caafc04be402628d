/* SPDX-License-Identifier: Apache-2.0 */
#include "viewopts.h"

#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "err.h"
#include "inputs.h"
#include "profile.h"

int viewopts_take(struct viewopts *v, int opt, const char *arg, struct err *e)
{
	struct view_step s = { 0 };
	int r;

	switch (opt) {
	case VIEWOPT_SAMPLE_TYPE:
		v->sample_type = arg;
		return 1;
	case VIEWOPT_BY:
		s.label = arg;
		break;
	case VIEWOPT_FILTER + FILTER_FOCUS... VIEWOPT_FILTER + FILTER_PIVOT:
		s.filter.verb = (enum filter_verb)(opt - VIEWOPT_FILTER);
		s.filter.pattern = arg;
		r = profile_filter_check(&s.filter, e);
		if (r < 0)
			return r;
		break;
	default:
		return 0;
	}
	return array_push(&v->steps, s) < 0 ? -ENOMEM : 1;
}

/* Filters that follow each other are one call, and leave one comment. */
static int apply_filters(const struct viewopts *v, size_t *at, struct profile *p, struct err *e)
{
	ARRAY(struct filter) filters = { 0 };
	int r = 0;

	for (; r == 0 && *at < v->steps.n && !v->steps.items[*at].label; ++*at)
		r = array_push(&filters, v->steps.items[*at].filter);
	if (r == 0)
		r = profile_filter(p, filters.items, filters.n, e);
	array_free(&filters);
	return r;
}

int viewopts_apply(const struct viewopts *v, struct profile *p, int *ret_type, struct err *e)
{
	int type = -1;
	int r = v->sample_type ? inputs_sample_type(p, v->sample_type, &type, e) : 0;

	for (size_t i = 0; i < v->steps.n && r == 0;) {
		const char *label = v->steps.items[i].label;

		if (label) {
			if (strcmp(label, "none") != 0)
				r = profile_by_label(p, label, e);
			i++;
		} else {
			r = apply_filters(v, &i, p, e);
		}
	}
	if (r == 0)
		*ret_type = type;
	return r;
}

int viewopts_read_base(const struct viewopts *v, const char *path, struct profile **ret,
		       struct err *e)
{
	char *const paths[] = { (char *)path, NULL };
	_cleanup_(profile_freep) struct profile *p = NULL;
	struct err why = { 0 };
	int type, r = inputs_read(paths, &p, e);

	if (r < 0)
		return r;
	r = viewopts_apply(v, p, &type, &why);
	if (r < 0)
		return err_set(e, r, "of the base '%s': %s", path,
			       why.text[0] ? why.text : strerror(-r));
	*ret = take_ptr(p);
	return 0;
}

bool view_has_programs(const struct profile *p)
{
	uint32_t first = 0;

	array_each(&p->samples, s)
		for (uint32_t i = 0; i < s->label_n; i++) {
			const struct profile_label *l = &p->labels.items[s->label_first + i];

			if (l->is_num || strcmp(strtab_get(&p->strings, l->key), "comm") != 0)
				continue;
			if (first && l->str != first)
				return true;
			first = l->str;
		}
	return false;
}

int viewopts_part_programs(const struct viewopts *v, struct profile *p, struct err *e)
{
	array_each(&v->steps, s)
		if (s->label)
			return 0;
	return view_has_programs(p) ? profile_by_label(p, "comm", e) : 0;
}

void viewopts_done(struct viewopts *v)
{
	array_free(&v->steps);
}
