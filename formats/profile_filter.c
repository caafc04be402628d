/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters look at each distinct string and each distinct location once; samples then only look up
 * what became of their locations. New stacks go to a new pool, for the old one may be shared by
 * samples.
 */
#include "profile_filter.h"

#include <errno.h>
#include <inttypes.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "cleanup.h"
#include "err.h"
#include "frames.h"
#include "profile.h"

enum match { UNASKED, NO, YES };

/* What a filter makes of one location. */
struct verdict {
	bool any;	 /* some line of it matches */
	uint32_t hidden; /* HIDE: what is left of it, PROFILE_NONE = nothing */
	uint32_t cut;	 /* SHOW_FROM, PIVOT: what begins at the line that matches */
};

struct filtering {
	struct profile *p;
	enum filter_verb verb;
	regex_t re;
	uint8_t *strings;	  /* enum match of each */
	bool unknown;		  /* whether a function without a name matches */
	struct verdict *verdicts; /* of each location */
	size_t n_locations;	  /* that there were before some were cut */
	ARRAY(uint32_t) stacks;
	struct err *e;
};

const char *filter_verb_name(enum filter_verb verb)
{
	static const char *const names[] = { "focus", "ignore", "hide", "show-from", "pivot" };

	return names[verb];
}

/* --- matching --------------------------------------------------------------------------------- */

static int compile(regex_t *re, const struct filter *filter, struct err *e)
{
	char why[200];
	int r = regcomp(re, filter->pattern, REG_EXTENDED | REG_NOSUB);

	if (r == 0)
		return 0;
	if (r == REG_ESPACE)
		return -ENOMEM;
	regerror(r, re, why, sizeof(why));
	return err_set(e, -EINVAL, "'%s' of --%s is not a regular expression: %s", filter->pattern,
		       filter_verb_name(filter->verb), why);
}

int profile_filter_check(const struct filter *filter, struct err *e)
{
	regex_t re;
	int r = compile(&re, filter, e);

	if (r == 0)
		regfree(&re);
	return r;
}

/* Whether @n bytes, which may hold any, match. */
static bool matches_text(const struct filtering *f, const char *s, size_t n)
{
	regmatch_t part = { .rm_so = 0, .rm_eo = (regoff_t)(n < INT32_MAX ? n : INT32_MAX) };

	return regexec(&f->re, s, 1, &part, REG_STARTEND) == 0;
}

static bool matches_string(struct filtering *f, uint32_t id)
{
	const struct strtab *t = &f->p->strings;

	if (id == 0)
		return false;
	if (f->strings[id] == UNASKED)
		f->strings[id] = matches_text(f, strtab_get(t, id), strtab_len(t, id)) ? YES : NO;
	return f->strings[id] == YES;
}

/* The name of the object alone: a folder in its path would match every function of a system. */
static bool matches_object(const struct filtering *f, const struct profile_mapping *m)
{
	const char *path = strtab_get(&f->p->strings, m->file), *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	return *name && matches_text(f, name, strlen(name));
}

static bool matches_line(struct filtering *f, const struct profile_line *line)
{
	const struct profile_function *fn = &f->p->functions.items[line->function];
	uint32_t name = fn->name ? fn->name : fn->system_name;

	return (name ? matches_string(f, name) : f->unknown) || matches_string(f, fn->file);
}

/* 1, 0 or -ENOMEM. */
static int matches_place(const struct filtering *f, const struct profile_location *l)
{
	_cleanup_free_ char *name = NULL;
	int r = place_name(f->p, l, &name);

	return r < 0 ? r : matches_text(f, name, strlen(name));
}

/* --- locations -------------------------------------------------------------------------------- */

/* Appends a copy of @l with other lines, which are in the pool already. */
static int add_location(struct filtering *f, const struct profile_location *l, uint32_t first,
			uint32_t n, uint32_t *ret)
{
	struct profile_location copy = *l;

	if (f->p->locations.n >= PROFILE_NONE)
		return -E2BIG;
	copy.line_first = first;
	copy.line_n = n;
	*ret = (uint32_t)f->p->locations.n;
	return array_push(&f->p->locations, copy);
}

