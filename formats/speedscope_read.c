/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parser tells of one token after another; `places` says where in the document it is. What
 * stands in a profile may come in any order, so its samples are kept as numbers of nodes in a tree
 * of stacks until the profile ends, and frames are looked at when the document does.
 */
#include "speedscope.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "err.h"
#include "hash.h"
#include "hindex.h"
#include "jsonread.h"
#include "kinds.h"
#include "profile.h"
#include "speedscope_type.h"

#define PLACES_MAX  8
#define FRAMES_MAX  ((size_t)1 << 28) /* in all stacks: 1 GiB */
#define KINDS_MAX   16

enum place {
	OUTSIDE,
	TOP,
	SHARED,
	FRAMES,
	FRAME,
	PROFILES,
	PROFILE,
	SAMPLES,
	SAMPLE,
	WEIGHTS,
	EVENTS,
	EVENT,
	ELSEWHERE, /* in what nobody asks for */
};

enum key {
	KEY_OTHER,
	KEY_SHARED,
	KEY_FRAMES,
	KEY_PROFILES,
	KEY_EXPORTER,
	KEY_ACTIVE,
	KEY_NAME,
	KEY_FILE,
	KEY_LINE,
	KEY_COL,
	KEY_TYPE,
	KEY_UNIT,
	KEY_SAMPLES,
	KEY_WEIGHTS,
	KEY_EVENTS,
	KEY_FRAME,
	KEY_AT
};

struct frame {
	uint32_t name, file;
	int64_t line, column;
};

struct node {
	uint32_t parent, frame;
	double weight;
};

struct speedscope_reader {
	struct profile *p;
	struct profile_builder *b;
	struct err *e;
	enum place places[PLACES_MAX];
	size_t depth, elsewhere; /* of places; levels below the one that nobody asks for */
	enum key key;
	bool is_ours, has_profiles;
	bool is_export; /* speedscope's own: what it read, it may have from us */
	double active;	/* the profile that is shown first */
	ARRAY(struct frame) frames;
	struct frame frame; /* that is being read, or an event's */
	uint64_t max_frame; /* that a stack refers to, and one */
	size_t entries;	    /* in all stacks */
	/* The profile that is being read. */
	size_t n_profiles;
	uint32_t name, unit;
	ARRAY(struct node) nodes; /* node 0 is the root */
	struct hindex children;
	ARRAY(uint32_t) samples; /* nodes */
	ARRAY(double) weights;
	uint32_t node;	    /* where the sample or the open events have come to */
	bool opens, closes; /* the event's type */
	uint64_t index;	    /* the event's frame */
	double at, last_at;
	bool has_at;
	/* What profiles count. */
	struct profile_value_type types[KINDS_MAX];
	uint32_t n_types;
	ARRAY(uint32_t) kinds;	 /* of each profile */
	double carry[KINDS_MAX]; /* what rounding left */
	uint32_t key_thread;
	ARRAY(uint32_t) stack;
};

#define bad(f, ...) err_set((f)->e, -EBADMSG, __VA_ARGS__)

/* --- the tree of stacks ----------------------------------------------------------------------- */

static int add_node(struct speedscope_reader *f, uint32_t parent, uint32_t frame)
{
	if (f->nodes.n >= UINT32_MAX)
		return -E2BIG;
	return array_push(&f->nodes, (struct node){ .parent = parent, .frame = frame });
}

/* Moves f->node to its child for frame @index. */
static int descend(struct speedscope_reader *f, uint64_t index)
{
	uint64_t h = hash_u64((uint64_t)f->node << 32 ^ index);
	int r;

	if (index >= UINT32_MAX)
		return bad(f, "it refers to frame %" PRIu64, index);
	if (index >= f->max_frame)
		f->max_frame = index + 1;
	hindex_each(&f->children, h, i)
		if (f->nodes.items[i].parent == f->node && f->nodes.items[i].frame == index) {
			f->node = i;
			return 0;
		}
	r = add_node(f, f->node, (uint32_t)index);
	if (r == 0)
		r = hindex_add(&f->children, h, (uint32_t)f->nodes.n - 1);
	f->node = (uint32_t)f->nodes.n - 1;
	return r;
}

/* --- profiles --------------------------------------------------------------------------------- */

static int begin_profile(struct speedscope_reader *f)
{
	f->name = f->unit = f->node = 0;
	f->has_at = false;
	f->samples.n = f->weights.n = f->nodes.n = 0;
	hindex_clear(&f->children);
	f->n_profiles++;
	return add_node(f, 0, 0);
}

