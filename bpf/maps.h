/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps. Sizes given as 1 are set by user space from CPUs × frequency × window before loading.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "counters.h"

static __always_inline __u32 row_word(__u32 i);
#define UNWIND_LOAD(area, i) ((void)(area), row_word(i))
#include "wire.h"

const volatile struct wire_config config = {};
const volatile struct wire_layout layout = {};

/* Which of the two sets the sampler writes to; user space alone changes it. */
volatile __u32 active_set;

/* Counts the changes of `spaces`, after each of them: by wire_space_slot(), so that others' changes
 * cost a process little. */
volatile __u32 spaces_version[WIRE_SPACE_SLOTS];

/* Whether a target has had a child. */
volatile __u32 targets_born;

/* Cgroups of containers in target_cgroups, behind the first WIRE_MAX_CGROUPS; user space changes
 * it. */
volatile __u32 n_containers;

/* Both sets: see wire_part(). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wire_block);
	__uint(max_entries, 1);
} arena SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wire_bucket);
	__uint(max_entries, 1);
} buckets SEC(".maps");

#define KERNEL_STACKS(set)                                              \
	struct {                                                        \
		__uint(type, BPF_MAP_TYPE_STACK_TRACE);                 \
		__uint(key_size, sizeof(__u32));                        \
		__uint(value_size, WIRE_KERNEL_FRAMES * sizeof(__u64)); \
		__uint(max_entries, 1);                                 \
	} kernel_stacks_##set SEC(".maps")

KERNEL_STACKS(0);
KERNEL_STACKS(1);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1);
} ring SEC(".maps");

_Static_assert(CTR_BPF_MAX <= sizeof(struct wire_counters) / sizeof(__u64), "a line holds all");

/*
 * By CPU: an array is found without a helper call on every kernel, a per-CPU array is not, and one
 * that can be mapped begins with a page.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wire_counters);
	__uint(max_entries, 1);
} counters SEC(".maps");

#define CACHE_LINE 64
#define STACK_PAGE 4096
#define WORK_BLOCK 8192 /* bytes of stack read at once, at most … */
#define WORK_LEAST 512	/* … and at least */
#define WORK_REGS  16
#define WORK_AREAS 4
#define WORK_SPANS 32
#define WORK_RULES 1024

/* An area of the current space as it was found in `areas`. */
struct known_area {
	__u64 start, size, bias;
	__u32 table;
	__u16 tag; /* of the area's table */
	__u16 how; /* enum wire_how */
};
_Static_assert(sizeof(struct known_area) == 32, "two areas a cache line");

/*
 * A rule that was found before, as far as the common frame needs it. By table and pc, so that one
 * serves every process with that object; a table that comes or goes has another tag. The rules lie
 * in the order in which walks met them, and each names the one that was wanted after it: walks of
 * like stacks read them from first to last.
 */
struct known_rule {
	__u64 key;     /* table, its tag, pc */
	__u16 cfa_off; /* of STEP_BY_SP and STEP_BY_FP */
	__s16 fp_off;
	__u16 next; /* for the caller's frame, the last time */
	__u16 kind; /* enum step_kind */
};
_Static_assert(sizeof(struct known_rule) == 16, "four rules a cache line");

/*
 * What a CPU works on during a tick: the key of its row, and the state of the walk up the user
 * stack. perf never runs the program on a CPU where it is running already, so one a CPU is enough.
 * What every walk touches comes first and together: when ticks are rare, each cache line costs more
 * than all that is computed from it.
 */
struct work {
	__u64 hash; /* of the user stack */
	__u64 pc, sp, fp;
	struct known_area area; /* that the last frame was in */

	__u64 block_at, bottom; /* bottom: of the cache line that sp of the leaf is in */
	__u32 block_len;     /* bytes of the stack that were read to block, from address block_at */
	__u32 span;	     /* bytes from bottom on that the walk may want, by those before it */
	__u32 n_user;	     /* addresses of addr are the user stack, leaf first */
	__u16 last_rule;     /* in rules, of the frame before; 0, which is no rule, at the leaf */
	__u8 leaf;	     /* regs are those of this frame */
	__u8 exact;	     /* pc is where the frame was interrupted, not a return address */
	__u32 space_version; /* spaces_version of process space_of when space was its own */
	__u32 space_of;
	struct wire_space space;
	__u16 new_area; /* the oldest, so the next to be replaced */
	__u16 new_rule; /* likewise */

	struct wire_key key; /* of the row that the tick belongs to */
	__u64 value;

	struct known_area areas[WORK_AREAS] __attribute__((aligned(CACHE_LINE)));
	__u16 spans[WORK_SPANS]; /* by thread: what walks wanted, see expected_span() */
	__u64 regs[WORK_REGS];	 /* by DWARF number */
	__u8 block[WORK_BLOCK];
	struct wire_sample rec; /* in front of addr when the sample is sent */
	__u64 addr[WIRE_USER_FRAMES + WIRE_KERNEL_FRAMES];
	__u32 probes; /* of find_other(): left */

	__u64 syscall; /* that the tick interrupted; else 0 */

	/* See replaced.h. */
	__u64 kernel_stack;	  /* of the task, if the tick interrupted the kernel; else 0 */
	__u64 replaced, old_page; /* a page of the user's that was looked for, and where it is */

	struct known_rule rules[WORK_RULES] __attribute__((aligned(CACHE_LINE)));
	struct unwind_rule whole[WORK_RULES]; /* the same rules, for what is not the common frame */
	__u16 rule_at[WORK_RULES];	      /* hash of a key → where in rules it was put last */
};

/* By CPU, as the counters are. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct work);
	__uint(max_entries, 1);
} works SEC(".maps");

static __always_inline struct work *this_work(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&works, &cpu);
}

/* Filters. The value of target_tgids is the number of live threads where children are followed. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 1);
} target_tgids SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 1);
} target_tids SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
	__uint(max_entries, WIRE_MAX_CGROUPS + WIRE_MAX_CONTAINERS);
} target_cgroups SEC(".maps");

/*
 * Processes that user space was told of, until they exec or exit; the value holds the enum
 * wire_flags of what was asked for and does not hold of the process. Forgetting one costs a second
 * notice, no more.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 8192);
} known_tgids SEC(".maps");

static __always_inline struct wire_counters *this_counters(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&counters, &cpu);
}

static __always_inline void count(enum counter c)
{
	struct wire_counters *all = this_counters();

	if (all)
		all->n[c]++;
}

/* The cgroup of the current thread in the hierarchy of version 2, 0 where there is none. */
static __always_inline __u64 this_cgroup(void)
{
	return config.has_cgroups ? bpf_get_current_cgroup_id() : 0;
}

static __always_inline __u32 this_uid(void)
{
	return (__u32)bpf_get_current_uid_gid();
}
