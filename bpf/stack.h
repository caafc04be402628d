/* SPDX-License-Identifier: GPL-2.0-only */
/* Taking stacks and storing user stacks once. */
#pragma once

#include <stdbool.h>

#include <linux/bpf_perf_event.h>

#include "regs.h"

/* Whether the tick hit user code; `regs` are those of the interrupted context. */
static __always_inline bool in_user_mode(struct bpf_perf_event_data *ctx)
{
#if defined(__x86_64__) || defined(__TARGET_ARCH_x86)
	return (ctx->regs.cs & 3) == 3;
#elif defined(__aarch64__) || defined(__TARGET_ARCH_arm64)
	return (ctx->regs.pstate & 0xf) == 0;
#else
#error "name the bits that tell user mode from kernel mode on this architecture"
#endif
}

/*
 * Hash of the first @n addresses of this CPU's work: one multiplication an address, every bit
 * reaching every other. A global function, which the verifier walks once by itself: inlined, it
 * walked the loop again in every state it can come here with, some 35,000 instructions in all.
 */
__noinline __u64 hash_stack(__u32 n)
{
	__u64 h = 0x9e3779b97f4a7c15ull;
	struct work *w = this_work();

	if (!w)
		return 0;
	for (__u32 i = 0; i < WIRE_POINTER_FRAMES; i++) {
		if (i >= n)
			break;
		h = (h ^ w->addr[i]) * 0xd6e8feb86659fd93ull;
		h ^= h >> 32;
	}
	return h;
}

/* The user stack as the kernel walks it, by frame pointers. */
static __always_inline void take_pointer_stack(struct bpf_perf_event_data *ctx, struct work *w,
					       bool in_user)
{
	__u32 limit = config.max_user_frames;
	long bytes;

	if (limit > WIRE_POINTER_FRAMES)
		limit = WIRE_POINTER_FRAMES;
	bytes = bpf_get_stack(ctx, w->addr, limit * sizeof(*w->addr), BPF_F_USER_STACK);
	w->key.end = in_user ? WIRE_END_READ : WIRE_END_ABSENT;
	w->n_user = 0;
	if (bytes <= 0)
		return;
	w->n_user = (__u32)bytes / sizeof(*w->addr);
	w->key.end = w->n_user >= limit ? WIRE_END_DEPTH : WIRE_END_UNKNOWN;
	w->hash = hash_stack(w->n_user);
}

/* Sends a notice about a process: whether user space will get it. */
static __always_inline bool tell(enum wire_type type, __u32 tgid)
{
	struct wire_notice notice = { .type = type, .tgid = tgid };

	return bpf_ringbuf_output(&ring, &notice, sizeof(notice), BPF_RB_FORCE_WAKEUP) == 0;
}

/* Whether @space was made of a program that process @tgid is no longer. */
static __always_inline bool is_outlived(const struct wire_space *space, __u32 tgid)
{
	__u32 i = tgid & (WIRE_BEGUN - 1);
	const struct wire_begun *b = bpf_map_lookup_elem(&begun, &i);

	return b && b->tgid == tgid && space->as_of_ns < b->time_ns;
}

/* Looks the space of process @tgid up and forgets what was known of the one before. */
static __noinline void change_space(struct work *w, __u32 tgid, __u32 version)
{
	struct wire_space *space = bpf_map_lookup_elem(&spaces, &tgid);

	if (space && is_outlived(space, tgid))
		space = NULL;
	w->space_of = space ? tgid : 0;
	w->space_version = version;
	w->space.first = space ? space->first : 0;
	w->space.n = space ? space->n : 0;
	w->space.restless = space ? space->restless : 0;
	w->area.size = 0;
	for (int i = 0; i < WORK_AREAS; i++)
		w->areas[i].size = 0;
}

/* Makes the space of the process the current one, which it often is already: whether it has one. */
static __always_inline bool enter_space(struct work *w)
{
	__u32 tgid = w->key.tgid, version = spaces_version[wire_space_slot(tgid)];

	if (w->space_of != tgid || w->space_version != version)
		change_space(w, tgid, version);
	return w->space_of;
}

/* Says, once a space, that the process has code outside of it. */
static __noinline void tell_stale(__u32 tgid)
{
	struct wire_space *space = bpf_map_lookup_elem(&spaces, &tgid);

	if (space && !space->stale)
		space->stale = tell(WIRE_STALE, tgid);
}

/* Makes the code at @pc the whole user stack. */
static __always_inline void take_leaf(struct work *w, __u64 pc)
{
	w->addr[0] = pc;
	w->n_user = 1;
	w->hash = hash_stack(1);
	w->key.end = WIRE_END_ROOT;
}

/*
 * The user stack by unwind rows, and by frame pointers where there are none. Whether user space
 * knows the process already.
 */
static __always_inline bool take_stack(struct bpf_perf_event_data *ctx, struct work *w,
				       bool in_user)
{
	bool is_known;

	w->n_user = 0;
	w->key.flags = WIRE_CALLS;
	w->key.end = user_regs(ctx, w, in_user);
	if (w->key.end)
		return false;
	is_known = enter_space(w);
	if (is_known && w->space.restless)
		w->key.flags |= WIRE_RESTLESS;
	if (begins_thread(w)) {
		take_leaf(w, w->pc);
		return is_known;
	}
	walk_stack(w);
	if (is_known && has_left_stack(w, w->key.end))
		take_leaf(w, w->addr[0]);
	else if (!is_known)
		w->key.end = WIRE_END_LOADING;
	else if (w->key.end == WIRE_END_MAPPING)
		tell_stale(w->key.tgid);
	return is_known;
}

/* Block @i of this CPU's in @set. */
static __always_inline struct wire_block *block_at(__u32 set, __u32 i)
{
	i += wire_part(bpf_get_smp_processor_id(), set) * config.blocks_per_cpu;
	return bpf_map_lookup_elem(&arena, &i);
}
