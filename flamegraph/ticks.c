/* SPDX-License-Identifier: Apache-2.0 */
#include "ticks.h"

#include <stdlib.h>
#include <string.h>

#include "account.h"
#include "array.h"
#include "profile.h"

static uint64_t sum(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* Adds to a reason met before or appends it; past the limit it still counts in the sum of all. */
static void add_reason(struct ticks_reasons *list, const char *name, size_t name_n, uint64_t n)
{
	for (size_t i = 0; i < list->n; i++) {
		struct ticks_reason *r = &list->items[i];

		if (r->name_n == name_n && memcmp(r->name, name, name_n) == 0) {
			r->n = sum(r->n, n);
			return;
		}
	}
	if (list->n < TICKS_REASONS_MAX)
		list->items[list->n++] = (struct ticks_reason){ name, name_n, n };
}

static bool has_prefix(const char *s, size_t n, const char *prefix)
{
	return n >= strlen(prefix) && memcmp(s, prefix, strlen(prefix)) == 0;
}

static void add_pair(struct ticks *a, const char *key, size_t key_n, uint64_t n)
{
	const struct {
		const char *key;
		uint64_t *count;
	} counts[] = {
		{ "ticks", &a->ticks }, { "recorded", &a->recorded },
		{ "idle", &a->idle },	{ "filtered", &a->filtered },
		{ "lost", &a->lost },	{ "truncated", &a->truncated },
	};

	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		if (key_n == strlen(counts[i].key) && memcmp(key, counts[i].key, key_n) == 0)
			*counts[i].count = sum(*counts[i].count, n);
	if (n && has_prefix(key, key_n, "lost."))
		add_reason(&a->why_lost, key + 5, key_n - 5, n);
	if (n && has_prefix(key, key_n, "truncated."))
		add_reason(&a->why_truncated, key + 10, key_n - 10, n);
}

static int compare(const void *va, const void *vb)
{
	const struct ticks_reason *a = va, *b = vb;
	size_t n = a->name_n < b->name_n ? a->name_n : b->name_n;
	int r;

	if (a->n != b->n)
		return a->n > b->n ? -1 : 1;
	r = memcmp(a->name, b->name, n);
	return r ? r : (a->name_n > b->name_n) - (a->name_n < b->name_n);
}

bool ticks_read(struct ticks *ret, const struct profile *p)
{
	struct ticks a = { 0 };
	struct account account;
	bool found = false;

	for (size_t i = 0; i < p->comments.n; i++) {
		if (!account_parse(strtab_get(&p->strings, p->comments.items[i]), &account))
			continue;
		found = true;
		for (size_t k = 0; k < account.n; k++)
			add_pair(&a, account.items[k].key, account.items[k].key_len,
				 account.items[k].value);
	}
	qsort(a.why_lost.items, a.why_lost.n, sizeof(*a.why_lost.items), compare);
	qsort(a.why_truncated.items, a.why_truncated.n, sizeof(*a.why_truncated.items), compare);
	if (found)
		*ret = a;
	return found;
}

uint64_t ticks_missing(const struct ticks *a)
{
	uint64_t known = sum(sum(a->recorded, a->idle), sum(a->filtered, a->lost));

	return a->ticks > known ? a->ticks - known : 0;
}
