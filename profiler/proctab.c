/* SPDX-License-Identifier: Apache-2.0 */
#include "proctab.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "fdutil.h"
#include "hash.h"
#include "targets.h"

#define SCAN_SHARE	 100 /* reading the maps of a process takes one part in so many of our time */
#define SCAN_WAIT_NS	 20000000 /* longer ones are read by a thread */
#define SCAN_FREE_NS	 1000000  /* but what takes no longer may be done so often in a window: */
#define SCANS_MAX	 16
#define FILES_MAX	 256 /* new ones that a process may map in a window; more wait for the next */
#define RESTLESS_WINDOWS 8   /* without code replaced, after which a process is trusted again */

void proctab_init(struct proctab *t, struct objtab *objects, size_t max_procs)
{
	*t = (struct proctab){ .objects = objects, .max_procs = max_procs, .window = 1 };
}

void proctab_done(struct proctab *t)
{
	maplater_done(&t->later);
	array_each(&t->procs, p)
		aspace_unref(p->as);
	array_free(&t->procs);
	hindex_free(&t->index);
}

/* The entry of @p among those that make code, made if there is none yet. */
static uint32_t jit_of(struct proctab *t, struct process *p)
{
	if (p->jit == JITTAB_NONE) {
		struct process *parent =
			p->forked_from ? proctab_find(t, p->forked_from, p->since_ns) : NULL;

		if (parent && parent != p && parent->jit == JITTAB_NONE)
			parent->jit = jittab_add(t->jits, parent->tgid, JITTAB_NONE);
		p->jit = jittab_add(t->jits, p->tgid,
				    parent && parent != p ? parent->jit : JITTAB_NONE);
	}
	return p->jit;
}

/* What @p needs for names of the code that it makes, if it makes any, is opened early. */
static void follow_jit(struct proctab *t, struct process *p)
{
	array_each(&p->as->areas, a) {
		const struct object *o;
		uint32_t object, number;

		if (a->mapping >= ASPACE_UNRESOLVED)
			continue;
		object = t->objects->mappings.items[a->mapping].object;
		o = &t->objects->objects.items[object];
		number = o->kind == OBJECT_FILE ? jittab_dump_number(o->name) : 0;
		if ((o->kind == OBJECT_ANON || number) && jit_of(t, p) == JITTAB_NONE)
			return;
		if (number)
			jittab_set_dump(t->jits, p->jit, object, number);
	}
}

int proctab_resolve(struct proctab *t, struct process *p)
{
	p->files_late = false;
	array_each(&p->as->areas, a) {
		if (a->mapping == ASPACE_UNRESOLVED) {
			size_t objects = t->objects->objects.n;
			int64_t m;

			/* A process that makes ever new files must not take those of all others. */
			if (p->files >= FILES_MAX) {
				t->counts.files_late += !p->files_late;
				p->files_late = true;
				continue;
			}
			m = objtab_mapping(t->objects, (pid_t)(p->task ? p->task : p->tgid), a,
					   aspace_name(p->as, a));
			p->files += t->objects->objects.n - objects;
			if (m < 0 && m != -ENOSPC)
				return (int)m;
			a->mapping = m < 0 ? ASPACE_NO_MAPPING : (uint32_t)m;
		}
		if (p->exe == PROCTAB_NO_MAPPING && a->start == p->exe_addr)
			p->exe = a->mapping;
	}
	if (t->jits)
		follow_jit(t, p);
	p->changed = t->any_changed = true;
	return 0;
}

/* The kernel maps the program below its libraries. */
static uint64_t program_address(const struct aspace *as)
{
	array_each(&as->areas, a)
		if (aspace_name(as, a)[0] == '/')
			return a->start;
	return 0;
}

/* Gives @p the areas @as, which the caller keeps: what it has had mapped since @now. */
static int take_areas(struct proctab *t, struct process *p, struct aspace *as, uint64_t now)
{
	int r;

	if ((r = aspace_own(&p->as)) < 0 || (r = aspace_replace(p->as, as, now)) < 0)
		return r;
	if (!p->exe_addr)
		p->exe_addr = program_address(p->as);
	p->read_ns = now;
	p->known = true;
	p->gone = false;
	return p->seen ? proctab_resolve(t, p) : 0;
}

