/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A few functions with their callers and callees. Each stack counts once for a function, however
 * often that is in it: with the caller of its outermost frame and the callee of its innermost. So
 * the shares of callers add up to all of a function's time, and those of callees with its own time,
 * too.
 */
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "functable.h"
#include "hash.h"
#include "profile.h"
#include "report.h"
#include "termtext.h"
#include "textview.h"

#define DEFAULT_ROWS 10
#define NO_FUNC	     UINT32_MAX /* no caller: the root of the stack */
#define NO_SAMPLE    UINT32_MAX

enum direction { CALLER, CALLEE };

struct edge {
	uint32_t func, other;
	enum direction direction;
	int64_t value;
};

struct peeked {
	bool matches, shown;
	int64_t flat, cum;
	uint32_t stamp;	  /* the last sample that counted it; NO_SAMPLE = none has */
	size_t outermost; /* of that sample */
};

struct peek {
	struct textview v;
	struct funcmap map;
	struct peeked *of; /* each function */
	ARRAY(struct edge) edges;
	struct hindex index;	    /* of edges */
	ARRAY(uint32_t) stack, met; /* of one sample: its functions, and those that match */
	ARRAY(uint32_t) chosen;	    /* functions, the first ones are shown */
};

/* --- which functions ------------------------------------------------------------------------- */

/* Whether @t, which may hold any bytes, matches. */
static bool text_matches(const regex_t *re, struct text t)
{
	regmatch_t part = { .rm_eo = (regoff_t)min_size(t.n, INT32_MAX) };

	return t.n && regexec(re, t.s, 1, &part, REG_STARTEND) == 0;
}

/* Marks functions by their names or, where @by_object, by their objects' names; whether any was. */
static bool match_all(struct peek *k, const regex_t *re, bool by_object)
{
	char place[FUNC_NAME_MAX];
	bool any = false;

	for (size_t i = 0; i < k->map.funcs.n; i++) {
		const struct func *f = &k->map.funcs.items[i];

		k->of[i].matches =
			text_matches(re, by_object ? object_name(textview_string(&k->v, f->file))
						   : func_name(k->v.p, f, place));
		any |= k->of[i].matches;
	}
	return any;
}

static int compile(const char *pattern, regex_t *ret, struct err *e)
{
	char why[200];
	int r = regcomp(ret, pattern, REG_EXTENDED);

	if (r == 0)
		return 0;
	if (r == REG_ESPACE)
		return -ENOMEM;
	regerror(r, ret, why, sizeof(why));
	return err_set(e, -EINVAL, "'%s' is not a regular expression: %s", pattern, why);
}

int peek_check(const char *pattern, struct err *e)
{
	regex_t re;
	int r = compile(pattern, &re, e);

	if (r == 0)
		regfree(&re);
	return r;
}

static int match(struct peek *k, const char *pattern, struct err *e)
{
	regex_t re;
	int r = compile(pattern, &re, e);

	if (r < 0)
		return r;
	if (!match_all(k, &re, false))
		match_all(k, &re, true);
	regfree(&re);
	return 0;
}

/* --- sums ------------------------------------------------------------------------------------ */

static int add_edge(struct peek *k, uint32_t func, enum direction direction, uint32_t other,
		    int64_t value)
{
	uint64_t hash = hash_add(hash_u64((uint64_t)func << 32 | other), direction);

	hindex_each(&k->index, hash, i) {
		struct edge *have = &k->edges.items[i];

		if (have->func == func && have->other == other && have->direction == direction) {
			have->value = functable_add(have->value, value);
			return 0;
		}
	}
	if (array_push(&k->edges, (struct edge){ func, other, direction, value }) < 0)
		return -ENOMEM;
	return hindex_add(&k->index, hash, (uint32_t)(k->edges.n - 1));
}

/* The functions of sample @i, leaf first. */
static int unroll(struct peek *k, const struct profile_sample *s)
{
	const uint32_t *locs = k->v.p->stacks.items + s->loc_first;

	k->stack.n = 0;
	if (s->loc_n == 0)
		return array_push(&k->stack, k->map.no_stack);
	for (uint32_t n = 0; n < s->loc_n; n++)
		for (uint32_t at = k->map.starts[locs[n]]; at < k->map.starts[locs[n] + 1]; at++)
			if (array_push(&k->stack, k->map.lists.items[at]) < 0)
				return -ENOMEM;
	return 0;
}

/* What a sample costs the functions that match. */
static int add_costs(struct peek *k, uint32_t i, int64_t value)
{
	for (size_t at = 0; at < k->stack.n; at++) {
		struct peeked *f = &k->of[k->stack.items[at]];

		if (!f->matches || f->stamp == i)
			continue;
		f->stamp = i;
		f->cum = functable_add(f->cum, value);
		if (at == 0)
			f->flat = functable_add(f->flat, value);
	}
	return 0;
}

