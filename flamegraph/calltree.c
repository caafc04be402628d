/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree is made from above: all samples are one group, which is split by the first frame of
 * their stacks; each part makes a node and is split by the next frame. Nodes so come out in
 * preorder, nothing is looked up, and a group that is too light is left out without a look at what
 * is below it. A sample is alone in its group soon: the rest of its stack is written down as it is.
 *
 * Groups that wait to be split lie on a stack of their own, since stacks of a foreign file may have
 * any depth.
 */
#include "calltree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "callframes.h"
#include "err.h"
#include "profile.h"
#include "saturate.h"
#include "stackitem.h"

#define FEW 24 /* things that are put in order as they lie */

/* Items first to first + n, all at the same frame, which is to be a node. */
struct group {
	uint32_t first, n;
	uint32_t frame, depth;
	int64_t total, base_total;
	double weight; /* what orders siblings */
};

struct side {
	struct stackpool stacks;
	size_t type;
	uint64_t weight;
	double least; /* weight below which a group is too light */
};

struct builder {
	const struct calltree_opts *opts;
	struct callframes frames;
	struct side sides[2]; /* the profile and, of a difference, the base */
	size_t n_sides;
	double scale; /* of the base's values where siblings are ordered */
	ARRAY(struct stackitem) items;
	struct stackitem *sorted; /* room for as many */
	uint32_t *counts;    /* of items, by frame; zeros between uses */
	ARRAY(uint32_t) met; /* frames whose count is not zero */
	ARRAY(struct group) waiting;
	ARRAY(uint32_t) open; /* nodes from the root to the last one */
	ARRAY(struct calltree_node) nodes;
	ARRAY(int64_t) base_total, base_self;
	struct calltree_end *ends; /* of samples, or NULL */
	uint32_t max_depth;
	int64_t pruned_self;
	uint64_t pruned_stacks;
};

/* With what the tree points to and nobody else sees. */
struct owned_tree {
	struct calltree t; /* first */
	struct strtab strings;
};

/* --- samples ---------------------------------------------------------------------------------- */

static void advance(const struct builder *b, struct stackitem *it)
{
	stackitem_advance(it, &b->sides[it->base].stacks);
}

static int add_items(struct builder *b, uint32_t which)
{
	struct side *s = &b->sides[which];
	const struct profile *p = s->stacks.p;

	s->stacks.by_leaf = b->opts->by_leaf;
	s->stacks.is_plain = s->stacks.lists.frames.n == p->locations.n;
	for (size_t i = 0; i < p->samples.n; i++) {
		const struct profile_sample *sample = &p->samples.items[i];
		struct stackitem it = { .value = profile_value(p, i, s->type),
					.base = which & 1,
					.sample = (uint32_t)i };

		if (!it.value && (!b->opts->all_types || profile_is_zero(p, i)))
			continue;
		if (b->items.n >= UINT32_MAX - 1)
			return -E2BIG;
		s->weight = saturate_add_u64(s->weight, magnitude(it.value));
		stackitem_begin(&it, &s->stacks, sample, b->frames.no_stack);
		if (array_push(&b->items, it) < 0)
			return -ENOMEM;
	}
	s->least = b->opts->min_share * (double)s->weight;
	return 0;
}

/* --- nodes ------------------------------------------------------------------------------------ */

static void close_nodes(struct builder *b, uint32_t depth)
{
	while (b->open.n > depth) {
		uint32_t i = b->open.items[--b->open.n];

		b->nodes.items[i].size = (uint32_t)(b->nodes.n - i);
	}
}

/* A node at @frame that has the values of @g. */
static int push_node(struct builder *b, uint32_t frame, const struct group *g)
{
	const struct calltree_node node = { .frame = frame, .total = g->total };

	if (b->nodes.n >= UINT32_MAX - 1)
		return -E2BIG;
	if (array_push(&b->nodes, node) < 0)
		return -ENOMEM;
	if (b->n_sides > 1 && (array_push(&b->base_total, g->base_total) < 0 ||
			       array_push(&b->base_self, (int64_t)0) < 0))
		return -ENOMEM;
	return 0;
}

