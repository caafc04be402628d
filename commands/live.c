/* SPDX-License-Identifier: Apache-2.0 */
#include "live.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "clock.h"
#include "host.h"
#include "log.h"
#include "pipeline.h"
#include "tally.h"

void live_left_out(void)
{
	struct host h = { .root = "" };

	host_read(&h);
	log_warn("processes outside of this PID namespace are left out; to have them, too: %s",
		 host_privileged_container(&h));
}

void live_start(struct live *l)
{
	*l = (struct live){ .terminal = isatty(STDERR_FILENO), .start_ns = clock_mono_ns() };
}

void live_window(void *ctx, const struct pipeline *p)
{
	struct live *l = ctx;
	struct tally a;

	if (!l->terminal || pipeline_tally(p, &a) < 0)
		return;
	l->shown = true;
	dprintf(STDERR_FILENO,
		"\r\033[K%6.0f s  %" PRIu64 " samples  %" PRIu64 " lost  (Ctrl-C ends)",
		(double)(clock_mono_ns() - l->start_ns) / 1e9, a.recorded, tally_lost(&a));
}

void live_end(struct live *l)
{
	if (l->shown)
		dprintf(STDERR_FILENO, "\r\033[K");
	l->shown = false;
}

void live_summary(const struct tally *a, uint64_t duration_ns, const char *event, unsigned cpus)
{
	uint64_t lost = tally_lost(a), truncated = tally_truncated(a);

	log_info("%" PRIu64 " samples of %s in %.1f s on %u CPU%s", a->recorded, event,
		 (double)duration_ns / 1e9, cpus, cpus == 1 ? "" : "s");
	log_info("%" PRIu64 " ticks = %" PRIu64 " recorded + %" PRIu64 " idle + %" PRIu64
		 " filtered + %" PRIu64 " lost",
		 a->n[CTR_TICKS], a->recorded, a->n[CTR_IDLE], a->n[CTR_FILTERED], lost);
	for (enum counter c = CTR_LOST_FIRST; c <= CTR_LOST_LAST; c++)
		if (a->n[c])
			log_warn("%" PRIu64 " samples lost (%.1f %%): %s", a->n[c],
				 100.0 * (double)a->n[c] / (double)(a->recorded + lost),
				 counter_help(c));
	for (enum counter c = CTR_TRUNC_FIRST; c <= CTR_TRUNC_LAST; c++)
		if (a->n[c])
			log_info("%" PRIu64 " stacks cut short (%.1f %%): %s", a->n[c],
				 100.0 * (double)a->n[c] / (double)(a->recorded + !truncated),
				 counter_help(c));
}
