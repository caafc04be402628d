/* SPDX-License-Identifier: Apache-2.0 */
/* What to call the functions and objects of a profile in a view. Names are foreign: still to be
 * escaped. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct func;
struct profile;

/* A part of a string. */
struct text {
	const char *s;
	size_t n;
};

/* The file of a mapping without its folders and brackets; every part of the kernel's image is
 * "kernel". */
struct text object_name(const char *file);

#define FUNC_NAME_MAX 320

/* What to call @f, "[object+0xoff]" where there is no name. Borrowed from @p or written to @buf. */
struct text func_name(const struct profile *p, const struct func *f, char buf[FUNC_NAME_MAX]);
