/* SPDX-License-Identifier: Apache-2.0 */
/* What pipeline.c (the recording) and intake.c (what comes from the sampler) share: nobody else
 * includes this. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "aggregate.h"
#include "array.h"
#include "containers.h"
#include "event.h"
#include "held.h"
#include "identity.h"
#include "jittab.h"
#include "labelling.h"
#include "objtab.h"
#include "proctab.h"
#include "tally.h"

struct perf_events;
struct sampler;
struct sideband;
struct symbolizer;
struct unwinding;
struct verify;

struct pipeline {
	struct event_list events;
	unsigned freq_hz;
	uint64_t period;
	unsigned max_user_frames;
	bool all_processes; /* of the machine or of cgroups are recorded, not those named */
	struct sampler *sampler;
	struct perf_events *perf;
	struct objtab objects;
	struct jittab jits;
	struct proctab procs;
	struct containers containers;
	struct sideband *sideband;   /* NULL = the kernel does not tell of processes: /proc alone */
	ARRAY(uint64_t) by_program;  /* samples of processes whose program is that mapping */
	struct unwinding *unwinding; /* NULL = frame pointers alone */
	struct identities ids;
	struct labelling labelling; /* of the members above and below */
	struct held held;	    /* samples that wait to be filed */
	struct aggregate counts;
	struct symbolizer *symbolizer;
	struct verify *verify; /* NULL = nobody asked; borrowed */
	struct tally tally;    /* of what is counted in user space */
	uint64_t start_wall_ns, start_ns, stop_ns;
	bool drain_wanted;
	bool by_snapshot;
	bool no_inlines;
	bool debuginfod;
	uint64_t walked; /* samples that were to be snapshots and are not */
};