/* Who calls whom in a sample, of the functions that are shown. */
static int add_edges(struct peek *k, uint32_t i, int64_t value)
{
	int r = 0;

	k->met.n = 0;
	for (size_t at = 0; r == 0 && at < k->stack.n; at++) {
		uint32_t id = k->stack.items[at];
		struct peeked *f = &k->of[id];

		if (!f->shown)
			continue;
		f->outermost = at;
		if (f->stamp == i)
			continue;
		f->stamp = i;
		r = add_edge(k, id, CALLEE, at ? k->stack.items[at - 1] : id, value);
		if (r == 0)
			r = array_push(&k->met, id);
	}
	for (size_t n = 0; r == 0 && n < k->met.n; n++) {
		uint32_t id = k->met.items[n];
		size_t caller = k->of[id].outermost + 1;

		r = add_edge(k, id, CALLER, caller < k->stack.n ? k->stack.items[caller] : NO_FUNC,
			     value);
	}
	return r;
}

static int each_sample(struct peek *k, int (*add)(struct peek *k, uint32_t i, int64_t value))
{
	const struct profile *p = k->v.p;
	int r = 0;

	for (size_t i = 0; i < k->map.funcs.n; i++)
		k->of[i].stamp = NO_SAMPLE;
	for (uint32_t i = 0; i < p->samples.n && i < NO_SAMPLE && r == 0; i++) {
		int64_t value = profile_value(p, i, k->v.type);

		if (!value)
			continue;
		r = unroll(k, &p->samples.items[i]);
		if (r == 0)
			r = add(k, i, value);
	}
	return r;
}

/* --- order ----------------------------------------------------------------------------------- */

static int compare_names(const struct peek *k, uint32_t a, uint32_t b)
{
	char place_a[FUNC_NAME_MAX], place_b[FUNC_NAME_MAX];
	struct text x, y;
	int r;

	if (a == b || a == NO_FUNC || b == NO_FUNC)
		return (a > b) - (a < b);
	x = func_name(k->v.p, &k->map.funcs.items[a], place_a);
	y = func_name(k->v.p, &k->map.funcs.items[b], place_b);
	r = memcmp(x.s, y.s, min_size(x.n, y.n));
	if (r == 0)
		r = (x.n > y.n) - (x.n < y.n);
	if (r == 0)
		r = strcmp(textview_string(&k->v, k->map.funcs.items[a].file),
			   textview_string(&k->v, k->map.funcs.items[b].file));
	return r ? r : (a > b) - (a < b);
}

static int compare_shown(const void *va, const void *vb, void *ctx)
{
	const struct peek *k = ctx;
	uint32_t a = *(const uint32_t *)va, b = *(const uint32_t *)vb;

	if (k->of[a].cum != k->of[b].cum)
		return k->of[a].cum > k->of[b].cum ? -1 : 1;
	if (k->of[a].flat != k->of[b].flat)
		return k->of[a].flat > k->of[b].flat ? -1 : 1;
	return compare_names(k, a, b);
}

static int compare_edges(const void *va, const void *vb, void *ctx)
{
	const struct edge *a = va, *b = vb;

	if (a->func != b->func)
		return (a->func > b->func) - (a->func < b->func);
	if (a->direction != b->direction)
		return (a->direction > b->direction) - (a->direction < b->direction);
	if (a->value != b->value)
		return a->value > b->value ? -1 : 1;
	return compare_names(ctx, a->other, b->other);
}

/* Finds the functions that match and were sampled, those with the largest cum first; marks as many
 * as there are rows. */
static int choose(struct peek *k)
{
	for (uint32_t i = 0; i < k->map.funcs.n; i++)
		if (k->of[i].stamp != NO_SAMPLE && array_push(&k->chosen, i) < 0)
			return -ENOMEM;
	if (k->chosen.n)
		qsort_r(k->chosen.items, k->chosen.n, sizeof(*k->chosen.items), compare_shown, k);
	for (size_t i = 0; i < k->chosen.n && i < k->v.rows; i++)
		k->of[k->chosen.items[i]].shown = true;
	return 0;
}

/* --- text ------------------------------------------------------------------------------------ */

