/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks go into a tree of frames first, and lines come out of a walk over it: stacks share most of
 * their frames, so the tree is a small part of the text, equal lines meet in one node, and only
 * siblings have to be sorted.
 */
#include "folded.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "codekind.h"
#include "err.h"
#include "hash.h"
#include "hindex.h"
#include "profile.h"
#include "strtab.h"

struct node {
	uint32_t frame; /* in names */
	uint32_t parent;
	uint32_t first_child, next; /* 0 = none: node 0 is the root and nobody's child */
	int64_t count;		    /* of stacks that end here */
};

/* One step of the walk: a node's own line, or what is below it. */
struct step {
	uint32_t node;
	bool is_line;
	size_t prefix; /* length of the text of its ancestors */
};

struct text {
	char *items;
	size_t n, cap;
};

struct folded_writer {
	const struct profile *p;
	const struct sink *out;
	bool annotate;
	uint32_t comm;		    /* "comm" in p->strings, or PROFILE_NONE */
	uint32_t unknown;	    /* "[unknown]" in names */
	struct strtab names;	    /* frames as they are written */
	ARRAY(uint32_t) loc_first;  /* location -> its first frame in loc_frames, and one more */
	ARRAY(uint32_t) loc_frames; /* of a location: outermost first */
	ARRAY(struct node) nodes;
	struct hindex children; /* by parent and frame */
	ARRAY(struct step) steps;
	struct text line, frame;
};

static int text_add(struct text *t, const char *s, size_t n)
{
	if (array_reserve(t, n) < 0)
		return -ENOMEM;
	if (n)
		memcpy(t->items + t->n, s, n);
	t->n += n;
	return 0;
}

/* --- frames ----------------------------------------------------------------------------------- */

/* Readers of folded stacks take "name 12 5" for two counts. */
static void guard_number(struct text *t)
{
	char *space = t->n ? memrchr(t->items, ' ', t->n) : NULL, *end = t->items + t->n, *p;

	if (!space)
		return;
	for (p = space + 1; p < end && isdigit((unsigned char)*p); p++)
		;
	if (p == space + 1)
		return;
	if (p < end && *p == '.')
		for (p++; p < end && isdigit((unsigned char)*p); p++)
			;
	if (p == end)
		*space = '_';
}

/* Makes w->frame from @n bytes of @s without what would break a line. */
static int set_frame(struct folded_writer *w, const char *s, size_t n)
{
	struct text *t = &w->frame;

	for (; n && *s == ' '; s++)
		n--;
	for (; n && s[n - 1] == ' ';)
		n--;
	t->n = 0;
	if (n == 0)
		return text_add(t, "[unknown]", strlen("[unknown]"));
	if (text_add(t, s, n) < 0)
		return -ENOMEM;
	for (char *p = t->items; p < t->items + n; p++)
		if (*p == ';')
			*p = ':';
		else if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	guard_number(t);
	return 0;
}

