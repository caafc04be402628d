/* SPDX-License-Identifier: Apache-2.0 */
/* The count that a line of folded stacks ends in: "31"; some write "31.23", "19.0" or "6.". */
#pragma once

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#define FOLDED_FRACTION 9 /* digits of a fraction that count for anything */

/*
 * What @n digits behind the point add to the whole number before it, 0 or 1. Every one that is
 * rounded with the same *@carry, which begins as 0, is rounded so that their sum is right: it keeps
 * what rounding left, in 10^-9.
 */
int folded_round(const char *digits, size_t n, int64_t *carry);

static inline size_t folded_digits(const char *s, size_t end)
{
	while (end > 0 && isdigit((unsigned char)s[end - 1]))
		end--;
	return end;
}

/*
 * Takes the count off the end of @n bytes: 0 and *@ret, *@n is then what is left before the space
 * that is before it. -EINVAL when there is none, -ERANGE when it is too large.
 */
static inline int folded_take_count(const char *s, size_t *n, int64_t *carry, int64_t *ret)
{
	size_t end = *n, point = end, i = folded_digits(s, end);
	int64_t v = 0;

	if (i > 0 && s[i - 1] == '.') {
		point = i - 1;
		i = folded_digits(s, point);
	}
	if (i == point || i == 0 || (s[i - 1] != ' ' && s[i - 1] != '\t'))
		return -EINVAL;
	for (size_t k = i; k < point; k++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, s[k] - '0', &v))
			return -ERANGE;
	if (point < end &&
	    __builtin_add_overflow(v, folded_round(s + point + 1, end - point - 1, carry), &v))
		return -ERANGE;
	*n = i - 1;
	*ret = v;
	return 0;
}