/* What is left of location @i without the lines of @l that match; some do, some do not. */
static int hide_lines(struct filtering *f, const struct profile_location *l, struct verdict *v)
{
	struct profile *p = f->p;
	size_t first = p->lines.n;

	if (first + l->line_n > UINT32_MAX)
		return -E2BIG;
	for (uint32_t k = 0; k < l->line_n; k++) {
		struct profile_line line = p->lines.items[l->line_first + k];

		if (!matches_line(f, &line) && array_push(&p->lines, line) < 0)
			return -ENOMEM;
	}
	return add_location(f, l, (uint32_t)first, (uint32_t)(p->lines.n - first), &v->hidden);
}

/* Lines go from the leaf to the root: what begins at a line is that line and those before it. */
static int judge_lines(struct filtering *f, uint32_t i, struct verdict *v)
{
	struct profile_location l = f->p->locations.items[i];
	uint32_t n = 0, innermost = 0, outermost = 0;

	for (uint32_t k = 0; k < l.line_n; k++)
		if (matches_line(f, &f->p->lines.items[l.line_first + k])) {
			innermost = n++ ? innermost : k;
			outermost = k;
		}
	v->any = n > 0;
	if (n == 0)
		return 0;
	if (f->verb == FILTER_HIDE) {
		v->hidden = PROFILE_NONE;
		return n < l.line_n ? hide_lines(f, &l, v) : 0;
	}
	if (f->verb == FILTER_PIVOT)
		outermost = innermost;
	if (f->verb < FILTER_SHOW_FROM || outermost + 1 == l.line_n)
		return 0;
	return add_location(f, &l, l.line_first, outermost + 1, &v->cut);
}

static int judge_location(struct filtering *f, uint32_t i, const bool *objects)
{
	const struct profile_location *l = &f->p->locations.items[i];
	struct verdict *v = &f->verdicts[i];
	int r = 1;

	*v = (struct verdict){ .hidden = i, .cut = i };
	if (l->mapping == PROFILE_NONE || !objects[l->mapping]) {
		if (l->line_n)
			return judge_lines(f, i, v);
		r = matches_place(f, l);
		if (r < 0)
			return r;
	}
	v->any = r;
	if (v->any)
		v->hidden = PROFILE_NONE;
	if (v->any && f->verb == FILTER_PIVOT &&
	    l->line_n > 1) /* its innermost line matches, too */
		return add_location(f, l, l->line_first, 1, &v->cut);
	return 0;
}

static int judge_locations(struct filtering *f)
{
	struct profile *p = f->p;
	_cleanup_free_ bool *objects = NULL;
	int r = 0;

	f->n_locations = p->locations.n;
	objects = calloc(p->mappings.n + 1, sizeof(*objects));
	f->strings = calloc(p->strings.n + 1, 1);
	f->verdicts = reallocarray(NULL, p->locations.n + 1, sizeof(*f->verdicts));
	if (!objects || !f->strings || !f->verdicts)
		return -ENOMEM;
	f->unknown = matches_text(f, FRAME_NO_NAME, strlen(FRAME_NO_NAME));
	for (size_t i = 0; i < p->mappings.n; i++)
		objects[i] = matches_object(f, &p->mappings.items[i]);
	for (size_t i = 0; i < f->n_locations && r == 0; i++)
		r = judge_location(f, (uint32_t)i, objects);
	return r;
}

/* --- samples ---------------------------------------------------------------------------------- */

static bool stack_matches(const struct filtering *f, const uint32_t *locs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (f->verdicts[locs[i]].any)
			return true;
	return false;
}

/* Appends to the new pool what is left of a stack. A stack that ends up empty is left out. */
static bool put_stack(struct filtering *f, const uint32_t *locs, uint32_t n)
{
	uint32_t *to = array_from(&f->stacks, f->stacks.n);
	uint32_t cut, kept = 0;

	switch (f->verb) {
	case FILTER_FOCUS:
	case FILTER_IGNORE:
		if (stack_matches(f, locs, n) != (f->verb == FILTER_FOCUS))
			return false;
		if (n)
			memcpy(to, locs, n * sizeof(*locs));
		f->stacks.n += n;
		return true;
	case FILTER_HIDE:
		for (uint32_t i = 0; i < n; i++)
			if (f->verdicts[locs[i]].hidden != PROFILE_NONE)
				to[kept++] = f->verdicts[locs[i]].hidden;
		f->stacks.n += kept;
		return kept > 0 || n == 0;
	case FILTER_SHOW_FROM:
		for (cut = n; cut > 0 && !f->verdicts[locs[cut - 1]].any; cut--)
			;
		break;
	default:
		for (cut = 0; cut < n && !f->verdicts[locs[cut]].any; cut++)
			;
		cut = cut < n ? cut + 1 : 0;
	}
	if (cut == 0)
		return false;
	memcpy(to, locs, cut * sizeof(*locs));
	to[cut - 1] = f->verdicts[locs[cut - 1]].cut;
	f->stacks.n += cut;
	return true;
}

