/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the samples of processes that live shortly are whole and tell whose they are. */
#pragma once

#include "readback.h"

/* Of the samples of a short program, those that are cut, and those that are for another reason than
 * that wick did not hear of it in time; and samples in code of which it did not. */
#ifdef __SANITIZE_ADDRESS__ /* with which wick takes several times as long to look */
#define MOST_CUT     0.3
#define MOST_BROKEN  0.05
#define MOST_UNKNOWN 5
#else
#define MOST_CUT     0.02
#define MOST_BROKEN  0.0005
#define MOST_UNKNOWN 0
#endif

/* Whether a function is in the stack whose name begins so. */
bool has_frame(const struct profile *p, const struct profile_sample *s, const char *beginning);

/* What runs in a storm, by the names of its processes, and of which program those are. */
struct kind {
	const char *comm, *program;
};

/* Every sample of processes of these names is of the right program, and its stack is whole and has
 * names; there are some of each. A part @most_cut of them may be cut, nearly all because wick had not
 * heard in time. How many there are. */
double expect_programs(const struct profile *p, const struct kind *kinds, size_t n,
		       double most_cut);

/* The same of a storm, which the workload "lives rate" @r has started. */
void expect_storm(const struct profile *p, const struct run *r, const struct kind *kinds, size_t n,
		  double most_cut);
