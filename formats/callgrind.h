/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Callgrind's profile format, for kcachegrind and callgrind_annotate: what each line of each
 * function costs by itself, and what each call from it costs inclusive. All sample types are
 * written. The costs of a function and its calls add up to what is spent in it and below it, also
 * where it is recursive: of the occurrences of a function in a stack only the outermost is charged
 * with the call it makes, and none when the function is at the leaf, too.
 */
#pragma once

#include <stddef.h>

#include "stream.h"

struct err;
struct profile;

/* -EINVAL with a sentence when @p holds negative values, -ENOMEM, -E2BIG, or what @out gave. */
int callgrind_write(const struct profile *p, const struct sink *out, struct err *e);
