/* SPDX-License-Identifier: GPL-2.0-only */
/* Which ticks are recorded. */
#pragma once

#include <stdbool.h>

#include "maps.h"

static __always_inline bool is_target_process(__u32 tgid, __u32 tid)
{
	if (config.by_tgid && bpf_map_lookup_elem(&target_tgids, &tgid))
		return true;
	if (config.by_tid && bpf_map_lookup_elem(&target_tids, &tid))
		return true;
	return false;
}

/* Whether the current task is in one of the cgroups or below it (cgroup v2). */
static __always_inline bool is_target_cgroup(void)
{
	for (__u32 i = 0; i < WIRE_MAX_CGROUPS; i++) {
		if (i >= config.n_cgroups)
			break;
		if (bpf_current_task_under_cgroup(&target_cgroups, i) == 1)
			return true;
	}
	return false;
}

static __always_inline bool is_wanted(__u32 tgid, __u32 tid, bool in_user)
{
	if (config.kernel_only && in_user)
		return false;
	if (config.only_tgid) {
		if (tgid != config.only_tgid)
			return false;
	} else if (config.by_tgid || config.by_tid) {
		if (!is_target_process(tgid, tid))
			return false;
	} else if (tgid == config.self_tgid) {
		return false;
	}
	return !config.n_cgroups || is_target_cgroup();
}
