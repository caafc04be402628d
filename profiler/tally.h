/* SPDX-License-Identifier: Apache-2.0 */
/* The account of samples: ticks = recorded + idle + filtered + Σ lost{reason}. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "counters.h"

struct tally {
	uint64_t n[CTR_MAX];
	uint64_t recorded;
};

uint64_t tally_lost(const struct tally *a);
uint64_t tally_truncated(const struct tally *a);

/* The stable name of a lost or truncated counter ("ring_full") and what it means. */
const char *counter_name(enum counter c);
const char *counter_help(enum counter c);

/*
 * The account in one line, as it stands in every profile: "wick: ticks=N recorded=N idle=N
 * filtered=N lost=N truncated=N", then "lost.REASON=N" and "truncated.REASON=N" of what is not 0.
 */
#define TALLY_TEXT_MAX 1024
void tally_format(const struct tally *a, char ret[TALLY_TEXT_MAX]);
