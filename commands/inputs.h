/* SPDX-License-Identifier: Apache-2.0 */
/* The input files of a command. */
#pragma once

struct err;
struct profile;

/* Reads @paths (NULL-terminated) and merges them into one: 0 and *@ret (free with profile_free()),
 * or -errno with a sentence. */
int inputs_read(char *const *paths, struct profile **ret, struct err *e);

/* The same; of several files with different starts each sample gets the label "time" (nanoseconds
 * since 1970, the start of its file) where it has none, so that views can tell the files apart. */
int inputs_read_timed(char *const *paths, struct profile **ret, struct err *e);

/* The index of the sample type called @name: 0, or -EINVAL with a sentence that lists what there
 * is. */
int inputs_sample_type(const struct profile *p, const char *name, int *ret, struct err *e);
