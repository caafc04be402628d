/* SPDX-License-Identifier: Apache-2.0 */
/* What each function of a profile cost, alone and with what it called. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "funcmap.h"

struct functable {
	struct func *funcs;
	size_t n;
	int64_t total;	    /* of all samples */
	uint64_t weight;    /* the same with signs ignored: what 100 % is, also of a difference */
	size_t n_stacks;    /* samples that were added up */
	uint64_t n_samples; /* times that was sampled, where the profile counts that; 0 = it does
			       not */
};

/* Sums of the functions that the lists of a funcmap name. */
struct funcsums {
	int64_t *flat;
	/* Apart from flat and from struct func: the walk over the samples touches nothing else, and
	 * it stays in the cache longer. */
	struct funccum {
		int64_t cum;
		uint32_t stamp; /* the last sample that counted it */
	} * cum;
	struct functable all; /* but its functions */
};

/*
 * Adds up value @type of every sample whose value @where is not 0. The lists of @m hold numbers
 * below @n: of its functions, or of groups of them that the caller put there. 0 or -ENOMEM; release
 * @ret with funcsums_done() in either case. Sums stop at the ends of int64_t.
 */
int funcsums_make(struct funcsums *ret, const struct funcmap *m, size_t n, size_t type,
		  size_t where);
void funcsums_done(struct funcsums *s);

/* The functions of @p with value @type of every sample added up: 0 and *@ret (release with
 * functable_done()), or -ENOMEM. Functions that no sample met are left out. */
int functable_make(struct functable *ret, const struct profile *p, size_t type);
void functable_done(struct functable *t);

/* Puts the first @rows functions by flat, then cum, then name and object in their order, and the
 * others anywhere behind them. The result never varies. */
void functable_sort(struct functable *t, const struct profile *p, size_t rows);

/* The value that counts samples ("samples" in "count"): its index, or -1 when there is none. */
int functable_count_type(const struct profile *p);

/* a + b, or the end of int64_t that it passes. */
int64_t functable_add(int64_t a, int64_t b);
