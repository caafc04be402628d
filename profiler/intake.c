/* SPDX-License-Identifier: Apache-2.0 */
#include "intake.h"

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "pipeline_state.h"
#include "sampler.h"
#include "sideband.h"
#include "snapshot.h"
#include "targets.h"
#include "trace.h"
#include "unwinding.h"
#include "verify.h"

#define MAX_PLACES (WIRE_KERNEL_FRAMES + WIRE_USER_FRAMES + 2)

static void lost(struct pipeline *p, enum counter c, uint64_t n)
{
	p->tally.n[c] += n;
}

/*
 * The sampler does not ask for a process whose areas it was given unasked, and that may be gone when its
 * first samples are handed over: what they do not carry is looked at now.
 */
static void look_in_time(struct pipeline *p)
{
	array_each(&p->procs.procs, q)
		if (q->space.n && identity_is_due(&p->ids, &q->id))
			labelling_look(&p->labelling, q);
}

static bool look_at_held(void *ctx, const struct trace *t);

void intake_catch_up(struct pipeline *p, uint64_t time_ns)
{
	if (time_ns < p->procs.told_ns || !p->sideband)
		return;
	p->procs.told_ns = clock_mono_ns();
	proctab_take_late(&p->procs);
	sideband_read(p->sideband);
	if (p->unwinding && p->procs.any_changed) {
		unwinding_refresh(p->unwinding);
		look_in_time(p);
	}
	p->procs.any_changed = false;
	if (p->held.samples.n)
		held_each(&p->held, look_at_held, p);
}

/* The process of a sample at @time_ns as the kernel told of it; NULL = out of memory. */
static struct process *process_at(struct pipeline *p, uint32_t tgid, uint64_t time_ns)
{
	intake_catch_up(p, time_ns);
	return proctab_get(&p->procs, tgid, time_ns);
}

/* Whether @proc is within its execve(2): the kernel has not told of any mapping yet. */
static bool is_beginning(const struct process *proc)
{
	return proc->by_exec && !proc->as->areas.n && proc->until_ns == UINT64_MAX;
}

/* Whether @t is of the next program of @proc, by its name: it was taken in execve(2). */
static bool is_of_next(const struct process *proc, const struct trace *t)
{
	return t->flags & WIRE_IN_EXEC && t->tid == t->tgid && strcmp(proc->comm, t->comm) != 0;
}

/* @proc, whose process @t is a sample of, or what it is from its execve(2) on. */
static struct process *program_of(struct pipeline *p, const struct trace *t, struct process *proc)
{
	if (proc->to_exec && is_of_next(proc, t))
		return proctab_get(&p->procs, t->tgid, proc->until_ns);
	return proc;
}

/*
 * The process that @t is a sample of. In execve(2) a task has the name of the next program a moment
 * before the kernel says that it is another one.
 */
static struct process *process_of(struct pipeline *p, const struct trace *t)
{
	struct process *proc = process_at(p, t->tgid, t->time_ns);

	/* What was read last ended within its execve(2): the program's own mapping came after. */
	if (proc && is_beginning(proc)) {
		intake_catch_up(p, UINT64_MAX);
		proc = proctab_get(&p->procs, t->tgid, t->time_ns);
	}
	return proc ? program_of(p, t, proc) : NULL;
}

/*
 * Whether a sample of @tgid is one of those that were asked for; its task showed @flags of what was
 * asked. The sampler sends all of a process that user space has not looked at yet.
 */
static bool is_chosen(struct pipeline *p, uint32_t tgid, uint64_t time_ns, uint8_t flags)
{
	struct process *proc;
	uint8_t shows = flags & WIRE_JUDGED;

	if (!p->procs.targets || !p->procs.targets->asked)
		return true;
	intake_catch_up(p, time_ns);
	proc = proctab_know(&p->procs, tgid, time_ns);
	if (!proc)
		return true;	       /* out of memory, which is counted where it matters */
	if (p->procs.targets->inherit) /* its children are asked for */
		proc->holds |= shows;
	return !(proctab_lacks(&p->procs, proc) & ~shows);
}

