/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For readers that learn what a file counts only while they read its samples: each sample gets a
 * kind, as a label of this reader's own, and in the end every kind gets sample types of its own.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "profile.h"

/* The label that marks a sample of @p as of @kind: 0 and *@ret, or -ENOMEM. */
int kinds_label(struct profile *p, uint32_t kind, struct profile_label *ret);

/*
 * Takes the marks away again and gives each kind the types that stand for it: value j of a sample
 * of kind k, of which there are n sample types so far, becomes the value of types[column[k * n +
 * j]]; its other values are 0, and kinds may share a type. Samples without a mark are of kind 0.
 * Equal samples are added up, and what no sample refers to is dropped. @types' strings are of *@p.
 * 0 and *@p replaced, -ENOMEM, -E2BIG.
 */
int kinds_spread(struct profile **p, const uint32_t *column, const struct profile_value_type *types,
		 size_t n_types);
