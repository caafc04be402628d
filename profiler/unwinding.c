/* SPDX-License-Identifier: Apache-2.0 */
#include "unwinding.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "array.h"
#include "clock.h"
#include "objtab.h"
#include "proctab.h"
#include "residency.h"
#include "sampler.h"
#include "snapshot.h"
#include "tableload.h"

#define AREAS_APART 512	 /* of a process that are told apart in any case */
#define AREAS_MAX   8192 /* of a process: an eighth of what there is room for */

enum state {
	TABLE_UNKNOWN, /* nobody asked yet */
	TABLE_ASKED,
	TABLE_READY, /* built, and resident when its ref still is; else nobody has used it since */
	TABLE_CROWDED, /* built, but there was no room: asked for again, once a window, when used */
	TABLE_NONE,    /* the object has none */
	TABLE_TOO_LARGE, /* it would take too much room: stacks through the object are copied */
};

/* One for each object, by its number in the object table. */
struct object_table {
	enum state state;
	bool used;	 /* since there was no room */
	bool wants_code; /* of code that no table describes: stacks went through it */
	struct residency_ref ref;
	struct unwind_table *layout; /* its words are gone: they are in the sampler's memory */
};

struct unwinding {
	struct sampler *sampler;
	struct objtab *objects;
	struct proctab *procs;
	struct residency *residency;
	struct tableload *load;
	struct snapshot_unwinder *snapshots;
	ARRAY(struct object_table) tables;
	ARRAY(struct wire_area) scratch;
};

int unwinding_new(struct unwinding **ret, struct sampler *s, struct objtab *objects,
		  struct proctab *procs)
{
	struct unwinding *u = calloc(1, sizeof(*u));
	struct residency_memory memory;
	int r;

	if (!u)
		return -ENOMEM;
	u->sampler = s;
	u->objects = objects;
	u->procs = procs;
	sampler_unwind_memory(s, &memory);
	r = residency_new(&u->residency, &memory);
	if (r == 0)
		r = tableload_new(&u->load);
	if (r == 0)
		r = snapshot_unwinder_new(NULL, &u->snapshots);
	if (r < 0) {
		unwinding_free(u);
		return r;
	}
	*ret = u;
	return 0;
}

void unwinding_free(struct unwinding *u)
{
	if (!u)
		return;
	tableload_free(u->load);
	snapshot_unwinder_free(u->snapshots);
	array_each(&u->tables, t)
		unwind_table_free(t->layout);
	array_free(&u->tables);
	array_free(&u->scratch);
	residency_free(u->residency);
	free(u);
}

int unwinding_poll_fd(const struct unwinding *u)
{
	return tableload_fd(u->load);
}

/* The entry of object @i, made if there is none yet; NULL = out of memory. */
static struct object_table *table_of(struct unwinding *u, uint32_t i)
{
	while (u->tables.n <= i)
		if (array_push(&u->tables, (struct object_table){ 0 }) < 0)
			return NULL;
	return &u->tables.items[i];
}

static void ask(struct unwinding *u, uint32_t object, struct object_table *t)
{
	const struct object *o = &u->objects->objects.items[object];

	if (o->fd >= 0) /* else another process may still show the file */
		t->state = tableload_ask(u->load, object, o->fd, t->wants_code) == 0 ? TABLE_ASKED
										     : TABLE_NONE;
}

/*
 * How the code of one area is unwound; whether its table is to come. One that was evicted is not
 * asked for here: while nobody uses it, it would drive out those that are used.
 */
static bool describe(struct unwinding *u, const struct vm_area *a, struct wire_area *ret)
{
	const struct mapping *m = &u->objects->mappings.items[a->mapping];
	const struct object *o = &u->objects->objects.items[m->object];
	struct object_table *t = table_of(u, m->object);
	uint64_t bias;

	*ret = (struct wire_area){ .start = a->start, .end = a->end, .how = WIRE_HOW_POINTER };
	if (o->kind == OBJECT_OTHER || !t)
		ret->how = WIRE_HOW_NONE;
	if (o->kind == OBJECT_OTHER || o->kind == OBJECT_ANON || !t)
		return false;
	if (t->state == TABLE_UNKNOWN)
		ask(u, m->object, t);
	if (t->state == TABLE_ASKED || t->state == TABLE_CROWDED) {
		ret->how = WIRE_HOW_WAIT;
		return true;
	}
	if (t->state == TABLE_TOO_LARGE)
		ret->how = WIRE_HOW_WAIT;
	if (t->state != TABLE_READY)
		return false;
	if (!residency_has(u->residency, t->ref)) {
		ret->how = WIRE_HOW_WAIT;
		return false;
	}
	if (unwind_table_bias(t->layout, a->start, a->file_off, &bias) < 0)
		return false;
	ret->bias = bias;
	ret->how = WIRE_HOW_ROWS;
	ret->table = t->ref.table;
	ret->tag = t->ref.tag;
	return false;
}