/* Entries in the stacks of all samples, which may share them. */
static int stack_entries(const struct profile *p, size_t more, size_t *ret)
{
	size_t n = 0;

	array_each(&p->samples, s)
		n += s->loc_n + more;
	*ret = n;
	return n > UINT32_MAX ? -E2BIG : 0;
}

static int filter_samples(struct filtering *f)
{
	struct profile *p = f->p;
	size_t types = p->sample_types.n, kept = 0, entries;
	int r = stack_entries(p, 0, &entries);

	if (r < 0)
		return r;
	if (array_reserve(&f->stacks, entries + 1) < 0) /* and one, for the storage of none */
		return -ENOMEM;
	for (size_t i = 0; i < p->samples.n; i++) {
		struct profile_sample s = p->samples.items[i];
		size_t first = f->stacks.n;

		if (!put_stack(f, s.loc_n ? &p->stacks.items[s.loc_first] : NULL, s.loc_n))
			continue;
		s.loc_first = (uint32_t)first;
		s.loc_n = (uint32_t)(f->stacks.n - first);
		p->samples.items[kept] = s;
		if (kept != i && types)
			memcpy(p->values.items + kept * types, p->values.items + i * types,
			       types * sizeof(*p->values.items));
		kept++;
	}
	p->samples.n = kept;
	p->values.n = kept * types;
	array_free(&p->stacks);
	p->stacks.items = take_ptr(f->stacks.items);
	p->stacks.n = f->stacks.n;
	p->stacks.cap = f->stacks.cap;
	return 0;
}

static int filter_once(struct profile *p, const struct filter *filter, struct err *e)
{
	struct filtering f = { .p = p, .verb = filter->verb, .e = e };
	size_t before = p->samples.n;
	int r = compile(&f.re, filter, e);

	if (r < 0)
		return r;
	r = judge_locations(&f);
	if (r == 0)
		r = filter_samples(&f);
	regfree(&f.re);
	free(f.strings);
	free(f.verdicts);
	array_free(&f.stacks);
	if (r == 0 && before && !p->samples.n)
		r = err_set(e, -EINVAL,
			    filter->verb == FILTER_IGNORE || filter->verb == FILTER_HIDE
				    ? "nothing is left: every stack matches --%s '%s'"
				    : "nothing is left: no stack matches --%s '%s'",
			    filter_verb_name(filter->verb), filter->pattern);
	return r;
}

/* --- what was done ---------------------------------------------------------------------------- */

static int64_t weigh(const struct profile *p)
{
	size_t type = profile_default_type(p);
	int64_t sum = 0;

	for (size_t i = 0; i < p->samples.n; i++)
		if (__builtin_add_overflow(sum, profile_value(p, i, type), &sum))
			return INT64_MAX;
	return sum;
}

static int add_comment(struct profile *p, const struct filter *filters, size_t n, int64_t before)
{
	const struct profile_value_type *t;
	_cleanup_free_ char *text = NULL;
	uint32_t id;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int r;

	if (!out)
		return -ENOMEM;
	fputs("wick: filter:", out);
	for (size_t i = 0; i < n; i++)
		fprintf(out, " %s=%s", filter_verb_name(filters[i].verb), filters[i].pattern);
	if (p->sample_types.n) {
		t = &p->sample_types.items[profile_default_type(p)];
		fprintf(out, " left %" PRId64 " of %" PRId64 " %s/%s", weigh(p), before,
			strtab_get(&p->strings, t->type), strtab_get(&p->strings, t->unit));
	}
	r = ferror(out) ? -ENOMEM : 0;
	if (fclose(out) != 0 || r < 0)
		return -ENOMEM;
	r = strtab_add(&p->strings, text, size, &id);
	return r < 0 ? r : array_push(&p->comments, id);
}

int profile_filter(struct profile *p, const struct filter *filters, size_t n, struct err *e)
{
	int64_t before = weigh(p);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = filter_once(p, &filters[i], e);
	return r == 0 && n ? add_comment(p, filters, n, before) : r;
}
