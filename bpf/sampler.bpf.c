/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sampler: runs at every tick of a perf event on every CPU, decides whether the tick is wanted,
 * takes the kernel and the user stack, and counts them. It reads no kernel structure, so it needs
 * neither CO-RE nor kernel BTF. Every way out of on_tick() counts the tick exactly once.
 */
#include <stdbool.h>

#include "family.h"
#include "filter.h"
#include "lifecycle.h"
#include "record.h"

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
	struct wire_key key = {
		.tgid = s->rec.tgid,
		.tid = s->rec.tid,
		.kernel_stack = WIRE_NO_STACK,
		.event = s->rec.event,
		.flags = s->rec.flags,
		.end = s->rec.end,
	};

	__builtin_memcpy(key.comm, s->rec.comm, sizeof(key.comm));
	if (want_kernel) {
		long id = kernel_stack_id(ctx, set);

		if (id < 0)
			return false;
		key.kernel_stack = (__s32)id;
	}
	if (s->rec.n_user)
		key.user_stack = s->hash;
	return count_sample(set, &key, s);
}

static __noinline int on_tick(struct bpf_perf_event_data *ctx, __u32 event)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 tgid = id >> 32, tid = (__u32)id;
	bool in_user = in_user_mode(ctx), want_kernel = !in_user && !config.user_only;
	bool is_known = false;
	__u8 chosen = 0;
	struct work *s;

	count(CTR_TICKS);
	if (tid == 0) {
		count(CTR_IDLE);
		return 0;
	}
	if (!is_wanted(tgid, tid, in_user, &chosen)) {
		count(CTR_FILTERED);
		return 0;
	}
	s = this_work();
	if (!s) {
		count(CTR_LOST_NO_SCRATCH);
		return 0;
	}
	s->rec.tgid = tgid;
	s->rec.tid = tid;
	s->rec.event = event;
	s->rec.flags = 0;
	s->rec.value = ctx->sample_period;
	bpf_get_current_comm(s->rec.comm, sizeof(s->rec.comm));
	s->rec.n_user = 0;
	s->rec.end = WIRE_END_ABSENT;
	if (!config.kernel_only && config.by_pointer)
		take_pointer_stack(ctx, s, in_user);
	else if (!config.kernel_only)
		is_known = take_stack(ctx, s, in_user);
	s->rec.flags |= chosen;
	if (config.user_only && !in_user && !s->rec.n_user) {
		count(CTR_FILTERED); /* a kernel thread */
		return 0;
	}
	if (!is_known)
		announce(tgid);
	if (may_want_snapshot(&s->rec) && send_snapshot(ctx, s, in_user, want_kernel))
		return 0;
	if (s->rec.flags & WIRE_RESTLESS || !file_sample(ctx, s, want_kernel))
		send_sample(ctx, s, want_kernel);
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
