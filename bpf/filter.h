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

/* Whether the current task is in cgroup @i of the targets or below it (cgroup v2). */
static __always_inline bool is_under(__u32 i)
{
	return bpf_current_task_under_cgroup(&target_cgroups, i) == 1;
}

static __always_inline bool is_target_cgroup(void)
{
	for (__u32 i = 0; i < WIRE_MAX_CGROUPS; i++) {
		if (i >= config.n_cgroups)
			break;
		if (is_under(i))
			return true;
	}
	return false;
}

/* Containers come and go: their cgroups lie behind those that were named, up to n_containers. */
static __always_inline bool is_in_container(void)
{
	for (__u32 i = 0; i < WIRE_MAX_CONTAINERS; i++) {
		if (i >= n_containers)
			break;
		if (is_under(WIRE_MAX_CGROUPS + i))
			return true;
	}
	return false;
}

static __always_inline bool is_of_user(void)
{
	__u32 uid = (__u32)bpf_get_current_uid_gid();

	for (__u32 i = 0; i < WIRE_MAX_USERS; i++) {
		if (i >= config.n_users)
			break;
		if (uid == config.users[i])
			return true;
	}
	return false;
}

/*
 * Whether the process is one of those that were asked for by their name, user or container. What
 * the task itself shows at this moment goes to @flags; the rest user space knows, which has said of
 * the process what does not hold of it, or has not looked yet: then it decides when it reads the
 * sample.
 */
static __always_inline bool is_chosen(__u32 tgid, __u8 *flags)
{
	__u8 shows = 0;
	__u32 *known;

	if (config.judged & WIRE_OF_USER && is_of_user())
		shows |= WIRE_OF_USER;
	if (config.judged & WIRE_IN_CONTAINER && is_in_container())
		shows |= WIRE_IN_CONTAINER;
	*flags = shows;
	if (shows == config.judged)
		return true;
	known = bpf_map_lookup_elem(&known_tgids, &tgid);
	return !known || !(*known & config.judged & ~shows);
}

static __always_inline bool is_named(__u32 tgid, __u32 tid)
{
	if (config.only_tgid && tgid == config.only_tgid)
		return true;
	/* As long as it has no child that is one, too, there is nothing to look up. */
	if (config.only_tgid && !targets_born)
		return false;
	return is_target_process(tgid, tid);
}

/* @flags: enum wire_flags that the sample is to have. */
static __always_inline bool is_wanted(__u32 tgid, __u32 tid, bool in_user, __u8 *flags)
{
	if (config.kernel_only && in_user)
		return false;
	if (config.by_tgid || config.by_tid) {
		if (!is_named(tgid, tid))
			return false;
	} else if (tgid == config.self_tgid) {
		return false;
	}
	if (config.n_cgroups && !is_target_cgroup())
		return false;
	return !config.judged || is_chosen(tgid, flags);
}
