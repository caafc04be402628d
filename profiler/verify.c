/* SPDX-License-Identifier: Apache-2.0 */
#include "verify.h"

#include <stdlib.h>
#include <string.h>

#include "aspace.h"
#include "objtab.h"
#include "proctab.h"

int verify_init(struct verify *v)
{
	*v = (struct verify){ 0 };
	return strtab_init(&v->names);
}

void verify_done(struct verify *v)
{
	array_free(&v->programs);
	array_free(&v->classes);
	strtab_done(&v->names);
}

/* --- two stacks ------------------------------------------------------------------------------ */

/* The ends for which the sampler sends a snapshot instead of its walk. */
static bool is_left_to_snapshots(uint8_t end)
{
	return end == WIRE_END_LOADING || end == WIRE_END_MAPPING || end == WIRE_END_RULE;
}

static size_t common_frames(const struct verify_stack *a, const struct verify_stack *b)
{
	size_t i = 0;

	while (i < a->n && i < b->n && a->addr[i] == b->addr[i])
		i++;
	return i;
}

static enum verify_kind kind_of(const struct verify_stack *walked, size_t n_walked,
				const struct verify_stack *unwound, size_t common)
{
	/* It was there when it ran: execve() was called, or the process has ended. */
	if (unwound->n <= 1 && unwound->end == WIRE_END_MAPPING && common < n_walked)
		return VERIFY_GONE;
	if (common < n_walked && common < unwound->n)
		return VERIFY_OTHER_FRAME;
	if (common < n_walked)
		return unwound->end == WIRE_END_SHORT ? VERIFY_SHORT : VERIFY_UNWIND_CUT;
	if (walked->end == unwound->end && common == unwound->n)
		return VERIFY_AGREE;
	if (is_left_to_snapshots(walked->end))
		return VERIFY_LEFT;
	if (common < unwound->n)
		return VERIFY_WALK_CUT;
	return unwound->end == WIRE_END_SHORT ? VERIFY_SHORT : VERIFY_OTHER_END;
}

/* One of the two does not reach further, and nothing is wrong with that. */
static bool is_comparison_over(enum verify_kind kind)
{
	return kind == VERIFY_LEFT || kind == VERIFY_SHORT || kind == VERIFY_GONE;
}

static size_t without_leaf(size_t n)
{
	return n ? n - 1 : 0;
}

struct verify_outcome verify_compare(const struct verify_stack *walked,
				     const struct verify_stack *unwound)
{
	size_t common = common_frames(walked, unwound), n_walked = walked->n, n;
	struct verify_outcome o = { .common = common };

	/* The walk notes an address before it finds that there is no code at it. That is no frame,
	 * and libunwind does not return it. */
	if (walked->end == WIRE_END_MAPPING && common + 1 == walked->n && common == unwound->n)
		n_walked = common;
	o.kind = kind_of(walked, n_walked, unwound, common);
	n = n_walked > unwound->n ? n_walked : unwound->n;
	if (is_comparison_over(o.kind))
		n = common;
	o.compared = without_leaf(n);
	o.agreeing = without_leaf(common);
	o.whole = o.kind == VERIFY_AGREE && walked->end == WIRE_END_ROOT;
	return o;
}

/* --- the tally ------------------------------------------------------------------------------- */

static struct verify_place place_of(struct verify *v, const struct objtab *objects,
				    const struct process *proc, uint64_t addr, uint64_t time_ns)
{
	const struct vm_area *a = aspace_find(proc->as, addr, time_ns);
	struct verify_place ret = { .offset = addr };

	if (!a || a->mapping >= ASPACE_UNRESOLVED ||
	    strtab_adds(&v->names,
			objects->objects.items[objects->mappings.items[a->mapping].object].name,
			&ret.object) < 0)
		return ret;
	ret.offset = addr - a->start + a->file_off;
	return ret;
}

static struct verify_program *program_named(struct verify *v, const char *text)
{
	struct verify_program fresh = { 0 };

	if (v->programs.n >= VERIFY_MAX_PROGRAMS)
		text = "(others)";
	if (strtab_adds(&v->names, text, &fresh.name) < 0)
		return NULL;
	array_each(&v->programs, p)
		if (p->name == fresh.name)
			return p;
	return array_push(&v->programs, fresh) < 0 ? NULL : &v->programs.items[v->programs.n - 1];
}

