/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Foreign JSON. What is accepted must be a valid profile; what speedscope_write() makes of it must
 * be accepted with the same total, and be written the same ever after.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "buffer.h"
#include "err.h"
#include "profile.h"
#include "speedscope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct profile *read_json(struct buffer *b, size_t chunk)
{
	struct source in = { .read = buffer_give, .ctx = b };
	struct profile *p = NULL;
	struct err e = { 0 };
	int r;

	b->pos = 0;
	b->chunk = chunk;
	r = speedscope_read(&in, &p, &e);
	must(r == 0 || e.text[0] || r == -E2BIG);
	if (p)
		must(profile_check(p) == 0);
	return p;
}

/* Positive values only, whose sum fits a double: 0 when not. */
static int64_t total(const struct profile *p, size_t type)
{
	int64_t sum = 0;

	for (size_t i = 0; i < p->samples.n; i++)
		if (profile_value(p, i, type) < 0 ||
		    __builtin_add_overflow(sum, profile_value(p, i, type), &sum) ||
		    sum > (int64_t)1 << 52)
			return 0;
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer in = { .items = (uint8_t *)data, .n = size }, text = { 0 };
	struct sink out = { .write = buffer_add, .ctx = &text };
	struct profile *p = read_json(&in, 3), *again;

	if (!p)
		return 0;
	for (size_t t = 0; t < p->sample_types.n; t++) {
		int64_t sum = total(p, t);

		if (!sum)
			continue;
		text.n = 0;
		must(speedscope_write(p, t, &out, NULL) == 0);
		again = read_json(&text, 1000);
		must(again && again->sample_types.n == 1 && total(again, 0) == sum);
		profile_free(again);
	}
	profile_free(p);
	array_free(&text);
	return 0;
}
