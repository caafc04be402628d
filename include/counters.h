/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Every number in the account of samples, declared once for both sides of the kernel boundary:
 *
 *	ticks = recorded + idle + filtered + Σ lost{reason}
 *
 * X(NAME, "name", "what it means"). The names appear in profiles ("lost.ring_full=3"), summaries and
 * metrics, so they do not change once released.
 */
#pragma once

/* Counted by the sampler: ticks and the ways a tick ends without a stack. */
#define COUNTERS_TICK(X)                                                                           \
	X(TICKS, "ticks", "times the sampling event fired")                                        \
	X(IDLE, "idle", "ticks on an idle CPU")                                                    \
	X(FILTERED, "filtered", "ticks that the filters turned away")

/* Samples that reached nobody, by reason. The first ones are counted by the sampler. */
#define COUNTERS_LOST(X)                                                                           \
	X(LOST_RING_FULL, "ring_full", "the ring buffer was full: wick was not given time to read it") \
	X(LOST_NO_SCRATCH, "no_scratch", "the sampler had no working memory on that CPU")          \
	X(LOST_BAD_RECORD, "bad_record", "a record from the kernel made no sense")                 \
	X(LOST_MAP_READ, "map_read", "a map could not be read")                                    \
	X(LOST_MEMORY, "memory", "the memory for distinct stacks was used up")

/* Samples that were recorded with an incomplete stack, by reason. A sample counts once. */
#define COUNTERS_TRUNCATED(X)                                                               \
	X(TRUNC_USER_DEPTH, "user_depth", "user stack deeper than the limit")               \
	X(TRUNC_NO_MAPPING, "no_mapping", "code outside of every known mapping")            \
	X(TRUNC_NO_INFO, "no_info", "no unwind information")                                \
	X(TRUNC_USER_READ, "user_read", "the user stack could not be read")                 \
	X(TRUNC_RULE, "rule", "an unwind rule that cannot be evaluated")                    \
	X(TRUNC_LOADING, "loading", "unwind information not loaded")                        \
	X(TRUNC_LOOP, "loop", "a frame that does not lead up the stack")                    \
	X(TRUNC_SNAPSHOT, "snapshot", "a stack larger than the part of it that was copied") \
	X(TRUNC_REGS, "regs", "the user registers could not be found")                      \
	X(TRUNC_KERNEL_DEPTH, "kernel_depth", "kernel stack deeper than the limit")         \
	X(TRUNC_KERNEL_READ, "kernel_read", "a kernel stack was gone when it was read")

#define COUNTERS_ENUM(name, text, help) CTR_##name,
enum counter {
	COUNTERS_TICK(COUNTERS_ENUM)
	COUNTERS_LOST(COUNTERS_ENUM)
	COUNTERS_TRUNCATED(COUNTERS_ENUM)
	CTR_MAX,
	CTR_LOST_FIRST = CTR_LOST_RING_FULL,
	CTR_LOST_LAST = CTR_LOST_MEMORY,
	CTR_TRUNC_FIRST = CTR_TRUNC_USER_DEPTH,
	CTR_TRUNC_LAST = CTR_TRUNC_KERNEL_READ,
	CTR_BPF_MAX = CTR_LOST_NO_SCRATCH + 1, /* the sampler keeps the counters below this one */
};
#undef COUNTERS_ENUM