/* Maps that are too long to wait for: proctab_take_late() has them, sooner or later. */
static void read_later(struct proctab *t, struct process *p, uint64_t now)
{
	t->counts.scans_late++;
	p->doubtful = true;
	p->scan_after_ns = now + SCAN_WAIT_NS * SCAN_SHARE;
	if (maplater_ask(&t->later, p->tgid, p->task) == 0)
		p->scan_after_ns = UINT64_MAX;
}

void proctab_take_late(struct proctab *t)
{
	_cleanup_(aspace_unrefp) struct aspace *as = NULL;
	struct maplater *m = &t->later;
	struct process *p;

	if (!maplater_take(m, &as))
		return;
	p = proctab_find(t, m->tgid, UINT64_MAX - 1);
	if (!p || p->since_ns > m->asked_ns || p->until_ns != UINT64_MAX)
		return;
	p->scan_after_ns = clock_mono_ns() + m->took_ns * SCAN_SHARE;
	p->doubtful = false;
	if (as && as->areas.n)
		(void)take_areas(t, p, as, m->asked_ns); /* without memory, it stays as it was */
}

/* A thread of process @tgid other than the first one, which are all alive; 0 = it has none. */
static uint32_t other_thread(uint32_t tgid)
{
	uint32_t found = 0;
	struct dirent *e;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%u/task", tgid);
	dir = opendir(path);
	while (dir && !found && (e = readdir(dir))) {
		uint32_t tid = (uint32_t)strtoul(e->d_name, NULL, 10);

		found = tid != tgid ? tid : 0;
	}
	if (dir)
		closedir(dir);
	return found;
}

/* The areas of @p. Where the first thread has exited, and has none any more, others show them. */
static int read_areas(struct process *p, uint64_t until_ns, struct aspace **ret)
{
	char path[64];
	int r;

	p->task = 0;
	snprintf(path, sizeof(path), "/proc/%u/maps", p->tgid);
	r = aspace_read(path, PROCTAB_MAX_AREAS, until_ns, NULL, ret);
	if (r < 0 || (*ret)->areas.n || !(p->task = other_thread(p->tgid)))
		return r;
	aspace_unref(take_ptr(*ret));
	snprintf(path, sizeof(path), "/proc/%u/maps", p->task);
	return aspace_read(path, PROCTAB_MAX_AREAS, until_ns, NULL, ret);
}

/*
 * Reads maps and comm. An address space that is gone keeps what was known before: the samples that
 * are still to come were taken while it was there.
 */
static int scan(struct proctab *t, struct process *p)
{
	_cleanup_(aspace_unrefp) struct aspace *as = NULL;
	char path[64], comm[WIRE_COMM + 1];
	uint64_t now = clock_mono_ns(), began = clock_thread_ns(), took;
	int r;

	p->scanned = t->window;
	if (p->until_ns != UINT64_MAX)
		return 0; /* the number may be another's by now */
	if (now < p->scan_after_ns || p->scans >= SCANS_MAX) {
		p->doubtful = true;
		return 0;
	}
	t->counts.rescans += p->doubtful;
	p->scans++;
	p->doubtful = false;
	snprintf(path, sizeof(path), "/proc/%u/comm", p->tgid);
	if (read_line_file(path, comm, sizeof(comm)) == 0)
		strcpy(p->comm, comm);
	proctab_judge(t, p);
	r = read_areas(p, began + SCAN_WAIT_NS, &as);
	if (r == -ETIME) {
		read_later(t, p, now);
		return 0;
	}
	took = clock_thread_ns() - began;
	if (took > SCAN_FREE_NS)
		p->scan_after_ns = now + took * SCAN_SHARE;
	if (r < 0 || !as->areas.n) { /* a zombie's maps are empty */
		p->gone = !p->as->areas.n;
		return r == -ENOMEM ? r : 0;
	}
	return take_areas(t, p, as, now);
}

