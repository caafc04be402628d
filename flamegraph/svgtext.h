/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign text in XML: cleaned first, then cut to a width, then escaped. */
#pragma once

#include <stddef.h>

#include "array.h"

struct outfile;

/* Longer names are cut in their middle: a picture repeats them at every place. */
#define SVG_NAME_MAX 4096

/* UTF-8 that XML may hold and that shows what it is: after svg_clean(). */
struct clean {
	ARRAY(char)
	text; /* no NUL behind it */
};

/*
 * Makes *@to of @n bytes of @s: bytes that are no UTF-8 and characters that XML 1.0 has no way to
 * write become U+FFFD; other controls, overrides of direction and what else shows nothing are
 * written as
 * "\u202e". 0 or -ENOMEM.
 */
int svg_clean(struct clean *to, const char *s, size_t n);
void svg_clean_done(struct clean *c);

/*
 * Cuts @n bytes of clean @s to @columns columns, both ends kept where there is room for both;
 * nothing is left of a text that is to be cut to less than three. @buf has room for @n + 4 bytes.
 * Returns the bytes.
 */
size_t svg_fit(const char *s, size_t n, size_t columns, char *buf);

/* Where the picture goes to. Errors are kept in the file: its commit tells. */
void svg_put(struct outfile *out, const char *s, size_t n);
void svg_puts(struct outfile *out, const char *s);
void svg_putf(struct outfile *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Writes clean text so that it is text: < > & and quotes are escaped. */
void svg_put_escaped(struct outfile *out, const char *s, size_t n);

/* Cleans and escapes at once, for texts that are written once: 0 or -ENOMEM. */
int svg_put_foreign(struct outfile *out, const char *s);
