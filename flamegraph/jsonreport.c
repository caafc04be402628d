/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A profile for programs: one page, the same bytes for the same profile. Each function and each
 * stack has a line of its own, so that line tools and diffs work on it, too.
 */
#include "jsonreport.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "calltree.h"
#include "cleanup.h"
#include "codekind.h"
#include "err.h"
#include "functable.h"
#include "jsontext.h"
#include "profile.h"
#include "report.h"
#include "saturate.h"
#include "shortname.h"
#include "textview.h"
#include "ticks.h"

#define DEFAULT_ROWS 15
#define STACKS_SHARE 3	/* a stack for every so many functions */
#define FRAMES_HEAD  4	/* of a long stack: so many from its root */
#define FRAMES_TAIL  10 /* and so many from its leaf */
#define MIN_SHARE    0.0005
#define NOTES_MAX    8

/* --- pieces ---------------------------------------------------------------------------------- */

/* @n, or less where a character of @s would be cut in two. */
static size_t whole_characters(const char *s, size_t n)
{
	while (n && (s[n] & 0xc0) == 0x80)
		n--;
	return n;
}

void json_write_name(FILE *out, const char *s, size_t n)
{
	static const char mark[] = "…";
	char buf[JSON_NAME_MAX + sizeof(mark)];
	size_t head, tail = JSON_NAME_MAX / 2;

	if (n <= JSON_NAME_MAX) {
		json_write_string(out, s, n);
		return;
	}
	head = whole_characters(s, JSON_NAME_MAX / 2);
	while (tail && (s[n - tail] & 0xc0) == 0x80)
		tail--;
	memcpy(buf, s, head);
	memcpy(buf + head, mark, sizeof(mark) - 1);
	memcpy(buf + head + sizeof(mark) - 1, s + n - tail, tail);
	json_write_string(out, buf, head + sizeof(mark) - 1 + tail);
}

static void write_string(FILE *out, const struct profile *p, uint32_t id)
{
	json_write_name(out, strtab_get(&p->strings, id), strtab_len(&p->strings, id));
}

void json_write_percent(FILE *out, int64_t part, uint64_t weight)
{
	fprintf(out, "%.2f", weight ? 100.0 * (double)part / (double)weight : 0.0);
}

static const char *kind_of(const struct profile *p, const struct func *f)
{
	const char *file = strtab_get(&p->strings, f->file);

	return file_is_kernel(file) ? "kernel" : file_is_jit(file) ? "jit" : NULL;
}

void json_write_function(FILE *out, const struct profile *p, const struct func *f, struct text name)
{
	struct text object = object_name(strtab_get(&p->strings, f->file));
	const char *kind = kind_of(p, f);

	fputs("\"function\":", out);
	json_write_name(out, name.s, name.n);
	if (object.n) {
		fputs(",\"object\":", out);
		json_write_name(out, object.s, object.n);
	}
	if (f->source) {
		fputs(",\"file\":", out);
		write_string(out, p, f->source);
	}
	if (kind)
		fprintf(out, ",\"kind\":\"%s\"", kind);
}

/* --- what was measured ----------------------------------------------------------------------- */

static void write_reasons(FILE *out, const char *key, const struct ticks_reasons *why)
{
	if (!why->n)
		return;
	fprintf(out, ",\"%s\":{", key);
	for (size_t i = 0; i < why->n; i++) {
		fputs(i ? "," : "", out);
		json_write_name(out, why->items[i].name, why->items[i].name_n);
		fprintf(out, ":%" PRIu64, why->items[i].n);
	}
	fputs("}", out);
}

static void write_account(FILE *out, const struct profile *p)
{
	struct ticks a;

	if (!ticks_read(&a, p))
		return;
	fprintf(out,
		",\n  \"account\":{\"ticks\":%" PRIu64 ",\"recorded\":%" PRIu64 ",\"idle\":%" PRIu64
		",\"filtered\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"truncated\":%" PRIu64,
		a.ticks, a.recorded, a.idle, a.filtered, a.lost, a.truncated);
	write_reasons(out, "lost_by", &a.why_lost);
	write_reasons(out, "truncated_by", &a.why_truncated);
	fputs("}", out);
}

/* How it was recorded and what filters left out, as comments of the profile tell; not its account.
 */
static void write_notes(FILE *out, const struct profile *p)
{
	size_t n = 0;

	array_each(&p->comments, id) {
		const char *text = strtab_get(&p->strings, *id);

		if (strncmp(text, "wick: ticks=", 12) == 0)
			continue;
		if (n == NOTES_MAX)
			break;
		fputs(n++ ? "," : ",\n  \"notes\":[", out);
		write_string(out, p, *id);
	}
	fputs(n ? "]" : "", out);
}