/*
 * Adds an area to those of a space. A process may have any number of pieces of code that it made
 * itself; when they are many, neighbours that are unwound alike are one, with what is between them,
 * or one process could take the room of all.
 */
static int add_area(struct unwinding *u, const struct wire_area *area)
{
	struct wire_area *last = u->scratch.n ? &u->scratch.items[u->scratch.n - 1] : NULL;

	if (u->scratch.n >= AREAS_APART && area->how == WIRE_HOW_POINTER &&
	    last->how == WIRE_HOW_POINTER) {
		last->end = area->end;
		return 0;
	}
	return u->scratch.n >= AREAS_MAX ? 0 : array_push(&u->scratch, *area);
}

void unwinding_update(struct unwinding *u, struct process *p)
{
	struct wire_space space, old = p->space;

	p->waiting = p->changed = false;
	if (!p->seen || p->until_ns != UINT64_MAX)
		return;
	u->scratch.n = 0;
	array_each(&p->as->areas, a) {
		struct wire_area area;

		if (a->mapping >= ASPACE_UNRESOLVED)
			continue;
		p->waiting |= describe(u, a, &area);
		if (add_area(u, &area) < 0)
			return;
	}
	if (residency_put_space(u->residency, u->scratch.items, u->scratch.n, &space) < 0) {
		p->changed = true; /* tried again when something was given back */
		return;
	}
	space.restless = p->restless;
	space.as_of_ns = p->read_ns > u->procs->told_ns ? p->read_ns : u->procs->told_ns;
	if (!p->placed_ns)
		p->placed_ns = clock_mono_ns();
	if (sampler_set_space(u->sampler, p->tgid, &space) < 0) {
		residency_drop_space(u->residency, space);
		return;
	}
	p->space = space;
	residency_drop_space(u->residency, old);
}

void unwinding_refresh(struct unwinding *u)
{
	array_each(&u->procs->procs, p)
		if (p->changed)
			unwinding_update(u, p);
}

/* Every process that maps @object is to be told of its table. */
static void mark_users(struct unwinding *u, uint32_t object)
{
	array_each(&u->procs->procs, p) {
		if (!p->as || !p->space.n || p->until_ns != UINT64_MAX)
			continue;
		array_each(&p->as->areas, a)
			if (a->mapping < ASPACE_UNRESOLVED &&
			    u->objects->mappings.items[a->mapping].object == object) {
				p->changed = true;
				break;
			}
	}
}

/*
 * Takes @table and makes it resident; without room it is asked for again after a collection. One that
 * never fits leaves one that is there: that of the same object before its code was read.
 */
static void settle_in(struct unwinding *u, uint32_t object, struct unwind_table *table)
{
	struct object_table *t = table_of(u, object);
	int r = t ? residency_add(u->residency, table, &t->ref) : -ENOMEM;

	if (r < 0) {
		unwind_table_free(table);
		if (t && !(r == -EFBIG && t->state == TABLE_READY)) {
			t->state = r == -ENOSPC	 ? TABLE_CROWDED
				   : r == -EFBIG ? TABLE_TOO_LARGE
						 : TABLE_NONE;
			t->used = false;
		}
		return;
	}
	free(table->words);
	table->words = NULL;
	if (t->layout) /* it was here before: some know that place, and others do not wait */
		mark_users(u, object);
	unwind_table_free(t->layout);
	t->layout = table;
	t->state = TABLE_READY;
}

/* There is no table of @object. */
static void settle_without(struct unwinding *u, uint32_t object, bool too_large)
{
	struct object_table *t = table_of(u, object);

	if (!t)
		return;
	if (t->layout) /* there was one: its code was not read yet, and says nothing */
		mark_users(u, object);
	t->state = too_large ? TABLE_TOO_LARGE : TABLE_NONE;
}

void unwinding_install(struct unwinding *u)
{
	struct unwind_table *table;
	uint32_t object;
	bool too_large;

	while (tableload_take(u->load, &object, &table, &too_large)) {
		if (table)
			settle_in(u, object, table);
		else
			settle_without(u, object, too_large);
	}
	array_each(&u->procs->procs, p)
		if (p->waiting || p->changed)
			unwinding_update(u, p);
}

