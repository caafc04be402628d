/* SPDX-License-Identifier: Apache-2.0 */
#include "account.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "key=123", @n bytes. */
static bool parse_item(const char *s, size_t n, struct account_item *ret)
{
	const char *eq = memchr(s, '=', n);
	uint64_t v = 0;

	if (!eq || eq == s || eq + 1 == s + n)
		return false;
	for (const char *p = eq + 1; p < s + n; p++) {
		if (!isdigit((unsigned char)*p) || v > (UINT64_MAX - 9) / 10)
			return false;
		v = v * 10 + (uint64_t)(*p - '0');
	}
	*ret = (struct account_item){ .key = s, .key_len = (size_t)(eq - s), .value = v };
	return true;
}

bool account_parse(const char *text, struct account *ret)
{
	const char *s = text + strlen("wick: ");

	if (strncmp(text, ACCOUNT_PREFIX, strlen(ACCOUNT_PREFIX)) != 0)
		return false;
	for (ret->n = 0; *s; s += *s == ' ') {
		size_t n = strcspn(s, " ");

		if (ret->n == ACCOUNT_MAX || !parse_item(s, n, &ret->items[ret->n]))
			return false;
		ret->n++;
		s += n;
	}
	return true;
}

static struct account_item *find(struct account *a, const struct account_item *it)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->items[i].key_len == it->key_len &&
		    memcmp(a->items[i].key, it->key, it->key_len) == 0)
			return &a->items[i];
	return NULL;
}

int account_add(struct account *to, const struct account *from)
{
	struct account sum = *to;

	for (size_t i = 0; i < from->n; i++) {
		struct account_item *it = find(&sum, &from->items[i]);

		if (it && __builtin_add_overflow(it->value, from->items[i].value, &it->value))
			return -E2BIG;
		if (!it && sum.n == ACCOUNT_MAX)
			return -E2BIG;
		if (!it)
			sum.items[sum.n++] = from->items[i];
	}
	*to = sum;
	return 0;
}

int account_format(const struct account *a, char **ret)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	bool bad;

	if (!f)
		return -ENOMEM;
	fputs("wick:", f);
	for (size_t i = 0; i < a->n; i++)
		fprintf(f, " %.*s=%" PRIu64, (int)a->items[i].key_len, a->items[i].key,
			a->items[i].value);
	bad = ferror(f);
	if (fclose(f) != 0 || bad) {
		free(text);
		return -ENOMEM;
	}
	*ret = text;
	return 0;
}
