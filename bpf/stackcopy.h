/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A copy of the stack for user space to unwind: of processes whose tables are not loaded yet, and
 * for rules that cannot be evaluated here. So the first sample of a process is as good as the last.
 * On demand also of stacks that were walked here, instead of that walk or to be compared with it.
 */
#pragma once

#include "stackother.h"

#define ABSENT_PAGES 4 /* that are looked for a stack, from where it should be */

/*
 * Copies what is from @addr up to the end of its page to byte @n of the stack: 1, or 0 when it is not
 * there. A global function, which the verifier walks once and not for each page that is there or not.
 */
__noinline int copy_page(__u64 addr, __u32 n)
{
	__u32 size = STACK_PAGE - (addr & (STACK_PAGE - 1));
	struct wire_snapshot *s = this_snapshot();
	struct work *w = this_work();
	__u8 *to;

	if (!s || !w)
		return 0;
	/* COMPAT(6.1): the verifier forgets the bounds of 32 bits that are put aside, and knows those of
	 * a pointer that is. */
	barrier_var(n);
	if (n > WIRE_SNAPSHOT_STACK - STACK_PAGE)
		return 0;
	to = &s->stack[n];
	barrier_var(to);
	barrier_var(size);
	if (size > STACK_PAGE)
		return 0;
	if (bpf_probe_read_user(to, size, (void *)addr) && read_replaced(w, to, size, addr))
		return 0;
	s->n_stack = n + size;
	return 1;
}

/*
 * Copies the stack from @from up, as far as it is there: the number of bytes. A page of it may be
 * absent where others lie above: of an array that nobody wrote to yet.
 */
__noinline int copy_stack(__u64 from)
{
	struct wire_snapshot *s = this_snapshot();
	__u32 n = 0;

	if (!s)
		return 0;
	s->absent = s->n_stack = 0;
	if (!bpf_probe_read_user(s->stack, WIRE_SNAPSHOT_STACK, (void *)from))
		return WIRE_SNAPSHOT_STACK;
	/* Less than that: whole pages are there or not. */
	for (int i = 0; i < WIRE_SNAPSHOT_STACK / STACK_PAGE; i++) {
		if (!copy_page(from + n, n)) {
			if (!i)
				break;
			s->absent |= 1u << i;
		}
		n += STACK_PAGE - ((from + n) & (STACK_PAGE - 1));
	}
	return s->n_stack;
}

/* The head of this CPU's blocks of the active set, where it counts what it sent. */
static __always_inline struct wire_block *this_head(void)
{
	return block_at(active_set != 0, 0);
}

static __always_inline bool may_verify(void)
{
	struct wire_block *head;

	if (!config.verify_per_cpu) /* known when it is loaded: all of this is gone then */
		return false;
	head = this_head();
	if (!head || head->verified >= config.verify_per_cpu)
		return false;
	head->verified++;
	return true;
}

/* Whether user space could do better with a stack that ended so. */
static __always_inline bool wants_snapshot(const struct wire_key *key)
{
	return key->end == WIRE_END_LOADING || key->end == WIRE_END_MAPPING ||
	       key->end == WIRE_END_RULE || key->flags & WIRE_RESTLESS;
}

/* Whether send_snapshot() is to be called at all: nearly never, and the code of it is long. */
static __always_inline bool may_want_snapshot(const struct wire_key *key)
{
	return config.by_snapshot || config.verify_per_cpu || wants_snapshot(key);
}

static __always_inline bool may_snapshot(const struct wire_key *key)
{
	struct wire_block *head;

	if (!config.by_snapshot && !wants_snapshot(key))
		return false;
	if (bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) >= config.ring_copy_bytes)
		return false;
	head = this_head();
	if (!head || head->snapshots >= config.snapshots_per_cpu)
		return false;
	head->snapshots++;
	return true;
}

/*
 * Copies the stack to @s, and those that it leads to: the number of bytes. Its lowest page may not
 * be there yet (that is what the tick interrupted, often), nor the one of the red zone; the
 * caller's frame lies above them.
 */
