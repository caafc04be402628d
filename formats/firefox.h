/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON of Firefox's profiler (profiler.firefox.com, "processed profile" version 60): a track
 * for each thread, categories by kind of code, libraries, inlined calls and lines.
 */
#pragma once

#include <stddef.h>

#include "stream.h"

struct err;
struct profile;

/*
 * Writes value @type of @p. Threads are told apart by the labels pid and tid. Samples lie at the
 * time of their label `time`, or, without it, one after the other. -EINVAL with a sentence when it
 * holds negative values, -ENOMEM, -E2BIG, or what @out gave.
 */
int firefox_write(const struct profile *p, size_t type, const struct sink *out, struct err *e);
