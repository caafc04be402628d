/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel really lets this process do. Everything is tried, nothing is derived from a
 * version: distributions move features between versions, and containers, capabilities and lockdown
 * take them away. Trying leaves nothing behind.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The events that `-e` knows by name. */
enum kfeat_event {
	KFEAT_CYCLES,
	KFEAT_INSTRUCTIONS,
	KFEAT_CACHE_MISSES,
	KFEAT_BRANCH_MISSES,
	KFEAT_CPU_CLOCK,
	KFEAT_TASK_CLOCK,
	KFEAT_PAGE_FAULTS,
	KFEAT_CONTEXT_SWITCHES,
	KFEAT_CPU_MIGRATIONS,
	KFEAT_EVENT_MAX,
};

/* Results: 0 = works, -errno = why not. */
struct kfeat {
	int events[KFEAT_EVENT_MAX]; /* sampled in this process, user code only */
	int sample_all;		     /* any process on a CPU, kernel code included */
	enum kfeat_event sampler;    /* what sample_all worked with: cycles where they are */
	int ringbuf;		     /* BPF_MAP_TYPE_RINGBUF */
	int stack_trace;	     /* BPF_MAP_TYPE_STACK_TRACE of 127 frames */
	int program;		     /* a program on a perf event */
	int attach;		     /* the same attached to one; sample_all when there is none */
	/* Asked only when programs can be loaded, as a refused program tells nothing of helpers. */
	bool helpers_known;
	bool memcg_accounts; /* BPF memory counts against the cgroup, not against RLIMIT_MEMLOCK */
};

/* Tries everything: some milliseconds, and no output. */
void kfeat_try(struct kfeat *ret);

/* The name for `-e`: "cycles". */
const char *kfeat_event_name(enum kfeat_event event);

/* Whether an event failed with @error because the machine has no such thing, as opposed to a lack
 * of privilege. */
bool kfeat_is_absent(int error);