static double share_of(int64_t part, int64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

/* A function by @name and the object of @f, as far as both fit from column @at on. */
static void write_function(struct peek *k, const struct func *f, struct text name, size_t at)
{
	struct text object = object_name(textview_string(&k->v, f->file));
	size_t room = max_size(k->v.columns > at ? k->v.columns - at : 0, 20);
	size_t beside = object.n ? min_size(term_columns(object.s, object.n), room / 3) + 2 : 0;
	size_t used;

	used = textview_write_name(&k->v, name, textview_mark(&k->v, f->file), room - beside);
	if (beside) {
		fputs("  ", k->v.out);
		term_write(k->v.out, object.s, object.n, room - used - 2, TERM_ELIDE_END);
	}
	fputc('\n', k->v.out);
}

static void write_edge(struct peek *k, const struct edge *edge, int64_t cum)
{
	char buf[UNITS_TEXT_MAX], place[FUNC_NAME_MAX];
	int at = fprintf(k->v.out, "    %5.1f%% %10s  ", share_of(edge->value, cum),
			 textview_value(&k->v, buf, edge->value));
	const struct func *f;

	if (edge->other == NO_FUNC) {
		fputs("(where stacks begin)\n", k->v.out);
	} else if (edge->other == edge->func) {
		fputs("(itself)\n", k->v.out);
	} else {
		f = &k->map.funcs.items[edge->other];
		write_function(k, f, func_name(k->v.p, f, place), (size_t)at);
	}
}

/* The edges of function @id in one direction, which lie together from edge @at on; the next edge.
 */
static size_t write_edges(struct peek *k, uint32_t id, enum direction direction, size_t at)
{
	char buf[UNITS_TEXT_MAX];
	size_t shown = 0, left_out = 0;
	double rest = 0;

	textview_colored(&k->v, SGR_HEADING,
			 direction == CALLER ? "  called by\n" : "  its time and whom it calls\n");
	for (; at < k->edges.n; at++) {
		const struct edge *edge = &k->edges.items[at];

		if (edge->func != id || edge->direction != direction)
			break;
		if (shown < k->v.rows) {
			write_edge(k, edge, k->of[id].cum);
			shown++;
			continue;
		}
		left_out++;
		rest += share_of(edge->value, k->of[id].cum);
	}
	if (left_out)
		fprintf(k->v.out, "    %5.1f%% %10s  %s more\n", rest, "…",
			units_count(buf, left_out));
	return at;
}

static size_t first_edge(const struct peek *k, uint32_t id)
{
	size_t low = 0, high = k->edges.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (k->edges.items[middle].func < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void write_peeked(struct peek *k, uint32_t id)
{
	const struct peeked *of = &k->of[id];
	const struct func *f = &k->map.funcs.items[id];
	char cum[UNITS_TEXT_MAX], flat[UNITS_TEXT_MAX], place[FUNC_NAME_MAX];
	size_t at;

	fputs(k->v.color ? SGR_HEADING : "", k->v.out);
	fputc('\n', k->v.out);
	write_function(k, f, func_name(k->v.p, f, place), 0);
	fputs(k->v.color ? SGR_END : "", k->v.out);
	fprintf(k->v.out, "  cum %.1f%%, %s; flat %.1f%%, %s\n", textview_percent(&k->v, of->cum),
		textview_value(&k->v, cum, of->cum), textview_percent(&k->v, of->flat),
		textview_value(&k->v, flat, of->flat));
	at = write_edges(k, id, CALLER, first_edge(k, id));
	write_edges(k, id, CALLEE, at);
}

static int write_view(struct peek *k, const char *pattern, struct err *e)
{
	char buf[UNITS_TEXT_MAX];
	size_t n;

	if (!k->chosen.n)
		return err_set(e, -EINVAL,
			       "no function or object of the profile matches '%s'; see the names "
			       "with 'wick report --top --rows 1000'",
			       pattern);
	textview_head(&k->v, "");
	n = min_size(k->v.rows, k->chosen.n);
	for (size_t i = 0; i < n; i++)
		write_peeked(k, k->chosen.items[i]);
	if (n < k->chosen.n) {
		fputc('\n', k->v.out);
		textview_say(&k->v, "… and %s more function%s with less; --rows %zu shows them.",
			     units_count(buf, k->chosen.n - n), k->chosen.n - n == 1 ? "" : "s",
			     k->chosen.n);
	}
	textview_account(&k->v);
	return textview_flush(&k->v, e);
}

static int peek(struct peek *k, const char *pattern, struct err *e)
{
	int r = funcmap_make(&k->map, k->v.p);

	if (r == 0) {
		k->of = calloc(k->map.funcs.n, sizeof(*k->of));
		r = k->of ? match(k, pattern, e) : -ENOMEM;
	}
	if (r == -EINVAL)
		return r;
	if (r == 0)
		r = each_sample(k, add_costs);
	if (r == 0)
		r = choose(k);
	if (r == 0)
		r = each_sample(k, add_edges);
	if (r < 0)
		return err_set(e, r, "there is not enough memory to add up the profile");
	if (k->edges.n)
		qsort_r(k->edges.items, k->edges.n, sizeof(*k->edges.items), compare_edges, k);
	return write_view(k, pattern, e);
}

int peek_write(const struct profile *p, const char *pattern, const struct report_opts *opts,
	       FILE *out, struct err *e)
{
	struct peek k = { 0 };
	int r = textview_begin(&k.v, p, opts, DEFAULT_ROWS, out, e);

	if (r == 0 && k.v.n_stacks) {
		r = peek(&k, pattern, e);
	} else if (r == 0) {
		textview_head(&k.v, "");
		textview_account(&k.v);
		r = textview_flush(&k.v, e);
	}
	funcmap_done(&k.map);
	free(k.of);
	array_free(&k.edges);
	hindex_free(&k.index);
	array_free(&k.stack);
	array_free(&k.met);
	array_free(&k.chosen);
	textview_done(&k.v);
	return r;
}
