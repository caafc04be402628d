/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The account of samples that a profile carries in a comment: how many times the sampler ran, and
 * what became of each of them. wick writes
 *
 *	wick: ticks=N recorded=N idle=N filtered=N lost=N truncated=N
 *
 * in one line, followed by lost.REASON=N and truncated.REASON=N for every reason that was met, with
 * ticks = recorded + idle + filtered + lost; truncated stacks are among the recorded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct profile;

#define TICKS_REASONS_MAX 32

/* One reason and how often it was met. The name is a part of the comment: borrowed, foreign. */
struct ticks_reason {
	const char *name;
	size_t name_n;
	uint64_t n;
};

struct ticks_reasons {
	struct ticks_reason items[TICKS_REASONS_MAX]; /* the most frequent first */
	size_t n;
};

struct ticks {
	uint64_t ticks, recorded, idle, filtered, lost, truncated;
	struct ticks_reasons why_lost, why_truncated;
};

/* Adds up the accounts of @p, several of them when it was merged: false when there is none. What it
 * holds is borrowed from the profile's strings. */
bool ticks_read(struct ticks *ret, const struct profile *p);

/* Ticks that the account says nothing about, 0 when it adds up. */
uint64_t ticks_missing(const struct ticks *a);
