/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each function of a profile cost, alone and with what it called. A function is a name in an
 * object (the file of a mapping), wherever it was inlined; a place without a name is a function of
 * its own, by its offset in the object.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct profile;

enum func_kind {
	FUNC_NAMED,
	FUNC_OFFSET,   /* no name: `off` in object `file` */
	FUNC_UNKNOWN,  /* neither name nor object */
	FUNC_NO_STACK, /* samples that have no stack at all */
};

struct func {
	enum func_kind kind;
	uint32_t name; /* string; FUNC_NAMED only */
	uint32_t file; /* string: the object, "" = unknown */
	uint64_t off;  /* in the object; FUNC_OFFSET only */
	int64_t flat;  /* as the leaf */
	int64_t cum;   /* anywhere in the stack, once a stack */
};

struct functable {
	struct func *funcs;
	size_t n;
	int64_t total;	 /* of all samples */
	uint64_t weight; /* the same with signs ignored: what 100 % is, also of a difference */
	size_t n_stacks; /* samples whose value is not 0 */
};

/* Adds up value @type of every sample of @p: 0 and *@ret (release with functable_done()), or
 * -ENOMEM. Sums stop at the ends of int64_t. */
int functable_make(struct functable *ret, const struct profile *p, size_t type);
void functable_done(struct functable *t);

/* Puts the functions in order of flat, then cum, then name and object; the result never varies. */
void functable_sort(struct functable *t, const struct profile *p);
