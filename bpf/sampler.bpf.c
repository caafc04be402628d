/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sampler: runs at every tick of a perf event on every CPU, decides whether the tick is wanted,
 * takes the kernel and the user stack, and counts them. It loads without kernel BTF; what it reads of
 * the kernel's structures, user space has found (struct wire_layout). Every way out of on_tick()
 * counts the tick exactly once.
 */
#include <stdbool.h>

#include "family.h"
#include "filter.h"
#include "lifecycle.h"
#include "record.h"
#include "taskid.h"

char LICENSE[] SEC("license") = "GPL";

/* The id of the kernel stack in @set; negative when there is none or no room for it. */
static __always_inline long kernel_stack_id(struct bpf_perf_event_data *ctx, __u32 set)
{
	return set ? bpf_get_stackid(ctx, &kernel_stacks_1, 0)
		   : bpf_get_stackid(ctx, &kernel_stacks_0, 0);
}

/* Files the sample in the active set; false when some part of it found no room there. */
static __always_inline bool file_sample(struct bpf_perf_event_data *ctx, struct work *s,
					bool want_kernel)
{
	__u32 set = active_set != 0;

	s->key.kernel_stack = WIRE_NO_STACK;
	s->key.user_stack = s->n_user ? s->hash : 0;
	if (want_kernel) {
		long id = kernel_stack_id(ctx, set);

		if (id < 0)
			return false;
		s->key.kernel_stack = (__s32)id;
	}
	return count_tick(set);
}

/* Records a tick that is wanted. @id: this_id(); @shows: enum
 * wire_flags that the sample is to have. */
static __noinline void record_tick(struct bpf_perf_event_data *ctx, __u32 event, __u64 id,
				   __u32 shows)
{
	bool in_user = in_user_mode(ctx), want_kernel = !in_user && !config.user_only;
	struct work *s = this_work();
	bool is_known = false;

	if (!s) {
		count(CTR_LOST_NO_SCRATCH);
		return;
	}
	s->key.tgid = id >> 32;
	s->key.tid = (__u32)id;
	s->key.event = event;
	s->key.flags = 0;
	s->key.end = WIRE_END_ABSENT;
	s->value = ctx->sample_period;
	s->n_user = 0;
	bpf_get_current_comm(s->key.comm, sizeof(s->key.comm));
	if (!config.kernel_only && config.by_pointer)
		take_pointer_stack(ctx, s, in_user);
	else if (!config.kernel_only)
		is_known = take_stack(ctx, s, in_user);
	s->key.flags |= shows;
	if (config.user_only && !in_user && !s->n_user) {
		count(CTR_FILTERED); /* a kernel thread */
		return;
	}
	if (!is_known)
		announce(id >> 32);
	if (may_want_snapshot(&s->key) && send_snapshot(ctx, s, in_user, want_kernel))
		return;
	if (s->key.flags & WIRE_RESTLESS || !file_sample(ctx, s, want_kernel))
		send_sample(ctx, s, want_kernel);
}

/* Most ticks are turned away where there are filters: no call, and one look for what is counted. */
static __always_inline int on_tick(struct bpf_perf_event_data *ctx, __u32 event)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct wire_counters *counted = this_counters();
	__u8 shows = 0;

	if (!counted)
		return 0;
	counted->n[CTR_TICKS]++;
	if (!(__u32)id)
		counted->n[CTR_IDLE]++;
	else if (is_outside(&id) || !is_wanted(id >> 32, (__u32)id, in_user_mode(ctx), &shows))
		counted->n[CTR_FILTERED]++;
	else
		record_tick(ctx, event, id, shows);
	return 0;
}

/* One program an event: the only way on old kernels for a program to know which event fired. */
#define EVENT(i)                                        \
	SEC("perf_event")                               \
	int sample_##i(struct bpf_perf_event_data *ctx) \
	{                                               \
		return on_tick(ctx, i);                 \
	}

EVENT(0)
EVENT(1)
EVENT(2)
EVENT(3)
EVENT(4)
EVENT(5)
EVENT(6)
EVENT(7)
_Static_assert(WIRE_MAX_EVENTS == 8, "one program an event");