/* Whether that is to be recorded; it is counted otherwise. */
static bool admit(struct pipeline *p, const struct trace *t)
{
	if (is_chosen(p, t->tgid, t->time_ns, t->flags))
		return true;
	p->tally.n[CTR_FILTERED] += t->samples;
	return false;
}

/* --- one trace ------------------------------------------------------------------------------- */

/* A stack under construction: places, leaf first. Negative error = what aggregate_place() said. */
struct placed {
	uint32_t places[MAX_PLACES];
	size_t n;
	int error;
};

static void put(struct pipeline *p, struct placed *s, const struct place *place)
{
	int64_t i = aggregate_place(&p->counts, place);

	if (i < 0)
		s->error = (int)i;
	else if (s->n < MAX_PLACES)
		s->places[s->n++] = (uint32_t)i;
}

static void put_place(struct pipeline *p, struct placed *s, int64_t mapping, uint64_t addr)
{
	put(p, s, &(struct place){ .mapping = mapping, .addr = addr });
}

/* Code that @proc may have made itself; @mapping as in put_place(). */
static void put_own_code(struct pipeline *p, struct placed *s, const struct process *proc,
			 uint64_t time_ns, struct place place)
{
	uint32_t epoch = jittab_epoch(&p->jits, proc->jit, time_ns);

	if (epoch != JITTAB_NONE) {
		place.jit = proc->jit + 1;
		place.epoch = epoch;
	}
	put(p, s, &place);
}

static bool is_own_code(const struct pipeline *p, const struct process *proc, int64_t mapping)
{
	if (proc->jit == JITTAB_NONE)
		return false;
	return mapping < 0 ||
	       p->objects.objects.items[p->objects.mappings.items[mapping].object].kind ==
		       OBJECT_ANON;
}

/*
 * A return address points after its call, perhaps into the next function: all frames but the
 * interrupted one are looked up, and kept, one byte before.
 */
static uint64_t call_site(uint64_t addr, size_t frame)
{
	return frame && addr ? addr - 1 : addr;
}

static void put_kernel(struct pipeline *p, struct placed *s, const struct trace *t)
{
	for (size_t i = 0; i < t->n_kernel; i++)
		put_place(p, s, PLACE_KERNEL, call_site(t->kernel[i], i));
	if (t->flags & WIRE_KERNEL_DEPTH)
		put_place(p, s, PLACE_NOTE, CTR_TRUNC_KERNEL_DEPTH);
	else if (t->flags & WIRE_KERNEL_READ)
		put_place(p, s, PLACE_NOTE, CTR_TRUNC_KERNEL_READ);
}

/* What to say of a user stack that ends too early; 0 = it does not. */
static const enum counter why_cut[WIRE_END_MAX] = {
	[WIRE_END_DEPTH] = CTR_TRUNC_USER_DEPTH, [WIRE_END_MAPPING] = CTR_TRUNC_NO_MAPPING,
	[WIRE_END_NO_INFO] = CTR_TRUNC_NO_INFO,	 [WIRE_END_READ] = CTR_TRUNC_USER_READ,
	[WIRE_END_RULE] = CTR_TRUNC_RULE,	 [WIRE_END_LOADING] = CTR_TRUNC_LOADING,
	[WIRE_END_LOOP] = CTR_TRUNC_LOOP,	 [WIRE_END_REGS] = CTR_TRUNC_REGS,
	[WIRE_END_SHORT] = CTR_TRUNC_SNAPSHOT,
};

/* The place of an address that proctab_place() gave the error @r for. */
static int64_t no_mapping(int64_t r)
{
	return r == -ESRCH ? PLACE_EXITED : PLACE_UNKNOWN;
}

static void put_user(struct pipeline *p, struct placed *s, const struct trace *t,
		     struct process *proc)
{
	for (size_t i = 0; i < t->n_user; i++) {
		uint64_t addr = t->flags & WIRE_CALLS ? t->user[i] : call_site(t->user[i], i);
		uint64_t placed = addr;
		int64_t m = proctab_place(&p->procs, proc, addr, t->time_ns, &placed);

		if (m == -ENOMEM)
			s->error = -ENOMEM;
		else if (is_own_code(p, proc, m))
			put_own_code(p, s, proc, t->time_ns,
				     (struct place){ .mapping = m < 0 ? no_mapping(m) : m,
						     .addr = placed });
		else
			put_place(p, s, m < 0 ? no_mapping(m) : m, placed);
		if (m >= 0 && p->unwinding)
			unwinding_touch(p->unwinding, proc, (uint32_t)m);
	}
	if (t->end < WIRE_END_MAX && why_cut[t->end])
		put_place(p, s, PLACE_NOTE, why_cut[t->end]);
}