static void write_count(FILE *out, const struct profile *p)
{
	int type = functable_count_type(p);
	uint64_t n = 0;

	if (type < 0)
		return;
	for (size_t i = 0; i < p->samples.n; i++)
		if (profile_value(p, i, (size_t)type) > 0)
			n = saturate_add_u64(n, (uint64_t)profile_value(p, i, (size_t)type));
	fprintf(out, ",\"samples\":%" PRIu64, n);
}

static void write_type(FILE *out, const struct profile *p, const char *key,
		       const struct profile_value_type *t)
{
	fprintf(out, "\"%s\":", key);
	write_string(out, p, t->type);
	fputs(",\"unit\":", out);
	write_string(out, p, t->unit);
}

void json_write_measured(FILE *out, const char *key, const struct profile *p,
			 const struct json_total *t)
{
	fprintf(out, "\"%s\":{", key);
	if (t->type < p->sample_types.n) {
		write_type(out, p, "type", &p->sample_types.items[t->type]);
		fputs(",", out);
	}
	fprintf(out, "\"total\":%" PRId64 ",\"weight\":%" PRIu64, t->total, t->weight);
	write_count(out, p);
	fprintf(out, ",\"stacks\":%" PRIu64, t->n_stacks);
	if (p->time_ns)
		fprintf(out, ",\"start_ns\":%" PRIu64, p->time_ns);
	if (p->duration_ns)
		fprintf(out, ",\"duration_ns\":%" PRIu64, p->duration_ns);
	if (p->period > 0) {
		fprintf(out, ",\"period\":{\"value\":%" PRId64 ",", p->period);
		write_type(out, p, "type", &p->period_type);
		fputs("}", out);
	}
	write_account(out, p);
	write_notes(out, p);
	fputs("}", out);
}

/* --- functions ------------------------------------------------------------------------------- */

static void write_functions(FILE *out, const struct profile *p, const struct functable *t,
			    size_t rows)
{
	int64_t rest = 0;
	size_t n = min_size(rows, t->n);

	fputs("\"functions\":[", out);
	for (size_t i = 0; i < n; i++) {
		const struct func *f = &t->funcs[i];
		char place[FUNC_NAME_MAX];

		fputs(i ? ",\n  {" : "\n  {", out);
		json_write_function(out, p, f, func_name(p, f, place));
		fprintf(out, ",\"flat\":%" PRId64 ",\"cum\":%" PRId64 ",\"flat_percent\":", f->flat,
			f->cum);
		json_write_percent(out, f->flat, t->weight);
		fputs(",\"cum_percent\":", out);
		json_write_percent(out, f->cum, t->weight);
		fputs("}", out);
	}
	for (size_t i = n; i < t->n; i++)
		rest = functable_add(rest, t->funcs[i].flat);
	fprintf(out, "],\n\"functions_left_out\":{\"count\":%zu,\"flat\":%" PRId64 "}", t->n - n,
		rest);
}

/* --- stacks ---------------------------------------------------------------------------------- */

/* Nodes in which MIN_SHARE of all or more ends, the heaviest first. */
struct ends {
	const struct calltree *t;
	uint32_t *nodes;
	size_t n;
	uint32_t *parents;
};

static int64_t size_of(int64_t v)
{
	return v == INT64_MIN ? INT64_MAX : v < 0 ? -v : v;
}

static int compare_ends(const void *va, const void *vb, void *ctx)
{
	const struct calltree *t = ctx;
	uint32_t a = *(const uint32_t *)va, b = *(const uint32_t *)vb;
	int64_t x = size_of(t->nodes[a].self), y = size_of(t->nodes[b].self);

	return x != y ? (x > y ? -1 : 1) : (a > b) - (a < b);
}

static int find_ends(struct ends *ends)
{
	const struct calltree *t = ends->t;

	ends->nodes = malloc(t->n * sizeof(*ends->nodes));
	ends->parents = malloc(t->n * sizeof(*ends->parents));
	if (!ends->nodes || !ends->parents)
		return -ENOMEM;
	ends->parents[0] = 0;
	/* In preorder each node comes after its parent, whose subtree it is in. */
	for (uint32_t i = 1; i < t->n; i++) {
		uint32_t parent = i - 1;

		while (i >= parent + t->nodes[parent].size)
			parent = ends->parents[parent];
		ends->parents[i] = parent;
	}
	for (uint32_t i = 1; i < t->n; i++)
		if (t->nodes[i].self &&
		    (double)magnitude(t->nodes[i].self) >= MIN_SHARE * (double)t->weight)
			ends->nodes[ends->n++] = i;
	if (ends->n)
		qsort_r(ends->nodes, ends->n, sizeof(*ends->nodes), compare_ends, (void *)t);
	return 0;
}