static __always_inline __u32 take_stack_bytes(struct work *w, struct wire_snapshot *s)
{
	__u64 from = w->sp - RED_ZONE;
	__u32 n = copy_stack(from);

	for (int i = 0; i < ABSENT_PAGES && !n; i++) {
		from = i ? (from | (STACK_PAGE - 1)) + 1 : w->sp;
		n = copy_stack(from);
	}
	s->stack_start = from;
	s->n_stack = n;
	return n ? take_others(w, s, n) : 0;
}

/* What is said of a sample that travels whole, but for its stacks. */
static __always_inline void fill_record(struct wire_sample *rec, enum wire_type type,
					const struct work *w)
{
	rec->type = type;
	rec->tgid = w->key.tgid;
	rec->tid = w->key.tid;
	rec->event = w->key.event;
	rec->flags = w->key.flags;
	rec->end = w->key.end;
	rec->n_user = 0;
	rec->value = w->value;
	rec->time_ns = bpf_ktime_get_ns();
	rec->cgroup = this_cgroup();
	rec->uid = this_uid();
	__builtin_memcpy(rec->comm, w->key.comm, sizeof(rec->comm));
}

/* Fills this CPU's snapshot: the bytes of its stack. */
static __always_inline __u32 take_snapshot(struct bpf_perf_event_data *ctx, struct work *w,
					   struct wire_snapshot *s, bool want_kernel)
{
	long bytes = 0;

	fill_record(&s->rec, WIRE_SNAPSHOT, w);
	__builtin_memcpy(s->regs, w->regs, sizeof(w->regs));
	s->regs[REG_FP] = w->fp;
	s->regs[REG_SP] = w->sp;
	s->regs[WORK_REGS] = w->pc;
	read_code(w->pc, &s->code);
	if (want_kernel)
		bytes = bpf_get_stack(ctx, s->kernel, sizeof(s->kernel), 0);
	s->rec.n_kernel = bytes > 0 ? (__u32)bytes / sizeof(__u64) : 0;
	if (s->rec.n_kernel >= WIRE_KERNEL_FRAMES)
		s->rec.flags |= WIRE_KERNEL_DEPTH;
	return take_stack_bytes(w, s);
}

/* Wakes user space only when the ring fills: it empties the ring at every drain anyway. */
static __always_inline __u64 ring_flags(void)
{
	return bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) >= config.ring_wakeup_bytes
		       ? BPF_RB_FORCE_WAKEUP
		       : BPF_RB_NO_WAKEUP;
}

/* Sends the sample with a copy of its stack instead of the stack, or to be compared with it. False
 * when that cannot be done. */
static __noinline bool send_snapshot(struct bpf_perf_event_data *ctx, struct work *w, bool in_user,
				     bool want_kernel)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct wire_verify *v;
	__u64 flags;
	bool verify;
	__u32 bytes;

	if (w->key.end == WIRE_END_ABSENT || w->key.end == WIRE_END_REGS)
		return false;
	verify = may_verify();
	if (!verify && !may_snapshot(&w->key))
		return false;
	v = bpf_map_lookup_elem(&snapshots, &cpu);
	if (!v || user_regs(ctx, w, in_user))
		return false;
	bytes = take_snapshot(ctx, w, &v->snap, want_kernel);
	if (!bytes && has_left_stack(w, WIRE_END_READ))
		take_leaf(w, w->pc);
	else if (!bytes) /* on the way through execve(2), or while that very page is replaced */
		w->key.end = WIRE_END_READ;
	barrier_var(bytes); /* else the verifier learns the bounds of another register */
	if (!bytes || bytes > WIRE_SNAPSHOT_BYTES)
		return false;
	if (!verify) {
		/* The process may not live long: user space should look at it now if it did not.
		 */
		flags = BPF_RB_FORCE_WAKEUP;
		if (config.by_snapshot && !wants_snapshot(&w->key))
			flags = ring_flags();
		return !bpf_ringbuf_output(&ring, &v->snap, WIRE_SNAPSHOT_HEAD + bytes, flags);
	}
	v->type = WIRE_VERIFY;
	v->n_walked = w->n_user;
	return !bpf_probe_read_kernel(v->walked, sizeof(v->walked), w->addr) &&
	       !bpf_ringbuf_output(&ring, v, WIRE_VERIFY_HEAD + bytes, BPF_RB_FORCE_WAKEUP);
}
