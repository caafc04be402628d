/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folded stacks: one line a stack, "root;…;leaf COUNT". Frames may end in _[k] (kernel), _[i]
 * (inlined into the frame before) or _[j] (JIT code), which colour a flame graph; those of
 * async-profiler also in _[0] and _[1].
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "stream.h"

struct err;
struct profile;

/*
 * Writes value @type of @p, lines sorted by bytes. -EINVAL with a sentence when it holds negative
 * values, -ENOMEM, or what @out gave.
 */
int folded_write(const struct profile *p, size_t type, bool annotate, const struct sink *out,
		 struct err *e);

/*
 * Reads folded stacks into a profile of samples/count. Fractions ("31.23", as other tools write)
 * are rounded so that the sum of all counts is right; a stack may get one more or less for it.
 * 0 and *@ret, -EBADMSG with a sentence that names the line, -ENOMEM, -E2BIG, or what @in gave.
 */
int folded_read(const struct source *in, struct profile **ret, struct err *e);
