/* SPDX-License-Identifier: Apache-2.0 */
/* The perf events that make the sampler tick: one for each event and online CPU. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "cpuset.h"

struct err;
struct event;
struct event_list;

struct perf_events_opts {
	const struct event_list *events; /* borrowed until perf_events_free() */
	const int *prog_fds;		 /* BPF program of each event; borrowed during the call */
	unsigned freq_hz; /* samples a second of each event and CPU; 0 = use period */
	uint64_t period;
	const struct cpuset *cpus; /* NULL = all; copied */
};

struct perf_events;

/* Whether the kernel counts @ev for the calling thread: 0 or -errno of perf_event_open(2). */
int perf_event_try(const struct event *ev);

/*
 * Opens the events on every online CPU of the set, disabled, with their programs attached. 0 and
 * *@ret; -ENODEV when no CPU of the set is online, else -errno, with a sentence.
 */
int perf_events_open(struct perf_events **ret, const struct perf_events_opts *o, struct err *e);

int perf_events_enable(struct perf_events *p, struct err *e);
void perf_events_disable(struct perf_events *p);

/*
 * Follows CPUs that went or came since the last call, or both: closes the events of the first, opens
 * those of the second. Returns how many CPUs changed, or -errno (the change is tried again at the next
 * call).
 */
int perf_events_refresh(struct perf_events *p);

/* CPUs that are sampled now. */
size_t perf_events_cpus(const struct perf_events *p);

void perf_events_free(struct perf_events *p);