static void count(struct verify_program *p, const struct verify_outcome *o)
{
	p->stacks++;
	p->whole += o->whole;
	p->compared += o->compared;
	p->agreeing += o->agreeing;
}

/* Where something is wrong, one wants to know in which code. */
static bool is_same_class(const struct verify_class *a, const struct verify_class *b)
{
	if (a->kind != b->kind || a->walk_end != b->walk_end)
		return false;
	return is_comparison_over(a->kind) ||
	       (a->unwind_end == b->unwind_end && a->last.object == b->last.object);
}

static struct verify_class *class_of(struct verify *v, const struct verify_class *like)
{
	array_each(&v->classes, c)
		if (is_same_class(c, like))
			return c;
	if (v->classes.n >= VERIFY_MAX_CLASSES || array_push(&v->classes, *like) < 0)
		return NULL;
	return &v->classes.items[v->classes.n - 1];
}

static void classify(struct verify *v, const struct objtab *objects, const struct process *proc,
		     const struct trace *t, const struct verify_stack *unwound,
		     const struct verify_outcome *o)
{
	size_t n = o->common;
	struct verify_class fresh = {
		.kind = o->kind,
		.walk_end = t->end,
		.unwind_end = unwound->end,
		.tgid = t->tgid,
		.has_walked = n < t->n_user,
		.has_unwound = n < unwound->n,
	};
	struct verify_class *c;

	if (n)
		fresh.last = place_of(v, objects, proc, t->user[n - 1], t->time_ns);
	if (fresh.has_walked)
		fresh.walked = place_of(v, objects, proc, t->user[n], t->time_ns);
	if (fresh.has_unwound)
		fresh.unwound = place_of(v, objects, proc, unwound->addr[n], t->time_ns);
	memcpy(fresh.comm, t->comm, sizeof(fresh.comm));
	c = class_of(v, &fresh);
	if (!c) {
		v->unlisted++;
		return;
	}
	c->stacks++;
	c->frames += o->compared - o->agreeing;
}

void verify_add(struct verify *v, const struct objtab *objects, const struct process *proc,
		const struct trace *t, const struct verify_stack *unwound)
{
	const struct verify_stack walked = { t->user, t->n_user, t->end };
	struct verify_outcome o = verify_compare(&walked, unwound);
	const char *name = t->comm;
	struct verify_program *p;

	/* Of a restless process a recording has the snapshot, whatever the walk ends by. */
	if (o.kind != VERIFY_AGREE && proc->restless && t->time_ns >= proc->restless_ns) {
		o.kind = VERIFY_LEFT;
		o.compared = o.agreeing = without_leaf(o.common);
	}
	if (proc->exe != PROCTAB_NO_MAPPING)
		name = objects->objects.items[objects->mappings.items[proc->exe].object].name;
	p = program_named(v, name);
	if (p)
		count(p, &o);
	count(&v->total, &o);
	if (o.kind != VERIFY_AGREE)
		classify(v, objects, proc, t, unwound, &o);
}

/* --- what came of it ------------------------------------------------------------------------- */

static int descending(uint64_t a, uint64_t b)
{
	return (a < b) - (a > b);
}

static int by_stacks(const void *a, const void *b)
{
	const struct verify_program *x = a, *y = b;

	return descending(x->stacks, y->stacks);
}

static int by_weight(const void *a, const void *b)
{
	const struct verify_class *x = a, *y = b;
	int r = descending(x->frames, y->frames);

	if (r == 0)
		r = (x->kind > y->kind) - (x->kind < y->kind);
	return r ? r : descending(x->stacks, y->stacks);
}

void verify_sort(struct verify *v)
{
	if (v->programs.n)
		qsort(v->programs.items, v->programs.n, sizeof(*v->programs.items), by_stacks);
	if (v->classes.n)
		qsort(v->classes.items, v->classes.n, sizeof(*v->classes.items), by_weight);
}

bool verify_passes(const struct verify *v)
{
	const struct verify_program *t = &v->total;

	return t->compared && t->compared - t->agreeing <= t->compared / 1000;
}
