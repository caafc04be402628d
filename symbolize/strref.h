/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A string that stays where it is: which section of which file, and where in it. Debug information
 * names a million things of which a profile shows thousands, so strings are read when they are shown.
 */
#pragma once

#include <stdint.h>

enum strref_place {
	STRREF_NONE,	 /* no string at all */
	STRREF_STR,	 /* .debug_str */
	STRREF_LINE_STR, /* .debug_line_str */
	STRREF_INFO,	 /* in place in .debug_info (DW_FORM_string) */
	STRREF_LINE,	 /* in place in .debug_line */
	STRREF_ALT_STR,	 /* .debug_str of the file that .gnu_debugaltlink names */
	STRREF_ALT_INFO, /* .debug_info of that file */
	STRREF_OWN,	 /* the index's own strings: what came from elsewhere, or from the store */
	STRREF_PLACES,
};

/* The place in the upper 8 bits, the offset of the string's first byte in the others. 0 = none. */
typedef uint64_t strref_t;

static inline strref_t strref(enum strref_place place, uint64_t off)
{
	return (uint64_t)place << 56 | (off & (UINT64_MAX >> 8));
}

static inline enum strref_place strref_place(strref_t s)
{
	return (enum strref_place)(s >> 56);
}

static inline uint64_t strref_off(strref_t s)
{
	return s & (UINT64_MAX >> 8);
}