/* What the profile counts, and by how much a weight is multiplied. */
static int profile_type(struct speedscope_reader *f, struct profile_value_type *ret, double *scale)
{
	struct speedscope_type t = {
		.name = f->name, .unit = f->unit, .is_ours = f->is_ours, .is_export = f->is_export
	};
	int r = speedscope_type(&f->p->strings, &t, ret, scale);

	if (r == -EBADMSG)
		return bad(f, "profile %zu of it has the unknown unit '%s'", f->n_profiles,
			   strtab_get(&f->p->strings, f->unit));
	if (r > 0)
		f->name = 0; /* it tells of no thread */
	return r < 0 ? r : 0;
}

static int find_kind(struct speedscope_reader *f, struct profile_value_type t, uint32_t *ret)
{
	uint32_t k = 0;

	while (k < f->n_types && (f->types[k].type != t.type || f->types[k].unit != t.unit))
		k++;
	if (k == KINDS_MAX)
		return bad(f, "it has profiles of more than %d units", KINDS_MAX);
	if (k == f->n_types)
		f->types[f->n_types++] = t;
	*ret = k;
	return 0;
}

static int add_sample(struct speedscope_reader *f, uint32_t node, uint32_t kind, int64_t value)
{
	struct profile_label labels[2];
	size_t n = 0;
	int64_t at;
	int r;

	f->stack.n = 0;
	for (; node; node = f->nodes.items[node].parent)
		if (++f->entries > FRAMES_MAX)
			return -E2BIG;
		else if (array_push(&f->stack, f->nodes.items[node].frame) < 0)
			return -ENOMEM;
	if (f->name && !f->is_ours)
		labels[n++] = (struct profile_label){ .key = f->key_thread, .str = f->name };
	if (kind) {
		r = kinds_label(f->p, kind, &labels[n++]);
		if (r < 0)
			return r;
	}
	at = profile_builder_sample(f->b, f->stack.items, f->stack.n, labels, n, &value);
	return at < 0 ? (int)at : 0;
}

/* Weights become whole numbers whose sum is theirs. */
static int64_t whole(struct speedscope_reader *f, uint32_t kind, double weight)
{
	double exact = weight + f->carry[kind], v = nearbyint(exact);

	if (!(fabs(v) < 9e18)) {
		f->carry[kind] = 0;
		return v < 0 ? INT64_MIN : INT64_MAX;
	}
	f->carry[kind] = exact - v;
	return (int64_t)v;
}

static int end_profile(struct speedscope_reader *f)
{
	struct profile_value_type t = { 0 };
	double scale;
	uint32_t kind = 0;
	int r = profile_type(f, &t, &scale);

	if (r == 0)
		r = find_kind(f, t, &kind);
	if (r == 0)
		r = array_push(&f->kinds, kind);
	if (r < 0)
		return r;
	if (f->samples.n != f->weights.n)
		return bad(f, "profile %zu of it has %zu samples, but %zu weights", f->n_profiles,
			   f->samples.n, f->weights.n);
	if (f->samples.n == 0 && f->node)
		return bad(f, "profile %zu of it ends while frames are open", f->n_profiles);
	for (size_t i = 0; i < f->samples.n; i++)
		f->nodes.items[f->samples.items[i]].weight += f->weights.items[i];
	for (uint32_t i = 0; i < f->nodes.n && r == 0; i++) {
		double weight = f->nodes.items[i].weight;
		int64_t value = weight != 0 ? whole(f, kind, weight * scale) : 0;

		if (value)
			r = add_sample(f, i, kind, value);
	}
	return r;
}

static int end_event(struct speedscope_reader *f)
{
	if (f->has_at && f->at < f->last_at)
		return bad(f, "an event in profile %zu of it comes before the one ahead of it",
			   f->n_profiles);
	if (f->node && f->has_at)
		f->nodes.items[f->node].weight += f->at - f->last_at;
	f->last_at = f->at;
	f->has_at = true;
	if (f->opens)
		return descend(f, f->index);
	if (!f->closes)
		return bad(f, "an event in profile %zu of it neither opens nor closes a frame",
			   f->n_profiles);
	if (!f->node || f->nodes.items[f->node].frame != f->index)
		return bad(f,
			   "an event in profile %zu of it closes a frame that is not the innermost "
			   "open one",
			   f->n_profiles);
	f->node = f->nodes.items[f->node].parent;
	return 0;
}

/* --- tokens ----------------------------------------------------------------------------------- */

static enum place here(const struct speedscope_reader *f)
{
	return f->depth ? f->places[f->depth - 1] : OUTSIDE;
}

