/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Foreign text on a terminal: made harmless and fitted to a width. What could drive the terminal or
 * lie about the text (control characters, bytes that are not UTF-8, bidi overrides, characters that
 * show nothing) appears as \xNN, one for each of its bytes. Widths are terminal columns and come
 * from a table of its own, so that the result does not depend on the locale. Output is UTF-8.
 */
#pragma once

#include <stddef.h>
#include <stdio.h>

enum term_elide {
	TERM_ELIDE_END,	   /* "a very lo…" */
	TERM_ELIDE_MIDDLE, /* "a ver…name": both ends of a function's name tell something */
};

/* The columns that @n bytes of @s take when written in full. */
size_t term_columns(const char *s, size_t n);

/*
 * Writes @n bytes of @s in at most @columns columns, with a "…" where something was left out.
 * Returns the columns used; errors of writing stay in ferror(@out).
 */
size_t term_write(FILE *out, const char *s, size_t n, size_t columns, enum term_elide elide);

/* Replaces each byte of @s that term_write() would write as \xNN with '?'. */
void term_make_plain(char *s);

/*
 * Writes @s as a paragraph of at most @columns columns, broken at spaces (a longer word is elided),
 * from column @at on where the cursor stands, every further line after @indent spaces, and ends it
 * with a newline.
 */
void term_wrap(FILE *out, const char *s, size_t at, size_t columns, size_t indent);
