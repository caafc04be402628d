/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attrs.h"

static struct attr pair(struct attrs *a, const char *key, const char *value)
{
	struct attr p;

	cr_assert_eq(strtab_adds(&a->strings, key, &p.key), 0);
	cr_assert_eq(strtab_adds(&a->strings, value, &p.value), 0);
	return p;
}

/* The value of @key in set @id, "" = it is not there. */
static const char *value(const struct attrs *a, int64_t id, const char *key)
{
	const struct attr_set *s = &a->sets.items[id];

	for (uint32_t i = 0; i < s->n; i++) {
		const struct attr *p = &a->pool.items[s->first + i];

		if (strcmp(strtab_get(&a->strings, p->key), key) == 0)
			return strtab_get(&a->strings, p->value);
	}
	return "";
}

Test(attrs, equal_sets_are_one_in_whatever_order)
{
	struct attrs a;
	struct attr p[3];

	cr_assert_eq(attrs_init(&a, 1 << 20), 0);
	p[0] = pair(&a, "x", "1");
	p[1] = pair(&a, "y", "2");
	p[2] = pair(&a, "x", "3");
	cr_expect_eq(attrs_add(&a, p, 0), 0);
	cr_expect_eq(attrs_add(&a, p, 2), 1);
	cr_expect_eq(attrs_add(&a, (struct attr[]){ p[1], p[0] }, 2), 1);
	cr_expect_eq(attrs_add(&a, p, 3), 1, "of two of a key the first counts");
	cr_expect_eq(attrs_add(&a, p + 1, 2), 2);
	cr_expect_str_eq(value(&a, 2, "x"), "3");
	attrs_done(&a);
}

Test(attrs, common_and_united)
{
	struct attrs a, b;
	struct attr p[4];
	uint32_t left, right;
	int64_t n;

	cr_assert_eq(attrs_init(&a, 1 << 20), 0);
	cr_assert_eq(attrs_init(&b, 1 << 20), 0);
	p[0] = pair(&a, "name", "shop");
	p[1] = pair(&a, "version", "1");
	p[2] = pair(&a, "version", "2");
	p[3] = pair(&a, "zone", "a");
	left = (uint32_t)attrs_add(&a, p, 2);
	right = (uint32_t)attrs_add(&a, (struct attr[]){ p[0], p[2], p[3] }, 3);
	n = attrs_common(&a, left, right);
	cr_expect_eq(a.sets.items[n].n, 1);
	cr_expect_str_eq(value(&a, n, "name"), "shop");
	cr_expect_eq(attrs_common(&a, left, 0), 0);
	cr_expect_eq(attrs_common(&a, left, left), left);
	n = attrs_union(&a, left, right);
	cr_expect_eq(a.sets.items[n].n, 3);
	cr_expect_str_eq(value(&a, n, "version"), "1");
	cr_expect_str_eq(value(&a, n, "zone"), "a");
	pair(&b, "other", "numbers");
	n = attrs_import(&b, &a, right);
	cr_expect_str_eq(value(&b, n, "version"), "2");
	cr_expect_str_eq(value(&b, n, "zone"), "a");
	cr_expect_eq(attrs_import(&b, &a, right), n);
	attrs_done(&a);
	attrs_done(&b);
}

Test(attrs, there_is_a_limit)
{
	struct attr many[2 * ATTRS_MAX];
	struct attrs a;
	char key[16];
	int64_t n = 0;

	cr_assert_eq(attrs_init(&a, 20000), 0);
	for (unsigned i = 0; i < 2 * ATTRS_MAX; i++) {
		snprintf(key, sizeof(key), "k%u", i);
		many[i] = pair(&a, key, "v");
	}
	n = attrs_add(&a, many, 2 * ATTRS_MAX);
	cr_assert_gt(n, 0);
	cr_expect_eq(a.sets.items[n].n, ATTRS_MAX);
	for (unsigned i = 0; i < 5000 && n >= 0; i++) {
		many[0].value = i; /* any number will do */
		n = attrs_add(&a, many, 1);
	}
	cr_expect_eq(n, -ENOSPC);
	cr_expect_lt(attrs_bytes(&a), 60000);
	many[0].value = 0;
	cr_expect_gt(attrs_add(&a, many, 1), 0, "what is known is found");
	attrs_done(&a);
}
