/* SPDX-License-Identifier: Apache-2.0 */
/* Sorting by 32-bit numbers in linear time. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* What is sorted: a number, and which item has it. */
struct radix_key {
	uint32_t by, item;
};

/* Sorts @keys; equal ones stay in the order in which they came. 0 or -ENOMEM. */
int radix_sort(struct radix_key *keys, size_t n);