static void write_frame(FILE *out, const struct calltree *t, uint32_t node)
{
	uint32_t name = t->frames[t->nodes[node].frame].name;
	const char *s = strtab_get(t->strings, name);
	size_t n = strtab_len(t->strings, name);
	char *buf = n > 24 ? malloc(n + 1) : NULL;

	if (buf) {
		n = short_name(s, n, buf);
		s = buf;
	}
	json_write_name(out, s, n);
	free(buf);
}

/* The frames from the root to @node; null stands for those that are left out of a long stack. */
static void write_frames(FILE *out, const struct ends *ends, uint32_t node)
{
	uint32_t head[FRAMES_HEAD], tail[FRAMES_TAIL], depth = 0, at;

	for (at = node; at; at = ends->parents[at])
		depth++;
	at = node;
	for (uint32_t i = depth; i-- > 0; at = ends->parents[at]) {
		if (depth - i <= FRAMES_TAIL)
			tail[depth - i - 1] = at;
		else if (i < FRAMES_HEAD)
			head[i] = at;
	}
	fputs("\"frames\":[", out);
	for (uint32_t i = 0; i < FRAMES_HEAD && depth > FRAMES_TAIL && i < depth - FRAMES_TAIL;
	     i++) {
		fputs(i ? "," : "", out);
		write_frame(out, ends->t, head[i]);
	}
	if (depth > FRAMES_HEAD + FRAMES_TAIL)
		fputs(",null", out);
	for (uint32_t i = depth < FRAMES_TAIL ? depth : FRAMES_TAIL; i-- > 0;) {
		fputs(i + 1 < depth ? "," : "", out);
		write_frame(out, ends->t, tail[i]);
	}
	fprintf(out, "],\"depth\":%u", depth);
}

static int write_stacks(FILE *out, const struct profile *p, size_t type, size_t rows, struct err *e)
{
	const struct calltree_opts co = { .sample_type = type, .min_share = MIN_SHARE };
	_cleanup_(calltree_freep) struct calltree *t = NULL;
	struct ends ends = { 0 };
	int64_t shown = 0;
	int r = calltree_new(&t, p, &co, e);

	if (r < 0)
		return r;
	ends.t = t;
	r = find_ends(&ends);
	rows = min_size(rows, ends.n);
	fputs(",\n\"stacks\":[", out);
	for (size_t i = 0; i < rows && r == 0; i++) {
		int64_t self = t->nodes[ends.nodes[i]].self;

		fprintf(out, "%s\n  {\"value\":%" PRId64 ",\"percent\":", i ? "," : "", self);
		json_write_percent(out, self, t->weight);
		fputs(",", out);
		write_frames(out, &ends, ends.nodes[i]);
		fputs("}", out);
		shown = functable_add(shown, self);
	}
	fprintf(out, "],\n\"stacks_left_out\":{\"value\":%" PRId64 "}",
		functable_add(t->nodes[0].total, -shown));
	free(ends.nodes);
	free(ends.parents);
	return r < 0 ? err_set(e, r, "there is not enough memory to find the heaviest stacks") : 0;
}

int json_write(const struct profile *p, const struct report_opts *opts, FILE *out, struct err *e)
{
	struct textview v;
	struct functable t = { 0 };
	int r = textview_begin(&v, p, opts, DEFAULT_ROWS, out, e);

	if (r < 0)
		return r;
	fputs("{\"schema\":\"" JSON_SCHEMA "\",\n", out);
	json_write_measured(out, "profile", p,
			    &(struct json_total){ v.type, v.total, v.weight, v.n_stacks });
	fputs(",\n", out);
	if (p->sample_types.n && (r = functable_make(&t, p, v.type)) < 0)
		err_set(e, r, "there is not enough memory to add up the profile");
	if (r == 0) {
		functable_sort(&t, p, v.rows);
		write_functions(out, p, &t, v.rows);
		if (p->sample_types.n)
			r = write_stacks(out, p, v.type, (v.rows + STACKS_SHARE - 1) / STACKS_SHARE,
					 e);
		else
			fputs(",\n\"stacks\":[],\n\"stacks_left_out\":{\"value\":0}", out);
	}
	fputs("}\n", out);
	functable_done(&t);
	if (r == 0)
		r = textview_flush(&v, e);
	textview_done(&v);
	return r;
}
