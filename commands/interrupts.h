/* SPDX-License-Identifier: Apache-2.0 */
/* What SIGINT, SIGTERM and SIGHUP do while something is written. */
#pragma once

#include <stdbool.h>

struct child;

/*
 * For a command that records nothing: those that are not ignored end the process as they do anyway,
 * and it takes its temporary files along.
 */
void interrupts_clean_up(void);

/*
 * After a recording: unblocks its signals (loop_signals()), whose handlers pass them on to @child,
 * borrowed while they are not blocked. The first says what is being done already: that the recording
 * ends; it has come if @had_one. What comes together with it means the same. A SIGINT or SIGTERM
 * that comes clearly later is a person's: gives up what is being written and ends the process.
 */
void interrupts_begin(const struct child *child, bool had_one);

/* Everything is written, and the child is waited for: from now on signals are passed on alone. */
void interrupts_only_pass_on(void);
