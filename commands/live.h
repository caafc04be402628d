/* SPDX-License-Identifier: Apache-2.0 */
/* What a recording says on standard error while it runs and when it is over. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct tally;
struct pipeline;

/* The line that is rewritten in place once a window; nothing unless standard error is a terminal.
 */
struct live {
	bool terminal, shown;
	uint64_t start_ns;
};

/* Says who is left out of a recording of everybody in a PID namespace of its own. */
void live_left_out(void);

void live_start(struct live *l);

/* loop_opts.on_window: @ctx is the struct live. */
void live_window(void *ctx, const struct pipeline *p);

/* Takes the line away. */
void live_end(struct live *l);

/* The account in two lines: what was recorded, and where every tick went; more when some were lost.
 */
void live_summary(const struct tally *a, uint64_t duration_ns, const char *event, unsigned cpus);
