/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Foreign text of perf script. What is accepted must be a valid profile that every writer can
 * write, and is the same however the text is cut into pieces.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "buffer.h"
#include "callgrind.h"
#include "err.h"
#include "firefox.h"
#include "folded.h"
#include "perfline.h"
#include "perfscript.h"
#include "profile.h"
#include "speedscope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct profile *read_text(const uint8_t *data, size_t size, size_t chunk)
{
	struct buffer b = { .items = (uint8_t *)data, .n = size, .chunk = chunk };
	struct source in = { .read = buffer_give, .ctx = &b };
	struct profile *p = NULL;
	struct err e = { 0 };
	int r = perf_script_read(&in, &p, &e);

	must(r == 0 || e.text[0]);
	if (p)
		must(profile_check(p) == 0);
	return p;
}

static struct buffer write_folded(const struct profile *p)
{
	struct buffer b = { 0 };
	struct sink out = { .write = buffer_add, .ctx = &b };

	must(folded_write(p, 0, true, &out, NULL) == 0);
	return b;
}

static void write_others(const struct profile *p)
{
	struct buffer b = { 0 };
	struct sink out = { .write = buffer_add, .ctx = &b };
	struct err e = { 0 };

	for (size_t t = 0; t < p->sample_types.n; t++) {
		must(speedscope_write(p, t, &out, &e) == 0);
		must(firefox_write(p, t, &out, &e) == 0);
	}
	must(callgrind_write(p, &out, &e) == 0);
	array_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct profile *p = read_text(data, size, 0), *again = read_text(data, size, 3);
	struct buffer first, second;

	perf_script_sniff((const char *)data, size);
	must(!p == !again);
	if (!p)
		return 0;
	first = write_folded(p);
	second = write_folded(again);
	must(first.n == second.n && (!first.n || memcmp(first.items, second.items, first.n) == 0));
	write_others(p);
	profile_free(p);
	profile_free(again);
	array_free(&first);
	array_free(&second);
	return 0;
}
