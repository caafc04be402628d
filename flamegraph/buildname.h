/* SPDX-License-Identifier: Apache-2.0 */
/* What names of functions and objects have in common in all builds of a program. */
#pragma once

#include <stddef.h>

#include "funcname.h"

/*
 * The part of a function's name without what compilers add to copies of it: ".cold", ".isra.0", …
 * Empty for what stands for a missing name, "[object+0x1234]".
 */
struct text func_any_build(struct text name);

/*
 * Writes what all versions of an object are called to @buf, which has room for object.n + 4 bytes,
 * and a NUL; its length. "libc.so.6" and "libc-2.31.so" are "libc.so", "python3.11" is "python",
 * "vmlinux-6.1" is "kernel".
 */
size_t object_any_version(struct text object, char *buf);
