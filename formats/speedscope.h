/* SPDX-License-Identifier: Apache-2.0 */
/*
 * speedscope's JSON. Frames have a name, a file and a line; objects, kinds of code and labels find
 * no place in it, but for the comm, which is put at the root as in folded stacks.
 */
#pragma once

#include <stddef.h>

#include "stream.h"

struct err;
struct profile;

/*
 * Writes value @type of @p as one profile of type "sampled", called "TYPE/UNIT", in the order of
 * the label `time` where samples have it. -EINVAL with a sentence when it holds negative values,
 * -ENOMEM, -E2BIG, or what @out gave.
 */
int speedscope_write(const struct profile *p, size_t type, const struct sink *out, struct err *e);

/*
 * Reads all profiles of a file, sampled and evented, into one. Units of time become
 * time/nanoseconds, bytes space/bytes, none samples/count; what wick wrote keeps its type. Where
 * there are several profiles, their names become the label `thread`. Weights need not be whole:
 * totals are kept to one. 0 and *@ret, -EBADMSG with a sentence, -ENOMEM, -E2BIG, or what @in gave.
 */
int speedscope_read(const struct source *in, struct profile **ret, struct err *e);