/* A sample counts once, under the reason that hides most of the stack. */
static void count_truncated(struct pipeline *p, const struct trace *t)
{
	enum counter c = t->end < WIRE_END_MAX ? why_cut[t->end] : 0;

	if (!c && t->flags & WIRE_KERNEL_READ)
		c = CTR_TRUNC_KERNEL_READ;
	else if (!c && t->flags & WIRE_KERNEL_DEPTH)
		c = CTR_TRUNC_KERNEL_DEPTH;
	if (c)
		p->tally.n[c] += t->samples;
}

/* Counts for the choice of the profile's main program. */
static void count_program(struct pipeline *p, const struct process *proc, uint64_t samples)
{
	if (proc->exe == PROCTAB_NO_MAPPING)
		return;
	while (p->by_program.n <= proc->exe)
		if (array_push(&p->by_program, 0) < 0)
			return; /* it loses the election */
	p->by_program.items[proc->exe] += samples;
}

/*
 * Whether @t was taken on the way through execve(2): the registers are those of the old program,
 * whose stack is gone already. So there is no user stack.
 */
static bool is_between_programs(const struct process *proc, const struct trace *t)
{
	if (!t->n_kernel || !t->n_user || t->end == WIRE_END_ROOT)
		return false;
	if (t->flags & WIRE_IN_EXEC && t->n_user == 1 && t->end == WIRE_END_READ)
		return true;
	return proc->by_exec && !aspace_find(proc->as, t->user[0], t->time_ns);
}

static void file_trace(struct pipeline *p, const struct trace *t, struct process *proc)
{
	struct agg_row row = { .event = t->event, .samples = t->samples, .value = t->value };
	struct label_set labels;
	struct placed s = { 0 };
	bool has_user;

	if (!proc || t->event >= p->events.n) {
		lost(p, proc ? CTR_LOST_BAD_RECORD : CTR_LOST_MEMORY, t->samples);
		return;
	}
	has_user = !is_between_programs(proc, t);
	put_kernel(p, &s, t);
	if (has_user)
		put_user(p, &s, t, proc);
	if (s.error || labelling_of(&p->labelling, t, proc, &labels) < 0 ||
	    aggregate_add(&p->counts, s.places, s.n, &labels, &row) < 0) {
		lost(p, CTR_LOST_MEMORY, t->samples);
		return;
	}
	p->tally.recorded += t->samples;
	if (has_user)
		count_truncated(p, t);
	count_program(p, proc, t->samples);
}

/* Whether nobody can tell yet which program @t is of: the kernel has not told of that, or of its file.
 * Where it does not tell at all nothing is waited for. */
static bool is_unsettled(const struct pipeline *p, const struct trace *t,
			 const struct process *proc)
{
	if (!proc || !p->sideband || p->stop_ns || proc->until_ns != UINT64_MAX)
		return false;
	return is_beginning(proc) || is_of_next(proc, t);
}

/* Whether @t, of @proc, is filed later. */
static bool hold(struct pipeline *p, const struct trace *t, const struct process *proc)
{
	return is_unsettled(p, t, proc) && t->n_kernel && held_add(&p->held, t);
}

/* As held_look(): of a process that has gone on meanwhile it is filed. */
static bool look_at_held(void *ctx, const struct trace *t)
{
	struct pipeline *p = ctx;
	struct process *proc = proctab_get(&p->procs, t->tgid, t->time_ns);

	if (proc)
		proc = program_of(p, t, proc);
	if (is_unsettled(p, t, proc))
		return true;
	file_trace(p, t, proc);
	return false;
}

/*
 * Leaves of @t the frames that the sampler can have found by rules of no other code than that of @proc at
 * that time: code may have been replaced since the sampler was told of it; or the process was another program,
 * which the sampler tells as long as no other number has taken the place where it noted the exec.
 */
