/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the sampler knows of a process goes with its program: at exec, and at the exit of its first
 * thread, at once, so that not one tick of the next program (or of the next process with the same
 * number) is taken for one of the last. User space is told of the process again, and learns the
 * rest from perf's own records of these events. It may speak of the last program once more before
 * it does: the time of the event tells that from what it says of the next one.
 */
#pragma once

#include "taskid.h"
#include "walk.h"

static __always_inline int forget_process(__u32 tgid)
{
	__u32 i = tgid & (WIRE_BEGUN - 1);
	struct wire_begun *b = bpf_map_lookup_elem(&begun, &i);

	if (b) {
		b->time_ns = bpf_ktime_get_ns();
		b->tgid = tgid;
	}
	bpf_map_delete_elem(&spaces, &tgid);
	bpf_map_delete_elem(&known_tgids, &tgid);
	/* What is remembered of it goes, too. */
	__sync_fetch_and_add(&spaces_version[wire_space_slot(tgid)], 1);
	return 0;
}

/* sched_process_exec */
SEC("raw_tracepoint")
int forget_at_exec(void *ctx)
{
	__u32 tgid = this_id() >> 32;

	(void)ctx;
	return tgid ? forget_process(tgid) : 0;
}

/* sched_process_exit, which every thread passes */
SEC("raw_tracepoint")
int forget_at_exit(void *ctx)
{
	__u64 id = this_id();
	__u32 tgid = id >> 32;

	(void)ctx;
	return tgid && tgid == (__u32)id ? forget_process(tgid) : 0;
}
