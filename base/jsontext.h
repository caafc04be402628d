/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign text in JSON. */
#pragma once

#include <stddef.h>
#include <stdio.h>

/*
 * Writes @n bytes of @s as a JSON string, quotes included: valid JSON in UTF-8 whatever the bytes
 * are. Characters that could drive a terminal or lie about the text around them are written as
 * \uNNNN, which says the same to a reader of JSON; bytes that are no UTF-8 become U+FFFD. Errors of
 * writing stay in ferror(@out). Not for an @out that several threads share.
 */
void json_write_string(FILE *out, const char *s, size_t n);
