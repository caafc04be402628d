/* SPDX-License-Identifier: Apache-2.0 */
/* The labels of a sample: what the sampler saw of its thread, and what is known of its process. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct aggregate;
struct identities;
struct label_set;
struct process;
struct proctab;
struct trace;

struct labelling {
	struct aggregate *counts; /* gets the strings; all of these are borrowed */
	struct identities *ids;
	struct proctab *procs;
	uint64_t start_ns, window_ns; /* CLOCK_MONOTONIC when window 0 began; how long each is */
	/* When the aggregate has more than @time_bytes (0 = never), pairs of windows become one:
	 * 1 << time_shift windows are one now. */
	size_t time_bytes;
	unsigned time_shift;
};

/* Looks at the end of a window whether time must be told more coarsely. */
void labelling_next_window(struct labelling *l);

/*
 * The labels of @t, a sample of @p, which is looked at if that is due: 0, or -ENOMEM or -ENOSPC,
 * and then the sample cannot be counted.
 */
int labelling_of(const struct labelling *l, const struct trace *t, struct process *p,
		 struct label_set *ret);

/* Looks at @p, of which there will be a sample, while it is there. */
void labelling_look(const struct labelling *l, struct process *p);
