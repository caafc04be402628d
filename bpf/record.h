/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a sample goes: a row in the active set, or whole through the ring when there is no room. */
#pragma once

#include <linux/errno.h>

#include "stackcopy.h"

/* Sends scratch's record, adding the kernel stack behind the user stack that lies there already. */
static __noinline int send_sample(struct bpf_perf_event_data *ctx, struct work *s, bool want_kernel)
{
	__u32 n_user = s->rec.n_user;
	long bytes = 0;

	if (n_user > WIRE_USER_FRAMES)
		return 0;
	if (want_kernel)
		bytes = bpf_get_stack(ctx, &s->addr[n_user], WIRE_KERNEL_FRAMES * sizeof(__u64), 0);
	if (bytes < 0)
		bytes = 0;
	s->rec.type = WIRE_SAMPLE;
	s->rec.time_ns = bpf_ktime_get_ns();
	s->rec.cgroup = this_cgroup();
	s->rec.uid = this_uid();
	s->rec.n_kernel = (__u32)bytes / sizeof(__u64);
	if (s->rec.n_kernel >= WIRE_KERNEL_FRAMES)
		s->rec.flags |= WIRE_KERNEL_DEPTH;
	bytes = sizeof(s->rec) + (n_user + s->rec.n_kernel) * sizeof(__u64);
	if (bytes > (long)(sizeof(s->rec) + sizeof(s->addr)))
		return 0;
	if (bpf_ringbuf_output(&ring, &s->rec, bytes, ring_flags()))
		count(CTR_LOST_RING_FULL);
	return 0;
}

/* Tells user space, once a set and CPU, that this set should be drained before its window ends. */
static __always_inline void ask_for_drain(struct wire_block *head)
{
	if (!head->asked)
		head->asked = tell(WIRE_DRAIN, 0);
}

/* A row that appeared: when this CPU has used up its share of the set, it asks for a drain. */
static __always_inline void note_new_row(__u32 set)
{
	__u32 first = bpf_get_smp_processor_id() * config.blocks_per_cpu;
	struct wire_block *head = block_at(set, first);

	if (!head)
		return;
	head->rows++;
	if (head->rows >= config.rows_per_cpu ||
	    (head->current && head->current + 1 >= config.blocks_per_cpu))
		ask_for_drain(head);
}

static __always_inline void *find_count(__u32 set, const struct wire_key *key)
{
	return IN_SET(set, bpf_map_lookup_elem(&counts_1, key),
		      bpf_map_lookup_elem(&counts_0, key));
}

/* Adds one sample to its row. False when there is no room for a new row or its user stack. */
static __always_inline bool count_sample(__u32 set, const struct wire_key *key,
					 const struct work *w)
{
	struct wire_count *row = find_count(set, key);
	__u64 value = w->rec.value;
	long r;

	if (!row) {
		struct wire_count fresh = {
			.samples = 1,
			.value = value,
			.time_ns = bpf_ktime_get_ns(),
			.cgroup = this_cgroup(),
			.uid = this_uid(),
		};

		if (w->rec.n_user) {
			fresh.user_stack = store_user_stack(set, w->addr, w->rec.n_user);
			if (!fresh.user_stack)
				return false;
		}
		r = IN_SET(set, bpf_map_update_elem(&counts_1, key, &fresh, BPF_NOEXIST),
			   bpf_map_update_elem(&counts_0, key, &fresh, BPF_NOEXIST));
		if (r == 0) {
			note_new_row(set);
			return true;
		}
		row = find_count(set, key);
		if (!row)
			return false;
	}
	__sync_fetch_and_add(&row->samples, 1);
	__sync_fetch_and_add(&row->value, value);
	return true;
}

/* Tells user space of a process at its first tick, while its /proc files are there to be read. */
static __always_inline void announce(__u32 tgid)
{
	__u32 nothing_lacks = 0;

	if (bpf_map_lookup_elem(&known_tgids, &tgid))
		return;
	/* What user space says of it meanwhile is to stay. */
	if (tell(WIRE_NEW_PROCESS, tgid))
		bpf_map_update_elem(&known_tgids, &tgid, &nothing_lacks, BPF_NOEXIST);
}
