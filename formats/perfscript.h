/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text that `perf script` writes, with or without -g, -F and --header. It becomes a profile as
 * wick records it: samples/count, and for each event the sum of its periods where they were printed
 * ("cpu" in nanoseconds for cpu-clock; "events" where none was printed); labels comm, pid, tid, and
 * time in nanoseconds of perf's clock, rounded down so that there are at most 256 times. Of more
 * than 32 events, those after the 31st are one, "other", and a comment of the profile says how many.
 * Objects are mappings without addresses, since the text does not tell where they lay.
 */
#pragma once

#include "stream.h"

struct err;
struct profile;

/*
 * 0 and *@ret, -EBADMSG with a sentence that names the line, -ENOMEM, -E2BIG, or what @in gave.
 */
int perf_script_read(const struct source *in, struct profile **ret, struct err *e);
