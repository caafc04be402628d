/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers of processes and threads as user space knows them: those of wick's own PID namespace. A
 * task has one in its namespace and in each around it, so what runs in containers within ours has
 * one here, too; whoever is outside has none and is never taken for one who has. Where the
 * namespace is the machine's, the verifier drops all of this.
 */
#pragma once

#include <stdbool.h>

#include "kread.h"
#include "maps.h"

const volatile struct wire_pidns pidns = {};

#define PID_LEVELS   32 /* MAX_PID_NS_LEVEL: so deep may namespaces be within one another */
#define PIDTYPE_TGID 1

/* The number in our namespace that the struct pid at @pid stands for; 0 = none. */
__noinline __u32 number_inside(__u64 pid)
{
	__u64 at = pid + pidns.pid_numbers, ns;
	__u32 level, inum, nr;

	if (!pid || read_kernel_number(pid + pidns.pid_level, &level))
		return 0;
	for (__u32 i = 1; i <= PID_LEVELS; i++) {
		if (i > level)
			break;
		at += pidns.upid_bytes;
		if (read_kernel_word(at + pidns.upid_ns, &ns) ||
		    read_kernel_number(ns + pidns.ns_inum, &inum))
			break;
		if (inum == config.pidns)
			return read_kernel_number(at + pidns.upid_nr, &nr) ? 0 : nr;
	}
	return 0;
}

/* The number of the thread of the struct task_struct at @task; 0 = none. */
static __always_inline __u32 thread_inside(__u64 task)
{
	__u64 pid;

	return read_kernel_word(task + pidns.task_pid, &pid) ? 0 : number_inside(pid);
}

/* As bpf_get_current_pid_tgid(); 0 = the current task is outside, or has ended so far that it has
 * no number any more. */
__noinline __u64 id_inside(void)
{
	__u64 task = bpf_get_current_task(), thread, signal, process;
	__u32 tid, tgid;

	if (read_kernel_word(task + pidns.task_pid, &thread) ||
	    read_kernel_word(task + pidns.task_signal, &signal) || !signal ||
	    read_kernel_word(signal + pidns.signal_pids + PIDTYPE_TGID * sizeof(process), &process))
		return 0;
	tid = number_inside(thread);
	tgid = process == thread ? tid : number_inside(process);
	return tid && tgid ? (__u64)tgid << 32 | tid : 0;
}

/* Process and thread that the current task is; 0 = it is outside, or idle. */
static __always_inline __u64 this_id(void)
{
	return config.pidns ? id_inside() : bpf_get_current_pid_tgid();
}

/* Whether the current task is outside, who is @id for the machine; else @id becomes this_id(). */
static __always_inline bool is_outside(__u64 *id)
{
	if (!config.pidns)
		return false;
	*id = id_inside();
	return !*id;
}