void unwinding_touch(struct unwinding *u, struct process *p, uint32_t mapping)
{
	uint32_t object = u->objects->mappings.items[mapping].object;
	struct object_table *t = object < u->tables.n ? &u->tables.items[object] : NULL;

	if (t && t->state == TABLE_CROWDED)
		t->used = true;
	if (t && t->state == TABLE_READY && !residency_touch(u->residency, t->ref)) {
		t->state = TABLE_UNKNOWN; /* it is asked for again */
		p->changed = true;
	}
}

/* The rule that the table of @a has for @addr: whether it is there now. */
static bool rule_of(const struct unwinding *u, const struct object_table *t,
		    const struct vm_area *a, uint64_t addr, struct unwind_rule *ret)
{
	uint64_t bias;

	return t->state == TABLE_READY &&
	       unwind_table_bias(t->layout, a->start, a->file_off, &bias) == 0 &&
	       residency_find(u->residency, t->ref, (uint32_t)(addr - bias), ret);
}

/* Whether a walk ended at @addr of @object for want of what the code tells, which is asked for. */
static bool want_code(struct unwinding *u, uint32_t object, const struct vm_area *a, uint64_t addr)
{
	struct object_table *t = object < u->tables.n ? &u->tables.items[object] : NULL;
	struct unwind_rule rule;

	if (!t || !rule_of(u, t, a, addr, &rule))
		return false;
	if (UNWIND_RULE_CFA(rule.bits) != UNWIND_CFA_UNSUPPORTED)
		return t->wants_code; /* it has been read since */
	if (UNWIND_RULE_WHY(rule.bits) != UNWIND_WHY_UNREAD)
		return false;
	if (!t->wants_code)
		t->wants_code = tableload_ask(u->load, object, u->objects->objects.items[object].fd,
					      true) == 0;
	return true;
}

bool unwinding_want_code(struct unwinding *u, const struct process *p, uint64_t time_ns,
			 const uint64_t *addr, size_t n)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		const struct vm_area *a = aspace_find(p->as, addr[i], time_ns);

		if (a && a->mapping < ASPACE_UNRESOLVED)
			any |= want_code(u, u->objects->mappings.items[a->mapping].object, a,
					 addr[i]);
	}
	return any;
}

struct finder {
	const struct objtab *objects;
	const struct process *process;
	uint64_t time_ns;
};

static bool find_area(const void *ctx, uint64_t addr, struct snapshot_area *ret)
{
	const struct finder *f = ctx;
	const struct vm_area *a = aspace_find(f->process->as, addr, f->time_ns);
	const struct object *o;
	uint32_t number;

	if (!a || a->mapping >= ASPACE_UNRESOLVED)
		return false;
	number = f->objects->mappings.items[a->mapping].object;
	o = &f->objects->objects.items[number];
	*ret = (struct snapshot_area){
		.start = a->start,
		.end = a->end,
		.file_off = o->kind == OBJECT_VDSO ? 0 : a->file_off,
		.has_object = o->kind == OBJECT_FILE || o->kind == OBJECT_VDSO,
		.object = { .id = number, .fd = o->fd },
	};
	return true;
}

int unwinding_snapshot(struct unwinding *u, const struct process *p, uint64_t time_ns,
		       const struct snapshot *s, struct snapshot_trace *ret)
{
	const struct finder finder = { .objects = u->objects, .process = p, .time_ns = time_ns };
	const struct snapshot_space space = { .find = find_area, .ctx = &finder };

	return snapshot_unwind(u->snapshots, s, &space, ret);
}

void unwinding_forget(struct unwinding *u, struct process *p)
{
	sampler_drop_space(u->sampler, p->tgid);
	residency_drop_space(u->residency, p->space);
	p->space = (struct wire_space){ 0 };
}

void unwinding_mark(struct unwinding *u)
{
	residency_mark(u->residency);
}

void unwinding_collect(struct unwinding *u)
{
	bool has_crowd = false;

	residency_collect(u->residency);
	array_each(&u->tables, t)
		if (t->state == TABLE_CROWDED && t->used) {
			t->state = TABLE_UNKNOWN;
			has_crowd = true;
		}
	array_each(&u->procs->procs, p)
		if (p->changed || (has_crowd && p->waiting))
			unwinding_update(u, p);
}

void unwinding_settle(struct unwinding *u, unsigned ms)
{
	uint64_t until = clock_mono_ns() + ms * 1000000ull;

	while (tableload_pending(u->load)) {
		struct pollfd p = { .fd = tableload_fd(u->load), .events = POLLIN };
		uint64_t now = clock_mono_ns();

		if (now >= until || poll(&p, 1, (int)((until - now) / 1000000 + 1)) <= 0)
			break;
		unwinding_install(u);
	}
}