struct process *proctab_find(struct proctab *t, uint32_t tgid, uint64_t time_ns)
{
	struct process *live = NULL;

	hindex_each(&t->index, hash_u64(tgid), i) {
		struct process *p = &t->procs.items[i];

		if (p->tgid != tgid)
			continue;
		if (p->since_ns <= time_ns && time_ns < p->until_ns)
			return p;
		if (p->until_ns == UINT64_MAX)
			live = p;
	}
	return live;
}

struct process *proctab_add(struct proctab *t, uint32_t tgid, uint64_t since_ns)
{
	struct process fresh = {
		.tgid = tgid,
		.since_ns = since_ns,
		.until_ns = UINT64_MAX,
		.window = t->window,
		.exe = PROCTAB_NO_MAPPING,
		.jit = JITTAB_NONE,
	};

	/* Not before the last one of that number has ended. */
	hindex_each(&t->index, hash_u64(tgid), i) {
		const struct process *p = &t->procs.items[i];

		if (p->tgid == tgid && p->until_ns != UINT64_MAX && p->until_ns > fresh.since_ns)
			fresh.since_ns = p->until_ns;
	}
	if (array_reserve(&t->procs, 1) < 0 ||
	    hindex_add(&t->index, hash_u64(tgid), (uint32_t)t->procs.n) < 0)
		return NULL;
	t->procs.items[t->procs.n++] = fresh;
	return &t->procs.items[t->procs.n - 1];
}

uint8_t proctab_lacks(const struct proctab *t, const struct process *p)
{
	return t->targets ? t->targets->asked & ~p->holds & 0xff : 0;
}

void proctab_judge(struct proctab *t, struct process *p)
{
	uint8_t before = p->holds;

	if (!t->targets)
		return;
	p->holds |= targets_look(t->targets, p->tgid, p->comm);
	if (p->holds != before && t->on_holds)
		t->on_holds(t->forget_ctx, p);
}

bool proctab_expects(const struct proctab *t, const struct process *p)
{
	return (t->all_wanted || p->wanted) && !(t->targets && t->targets->expected & ~p->holds);
}

/* The process, with a place for its areas. NULL = out of memory. */
static struct process *entry(struct proctab *t, uint32_t tgid, uint64_t time_ns)
{
	struct process *p = proctab_find(t, tgid, time_ns);

	if (!p)
		p = proctab_add(t, tgid, 0);
	return !p || (!p->as && !(p->as = aspace_new())) ? NULL : p;
}

struct process *proctab_know(struct proctab *t, uint32_t tgid, uint64_t time_ns)
{
	struct process *p = entry(t, tgid, time_ns);

	if (p && !p->known && p->scanned != t->window && scan(t, p) < 0)
		return NULL;
	return p;
}

struct process *proctab_get(struct proctab *t, uint32_t tgid, uint64_t time_ns)
{
	struct process *p = entry(t, tgid, time_ns);
	bool is_first;
	int r = 0;

	if (!p)
		return NULL;
	is_first = !p->seen;
	p->seen = true;
	if ((!p->known || p->doubtful) && p->scanned != t->window)
		r = scan(t, p);
	else if (is_first)
		r = proctab_resolve(t, p);
	if (r < 0) {
		p->seen = !is_first;
		return NULL;
	}
	p->window = t->window;
	return p;
}

void proctab_scan_all(struct proctab *t)
{
	_cleanup_closedir_ DIR *dir = opendir("/proc");
	struct dirent *d;

	while (dir && t->procs.n < t->max_procs / 2 && (d = readdir(dir))) {
		unsigned long tgid = strtoul(d->d_name, NULL, 10);
		struct process *p;

		if (!tgid || tgid > INT32_MAX || proctab_find(t, (uint32_t)tgid, UINT64_MAX - 1))
			continue;
		p = proctab_add(t, (uint32_t)tgid, 0);
		if (!p || !(p->as = aspace_new()) || scan(t, p) < 0)
			break;
	}
}

