/* SPDX-License-Identifier: Apache-2.0 */
/* Symbol and process names are bytes; what protobuf and JSON call a string must be UTF-8. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

bool utf8_is_valid(const char *s, size_t n);

/*
 * Length of the character at @s, at most @n > 0 bytes away; 0 when there is none, and then
 * *@ret_bad bytes (at least one) cannot begin a character.
 */
size_t utf8_length(const char *s, size_t n, size_t *ret_bad);

/*
 * Copies @n bytes to @to and puts U+FFFD in the place of each sequence that is not UTF-8, one for
 * each longest prefix of a character, as decoders show it. @to has room for 3 * @n bytes. Returns
 * the bytes written.
 */
size_t utf8_repair(const char *s, size_t n, char *to);
