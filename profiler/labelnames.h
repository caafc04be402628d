/* SPDX-License-Identifier: Apache-2.0 */
/* The labels of a row as a profile has them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "attrs.h"
#include "labels.h"

struct aggregate;
struct profile;
struct profile_label;

#define LABEL_NAMES_MAX (LABEL_MAX + ATTRS_MAX) /* labels of a row */

struct label_names {
	struct profile *profile; /* borrowed, as the next: gets the strings */
	const struct aggregate *counts;
	uint64_t time_ns, window_ns; /* when window 0 began, since 1970; how long each is */
	unsigned
		time_shift; /* 1 << time_shift windows are one: those before it grew were shorter */
	uint32_t keys[LABEL_MAX], nanoseconds; /* strings of the profile */
};

/* Fills in the keys; the caller has set the rest. 0 or -ENOMEM. */
int label_names_init(struct label_names *n);

/* Label set @set of the aggregate as labels of the profile, at most LABEL_NAMES_MAX. 0 or -ENOMEM.
 */
int label_names_get(struct label_names *n, uint32_t set, struct profile_label *labels,
		    size_t *ret_n);
