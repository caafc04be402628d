/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "allocfail.h"
#include "strtab.h"

Test(strtab, gives_each_distinct_string_one_number)
{
	struct strtab t;
	uint32_t a, b, c;

	cr_assert_eq(strtab_init(&t), 0);
	cr_assert_eq(strtab_adds(&t, "alpha", &a), 0);
	cr_assert_eq(strtab_adds(&t, "beta", &b), 0);
	cr_assert_eq(strtab_add(&t, "alphabet", 5, &c), 0);
	cr_expect_eq(a, 1);
	cr_expect_eq(b, 2);
	cr_expect_eq(c, a);
	cr_expect_str_eq(strtab_get(&t, a), "alpha");
	cr_expect_eq(strtab_len(&t, b), 4);
	strtab_done(&t);
}

Test(strtab, number_0_is_the_empty_string)
{
	struct strtab t;
	uint32_t id = 7;

	cr_assert_eq(strtab_init(&t), 0);
	cr_expect_eq(strtab_adds(&t, NULL, &id), 0);
	cr_expect_eq(id, 0);
	cr_expect_eq(strtab_adds(&t, "", &id), 0);
	cr_expect_eq(id, 0);
	cr_expect_str_eq(strtab_get(&t, 0), "");
	cr_expect_eq(strtab_len(&t, 0), 0);
	strtab_done(&t);
}

Test(strtab, unknown_number_is_the_empty_string)
{
	struct strtab t;

	cr_assert_eq(strtab_init(&t), 0);
	cr_expect_str_eq(strtab_get(&t, 1), "");
	cr_expect_str_eq(strtab_get(&t, UINT32_MAX), "");
	cr_expect_eq(strtab_len(&t, UINT32_MAX), 0);
	strtab_done(&t);
}

Test(strtab, strings_may_hold_any_byte)
{
	static const char with_nul[] = { 'a', 0, 'b' };
	struct strtab t;
	uint32_t a, b;

	cr_assert_eq(strtab_init(&t), 0);
	cr_assert_eq(strtab_adds(&t, "a", &a), 0);
	cr_assert_eq(strtab_add(&t, with_nul, sizeof(with_nul), &b), 0);
	cr_expect_neq(a, b);
	cr_expect_eq(strtab_len(&t, b), 3);
	cr_expect_arr_eq(strtab_get(&t, b), "a\0b", 4, "a NUL follows");
	strtab_done(&t);
}

Test(strtab, keeps_a_hundred_thousand_strings)
{
	char text[16];
	struct strtab t;
	uint32_t id;

	cr_assert_eq(strtab_init(&t), 0);
	for (int round = 0; round < 2; round++)
		for (uint32_t i = 0; i < 100000; i++) {
			snprintf(text, sizeof(text), "s%u", i);
			cr_assert_eq(strtab_adds(&t, text, &id), 0);
			cr_assert_eq(id, i + 1);
			cr_assert_str_eq(strtab_get(&t, id), text);
		}
	strtab_done(&t);
}

Test(strtab, refuses_strings_of_4_gib)
{
	struct strtab t;
	uint32_t id = 7;

	cr_assert_eq(strtab_init(&t), 0);
	/* Hashing would read them: a table that is full is the other way to the same answer. */
	t.n = UINT32_MAX - 1;
	cr_expect_eq(strtab_adds(&t, "x", &id), -E2BIG);
	cr_expect_eq(id, 7, "the number is untouched on failure");
	t.n = 1;
	strtab_done(&t);
}

static int fill(void)
{
	struct strtab t;
	char text[32];
	uint32_t id;
	int r = strtab_init(&t);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < 200 && r == 0; i++) {
		snprintf(text, sizeof(text), "a string of number %u", i);
		r = strtab_adds(&t, text, &id);
		if (r < 0) { /* as if nothing had been asked, and it works again */
			cr_expect_eq(t.n, i + 1);
			cr_expect_eq(strtab_adds(&t, text, &id), 0);
			cr_expect_str_eq(strtab_get(&t, id), text);
		}
	}
	strtab_done(&t);
	return r;
}

Test(strtab, survives_every_failed_allocation)
{
	allocfail_each(fill);
}

Test(strtab, what_is_appended_has_a_place_and_no_number)
{
	struct strtab t;
	size_t off;
	uint32_t id;

	cr_assert_eq(strtab_init(&t), 0);
	cr_assert_eq(strtab_append(&t, "once", 4, &off), 0);
	cr_expect_str_eq(t.bytes + off, "once");
	cr_assert_eq(strtab_add(&t, "once", 4, &id), 0);
	cr_expect_eq(id, 1);
	cr_expect_str_eq(strtab_get(&t, id), "once");
	cr_expect_neq(t.ents[id].off, off);
	strtab_done(&t);
}
