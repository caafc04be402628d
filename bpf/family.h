/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Following targets into their children: target_tgids holds each live process of a family with the
 * number of its live threads, so that a child is a target before it runs its first instruction and
 * a number that the kernel gives to a stranger later is not. target_tids holds live threads,
 * likewise. Of a process that ran before, nobody knows the number of threads for sure: it is told
 * to have many, and user space takes it out when it has ended.
 *
 * The fields of the tracepoints are read at the offsets that tracefs states, hence no kernel BTF.
 */
#pragma once

#include <stdbool.h>

#include "taskid.h"

#define CLONE_THREAD 0x00010000

/* Offsets in task:task_newtask, set before loading. */
const volatile __u32 newtask_pid_off;
const volatile __u32 newtask_clone_flags_off;

/* A process among the targets has made a thread or a process. */
static __always_inline void inherit_process(__u32 child, __u64 flags)
{
	__u32 parent = this_id() >> 32, one = 1;
	__u32 *threads = bpf_map_lookup_elem(&target_tgids, &parent);

	if (!threads)
		return;
	if (flags & CLONE_THREAD) {
		__sync_fetch_and_add(threads, 1);
		return;
	}
	bpf_map_update_elem(&target_tgids, &child, &one, BPF_ANY);
	targets_born = 1;
}

/* The same of a thread among them. */
static __always_inline void inherit_thread(__u32 child)
{
	__u32 parent = (__u32)this_id(), one = 1;

	if (bpf_map_lookup_elem(&target_tids, &parent))
		bpf_map_update_elem(&target_tids, &child, &one, BPF_ANY);
}

static __always_inline void inherit(__u32 child, __u64 flags)
{
	if (config.by_tgid)
		inherit_process(child, flags);
	if (config.by_tid)
		inherit_thread(child);
}

SEC("tracepoint")
int follow_newtask(void *ctx)
{
	__u64 flags = 0;
	__u32 child = 0;

	if (bpf_probe_read_kernel(&child, sizeof(child), ctx + newtask_pid_off) ||
	    bpf_probe_read_kernel(&flags, sizeof(flags), ctx + newtask_clone_flags_off))
		return 0;
	inherit(child, flags);
	return 0;
}

/* The same in a PID namespace: the record has the child's number on the machine, but the tracepoint
 * itself is given the child. */
SEC("raw_tracepoint")
int follow_newtask_inside(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 child = thread_inside(ctx->args[0]);

	if (child)
		inherit(child, ctx->args[1]);
	return 0;
}

SEC("tracepoint")
int follow_exit(void *ctx)
{
	__u64 id = this_id();
	__u32 tgid = id >> 32, tid = (__u32)id;
	__u32 *threads = config.by_tgid ? bpf_map_lookup_elem(&target_tgids, &tgid) : NULL;

	(void)ctx;
	if (config.by_tid)
		bpf_map_delete_elem(&target_tids, &tid);
	if (!threads)
		return 0;
	__sync_fetch_and_add(threads, -1);
	if (*(volatile __u32 *)threads == 0)
		bpf_map_delete_elem(&target_tgids, &tgid);
	return 0;
}
