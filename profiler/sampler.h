/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user-space half of the sampler: loads the BPF programs, sets their knobs and filters, swaps
 * and empties their maps, reads their ring. It owns all kernel memory of a session and knows
 * nothing of what the addresses mean.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "counters.h"
#include "event.h"

struct err;
struct snapshot;
struct trace;

struct sampler_opts {
	struct event_list events;
	unsigned rate_hz;	  /* ticks a second and CPU to size the maps for */
	unsigned window_ms;	  /* longest time between two drains */
	unsigned max_user_frames; /* 0 = WIRE_USER_FRAMES */
	const uint32_t *tgids;	  /* processes to record; none and no tids = all */
	size_t n_tgids;
	const uint32_t *tids;
	size_t n_tids;
	const int *cgroup_fds; /* open cgroup v2 directories; none = all */
	size_t n_cgroups;
	bool kernel_only, user_only;
	bool by_pointer;	 /* user stacks by frame pointers alone */
	bool by_snapshot;	 /* every user stack by a snapshot, as far as the ring has room */
	unsigned verify_per_cpu; /* samples of a window and CPU that go to on_verify(); 0 = none */
	/* Children of the tgids and tids that are born from now on, and of sampler_add_target(),
	 * are targets, too. */
	bool inherit;
	bool command; /* there will be sampler_add_target() */
	/* What has to hold of a process beside that: see targets.h. */
	uint8_t judged; /* WIRE_JUDGED; 0 = nothing */
	const uint32_t *users;
	size_t n_users;
};

/* Called for each record; all are called from sampler_consume() and sampler_drain(). */
struct sampler_callbacks {
	void *ctx;
	void (*on_trace)(void *ctx, const struct trace *t);
	/* A trace without its user stack, and what to unwind it from. */
	void (*on_snapshot)(void *ctx, struct trace *t, const struct snapshot *s);
	/* A trace with the user stack that the sampler walked, and what to unwind it from again. */
	void (*on_verify)(void *ctx, const struct trace *t, const struct snapshot *s);
	void (*on_new_process)(void *ctx, uint32_t tgid);
	/* Code of @tgid was met that no area of its space holds: its mappings have changed. */
	void (*on_stale)(void *ctx, uint32_t tgid);
	void (*on_drain_wanted)(void *ctx);
	/* @n samples were lost in user space for reason @c. */
	void (*on_lost)(void *ctx, enum counter c, uint64_t n);
};

struct sampler;

/* Loads everything; nothing ticks yet. 0 and *@ret, or -errno with a sentence. */
int sampler_new(struct sampler **ret, const struct sampler_opts *o,
		const struct sampler_callbacks *cb, struct err *e);
void sampler_free(struct sampler *s);

/* Program of event @i, owned by the sampler, for PERF_EVENT_IOC_SET_BPF. */
int sampler_prog_fd(const struct sampler *s, size_t i);

/* Readable when the ring wants to be read; owned by the sampler. */
int sampler_poll_fd(const struct sampler *s);

/* Reads what the ring holds, or as much as takes a few milliseconds: the poll descriptor tells of
 * the rest. 0 or -errno. */
int sampler_consume(struct sampler *s);

/*
 * Ends a window: makes the other set of maps the active one, waits until no program uses the old
 * one (an RCU grace period, some 20 ms), hands every row of it to on_trace(), empties it. Reads the
 * ring, too. 0 or -errno.
 */
int sampler_drain(struct sampler *s);

/* Adds @pid, which has one thread and has not run yet, to the targets. 0 or -errno. */
int sampler_add_target(struct sampler *s, uint32_t pid);

/* Takes process @pid, which has ended, out of the targets. */
void sampler_drop_target(struct sampler *s, uint32_t pid);

/* The cgroup @fd (v2) is that of a container that was asked for, in place @i of
 * WIRE_MAX_CONTAINERS: 0 or -errno. Or it is gone. */
int sampler_set_container(struct sampler *s, size_t i, int fd);
void sampler_drop_container(struct sampler *s, size_t i);

/* The WIRE_JUDGED that does not hold of process @tgid until it execs or this is called again; 0 =
 * the sampler asks on_new_process() about it again. */
void sampler_set_lacking(struct sampler *s, uint32_t tgid, uint8_t lacks);

struct residency_memory;

/* The memory that residency.h fills; unmapped by sampler_free(). */
void sampler_unwind_memory(const struct sampler *s, struct residency_memory *ret);

/* Tells how to unwind process @tgid from now on, or to forget it. 0 or -errno. */
int sampler_set_space(struct sampler *s, uint32_t tgid, const struct wire_space *space);
void sampler_drop_space(struct sampler *s, uint32_t tgid);

/* The sampler's own counters, summed over CPUs. 0 or -errno. */
int sampler_counters(const struct sampler *s, uint64_t ret[CTR_BPF_MAX]);

/* Kernel memory of all maps in bytes, as far as the kernel tells. */
uint64_t sampler_map_bytes(const struct sampler *s);
