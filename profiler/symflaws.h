/* SPDX-License-Identifier: Apache-2.0 */
/* What debug information lacked, told to people and kept in profiles. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct symbolizer_fetching;
struct symbolizer_stats;

#define SYMFLAWS_TEXT_MAX 320

/*
 * The comment for a profile: "wick: symbols: no_split=N no_alt=N broken=N limited=N not_fetched=N", of
 * these what is not 0. False and "" when that is nothing.
 */
bool symflaws_format(const struct symbolizer_stats *s, char ret[SYMFLAWS_TEXT_MAX]);

/* What servers of debug files did instead of sending some: "the servers failed (3: Connection refused), …". False
 * and "" when that is nothing. */
bool symflaws_format_fetching(const struct symbolizer_fetching *f, char ret[SYMFLAWS_TEXT_MAX]);

/* Warns of each that is not 0, with the remedy. */
void symflaws_warn(const struct symbolizer_stats *s);
