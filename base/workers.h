/* SPDX-License-Identifier: Apache-2.0 */
/* The same work on several threads at a time. */
#pragma once

enum { WORKERS_MAX = 8 };

/*
 * Calls @work(@ctx, i) for each i below @n, of which there are WORKERS_MAX at most, number 0 on this
 * thread, and returns when all have returned. What no thread can be started for is called here, at the
 * end. Signals are for the thread that called.
 */
void workers_run(unsigned n, void (*work)(void *ctx, unsigned i), void *ctx);
