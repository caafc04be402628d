/* SPDX-License-Identifier: Apache-2.0 */
#include "foldedcount.h"

int folded_round(const char *digits, size_t n, int64_t *carry)
{
	int64_t part = 0, one = 1;

	for (size_t i = 0; i < FOLDED_FRACTION; i++) {
		part = part * 10 + (i < n ? digits[i] - '0' : 0);
		one *= 10;
	}
	*carry += part;
	if (*carry < one / 2)
		return 0;
	*carry -= one;
	return 1;
}