/* Gives w->frame its annotation and its number. */
static int name_frame(struct folded_writer *w, const char *suffix, uint32_t *ret)
{
	if (w->annotate && text_add(&w->frame, suffix, strlen(suffix)) < 0)
		return -ENOMEM;
	return strtab_add(&w->names, w->frame.items, w->frame.n, ret);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static const char *mapping_suffix(const struct folded_writer *w, const struct profile_location *l)
{
	const char *file;

	if (l->mapping == PROFILE_NONE)
		return "";
	file = strtab_get(&w->p->strings, w->p->mappings.items[l->mapping].file);
	return file_is_kernel(file) ? "_[k]" : file_is_jit(file) ? "_[j]" : "";
}

/* "[object+0xoffset]" for a location of which only the address is known. */
static int set_address(struct folded_writer *w, const struct profile_location *l)
{
	const struct profile_mapping *m;
	const char *name;
	char offset[32];
	size_t n;
	int r;

	if (l->mapping == PROFILE_NONE)
		return set_frame(w, "", 0);
	m = &w->p->mappings.items[l->mapping];
	name = base_name(strtab_get(&w->p->strings, m->file));
	n = strlen(name);
	if (n == 0)
		return set_frame(w, "", 0);
	if (name[0] == '[' && name[n - 1] == ']') { /* brackets of "[kernel.kallsyms]" */
		name++;
		n -= n > 1 ? 2 : 1;
	}
	r = set_frame(w, name, n);
	if (r < 0 || text_add(&w->frame, "[", 1) < 0)
		return -ENOMEM;
	memmove(w->frame.items + 1, w->frame.items, w->frame.n - 1);
	w->frame.items[0] = '[';
	snprintf(offset, sizeof(offset), "+0x%" PRIx64 "]", l->address - m->start + m->file_offset);
	return text_add(&w->frame, offset, strlen(offset));
}

static int add_line(struct folded_writer *w, const struct profile_line *line, const char *suffix)
{
	const struct profile_function *f = &w->p->functions.items[line->function];
	uint32_t name = f->name ? f->name : f->system_name, frame;
	const struct strtab *t = &w->p->strings;
	int r = set_frame(w, strtab_get(t, name), strtab_len(t, name));

	if (r == 0)
		r = name_frame(w, suffix, &frame);
	return r < 0 ? r : array_push(&w->loc_frames, frame);
}

static int add_location(struct folded_writer *w, const struct profile_location *l)
{
	const char *suffix = mapping_suffix(w, l);
	uint32_t frame;
	int r;

	if (l->line_n == 0) {
		r = set_address(w, l);
		if (r == 0)
			r = name_frame(w, suffix, &frame);
		return r < 0 ? r : array_push(&w->loc_frames, frame);
	}
	r = add_line(w, &w->p->lines.items[l->line_first + l->line_n - 1], suffix);
	for (uint32_t i = l->line_n - 1; i-- > 0 && r == 0;)
		r = add_line(w, &w->p->lines.items[l->line_first + i], "_[i]");
	return r;
}

static int name_locations(struct folded_writer *w)
{
	int r = set_frame(w, "", 0);

	if (r == 0)
		r = strtab_add(&w->names, w->frame.items, w->frame.n, &w->unknown);
	array_each(&w->p->locations, l) {
		if (r == 0)
			r = array_push(&w->loc_first, (uint32_t)w->loc_frames.n);
		if (r == 0)
			r = add_location(w, l);
		if (r == 0 && w->loc_frames.n > UINT32_MAX)
			r = -E2BIG;
		if (r < 0)
			return r;
	}
	return array_push(&w->loc_first, (uint32_t)w->loc_frames.n);
}

/* --- the tree --------------------------------------------------------------------------------- */

/* A line that begins with '#' is a comment. */
static int guard_first(struct folded_writer *w, uint32_t *frame)
{
	struct text *t = &w->frame;

	if (strtab_get(&w->names, *frame)[0] != '#')
		return 0;
	t->n = 0;
	if (text_add(t, "_", 1) < 0 ||
	    text_add(t, strtab_get(&w->names, *frame), strtab_len(&w->names, *frame)) < 0)
		return -ENOMEM;
	return strtab_add(&w->names, t->items, t->n, frame);
}

/* Moves *@node to its child for @frame. */
static int descend(struct folded_writer *w, uint32_t *node, uint32_t frame)
{
	struct node child = { .frame = frame, .parent = *node };
	uint64_t h;
	int r = *node == 0 ? guard_first(w, &child.frame) : 0;

	if (r < 0)
		return r;
	h = hash_u64((uint64_t)*node << 32 | child.frame);
	hindex_each(&w->children, h, i)
		if (w->nodes.items[i].parent == *node && w->nodes.items[i].frame == child.frame) {
			*node = i;
			return 0;
		}
	if (w->nodes.n >= UINT32_MAX)
		return -E2BIG;
	child.next = w->nodes.items[*node].first_child;
	if (array_push(&w->nodes, child) < 0 ||
	    hindex_add(&w->children, h, (uint32_t)w->nodes.n - 1) < 0)
		return -ENOMEM;
	w->nodes.items[*node].first_child = (uint32_t)w->nodes.n - 1;
	*node = (uint32_t)w->nodes.n - 1;
	return 0;
}

static int descend_comm(struct folded_writer *w, uint32_t *node, uint32_t comm)
{
	const struct strtab *t = &w->p->strings;
	uint32_t frame;
	int r = set_frame(w, strtab_get(t, comm), strtab_len(t, comm));

	if (r < 0)
		return r;
	for (size_t i = 0; i < w->frame.n; i++)
		if (w->frame.items[i] == ' ')
			w->frame.items[i] = '_';
	r = strtab_add(&w->names, w->frame.items, w->frame.n, &frame);
	return r < 0 ? r : descend(w, node, frame);
}

static int add_sample(struct folded_writer *w, const struct profile_sample *s, int64_t count)
{
	const struct profile *p = w->p;
	uint32_t node = 0;
	int r = 0;

	for (uint32_t i = 0; i < s->label_n && r == 0 && node == 0; i++) {
		const struct profile_label *l = &p->labels.items[s->label_first + i];

		if (l->key == w->comm && !l->is_num && l->str)
			r = descend_comm(w, &node, l->str);
	}
	for (uint32_t i = s->loc_n; i-- > 0 && r == 0;) {
		uint32_t l = p->stacks.items[s->loc_first + i];

		for (uint32_t k = w->loc_first.items[l]; k < w->loc_first.items[l + 1] && r == 0;
		     k++)
			r = descend(w, &node, w->loc_frames.items[k]);
	}
	if (r == 0 && node == 0)
		r = descend(w, &node, w->unknown);
	if (r < 0)
		return r;
	if (__builtin_add_overflow(w->nodes.items[node].count, count, &w->nodes.items[node].count))
		w->nodes.items[node].count = INT64_MAX;
	return 0;
}

static int build_tree(struct folded_writer *w, size_t type, struct err *e)
{
	int r = array_push(&w->nodes, (struct node){ 0 });

	for (size_t i = 0; i < w->p->samples.n && r == 0; i++) {
		int64_t count = profile_value(w->p, i, type);

		if (count < 0)
			return err_set(e, -EINVAL,
				       "the profile holds negative values, as a difference does; "
				       "folded stacks cannot: write pprof instead");
		if (count > 0)
			r = add_sample(w, &w->p->samples.items[i], count);
	}
	return r;
}

/* --- the walk --------------------------------------------------------------------------------- */

/* What follows a step's name in its lines. */
static size_t step_end(const struct folded_writer *w, const struct step *s, char *buf, size_t size)
{
	if (!s->is_line)
		return (size_t)snprintf(buf, size, ";");
	return (size_t)snprintf(buf, size, " %" PRId64, w->nodes.items[s->node].count);
}

/* Orders steps as their lines are ordered by bytes: the name alone would not do, since "a;" comes
 * after "a b;". */
static int compare_steps(const void *x, const void *y, void *ctx)
{
	const struct folded_writer *w = ctx;
	const struct step *s[2] = { x, y };
	const char *name[2];
	char end[2][32];
	size_t len[2], end_len[2], same;
	int r;

	for (int k = 0; k < 2; k++) {
		name[k] = strtab_get(&w->names, w->nodes.items[s[k]->node].frame);
		len[k] = strtab_len(&w->names, w->nodes.items[s[k]->node].frame);
	}
	same = len[0] < len[1] ? len[0] : len[1];
	r = memcmp(name[0], name[1], same);
	if (r != 0)
		return r;
	for (int k = 0; k < 2; k++)
		end_len[k] = step_end(w, s[k], end[k], sizeof(end[k]));
	for (size_t i = same;; i++) {
		int c[2];

		for (int k = 0; k < 2; k++)
			c[k] = i < len[k]		 ? (unsigned char)name[k][i]
			       : i < len[k] + end_len[k] ? end[k][i - len[k]]
							 : -1;
		if (c[0] != c[1])
			return c[0] < c[1] ? -1 : 1;
		if (c[0] < 0)
			return 0;
	}
}

static int compare_descending(const void *x, const void *y, void *ctx)
{
	return compare_steps(y, x, ctx);
}

/* Puts the children of @node on the stack of steps so that the first line is on top. */
static int push_children(struct folded_writer *w, uint32_t node)
{
	size_t first = w->steps.n;

	for (uint32_t c = w->nodes.items[node].first_child; c; c = w->nodes.items[c].next) {
		struct step s = { .node = c, .prefix = w->line.n };

		if (w->nodes.items[c].first_child && array_push(&w->steps, s) < 0)
			return -ENOMEM;
		s.is_line = true;
		if (w->nodes.items[c].count && array_push(&w->steps, s) < 0)
			return -ENOMEM;
	}
	if (w->steps.n - first > 1)
		qsort_r(w->steps.items + first, w->steps.n - first, sizeof(*w->steps.items),
			compare_descending, w);
	return 0;
}

static int walk(struct folded_writer *w)
{
	int r = push_children(w, 0);

	while (r == 0 && w->steps.n) {
		struct step s = w->steps.items[--w->steps.n];
		uint32_t frame = w->nodes.items[s.node].frame;
		char end[32];
		size_t n = step_end(w, &s, end, sizeof(end));

		w->line.n = s.prefix;
		if (text_add(&w->line, strtab_get(&w->names, frame), strtab_len(&w->names, frame)) <
			    0 ||
		    text_add(&w->line, end, n) < 0)
			return -ENOMEM;
		if (!s.is_line) {
			r = push_children(w, s.node);
			continue;
		}
		if (text_add(&w->line, "\n", 1) < 0)
			return -ENOMEM;
		r = sink_write(w->out, w->line.items, w->line.n);
	}
	return r;
}

static uint32_t find_string(const struct strtab *t, const char *s)
{
	for (uint32_t i = 0; i < t->n; i++)
		if (strcmp(strtab_get(t, i), s) == 0)
			return i;
	return PROFILE_NONE;
}

static void writer_done(struct folded_writer *w)
{
	strtab_done(&w->names);
	array_free(&w->loc_first);
	array_free(&w->loc_frames);
	array_free(&w->nodes);
	hindex_free(&w->children);
	array_free(&w->steps);
	array_free(&w->line);
	array_free(&w->frame);
}

int folded_write(const struct profile *p, size_t type, bool annotate, const struct sink *out,
		 struct err *e)
{
	struct folded_writer w = { .p = p, .out = out, .annotate = annotate };
	int r = strtab_init(&w.names);

	w.comm = find_string(&p->strings, "comm");
	if (r == 0)
		r = name_locations(&w);
	if (r == 0)
		r = build_tree(&w, type, e);
	if (r == 0)
		r = walk(&w);
	writer_done(&w);
	return r;
}
