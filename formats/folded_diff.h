/* SPDX-License-Identifier: Apache-2.0 */
/* Folded stacks with two counts, "root;…;leaf BASE NEW", as difffolded.pl and inferno-diff-folded
 * write them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "stream.h"

struct err;
struct profile;

/* Whether all whole lines of this text, which begins a file, end in two counts. */
bool folded_diff_sniff(const char *s, size_t n);

/* Reads them into a profile of base/count and samples/count, the latter its default; fractions as
 * folded_read() does, for each column: 0 and *@ret,
 * -EBADMSG with a sentence that names the line, -ENOMEM, -E2BIG, or what @in gave. */
int folded_diff_read(const struct source *in, struct profile **ret, struct err *e);