static void note_depth(struct builder *b, uint32_t depth)
{
	if (depth > b->max_depth)
		b->max_depth = depth;
}

static int add_node(struct builder *b, const struct group *g)
{
	int r;

	close_nodes(b, g->depth);
	r = push_node(b, g->frame, g);
	note_depth(b, g->depth);
	return r < 0 ? r : array_push(&b->open, (uint32_t)b->nodes.n - 1);
}

/* The last node is where @it ends. */
static void note_end(struct builder *b, const struct stackitem *it, bool is_cut)
{
	if (b->ends && !it->base)
		b->ends[it->sample] = (struct calltree_end){ (uint32_t)b->nodes.n - 1, is_cut };
}

/* The stack of @it ends in the last node. */
static void add_self(struct builder *b, const struct stackitem *it)
{
	int64_t *self = it->base ? &b->base_self.items[b->nodes.n - 1]
				 : &b->nodes.items[b->nodes.n - 1].self;

	*self = saturate_add(*self, it->value);
	note_end(b, it, false);
}

/* Leaves out what is below the last node. */
static void prune(struct builder *b, const struct stackitem *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!items[i].base)
			b->pruned_self = saturate_add(b->pruned_self, items[i].value);
		note_end(b, &items[i], true);
	}
	b->pruned_stacks += n;
}

static bool is_too_deep(const struct builder *b, uint32_t depth)
{
	return b->opts->max_depth && depth > b->opts->max_depth;
}

/* --- splitting -------------------------------------------------------------------------------- */

static void sort_few(struct stackitem *items, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct stackitem it = items[i];
		size_t k = i;

		for (; k && items[k - 1].frame > it.frame; k--)
			items[k] = items[k - 1];
		items[k] = it;
	}
}

/* Brings items of one frame together. */
static int gather(struct builder *b, struct stackitem *items, size_t n)
{
	uint32_t at = 0;

	if (n <= FEW) {
		sort_few(items, n);
		return 0;
	}
	b->met.n = 0;
	for (size_t i = 0; i < n; i++)
		if (b->counts[items[i].frame]++ == 0 && array_push(&b->met, items[i].frame) < 0)
			return -ENOMEM;
	if (b->met.n > 1) {
		array_each(&b->met, frame) {
			uint32_t here = b->counts[*frame];

			b->counts[*frame] = at;
			at += here;
		}
		for (size_t i = 0; i < n; i++)
			b->sorted[b->counts[items[i].frame]++] = items[i];
		memcpy(items, b->sorted, n * sizeof(*items));
	}
	array_each(&b->met, frame)
		b->counts[*frame] = 0;
	return 0;
}

/* Heaviest last, for the last one is split first. */
static int compare_weight(const void *va, const void *vb)
{
	const struct group *a = va, *b = vb;

	if (a->weight != b->weight)
		return a->weight < b->weight ? -1 : 1;
	return (a->frame < b->frame) - (a->frame > b->frame);
}

static int compare_name(const void *va, const void *vb)
{
	const struct group *a = va, *b = vb;

	return (a->frame < b->frame) - (a->frame > b->frame);
}

static bool is_light(const struct builder *b, const double weights[2])
{
	for (size_t k = 0; k < b->n_sides; k++)
		if ((weights[k] > 0 || b->opts->all_types) && weights[k] >= b->sides[k].least)
			return false;
	return true;
}

