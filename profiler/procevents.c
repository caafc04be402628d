/* SPDX-License-Identifier: Apache-2.0 */
#include "procevents.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "containers.h"
#include "proctab.h"
#include "sideband.h"
#include "targets.h"

/* Areas that may be looked at for one process in one window: a process that maps without end is
 * read again in the next one instead. */
#define MAP_WORK_MAX (1 << 20)

/* Numbers that stand for none in our pid namespace. */
static bool is_stranger(uint32_t tgid)
{
	return tgid == 0 || tgid == UINT32_MAX;
}

static void set_comm(struct process *p, const char *comm)
{
	snprintf(p->comm, sizeof(p->comm), "%s", comm);
}

/* The parent of a new process, which will be asked for its areas. NULL = nobody knows them. */
static struct process *parent_of(struct proctab *t, const struct sideband_task *k, uint64_t time_ns)
{
	struct process *p = proctab_find(t, k->parent_tgid, time_ns);

	if (!p && !is_stranger(k->parent_tgid))
		p = proctab_add(t, k->parent_tgid, 0);
	if (p && !p->as)
		p->as = aspace_new();
	if (p && p->as && !p->known && p->scanned != t->window)
		proctab_rescan(t, p);
	return p && p->known ? p : NULL;
}

static void take_fork(void *ctx, uint64_t time_ns, const struct sideband_task *k)
{
	struct proctab *t = ctx;
	struct process *parent, *child;
	struct process model = { .exe = PROCTAB_NO_MAPPING };

	if (k->tid != k->tgid || k->tgid == k->parent_tgid || is_stranger(k->tgid))
		return; /* a thread */
	child = proctab_find(t, k->tgid, time_ns);
	if (child && child->since_ns < time_ns && child->until_ns > time_ns) {
		/* We looked at it before we were told of it, or it is one that had the number. */
		if (!child->since_ns && child->scanned == t->window && !child->exited_ns) {
			child->since_ns = time_ns;
			return;
		}
		proctab_end(t, child, time_ns);
	}
	parent = parent_of(t, k, time_ns);
	if (parent)
		model = *parent; /* the next call may move it */
	child = proctab_add(t, k->tgid, time_ns);
	if (!child || !parent)
		return;
	memcpy(child->comm, model.comm, sizeof(child->comm));
	child->id = identity_of_child(&model.id, k->parent_tgid, model.comm);
	child->as = aspace_ref(model.as);
	child->known = true;
	child->forked_from = k->parent_tgid;
	child->doubtful = model.doubtful;
	child->wanted = model.wanted && !t->no_inherit;
	child->holds = model.holds; /* it has the name, the user and the cgroup of its parent */
	child->exe = model.exe;
	child->exe_addr = model.exe_addr;
	child->restless = model.restless;
	child->restless_ns = model.restless_ns;
	child->replaced = model.replaced;
}

static void take_exec(struct proctab *t, uint64_t time_ns, const struct sideband_comm *c)
{
	struct process *p = proctab_find(t, c->tgid, time_ns);
	struct aspace *as = aspace_new();
	bool wanted = p && p->wanted;
	uint8_t holds = p && t->targets && t->targets->inherit ? p->holds : 0;
	struct identity id = { 0 };

	if (p) {
		/* The program that comes has the same parent; once this one has ended nobody looks. */
		identity_look_parent(&p->id, c->tgid);
		proctab_end(t, p, time_ns);
		p->to_exec = true;
		id = identity_after_exec(&p->id);
	}
	p = as ? proctab_add(t, c->tgid, time_ns) : NULL;
	if (!p) {
		aspace_unref(as);
		return; /* it is read from /proc when it is sampled */
	}
	p->as = as;
	p->known = p->by_exec = true;
	p->wanted = wanted;
	p->holds = holds;
	p->id = id;
	set_comm(p, c->comm);
	proctab_judge(t, p);
	p->seen = proctab_expects(t, p);
}

static void take_comm(void *ctx, uint64_t time_ns, const struct sideband_comm *c)
{
	struct proctab *t = ctx;
	struct process *p;

	if (is_stranger(c->tgid))
		return;
	if (c->exec) {
		take_exec(t, time_ns, c);
		return;
	}
	p = c->tid == c->tgid ? proctab_find(t, c->tgid, time_ns) : NULL;
	if (!p)
		return;
	set_comm(p, c->comm);
	proctab_judge(t, p);
}

static void take_mmap(void *ctx, uint64_t time_ns, const struct sideband_mmap *m)
{
	struct proctab *t = ctx;
	struct process *p = is_stranger(m->tgid) ? NULL : proctab_find(t, m->tgid, time_ns);
	const struct vm_area area = {
		.start = m->addr,
		.end = m->addr + m->len,
		.file_off = m->ino ? m->file_off : 0,
		.dev = m->dev,
		.ino = m->ino,
	};
	const char *name = strcmp(m->name, "//anon") == 0 ? "" : m->name;
	int r = -ENOMEM;

	if (!p || !p->known || !m->len || area.end < area.start)
		return; /* it is read from /proc when it is sampled */
	if (p->map_work < MAP_WORK_MAX && aspace_own(&p->as) == 0) {
		r = aspace_map(p->as, &area, name, PROCTAB_MAX_AREAS, time_ns);
		p->map_work += p->as->areas.n + p->as->old.n + 1;
	}
	if (r < 0) {
		p->doubtful = true;
		return;
	}
	if (r > 0) {
		if (!p->restless)
			p->restless_ns = time_ns;
		p->restless = true;
		p->replaced = t->window;
	}
	if (!p->exe_addr && name[0] == '/') /* the kernel maps it first */
		p->exe_addr = area.start;
	if (p->seen && proctab_resolve(t, p) < 0)
		p->doubtful = true;
}

static void take_exit(void *ctx, uint64_t time_ns, const struct sideband_task *k)
{
	struct proctab *t = ctx;
	struct process *p = k->tid == k->tgid ? proctab_find(t, k->tgid, time_ns) : NULL;

	if (!p)
		return;
	p->exited_ns = time_ns;
	t->any_to_drop = true;
}

static void take_lost(void *ctx, uint64_t time_ns, unsigned cpu, uint64_t n)
{
	(void)time_ns;
	(void)cpu;
	proctab_doubt(ctx, n);
}

static void take_cgroup(void *ctx, uint64_t time_ns, const struct sideband_cgroup *g)
{
	struct proctab *t = ctx;

	(void)time_ns;
	if (t->cgroups)
		cgrouptab_told(t->cgroups, g->id, g->path);
	if (t->containers)
		containers_born(t->containers, g->path);
}

void procevents_callbacks(struct proctab *t, struct containers *c, struct sideband_callbacks *ret)
{
	t->containers = c;
	*ret = (struct sideband_callbacks){
		.ctx = t,
		.on_mmap = take_mmap,
		.on_comm = take_comm,
		.on_fork = take_fork,
		.on_exit = take_exit,
		.on_cgroup = take_cgroup,
		.on_lost = take_lost,
	};
}
