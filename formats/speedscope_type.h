/* SPDX-License-Identifier: Apache-2.0 */
/* What a profile of speedscope's counts. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "profile.h"

struct speedscope_type {
	uint32_t name, unit; /* strings */
	bool is_ours;	     /* wick has written it */
	bool is_export;	     /* speedscope has, who may have it from wick */
};

/*
 * 1 when the name says it, which is the one that wick gives, "cpu/nanoseconds", 0 when the unit does:
 * *@ret and what weights are multiplied by. -EBADMSG for an unknown unit, -ENOMEM.
 */
int speedscope_type(struct strtab *strings, const struct speedscope_type *t,
		    struct profile_value_type *ret, double *ret_scale);