/* Where a map or an array leads that begins here. */
static enum place inner(const struct speedscope_reader *f, bool is_map)
{
	static const struct {
		enum place from;
		enum key key; /* KEY_OTHER: whatever it is */
		bool is_map;
		enum place to;
	} ways[] = {
		{ OUTSIDE, KEY_OTHER, true, TOP },	  { TOP, KEY_SHARED, true, SHARED },
		{ SHARED, KEY_FRAMES, false, FRAMES },	  { FRAMES, KEY_OTHER, true, FRAME },
		{ TOP, KEY_PROFILES, false, PROFILES },	  { PROFILES, KEY_OTHER, true, PROFILE },
		{ PROFILE, KEY_SAMPLES, false, SAMPLES }, { SAMPLES, KEY_OTHER, false, SAMPLE },
		{ PROFILE, KEY_WEIGHTS, false, WEIGHTS }, { PROFILE, KEY_EVENTS, false, EVENTS },
		{ EVENTS, KEY_OTHER, true, EVENT },
	};

	for (size_t i = 0; i < ARRAY_LEN(ways); i++)
		if (ways[i].from == here(f) && ways[i].is_map == is_map &&
		    (ways[i].key == KEY_OTHER || ways[i].key == f->key))
			return ways[i].to;
	return ELSEWHERE;
}

static int begin(void *ctx, bool is_map)
{
	struct speedscope_reader *f = ctx;
	enum place to;

	if (f->elsewhere) {
		f->elsewhere++;
		return 0;
	}
	to = inner(f, is_map);
	if (to == ELSEWHERE) {
		f->elsewhere = 1;
		return 0;
	}
	f->places[f->depth++] = to;
	f->has_profiles |= to == PROFILES;
	if (to == FRAME)
		f->frame = (struct frame){ 0 };
	if (to == SAMPLE)
		f->node = 0;
	if (to == EVENT) {
		f->opens = f->closes = false;
		f->index = UINT64_MAX;
		f->at = f->last_at;
	}
	return to == PROFILE ? begin_profile(f) : 0;
}

static int end(void *ctx)
{
	struct speedscope_reader *f = ctx;

	if (f->elsewhere) {
		f->elsewhere--;
		return 0;
	}
	switch (f->places[--f->depth]) {
	case FRAME:
		return array_push(&f->frames, f->frame);
	case SAMPLE:
		return array_push(&f->samples, f->node);
	case EVENT:
		return end_event(f);
	case PROFILE:
		return end_profile(f);
	default:
		return 0;
	}
}

static int on_key(void *ctx, const char *s, size_t n)
{
	static const struct {
		const char *name;
		enum key key;
	} keys[] = {
		{ "shared", KEY_SHARED },
		{ "frames", KEY_FRAMES },
		{ "profiles", KEY_PROFILES },
		{ "exporter", KEY_EXPORTER },
		{ "activeProfileIndex", KEY_ACTIVE },
		{ "name", KEY_NAME },
		{ "file", KEY_FILE },
		{ "line", KEY_LINE },
		{ "col", KEY_COL },
		{ "type", KEY_TYPE },
		{ "unit", KEY_UNIT },
		{ "samples", KEY_SAMPLES },
		{ "weights", KEY_WEIGHTS },
		{ "events", KEY_EVENTS },
		{ "frame", KEY_FRAME },
		{ "at", KEY_AT },
	};
	struct speedscope_reader *f = ctx;

	f->key = KEY_OTHER;
	for (size_t i = 0; i < ARRAY_LEN(keys) && !f->elsewhere; i++)
		if (n == strlen(keys[i].name) && memcmp(s, keys[i].name, n) == 0)
			f->key = keys[i].key;
	return 0;
}

static int on_string(void *ctx, const char *s, size_t n)
{
	struct speedscope_reader *f = ctx;
	struct strtab *t = &f->p->strings;

	if (f->elsewhere)
		return 0;
	switch (here(f)) {
	case TOP:
		f->is_ours |= f->key == KEY_EXPORTER && n > 5 && memcmp(s, "wick@", 5) == 0;
		f->is_export |=
			f->key == KEY_EXPORTER && n > 11 && memcmp(s, "speedscope@", 11) == 0;
		return 0;
	case FRAME:
		return f->key == KEY_NAME   ? strtab_add(t, s, n, &f->frame.name)
		       : f->key == KEY_FILE ? strtab_add(t, s, n, &f->frame.file)
					    : 0;
	case PROFILE:
		return f->key == KEY_NAME   ? strtab_add(t, s, n, &f->name)
		       : f->key == KEY_UNIT ? strtab_add(t, s, n, &f->unit)
					    : 0;
	case EVENT:
		f->opens |= f->key == KEY_TYPE && n == 1 && *s == 'O';
		f->closes |= f->key == KEY_TYPE && n == 1 && *s == 'C';
		return 0;
	default:
		return 0;
	}
}