/* Makes a group of the @n items from number @first on, or leaves them out. */
static int add_group(struct builder *b, uint32_t first, uint32_t n, uint32_t depth)
{
	const struct stackitem *items = b->items.items + first;
	struct group g = { .first = first, .n = n, .frame = items->frame, .depth = depth };
	double weights[2] = { 0 };

	for (uint32_t i = 0; i < n; i++) {
		int64_t *total = items[i].base ? &g.base_total : &g.total;

		*total = saturate_add(*total, items[i].value);
		weights[items[i].base] += (double)magnitude(items[i].value);
	}
	if (is_light(b, weights)) {
		prune(b, items, n);
		return 0;
	}
	g.weight = weights[0] + b->scale * weights[1];
	return array_push(&b->waiting, g);
}

static void sort_groups(const struct builder *b, struct group *groups, size_t n)
{
	int (*compare)(const void *, const void *) =
		b->opts->order == ORDER_NAME ? compare_name : compare_weight;

	if (n > FEW) {
		qsort(groups, n, sizeof(*groups), compare);
		return;
	}
	for (size_t i = 1; i < n; i++) {
		struct group g = groups[i];
		size_t k = i;

		for (; k && compare(&groups[k - 1], &g) > 0; k--)
			groups[k] = groups[k - 1];
		groups[k] = g;
	}
}

/* Splits items by their frames into groups at @depth, the one that comes first on top. */
static int split(struct builder *b, uint32_t first, uint32_t n, uint32_t depth)
{
	struct stackitem *items = b->items.items + first;
	size_t before = b->waiting.n;
	int r;

	if (is_too_deep(b, depth)) {
		prune(b, items, n);
		return 0;
	}
	r = gather(b, items, n);
	for (uint32_t i = 0, k; i < n && r == 0; i = k) {
		for (k = i + 1; k < n && items[k].frame == items[i].frame; k++)
			;
		r = add_group(b, first + i, k - i, depth);
	}
	sort_groups(b, b->waiting.items + before, b->waiting.n - before);
	return r;
}

/* What remains of the stack of a single sample: a node for each frame. None has a sibling, so their
 * sizes are known at once, and none of them stays open. */
static int add_chain(struct builder *b, const struct group *g)
{
	struct stackitem it = b->items.items[g->first];
	uint32_t depth = g->depth;
	size_t first;

	close_nodes(b, depth);
	first = b->nodes.n;
	do {
		int r = push_node(b, it.frame, g);

		if (r < 0)
			return r;
		advance(b, &it);
	} while (it.frame != FRAME_END && !is_too_deep(b, ++depth));
	for (size_t i = first; i < b->nodes.n; i++)
		b->nodes.items[i].size = (uint32_t)(b->nodes.n - i);
	note_depth(b, g->depth + (uint32_t)(b->nodes.n - first) - 1);
	if (it.frame == FRAME_END)
		add_self(b, &it);
	else
		prune(b, &it, 1);
	return 0;
}

static int add_subtree(struct builder *b, const struct group *g)
{
	struct stackitem *items = b->items.items + g->first;
	uint32_t n = 0;
	int r;

	if (g->n == 1)
		return add_chain(b, g);
	r = add_node(b, g);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < g->n; i++) {
		advance(b, &items[i]);
		if (items[i].frame == FRAME_END)
			add_self(b, &items[i]);
		else if (n++ < i) /* while none ended, all stay where they are */
			items[n - 1] = items[i];
	}
	return n ? split(b, g->first, n, g->depth + 1) : 0;
}

static int add_root(struct builder *b)
{
	struct group root = { .frame = CALLTREE_ROOT };

	array_each(&b->items, it) {
		int64_t *total = it->base ? &root.base_total : &root.total;

		*total = saturate_add(*total, it->value);
	}
	return add_node(b, &root);
}

