/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Following a command into its children: target_tgids holds each live process of the family with
 * the number of its live threads, so that a child is a target before it runs its first instruction
 * and a number that the kernel gives to a stranger later is not.
 *
 * The fields of the tracepoints are read at the offsets that tracefs states, hence no kernel BTF.
 */
#pragma once

#include <stdbool.h>

#include "maps.h"

#define CLONE_THREAD 0x00010000

/* Offsets in task:task_newtask, set before loading. */
const volatile __u32 newtask_pid_off;
const volatile __u32 newtask_clone_flags_off;

SEC("tracepoint")
int follow_newtask(void *ctx)
{
	__u32 parent = bpf_get_current_pid_tgid() >> 32, child = 0, one = 1;
	__u32 *threads = bpf_map_lookup_elem(&target_tgids, &parent);
	__u64 flags = 0;

	if (!threads)
		return 0;
	if (bpf_probe_read_kernel(&child, sizeof(child), ctx + newtask_pid_off) ||
	    bpf_probe_read_kernel(&flags, sizeof(flags), ctx + newtask_clone_flags_off))
		return 0;
	if (flags & CLONE_THREAD)
		__sync_fetch_and_add(threads, 1);
	else
		bpf_map_update_elem(&target_tgids, &child, &one, BPF_ANY);
	return 0;
}

SEC("tracepoint")
int follow_exit(void *ctx)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	__u32 *threads = bpf_map_lookup_elem(&target_tgids, &tgid);

	(void)ctx;
	if (!threads)
		return 0;
	__sync_fetch_and_add(threads, -1);
	if (*(volatile __u32 *)threads == 0)
		bpf_map_delete_elem(&target_tgids, &tgid);
	return 0;
}
