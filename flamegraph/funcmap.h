/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of a profile, and which of them each location shows. A function is a name in an
 * object (the file of a mapping), wherever it was inlined; a place without a name is a function of
 * its own, by its offset in the object.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "hindex.h"

struct profile;

enum func_kind {
	FUNC_NAMED,
	FUNC_OFFSET,   /* no name: `off` in object `file` */
	FUNC_UNKNOWN,  /* neither name nor object */
	FUNC_NO_STACK, /* samples that have no stack at all */
};

struct func {
	enum func_kind kind;
	uint32_t name;	 /* string; FUNC_NAMED only */
	uint32_t file;	 /* string: the object, "" = unknown */
	uint32_t source; /* string: source file, of the first place that told one; "" = unknown */
	uint64_t off;	 /* in the object; FUNC_OFFSET only */
	int64_t flat;	 /* as the leaf */
	int64_t cum;	 /* anywhere in the stack, once a stack */
};

struct funcmap {
	const struct profile *p;
	struct hindex index;	  /* of funcs */
	ARRAY(struct func) funcs; /* their sums are 0 */
	/* Functions of location i, innermost first: lists[starts[i]] up to lists[starts[i + 1]]; at
	 * least one. */
	ARRAY(uint32_t) lists;
	uint32_t *starts;
	uint32_t no_stack; /* number of the function that stands for samples without a stack */
};

/* Finds the functions of @p, which is borrowed: 0 or -ENOMEM; release @ret with funcmap_done() in
 * either case. */
int funcmap_make(struct funcmap *ret, const struct profile *p);
void funcmap_done(struct funcmap *m);
