/* SPDX-License-Identifier: Apache-2.0 */
/* What merging needs to know of a builder, besides include/profile.h. */
#pragma once

#include "profile.h"

/* The profile that @b builds; borrowed. */
struct profile *profile_builder_profile(struct profile_builder *b);
