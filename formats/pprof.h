/* SPDX-License-Identifier: Apache-2.0 */
/* The pprof codec: profile.proto without its compression. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "stream.h"

struct err;
struct profile;

/*
 * Writes @p, which profile_check() accepts, to @out. Ids are array indices + 1; strings that
 * nothing refers to are left out, and those that are not UTF-8 are repaired. 0, -ENOMEM, or what
 * @out gave.
 */
int pprof_encode(const struct profile *p, const struct sink *out);

/* Whether a file that begins with these bytes can be a profile: tells before all of it is read. */
bool pprof_sniff(const void *data, size_t n);

/*
 * Reads the @n bytes of a profile that any producer wrote. 0 and *@ret (free with profile_free()),
 * -EBADMSG with a sentence that says what is wrong, -ENOMEM, or -E2BIG.
 */
int pprof_decode(const void *data, size_t n, struct profile **ret, struct err *e);
