/* SPDX-License-Identifier: Apache-2.0 */
/* From what was counted to a profile: every distinct place gets its name once. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct aggregate;
struct event_list;
struct jittab;
struct objtab;
struct profile;
struct symbolizer;

struct naming {
	const struct aggregate *counts;
	const struct objtab *objects;
	const struct jittab *jits;
	const struct event_list *events;
	struct symbolizer *symbolizer;
	bool no_inlines; /* inlined functions are left out: as perf's --no-inline */
	uint64_t time_ns,
		window_ns;   /* of LABEL_TIME: since 1970, when window 0 began, and how long each is
			      */
	unsigned time_shift; /* and how many of them are one, as in struct labelling */
	uint32_t main_mapping; /* object table's mapping that becomes the profile's first, or
				  UINT32_MAX */
};

/*
 * Builds the tables and samples of a profile: sample types "samples"/"count", then one for each
 * event; the labels that rows have (labels.h). Time, period and comments are the caller's. 0 and
 * *@ret (free with profile_free()), or -ENOMEM, -E2BIG.
 */
int naming_run(const struct naming *n, struct profile **ret);