static int grow(struct builder *b)
{
	int r;

	b->sorted = malloc(b->items.n * sizeof(*b->sorted));
	b->counts = calloc(b->frames.frames.n, sizeof(*b->counts));
	if (b->opts->want_ends)
		b->ends = calloc(b->sides[0].stacks.p->samples.n + 1, sizeof(*b->ends));
	if ((b->items.n && !b->sorted) || !b->counts || (b->opts->want_ends && !b->ends))
		return -ENOMEM;
	if (b->sides[1].weight)
		b->scale = (double)b->sides[0].weight / (double)b->sides[1].weight;
	r = add_root(b);
	if (r == 0 && b->items.n)
		r = split(b, 0, (uint32_t)b->items.n, 1);
	while (r == 0 && b->waiting.n) {
		struct group g = b->waiting.items[--b->waiting.n];

		r = add_subtree(b, &g);
	}
	if (r == 0)
		close_nodes(b, 0);
	return r;
}

/* --- the finished tree ------------------------------------------------------------------------ */

static void scale_base(struct builder *b, enum calltree_scale how)
{
	uint64_t from = b->sides[1].weight, to = b->sides[0].weight;
	double factor = (double)to / (double)from;

	if (how != SCALE_TOTAL || !from || !to || from == to)
		return;
	for (size_t i = 0; i < b->base_total.n; i++) {
		b->base_total.items[i] = saturate_scale(b->base_total.items[i], factor);
		b->base_self.items[i] = saturate_scale(b->base_self.items[i], factor);
	}
}

/* Leaves only the frames that nodes have: pruning may have left most of them out. */
static void drop_unused_frames(struct builder *b)
{
	uint32_t *numbers = b->counts, n = 0;

	for (size_t i = 1; i < b->nodes.n; i++)
		numbers[b->nodes.items[i].frame] = 1;
	for (size_t i = 0; i < b->frames.frames.n; i++)
		if (numbers[i]) {
			b->frames.frames.items[n] = b->frames.frames.items[i];
			numbers[i] = n++;
		}
	b->frames.frames.n = n;
	for (size_t i = 1; i < b->nodes.n; i++)
		b->nodes.items[i].frame = numbers[b->nodes.items[i].frame];
}

/* Gives the storage to the tree; what was reserved beyond it goes back. */
#define take_array(a)                                                          \
	({                                                                     \
		void *items_ = (a)->items, *less_ = NULL;                      \
		if ((a)->n && (a)->cap > (a)->n)                               \
			less_ = realloc(items_, (a)->n * sizeof(*(a)->items)); \
		(a)->items = NULL;                                             \
		less_ ? less_ : items_;                                        \
	})

static int finish(struct builder *b, struct calltree **ret)
{
	struct owned_tree *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	drop_unused_frames(b);
	t->strings = b->frames.strings;
	b->frames.strings = (struct strtab){ 0 };
	t->t = (struct calltree){
		.n = b->nodes.n,
		.n_frames = b->frames.frames.n,
		.max_depth = b->max_depth,
		.pruned_self = b->pruned_self,
		.pruned_stacks = b->pruned_stacks,
		.weight = b->sides[0].weight,
		.base_weight = b->sides[1].weight,
		.strings = &t->strings,
	};
	t->t.nodes = take_array(&b->nodes);
	t->t.frames = take_array(&b->frames.frames);
	if (b->n_sides > 1) {
		t->t.base_total = take_array(&b->base_total);
		t->t.base_self = take_array(&b->base_self);
	}
	t->t.ends = b->ends;
	b->ends = NULL;
	*ret = &t->t;
	return 0;
}

static void builder_done(struct builder *b)
{
	callframes_done(&b->frames);
	for (size_t k = 0; k < b->n_sides; k++)
		framelists_done(&b->sides[k].stacks.lists);
	array_free(&b->items);
	free(b->sorted);
	free(b->counts);
	free(b->ends);
	array_free(&b->met);
	array_free(&b->waiting);
	array_free(&b->open);
	array_free(&b->nodes);
	array_free(&b->base_total);
	array_free(&b->base_self);
}

