/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sampler hands over becomes rows: each trace finds its process as it was at that time,
 * its addresses become places, and the account is kept of what came and what was cut.
 */
#pragma once

#include <stdint.h>

struct pipeline;
struct sampler_callbacks;

/* The sampler's callbacks for @p, whose process table is connected to its unwinding, too. */
void intake_callbacks(struct pipeline *p, struct sampler_callbacks *ret);

/* Brings the process table up to @time_ns (CLOCK_MONOTONIC), if it is behind that. */
void intake_catch_up(struct pipeline *p, uint64_t time_ns);
