/* SPDX-License-Identifier: Apache-2.0 */
/* What can be sampled: the names `-e` takes, what perf calls them and what their values mean. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

struct err;

struct event {
	char name[24];	      /* as the user writes it: "page-faults", "r01c2" */
	char sample_type[24]; /* pprof sample type: no '-', which some servers refuse */
	const char *unit;     /* "nanoseconds" or "count" */
	uint32_t type;	      /* perf_event_attr.type */
	uint64_t config;      /* perf_event_attr.config */
	/* Value of one sample where the event's own count says nothing about it: a sample of
	 * `cycles` that serves as a clock stands for so many nanoseconds. 0 = the event's period
	 * counts. */
	uint64_t value_per_sample;
};

struct event_list {
	struct event ev[WIRE_MAX_EVENTS];
	size_t n;
};

/* Whether this machine counts @ev (perf_event_open(2) on the calling process): 0 or -errno. */
int event_probe(const struct event *ev);

/*
 * Parses "cycles,page-faults,r01c2" into @ret. 0, or -EINVAL for a name that does not exist,
 * -ENOENT for one that this machine lacks, -E2BIG for too many, each with a sentence that lists
 * what is there.
 */
int event_list_parse(const char *text, struct event_list *ret, struct err *e);

/*
 * What is sampled when nobody asked: CPU time at @freq_hz, by `cycles` where the PMU has it, which
 * also sees code that runs with interrupts off, else by `cpu-clock`. With @freq_hz == 0 (a period
 * was given) it is the plain event. Never fails: cpu-clock is always there.
 */
void event_list_default(unsigned freq_hz, struct event_list *ret);
