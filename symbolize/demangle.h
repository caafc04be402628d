/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names for people: C++ (Itanium ABI), Rust (legacy, without its hash, and v0) and OCaml (with the
 * number that tells functions of one name apart). Symbol versions ("@@GLIBC_2.14") are cut off;
 * "@plt" is kept.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
	DEMANGLE_IN_MAX = 4096,	 /* longer names stay as they are */
	DEMANGLE_OUT_MAX = 4096, /* with the NUL; what is longer is cut and ends in "..." */
};

/*
 * Writes the name for @name into @buf and returns true, or returns false when that is @name itself.
 * A name that is not mangled is never taken for one that is.
 */
bool demangle(const char *name, char buf[DEMANGLE_OUT_MAX]);
