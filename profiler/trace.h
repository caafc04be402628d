/* SPDX-License-Identifier: Apache-2.0 */
/* Values that pass between the stages of the pipeline. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "wire.h"

/* What the sampler counted for one thread and one stack: raw addresses, leaf first. Borrowed
 * memory. */
struct trace {
	uint32_t tgid, tid;
	uint16_t event; /* index into the session's events */
	uint8_t flags;	/* enum wire_flags */
	uint8_t end;	/* enum wire_end of the user stack */
	uint64_t samples;
	uint64_t value;	  /* Σ sample_period */
	uint64_t time_ns; /* CLOCK_MONOTONIC of the first of them */
	uint64_t cgroup;  /* of the thread then, an id of the version 2 hierarchy; 0 = unknown */
	uint32_t uid;	  /* likewise, as the first user namespace has it */
	char comm[WIRE_COMM + 1];
	const uint64_t *kernel, *user;
	size_t n_kernel, n_user;
};
