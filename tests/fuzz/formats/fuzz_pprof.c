/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Foreign pprof bytes, raw or compressed. Whatever is accepted must be a valid profile, must
 * survive writing and reading, and must not be able to break the writers or a merge.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "buffer.h"
#include "callgrind.h"
#include "compress.h"
#include "err.h"
#include "firefox.h"
#include "folded.h"
#include "pprof.h"
#include "profile.h"
#include "profile_filter.h"
#include "speedscope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* All of @data inflated, at most 16 MiB of it. */
static struct buffer inflate_all(const uint8_t *data, size_t size)
{
	struct buffer in = { .items = (uint8_t *)data, .n = size }, out = { 0 };
	struct source source = { .read = buffer_give, .ctx = &in };
	struct inflater *f = NULL;
	uint8_t part[4096];
	ssize_t n;

	if (inflater_new(&f, &source, (uint64_t)16 << 20) < 0)
		return out;
	while ((n = inflater_read(f, part, sizeof(part))) > 0)
		if (buffer_add(&out, part, (size_t)n) < 0)
			abort();
	inflater_free(f);
	return out;
}

static void check_copy(const struct profile *p)
{
	struct buffer first = { 0 }, second = { 0 };
	struct sink to_first = { .write = buffer_add, .ctx = &first };
	struct sink to_second = { .write = buffer_add, .ctx = &second };
	struct profile *copy = NULL;
	struct err e;

	must(pprof_encode(p, &to_first) == 0);
	must(pprof_decode(first.items, first.n, &copy, &e) == 0);
	must(profile_check(copy) == 0);
	must(copy->samples.n == p->samples.n && copy->labels.n == p->labels.n);
	must(pprof_encode(copy, &to_second) == 0);
	/* Repairing may make two strings equal, which the second table then holds once. */
	must(second.n <= first.n);
	profile_free(copy);
	array_free(&first);
	array_free(&second);
}

static void check_merge(const struct profile *p)
{
	struct profile_builder *b = NULL;
	struct profile *sum = NULL;

	must(profile_new(&sum) == 0 && profile_builder_new(&b, sum) == 0);
	must(profile_builder_merge(b, p) == 0);
	must(profile_builder_merge(b, p) == 0);
	must(profile_check(sum) == 0);
	profile_builder_free(b);
	profile_free(sum);
}

static void check_folded(const struct profile *p)
{
	struct buffer text = { 0 };
	struct sink out = { .write = buffer_add, .ctx = &text };
	struct source in = { .read = buffer_give, .ctx = &text };
	struct profile *back = NULL;
	struct err e = { 0 };

	if (p->sample_types.n && folded_write(p, profile_default_type(p), true, &out, &e) == 0) {
		must(folded_read(&in, &back, &e) == 0);
		must(profile_check(back) == 0);
		profile_free(back);
	}
	array_free(&text);
}

/* The other writers may refuse it, but with a sentence. */
static void check_writers(const struct profile *p)
{
	struct buffer text = { 0 };
	struct sink out = { .write = buffer_add, .ctx = &text };
	size_t type = profile_default_type(p);
	struct err e = { 0 };

	must(speedscope_write(p, type, &out, &e) == 0 || e.text[0]);
	must(firefox_write(p, type, &out, &e) == 0 || e.text[0]);
	must(callgrind_write(p, &out, &e) == 0 || e.text[0]);
	array_free(&text);
}

static void check_filters(struct profile *p)
{
	static const struct filter filters[] = { { FILTER_HIDE, "[aeiou]$" },
						 { FILTER_SHOW_FROM, "[a-m]" },
						 { FILTER_PIVOT, "[b-n]" } };
	struct err e = { 0 };
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(filters) && r == 0; i++) {
		r = profile_filter(p, &filters[i], 1, &e);
		must(r == 0 || e.text[0]);
		must(profile_check(p) == 0);
	}
	if (r == 0 && p->labels.n) {
		const char *key = strtab_get(&p->strings, p->labels.items[0].key);

		must(profile_by_label(p, key, &e) == 0 || e.text[0]);
		must(profile_check(p) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer raw = inflate_all(data, size);
	struct profile *p = NULL;
	struct err e = { 0 };

	if (pprof_decode(raw.items, raw.n, &p, &e) < 0) {
		must(e.text[0]);
	} else {
		must(profile_check(p) == 0);
		check_copy(p);
		check_merge(p);
		check_folded(p);
		check_writers(p);
		check_filters(p);
		profile_free(p);
	}
	array_free(&raw);
	return 0;
}
