/* SPDX-License-Identifier: Apache-2.0 */
/* What `wick doctor --verify-unwind` says. */
#pragma once

#include <stdint.h>
#include <stdio.h>

struct verify;

/*
 * Writes the tally, sorted by verify_sort(), in 80 columns. @samples had a user stack or not, in
 * @duration_ns. Errors of writing stay in ferror(@out).
 */
void verify_write(FILE *out, const struct verify *v, uint64_t samples, uint64_t duration_ns);
