/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Foreign folded stacks with two counts. What is accepted is a valid profile of two sample types,
 * with the totals of its columns.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "buffer.h"
#include "err.h"
#include "folded_diff.h"
#include "profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t total(const struct profile *p, size_t type)
{
	int64_t sum = 0;

	for (size_t i = 0; i < p->samples.n; i++)
		if (__builtin_add_overflow(sum, profile_value(p, i, type), &sum))
			return -1;
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t sums[2][2] = { 0 };
	bool read[2];

	folded_diff_sniff((const char *)data, size);
	for (int i = 0; i < 2; i++) {
		struct buffer b = { .items = (uint8_t *)data, .n = size, .chunk = i ? 3 : 0 };
		struct source in = { .read = buffer_give, .ctx = &b };
		struct profile *p = NULL;
		struct err e = { 0 };
		int r = folded_diff_read(&in, &p, &e);

		must(r == 0 || e.text[0]);
		read[i] = r == 0;
		if (!p)
			continue;
		must(profile_check(p) == 0 && p->sample_types.n == 2);
		sums[i][0] = total(p, 0);
		sums[i][1] = total(p, 1);
		profile_free(p);
	}
	must(read[0] == read[1] && sums[0][0] == sums[1][0] && sums[0][1] == sums[1][1]);
	return 0;
}
