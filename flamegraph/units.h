/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers for people: values of a profile with their units, thousands grouped. */
#pragma once

#include <stdint.h>

/* Holds every text that the functions below write. */
#define UNITS_TEXT_MAX 48

/*
 * Writes @v, which is in @unit (a pprof unit: "nanoseconds", "bytes", "count", …), to @buf: times
 * as "12.3 ms", bytes as "1.50 MiB", anything else as the plain number "12,345". Returns @buf.
 */
const char *units_value(char buf[UNITS_TEXT_MAX], int64_t v, const char *unit);

/* Writes "12,345". Returns @buf. */
const char *units_count(char buf[UNITS_TEXT_MAX], uint64_t v);

/* Nanoseconds in one @unit, 0 when it is no unit of time. */
uint64_t units_ns(const char *unit);