static void keep_sure(const struct process *proc, struct trace *t)
{
	size_t n = 1;

	if (proc->placed_ns && t->time_ns >= proc->placed_ns) {
		if (!proc->restless || t->time_ns < proc->restless_ns)
			return;
		while (n <= t->n_user && !aspace_has_changed(proc->as, t->user[n - 1]))
			n++;
		if (n > t->n_user)
			return;
	}
	t->n_user = n;
	t->end = WIRE_END_LOADING;
}

static void on_trace(void *ctx, const struct trace *t)
{
	struct pipeline *p = ctx;
	struct trace sure = *t;
	struct process *proc;

	if (!admit(p, t))
		return;
	proc = process_of(p, t);
	if (hold(p, t, proc))
		return;
	/* Not those whose stack was not there to be copied: that is no want of room. */
	if (p->by_snapshot && t->n_user && t->end != WIRE_END_READ)
		p->walked += t->samples;
	if (p->unwinding && t->end == WIRE_END_RULE && t->n_user && proc &&
	    unwinding_want_code(p->unwinding, proc, t->time_ns, &t->user[t->n_user - 1], 1))
		sure.end = WIRE_END_LOADING;
	if (p->unwinding && t->n_user > 1 && proc)
		keep_sure(proc, &sure);
	file_trace(p, &sure, proc);
}

/* What the end of an unwound snapshot is called elsewhere. */
static const uint8_t end_of_snapshot[SNAPSHOT_END_MAX] = {
	[SNAPSHOT_END_ROOT] = WIRE_END_ROOT,	   [SNAPSHOT_END_SHORT] = WIRE_END_SHORT,
	[SNAPSHOT_END_NO_INFO] = WIRE_END_NO_INFO, [SNAPSHOT_END_BAD_INFO] = WIRE_END_RULE,
	[SNAPSHOT_END_MEMORY] = WIRE_END_READ,	   [SNAPSHOT_END_UNMAPPED] = WIRE_END_MAPPING,
	[SNAPSHOT_END_LOOP] = WIRE_END_LOOP,	   [SNAPSHOT_END_DEPTH] = WIRE_END_DEPTH,
};

/* The user stack of a snapshot. */
struct unwound {
	uint64_t addr[WIRE_USER_FRAMES]; /* of calls */
	size_t n;
	uint8_t end; /* enum wire_end */
};

static int unwind(struct pipeline *p, struct process *proc, uint64_t time_ns,
		  const struct snapshot *s, struct unwound *ret)
{
	struct snapshot_frame frames[WIRE_USER_FRAMES];
	struct snapshot_trace trace = { .frames = frames, .max = p->max_user_frames };
	int r = unwinding_snapshot(p->unwinding, proc, time_ns, s, &trace);

	if (r == 0 && trace.end == SNAPSHOT_END_UNMAPPED &&
	    proctab_rescan(&p->procs, proc) == 0) { /* something was mapped since */
		unwinding_update(p->unwinding, proc);
		r = unwinding_snapshot(p->unwinding, proc, time_ns, s, &trace);
	}
	if (r < 0)
		return r;
	for (size_t i = 0; i < trace.n; i++)
		ret->addr[i] = frames[i].addr - !frames[i].is_exact;
	ret->n = trace.n;
	ret->end = end_of_snapshot[trace.end];
	return 0;
}

static void on_snapshot(void *ctx, struct trace *t, const struct snapshot *s)
{
	struct pipeline *p = ctx;
	struct process *proc;
	struct unwound u;

	if (!admit(p, t))
		return;
	proc = process_of(p, t);
	if (!proc) {
		lost(p, CTR_LOST_MEMORY, t->samples);
		return;
	}
	if (hold(p, t, proc))
		return;
	if (unwind(p, proc, t->time_ns, s, &u) == 0) {
		if (t->end == WIRE_END_RULE)
			unwinding_want_code(p->unwinding, proc, t->time_ns, u.addr, u.n);
		t->user = u.addr;
		t->n_user = u.n;
		t->end = u.end;
		t->flags |= WIRE_CALLS;
	} else if (t->end == WIRE_END_ROOT) {
		t->end = WIRE_END_LOADING; /* of the kernel's walk, which was not sent */
	}
	file_trace(p, t, proc);
}

