/* SPDX-License-Identifier: Apache-2.0 */
/* What a recording wrote, read back: whether it is a good profile, and what it says. */
#pragma once

#include <stdint.h>

#include "harness.h"
#include "profile.h"

/* The account in a profile's comment. */
struct e2e_account {
	uint64_t ticks, recorded, idle, filtered, lost, truncated;
	const char *comment;
};

/*
 * Reads a profile that wick recorded and fails the test unless it keeps every promise: the strict
 * checker accepts the file, the account adds up and nothing is lost, the samples are as many as
 * were recorded, truncated stacks and only those end in a frame that says so.
 * The caller need not free it.
 */
struct profile *recorded(const char *path, struct e2e_account *ret);

/* Any profile, also a converted one: only what the checker asks. @converted: no clock, no period.
 */
struct profile *read_back(const char *path, bool converted);

/* One reason of the account, such as "truncated.user_depth"; 0 when it is not there. */
uint64_t account_number(const struct e2e_account *a, const char *key);

/* Which samples are meant; what is NULL, 0 is not asked for. */
struct pick {
	const char *comm, *thread_comm;
	int64_t pid, tid;
	const char *in; /* a function of that name is somewhere in the stack */
	size_t type;	/* which value is summed: 0 = number of samples */
};

/* The sum over all samples that @pick means. */
double total(const struct profile *p, struct pick pick);
/* … whose innermost frame is the function, … that have it anywhere. */
double self(const struct profile *p, struct pick pick, const char *function);
double cumulative(const struct profile *p, struct pick pick, const char *function);
/* … that were taken in the kernel. */
double in_kernel(const struct profile *p, struct pick pick);

/* Samples with @outer somewhere outside (towards the root) of @inner. */
double called(const struct profile *p, const char *inner, const char *outer);

/* The index of the value called @name; fails the test when there is none. */
size_t value_named(const struct profile *p, const char *name);

/* A sample's label, and the name of the function at a place of its stack (0 = leaf) or "". */
const char *label_text(const struct profile *p, const struct profile_sample *s, const char *key);
int64_t label_number(const struct profile *p, const struct profile_sample *s, const char *key);
const char *frame_name(const struct profile *p, const struct profile_sample *s, uint32_t i);
bool is_kernel_frame(const struct profile *p, const struct profile_sample *s, uint32_t i);

/*
 * Whether @seen of @n samples fits a true share @p. Each sample falls into the share with
 * probability p, so the count has the variance n·p·(1−p); four standard deviations are exceeded by
 * chance once in 16,000 comparisons. @slack is how well the truth itself is known, as a share.
 */
void expect_share(const char *what, double seen, double n, double p, double slack);

/*
 * How far the number of samples may be from the @due ones, as a part of them, for a workload @r.
 * The ticks of a CPU come at even distances, so a stretch on a CPU between two switches holds up to
 * one sample more or less than its due: a variance of at most ¼ each, and 4 standard deviations of
 * their sum. 1 % on top is what the workload cannot see of itself: its end, and time that
 * interrupts and the hypervisor took from it.
 */
double slices_error(const struct run *r, double due);

/* Whether @seen samples fit the CPU time that the workload @r says it used, at @hz. */
void expect_samples(const char *what, double seen, const struct run *r, double hz);

/* Whether @seen is within @part (0.03 = 3 %) of @expected. */
void expect_near(const char *what, double seen, double expected, double part);