static int build(struct builder *b, enum calltree_scale scale, struct calltree **ret)
{
	struct framelists lists[2];
	int r = 0;

	for (size_t k = 0; k < b->n_sides && r == 0; k++)
		r = callframes_add(&b->frames, b->sides[k].stacks.p, &b->sides[k].stacks.lists);
	if (r < 0)
		return r;
	for (size_t k = 0; k < b->n_sides; k++)
		lists[k] = b->sides[k].stacks.lists;
	r = callframes_sort(&b->frames, lists, b->n_sides);
	for (uint32_t k = 0; k < b->n_sides && r == 0; k++)
		r = add_items(b, k);
	if (r == 0)
		r = grow(b);
	if (r < 0)
		return r;
	scale_base(b, scale);
	return finish(b, ret);
}

static int run(struct builder *b, struct callframes_opts fo, enum calltree_scale scale,
	       struct calltree **ret, struct err *e)
{
	int r;

	fo.by_leaf = b->opts->by_leaf;
	fo.by_line = b->opts->by_line;
	fo.no_inlines = b->opts->no_inlines;
	r = callframes_init(&b->frames, &fo);
	if (r == 0)
		r = build(b, scale, ret);
	builder_done(b);
	if (r == -ENOMEM)
		return err_set(e, r, "there is not enough memory for the call tree");
	if (r == -E2BIG)
		return err_set(e, r,
			       "the profile has more stacks than a call tree can hold (2^32); "
			       "leave out more with a larger least share or a filter");
	return r;
}

static int check_type(const struct profile *p, size_t type, struct err *e)
{
	if (type < p->sample_types.n || p->samples.n == 0)
		return 0;
	return err_set(e, -EINVAL, "the profile has no sample type %zu; it has %zu of them", type,
		       p->sample_types.n);
}

int calltree_new(struct calltree **ret, const struct profile *p, const struct calltree_opts *o,
		 struct err *e)
{
	struct builder b = { .opts = o, .n_sides = 1, .scale = 1 };
	int r = check_type(p, o->sample_type, e);

	if (r < 0)
		return r;
	b.sides[0] = (struct side){ .stacks.p = p, .type = o->sample_type };
	return run(&b, (struct callframes_opts){ 0 }, SCALE_NONE, ret, e);
}

/* --- difference ------------------------------------------------------------------------------- */

static int base_type(const struct profile *p, const struct profile *base, size_t type, size_t *ret,
		     struct err *e)
{
	const char *name = type < p->sample_types.n
				   ? strtab_get(&p->strings, p->sample_types.items[type].type)
				   : "";

	*ret = 0;
	if (base->samples.n == 0)
		return 0;
	for (size_t i = 0; i < base->sample_types.n; i++)
		if (strcmp(name, strtab_get(&base->strings, base->sample_types.items[i].type)) ==
		    0) {
			*ret = i;
			return 0;
		}
	return err_set(e, -EINVAL, "the base has no sample type '%s'; choose one that both have",
		       name);
}

int calltree_diff(struct calltree **ret, const struct profile *p, const struct profile *base,
		  const struct calltree_opts *o, enum calltree_scale scale, struct err *e)
{
	struct builder b = { .opts = o, .n_sides = 2, .scale = 1 };
	struct callframes_opts fo = { .any_version = true };
	size_t type;
	int r = check_type(p, o->sample_type, e);

	if (r == 0)
		r = base_type(p, base, o->sample_type, &type, e);
	if (r < 0)
		return r;
	fo.any_object = !callframes_has_objects(p) || !callframes_has_objects(base);
	fo.one_program = callframes_program_renamed(p, base);
	b.sides[0] = (struct side){ .stacks.p = p, .type = o->sample_type };
	b.sides[1] = (struct side){ .stacks.p = base, .type = type };
	return run(&b, fo, scale, ret, e);
}

void calltree_free(struct calltree *t)
{
	if (!t)
		return;
	free(t->nodes);
	free(t->frames);
	free(t->base_total);
	free(t->base_self);
	free(t->ends);
	strtab_done(&((struct owned_tree *)t)->strings);
	free(t);
}