void proctab_end(struct proctab *t, struct process *p, uint64_t time_ns)
{
	if (p->until_ns != UINT64_MAX)
		return;
	if (t->on_forget)
		t->on_forget(t->forget_ctx, p);
	p->until_ns = time_ns;
	p->changed = p->waiting = false;
	t->any_to_drop = true;
}

int proctab_rescan(struct proctab *t, struct process *p)
{
	return scan(t, p);
}

void proctab_doubt(struct proctab *t, uint64_t n)
{
	t->counts.events_lost += n;
	array_each(&t->procs, p)
		p->doubtful = true;
}

static int by_window(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	return (x->window < y->window) - (x->window > y->window);
}

/* Takes the processes from number @n on out of the table; the index is made anew. */
static void truncate_to(struct proctab *t, size_t n)
{
	for (size_t i = n; i < t->procs.n; i++) {
		struct process *p = &t->procs.items[i];

		if (t->on_forget && p->until_ns == UINT64_MAX)
			t->on_forget(t->forget_ctx, p);
		if (p->jit != JITTAB_NONE)
			jittab_end(t->jits, p->jit);
		aspace_unref(p->as);
	}
	t->procs.n = n;
	hindex_clear(&t->index);
	for (size_t i = 0; i < n; i++) /* cannot fail: the index keeps its storage */
		hindex_add(&t->index, hash_u64(t->procs.items[i].tgid), (uint32_t)i);
}

/* Drops what ended before @drained_ns. */
static void drop_ended(struct proctab *t, uint64_t drained_ns)
{
	size_t n = 0;

	t->any_to_drop = false;
	for (size_t i = 0; i < t->procs.n; i++) {
		struct process *p = &t->procs.items[i], kept;

		/* Of several threads the first may exit before the others. */
		if (p->exited_ns && p->until_ns == UINT64_MAX && kill((pid_t)p->tgid, 0) < 0 &&
		    errno == ESRCH)
			proctab_end(t, p, clock_mono_ns()); /* it ticked on after it had exited */
		t->any_to_drop |= p->until_ns != UINT64_MAX || p->exited_ns;
		if (p->until_ns < drained_ns)
			continue;
		kept = *p; /* the others stay in their order */
		*p = t->procs.items[n];
		t->procs.items[n++] = kept;
	}
	if (n < t->procs.n)
		truncate_to(t, n);
}

void proctab_tick(struct proctab *t, uint64_t drained_ns)
{
	t->window++;
	if (t->any_to_drop)
		drop_ended(t, drained_ns);
	array_each(&t->procs, p) {
		p->map_work = p->scans = p->files = 0;
		if (p->files_late && p->until_ns == UINT64_MAX)
			(void)proctab_resolve(t, p); /* without memory, at the next window */
		if (p->as && p->as->old.n)
			aspace_forget(p->as, drained_ns);
		if (p->restless && t->window - p->replaced > RESTLESS_WINDOWS) {
			p->restless = false;
			p->changed = t->any_changed = true;
		}
	}
	if (t->procs.n <= t->max_procs)
		return;
	/* Down to three quarters, so that the sort is paid for once in many windows. */
	qsort(t->procs.items, t->procs.n, sizeof(*t->procs.items), by_window);
	truncate_to(t, t->max_procs / 4 * 3);
}

int64_t proctab_place(struct proctab *t, struct process *p, uint64_t addr, uint64_t time_ns,
		      uint64_t *ret)
{
	const struct vm_area *a = aspace_find(p->as, addr, time_ns);
	const struct mapping *m;

	if (!a && p->scanned != t->window) {
		if (scan(t, p) < 0)
			return -ENOMEM;
		a = aspace_find(p->as, addr, time_ns);
	}
	if (!a || a->mapping >= ASPACE_UNRESOLVED)
		return p->gone ? -ESRCH : -ENOENT;
	m = &t->objects->mappings.items[a->mapping];
	*ret = addr - a->start + m->start;
	return a->mapping;
}
