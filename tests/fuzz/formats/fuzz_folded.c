/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Foreign folded stacks. What is accepted, written once, must be read and written the same ever
 * after, with the same total.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "buffer.h"
#include "err.h"
#include "folded.h"
#include "profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t total(const struct profile *p)
{
	int64_t sum = 0;

	array_each(&p->values, v)
		if (__builtin_add_overflow(sum, *v, &sum))
			return -1; /* counts stop at the largest number: nothing to compare */
	return sum;
}

static struct profile *read_text(struct buffer *b, size_t chunk)
{
	struct source in = { .read = buffer_give, .ctx = b };
	struct profile *p = NULL;
	struct err e = { 0 };
	int r;

	b->pos = 0;
	b->chunk = chunk;
	r = folded_read(&in, &p, &e);
	must(r == 0 || e.text[0]);
	return r == 0 ? p : NULL;
}

static struct buffer write_text(const struct profile *p)
{
	struct buffer b = { 0 };
	struct sink out = { .write = buffer_add, .ctx = &b };

	must(profile_check(p) == 0);
	must(folded_write(p, 0, true, &out, NULL) == 0);
	return b;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer in = { .items = (uint8_t *)data, .n = size }, first, second;
	struct profile *p = read_text(&in, 3), *again;

	if (!p)
		return 0;
	first = write_text(p);
	again = read_text(&first, 1000);
	must(again != NULL);
	must(total(p) == total(again));
	second = write_text(again);
	must(first.n == second.n && (!first.n || memcmp(first.items, second.items, first.n) == 0));
	profile_free(p);
	profile_free(again);
	array_free(&first);
	array_free(&second);
	return 0;
}
