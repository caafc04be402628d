/* SPDX-License-Identifier: Apache-2.0 */
#include "tally.h"

#include <inttypes.h>
#include <stdio.h>

#define NAME(id, name, help) [CTR_##id] = name,
static const char *const names[CTR_MAX] = { COUNTERS_TICK(NAME) COUNTERS_LOST(NAME)
						    COUNTERS_TRUNCATED(NAME) };
#define HELP(id, name, help) [CTR_##id] = help,
static const char *const helps[CTR_MAX] = { COUNTERS_TICK(HELP) COUNTERS_LOST(HELP)
						    COUNTERS_TRUNCATED(HELP) };

const char *counter_name(enum counter c)
{
	return c < CTR_MAX ? names[c] : "";
}

const char *counter_help(enum counter c)
{
	return c < CTR_MAX ? helps[c] : "";
}

static uint64_t sum(const struct tally *a, enum counter first, enum counter last)
{
	uint64_t total = 0;

	for (enum counter c = first; c <= last; c++)
		total += a->n[c];
	return total;
}

uint64_t tally_lost(const struct tally *a)
{
	return sum(a, CTR_LOST_FIRST, CTR_LOST_LAST);
}

uint64_t tally_truncated(const struct tally *a)
{
	return sum(a, CTR_TRUNC_FIRST, CTR_TRUNC_LAST);
}

static size_t add_reasons(const struct tally *a, const char *kind, enum counter first,
			  enum counter last, char *buf, size_t n)
{
	for (enum counter c = first; c <= last; c++)
		if (a->n[c] && n < TALLY_TEXT_MAX)
			n += (size_t)snprintf(buf + n, TALLY_TEXT_MAX - n, " %s.%s=%" PRIu64, kind,
					      names[c], a->n[c]);
	return n;
}

void tally_format(const struct tally *a, char ret[TALLY_TEXT_MAX])
{
	size_t n = (size_t)snprintf(ret, TALLY_TEXT_MAX,
				    "wick: ticks=%" PRIu64 " recorded=%" PRIu64 " idle=%" PRIu64
				    " filtered=%" PRIu64 " lost=%" PRIu64 " truncated=%" PRIu64,
				    a->n[CTR_TICKS], a->recorded, a->n[CTR_IDLE],
				    a->n[CTR_FILTERED], tally_lost(a), tally_truncated(a));

	n = add_reasons(a, "lost", CTR_LOST_FIRST, CTR_LOST_LAST, ret, n);
	add_reasons(a, "truncated", CTR_TRUNC_FIRST, CTR_TRUNC_LAST, ret, n);
}
