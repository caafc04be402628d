/* SPDX-License-Identifier: Apache-2.0 */
#include "labelling.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "aggregate.h"
#include "identity.h"
#include "objtab.h"
#include "proctab.h"
#include "trace.h"

static const char deleted[] = " (deleted)";

/* What could not be read of a process that is gone, the one that forked it may still have. */
static void ask_parent(const struct labelling *l, struct process *p)
{
	struct process *parent;
	struct identity id;

	p->id.looked = true;
	if (!p->id.ppid)
		return;
	parent = proctab_find(l->procs, p->id.ppid, p->since_ns);
	if (!parent || parent == p)
		return;
	identity_look(l->ids, &parent->id, parent->tgid, parent->until_ns == UINT64_MAX);
	id = identity_of_child(&parent->id, p->id.ppid, p->id.parent_comm);
	id.looked = true;
	if (parent->id.looked)
		p->id = id;
}

void labelling_look(const struct labelling *l, struct process *p)
{
	bool is_alive = p->until_ns == UINT64_MAX && !p->exited_ns;

	if (!is_alive && !p->id.looked)
		ask_parent(l, p);
	else
		identity_look(l->ids, &p->id, p->tgid, is_alive);
}

/* The number of @s in the aggregate, LABEL_NONE for "". */
static int add(const struct labelling *l, const char *s, size_t n, uint32_t *ret)
{
	if (!n)
		return 0;
	return strtab_add(&l->counts->strings, s, n, ret);
}

static int add_text(const struct labelling *l, const char *s, uint32_t *ret)
{
	return add(l, s, strlen(s), ret);
}

/* The path of the program as the process sees it. */
static int add_program(const struct labelling *l, const struct process *p, uint32_t *ret)
{
	const struct objtab *objects = l->procs->objects;
	const char *name;
	size_t n;

	if (p->exe == PROCTAB_NO_MAPPING)
		return 0;
	name = objects->objects.items[objects->mappings.items[p->exe].object].name;
	n = strlen(name);
	if (n > strlen(deleted) && strcmp(name + n - strlen(deleted), deleted) == 0)
		n -= strlen(deleted);
	return add(l, name, n, ret);
}

/* What the group of the sample says; of a hierarchy of version 1 that of the process. */
static int add_cgroup(const struct labelling *l, const struct trace *t, const struct process *p,
		      struct label_set *s)
{
	struct cgrouptab *groups = &l->ids->cgroups;
	uint32_t i = cgrouptab_by_id(groups, t->cgroup);
	const struct cgroup_entry *e;
	int r;

	if (p->id.has_cgroup)
		i = cgrouptab_better(groups, i, p->id.cgroup);
	if (i == CGROUPTAB_NONE || cgrouptab_is_root(groups, i))
		return 0;
	e = &groups->entries.items[i];
	if ((r = add_text(l, strtab_get(&groups->strings, e->path), &s->v[LABEL_CGROUP])) < 0 ||
	    (r = add_text(l, strtab_get(&groups->strings, e->container), &s->v[LABEL_CONTAINER])) <
		    0 ||
	    (r = add_text(l, strtab_get(&groups->strings, e->pod), &s->v[LABEL_POD])) < 0 ||
	    (r = add_text(l, strtab_get(&groups->strings, e->unit), &s->v[LABEL_UNIT])) < 0)
		return r;
	return add_text(l, strtab_get(&groups->strings, e->slice), &s->v[LABEL_SLICE]);
}

static int add_attrs(const struct labelling *l, const struct process *p, uint32_t *ret)
{
	int64_t n;

	if (!p->id.attrs)
		return 0;
	n = attrs_import(&l->counts->attrs, &l->ids->attrs, p->id.attrs);
	if (n >= 0)
		*ret = (uint32_t)n;
	return n < 0 ? (int)n : 0;
}

#define TIME_SHIFT_MAX 20

void labelling_next_window(struct labelling *l)
{
	if (!l->time_bytes || aggregate_bytes(l->counts) <= l->time_bytes ||
	    l->time_shift == TIME_SHIFT_MAX)
		return;
	l->time_shift++;
	l->time_bytes += l->time_bytes / 2;
}

static uint32_t window_of(const struct labelling *l, uint64_t time_ns)
{
	uint32_t n = time_ns > l->start_ns ? (uint32_t)((time_ns - l->start_ns) / l->window_ns) : 0;

	return n >> l->time_shift << l->time_shift;
}

int labelling_of(const struct labelling *l, const struct trace *t, struct process *p,
		 struct label_set *ret)
{
	/* The main thread's name is the process's; a process that was never seen alive has no
	 * other. */
	const char *comm = t->tid != t->tgid && p->comm[0] ? p->comm : t->comm;
	struct label_set s;
	int r;

	labelling_look(l, p);
	label_set_clear(&s);
	s.v[LABEL_PID] = t->tgid;
	s.v[LABEL_TID] = t->tid;
	s.v[LABEL_UID] = t->uid; /* UINT32_MAX is nobody's */
	if (p->id.ppid)
		s.v[LABEL_PPID] = p->id.ppid;
	if (l->counts->split_mask &
	    LABEL_BIT(LABEL_TIME)) /* else nobody would know of which sample */
		s.v[LABEL_TIME] = window_of(l, t->time_ns);
	if ((r = add_text(l, comm, &s.v[LABEL_COMM])) < 0 ||
	    (r = add_text(l, t->comm, &s.v[LABEL_THREAD_COMM])) < 0 ||
	    (r = add_text(l, p->id.parent_comm, &s.v[LABEL_PARENT_COMM])) < 0 ||
	    (r = add_program(l, p, &s.v[LABEL_EXECUTABLE])) < 0 ||
	    (r = add_cgroup(l, t, p, &s)) < 0 || (r = add_attrs(l, p, &s.v[LABEL_ATTRS])) < 0)
		return r;
	*ret = s;
	return 0;
}
