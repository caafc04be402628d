/* SPDX-License-Identifier: Apache-2.0 */
/* The one loop of a recording: ring, window timer, end of the recording, signals, the command. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct child;
struct err;
struct pipeline;

enum loop_end {
	LOOP_DURATION,	   /* the time is over */
	LOOP_SIGNAL,	   /* SIGINT, SIGTERM or SIGHUP */
	LOOP_COMMAND,	   /* the command has ended */
	LOOP_TARGETS_GONE, /* every process asked for has ended */
};

struct loop_opts {
	struct pipeline *pipeline;
	unsigned window_ms;
	uint64_t duration_ns;	 /* 0 = no limit */
	struct child *child;	 /* NULL = none */
	const uint32_t *targets; /* tgids and tids to wait for; none = no such end */
	size_t n_targets;
	void (*on_window)(void *ctx, const struct pipeline *p); /* after each window; may be NULL */
	void *ctx;
};

/*
 * The signals that end a recording: SIGINT, SIGTERM, and SIGHUP unless it is ignored, as nohup(1)
 * does. SIGINT is taken in any case: a script's background job begins with it ignored, and is ended
 * by `kill -INT` nevertheless.
 */
void loop_signals(sigset_t *ret);

/* Blocks them, so that none is missed before loop_run(). */
void loop_block_signals(void);

/*
 * Runs a started pipeline to its end, stops it, drains it, and passes the signal that ended it on to
 * the child. 0 and *@ret_end; -errno with a sentence.
 */
int loop_run(const struct loop_opts *o, enum loop_end *ret_end, struct err *e);