/* A number of a frame. */
static int to_index(struct speedscope_reader *f, double v, uint64_t *ret)
{
	if (!(v >= 0 && v < UINT32_MAX) || v != floor(v))
		return bad(f, "it refers to frame %g", v);
	*ret = (uint64_t)v;
	return 0;
}

static int64_t to_line(double v)
{
	return v >= 0 && v < 1e15 ? (int64_t)v : 0;
}

static int on_number(void *ctx, double v)
{
	struct speedscope_reader *f = ctx;
	uint64_t index = 0;
	int r;

	if (f->elsewhere)
		return 0;
	switch (here(f)) {
	case TOP:
		if (f->key == KEY_ACTIVE)
			f->active = v;
		return 0;
	case FRAME:
		if (f->key == KEY_LINE)
			f->frame.line = to_line(v);
		else if (f->key == KEY_COL)
			f->frame.column = to_line(v);
		return 0;
	case SAMPLE:
		r = to_index(f, v, &index);
		return r < 0 ? r : descend(f, index);
	case WEIGHTS:
		return array_push(&f->weights, v);
	case EVENT:
		if (f->key == KEY_AT)
			f->at = v;
		return f->key == KEY_FRAME ? to_index(f, v, &f->index) : 0;
	default:
		return 0;
	}
}

/* --- the document ----------------------------------------------------------------------------- */

/* Frames are locations with the same number. */
static int add_frames(struct speedscope_reader *f)
{
	struct profile *p = f->p;

	if (f->max_frame > f->frames.n)
		return bad(f, "it refers to frame %" PRIu64 " of %zu", f->max_frame - 1,
			   f->frames.n);
	array_each(&f->frames, frame) {
		uint32_t i = (uint32_t)p->locations.n;
		struct profile_function fn = { .name = frame->name,
					       .file = frame->file,
					       .start_line = frame->line };
		struct profile_line line = { i, frame->line, frame->column };
		struct profile_location l = { .mapping = PROFILE_NONE,
					      .line_first = i,
					      .line_n = 1 };
		int r = frame->name ? 0 : strtab_adds(&p->strings, "[unknown]", &fn.name);

		if (r < 0)
			return r;
		if (array_push(&p->functions, fn) < 0 || array_push(&p->lines, line) < 0 ||
		    array_push(&p->locations, l) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* The name of the only profile tells no thread from another. */
static void drop_labels(struct profile *p)
{
	array_each(&p->samples, s)
		s->label_n = 0;
}

/* The kind of what is shown first. */
static uint32_t shown_kind(const struct speedscope_reader *f)
{
	return f->active >= 0 && f->active < (double)f->kinds.n ? f->kinds.items[(size_t)f->active]
								: 0;
}

static int finish(struct speedscope_reader *f)
{
	uint32_t column[KINDS_MAX];
	int r;

	if (!f->has_profiles)
		return bad(f, "it is JSON, but not speedscope's, the only kind that wick reads");
	r = add_frames(f);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < KINDS_MAX; i++)
		column[i] = i;
	if (f->n_profiles <= 1)
		drop_labels(f->p);
	if (f->n_types == 0) { /* no profile in it */
		struct profile_value_type t = { 0 };

		r = strtab_adds(&f->p->strings, "samples", &t.type);
		if (r == 0)
			r = strtab_adds(&f->p->strings, "count", &t.unit);
		f->types[f->n_types++] = t;
	}
	if (r == 0)
		f->p->default_sample_type = f->types[shown_kind(f)].type;
	return r < 0 ? r : kinds_spread(&f->p, column, f->types, f->n_types);
}

static int read_all(struct speedscope_reader *f, const struct source *in)
{
	static const struct json_reader calls = {
		.begin = begin, .end = end, .key = on_key, .string = on_string, .number = on_number
	};
	struct profile_value_type one = { 0 };
	int r = strtab_adds(&f->p->strings, "thread", &f->key_thread);

	if (r == 0)
		r = array_push(&f->p->sample_types, one);
	if (r == 0)
		r = profile_builder_new(&f->b, f->p);
	if (r == 0)
		r = json_read(in, &calls, f, f->e);
	return r < 0 ? r : finish(f);
}

int speedscope_read(const struct source *in, struct profile **ret, struct err *e)
{
	struct speedscope_reader f = { .e = e };
	int r = profile_new(&f.p);

	if (r == 0)
		r = read_all(&f, in);
	profile_builder_free(f.b);
	array_free(&f.frames);
	array_free(&f.nodes);
	hindex_free(&f.children);
	array_free(&f.samples);
	array_free(&f.weights);
	array_free(&f.stack);
	array_free(&f.kinds);
	if (r < 0) {
		profile_free(f.p);
		return r;
	}
	*ret = f.p;
	return 0;
}
