/* SPDX-License-Identifier: Apache-2.0 */
/* Compares the rules of a table with what libdw says of the same object. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct agree_counts {
	uint64_t compared;    /* pcs where both have a rule, which agreed */
	uint64_t roots;	      /* of these, outermost frames */
	uint64_t none;	      /* both have nothing */
	uint64_t padding;     /* libdw has nothing, a gap that merges away */
	uint64_t ours;	      /* libdw has nothing, the code itself told */
	uint64_t unsupported; /* we say so */
	uint64_t refused;     /* libdw calls the instructions invalid */
	uint64_t missing; /* agree_code(): libdw has a rule, the code did not tell */
	uint64_t differing;
	char first[512]; /* the first difference */
};

/*
 * Compares at @samples pseudo-random pcs of the object, and at both ends of the row that libdw has
 * for each. The object is @fd, or @n bytes at @data when @fd is negative. 0, -ENODATA when neither
 * has call frame information, -errno of building the table, -EIO when libdw cannot read it.
 */
int agree_object(int fd, const void *data, size_t n, size_t samples, struct agree_counts *ret);

/* The same of what the code of @fd tells without its call frame information. */
int agree_code(int fd, size_t samples, struct agree_counts *ret);