/* Compared, and not recorded: nobody asked for a profile. */
static void on_verify(void *ctx, const struct trace *sent, const struct snapshot *s)
{
	struct pipeline *p = ctx;
	struct process *proc = process_of(p, sent);
	struct trace copy = *sent, *t = &copy;
	struct unwound u;

	if (!proc || unwind(p, proc, t->time_ns, s, &u) < 0) {
		lost(p, CTR_LOST_MEMORY, t->samples);
		return;
	}
	if (t->end == WIRE_END_RULE &&
	    unwinding_want_code(p->unwinding, proc, t->time_ns, u.addr, u.n))
		t->end = WIRE_END_LOADING;
	for (size_t i = 0; i < t->n_user; i++) {
		uint64_t placed;
		int64_t m = proctab_place(&p->procs, proc, t->user[i], t->time_ns, &placed);

		if (m >= 0)
			unwinding_touch(p->unwinding, proc, (uint32_t)m);
	}
	verify_add(p->verify, &p->objects, proc, t, &(struct verify_stack){ u.addr, u.n, u.end });
	p->tally.recorded += t->samples;
	count_truncated(p, t);
}

/* Tells the sampler of a process that is not asked for: whether it is none. */
static bool is_turned_away(struct pipeline *p, uint32_t tgid)
{
	struct process *proc;
	uint8_t lacks, now;

	if (!p->procs.targets || !p->procs.targets->asked)
		return false;
	intake_catch_up(p, UINT64_MAX);
	proc = proctab_know(&p->procs, tgid, clock_mono_ns());
	lacks = proc ? proctab_lacks(&p->procs, proc) : 0;
	if (!lacks)
		return false;
	sampler_set_lacking(p->sampler, tgid, lacks);
	/* If it began another program meanwhile, that was said of the wrong one; but then the
	 * kernel has told of it by now. */
	intake_catch_up(p, UINT64_MAX);
	proc = proctab_find(&p->procs, tgid, clock_mono_ns());
	now = proc ? proctab_lacks(&p->procs, proc) : 0;
	if (now != lacks)
		sampler_set_lacking(p->sampler, tgid, now);
	return now;
}

/* What was said of @proc is to be said again. */
static void on_holds(void *ctx, const struct process *proc)
{
	struct pipeline *p = ctx;

	sampler_set_lacking(p->sampler, proc->tgid, 0);
}

static void on_new_process(void *ctx, uint32_t tgid)
{
	struct pipeline *p = ctx;
	struct process *proc;

	if (is_turned_away(p, tgid))
		return;
	proc = process_at(p, tgid, clock_mono_ns());
	if (proc && !p->sideband) /* nobody told of it if it is another program now */
		proctab_rescan(&p->procs, proc);
	if (proc && p->unwinding)
		unwinding_update(p->unwinding, proc);
	if (proc)
		labelling_look(&p->labelling, proc); /* it may be gone in a moment */
}

static void on_stale(void *ctx, uint32_t tgid)
{
	struct pipeline *p = ctx;
	struct process *proc = process_at(p, tgid, clock_mono_ns());

	if (proc && p->unwinding && proctab_rescan(&p->procs, proc) == 0)
		unwinding_update(p->unwinding, proc);
}

static void on_forget(void *ctx, struct process *proc)
{
	struct pipeline *p = ctx;

	if (p->unwinding)
		unwinding_forget(p->unwinding, proc);
}

static void on_drain_wanted(void *ctx)
{
	struct pipeline *p = ctx;

	p->drain_wanted = true;
}

static void on_lost(void *ctx, enum counter c, uint64_t n)
{
	lost(ctx, c, n);
}

void intake_callbacks(struct pipeline *p, struct sampler_callbacks *ret)
{
	*ret = (struct sampler_callbacks){
		.ctx = p,
		.on_trace = on_trace,
		.on_snapshot = on_snapshot,
		.on_verify = on_verify,
		.on_new_process = on_new_process,
		.on_stale = on_stale,
		.on_drain_wanted = on_drain_wanted,
		.on_lost = on_lost,
	};
	p->procs.on_forget = on_forget;
	p->procs.on_holds = on_holds;
	p->procs.forget_ctx = p;
}
