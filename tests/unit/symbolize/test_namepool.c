/* SPDX-License-Identifier: Apache-2.0 */
/* Names in few bytes: what was added is read again, and of any other bytes nothing outside. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demangle.h"
#include "elf_fixture.h"
#include "namepool.h"

static const char *const names[] = {
	"main",
	"",
	"x",
	"_ZNSt6vectorIiSaIiEE9push_backERKi",
	"_ZNSt6vectorIdSaIdEE9push_backERKd",
	"_ZNSt6vectorIdSaIdEE9push_backERKd",
	"_ZN4core3fmt9Formatter9write_str17h0123456789abcdefE",
	"_RNvCs1234_7mycrate3foo",
	"_Z",
	"_Z99999",
	"_ZN0",
	"/usr/include/c++/12/bits/stl_vector.h",
	"github.com/x/y.(*T).Method\xc3\xa9",
	"an_identifier_that_is_longer_than_a_word_may_be_an_identifier_that_is_longer",
	"\xff\xfe\x01 \t",
};

/* Adds @name with what is shown for it, and gives the place of the record. */
static size_t add(struct namepool *p, struct namepool_block *b, const char *name)
{
	char shown[DEMANGLE_OUT_MAX];
	size_t at = b->bytes.n;

	cr_assert_eq(namepool_add(p, b, name, demangle(name, shown) ? shown : NULL), 0);
	return at;
}

static int get(const struct namepool *p, const struct namepool_block *b, size_t at,
	       enum namepool_want want, struct namepool_name *ret)
{
	uint8_t *exact = calloc(1, b->bytes.n + NAMEPOOL_SLACK); /* for the sanitizer */
	int r;

	memcpy(exact, b->bytes.items, b->bytes.n);
	r = namepool_read(p->words.items, p->words.n, exact, b->bytes.n, at, want, ret);
	free(exact);
	return r;
}

static void expect(const struct namepool *p, const struct namepool_block *b, size_t at,
		   const char *name)
{
	struct namepool_name got;
	char shown[DEMANGLE_OUT_MAX] = "";

	demangle(name, shown);
	cr_assert_eq(get(p, b, at, NAMEPOOL_BOTH, &got), 0);
	cr_expect_str_eq(got.text, name);
	cr_expect_str_eq(got.shown, shown);
	cr_expect_eq(got.n, strlen(name));
	cr_expect_eq(got.shown_n, strlen(shown));
	/* Less is read where only what is shown is wanted, but whether it is mangled. */
	cr_assert_eq(get(p, b, at, NAMEPOOL_SHOWN, &got), 0);
	cr_expect_str_eq(got.shown, shown);
	cr_expect_eq(strncmp(got.text, name, got.n), 0);
	if (!shown[0] || (strncmp(name, "_Z", 2) != 0 && strncmp(name, "_R", 2) != 0))
		cr_expect_str_eq(got.text, name);
	else
		cr_expect_geq(got.n, 2);
}

Test(namepool, gives_back_names_and_what_is_shown)
{
	struct namepool p = { 0 };
	struct namepool_block b = { 0 };
	size_t at[3 * ARRAY_LEN(names)];

	for (size_t i = 0; i < ARRAY_LEN(at); i++)
		at[i] = add(&p, &b, names[i % ARRAY_LEN(names)]);
	for (size_t i = 0; i < ARRAY_LEN(at); i++)
		expect(&p, &b, at[i], names[i % ARRAY_LEN(names)]);
	/* Every word has a number by now. */
	cr_expect_lt(b.bytes.n - at[2 * ARRAY_LEN(names)], at[ARRAY_LEN(names)] / 2);
	namepool_done(&p);
	array_free(&b.bytes);
}

/* Numbers of one, two and three bytes. */
Test(namepool, many_words_have_large_numbers)
{
	enum { MANY = 20000 };
	struct namepool p = { 0 };
	struct namepool_block b = { 0 };
	size_t *at = calloc(2 * MANY, sizeof(*at));
	char name[32];

	for (unsigned i = 0; i < 2 * MANY; i++) {
		snprintf(name, sizeof(name), "f%x", i % MANY);
		at[i] = add(&p, &b, name);
	}
	cr_expect_gt(p.words.n, MANY / 10 * 9); /* some are forgotten */
	for (unsigned i = 0; i < 2 * MANY; i += 7) {
		snprintf(name, sizeof(name), "f%x", i % MANY);
		expect(&p, &b, at[i], name);
	}
	free(at);
	namepool_done(&p);
	array_free(&b.bytes);
}

Test(namepool, long_names_are_cut)
{
	struct namepool p = { 0 };
	struct namepool_block b = { 0 };
	struct namepool_name got;
	char *name = malloc(3 * NAMEPOOL_TEXT_MAX);

	for (int way = 0; way < 3; way++) {
		size_t at = b.bytes.n;

		for (size_t i = 0; i < 3 * NAMEPOOL_TEXT_MAX; i++)
			name[i] = way == 0 ? 'a' : way == 1 ? "a<"[i % 2] : (char)('!' + i % 90);
		name[3 * NAMEPOOL_TEXT_MAX - 1] = '\0';
		cr_assert_eq(namepool_add(&p, &b, name, name), 0);
		cr_assert_eq(get(&p, &b, at, NAMEPOOL_BOTH, &got), 0);
		cr_expect_eq(got.n, NAMEPOOL_TEXT_MAX - 1);
		cr_expect_eq(got.shown_n, NAMEPOOL_TEXT_MAX - 1);
		cr_expect_eq(memcmp(got.text, name, got.n), 0);
		cr_expect_eq(strlen(got.shown), got.n);
	}
	free(name);
	namepool_done(&p);
	array_free(&b.bytes);
}

Test(namepool, any_bytes_are_names_or_refused)
{
	struct namepool p = { 0 };
	struct namepool_block b = { 0 };
	struct namepool_name got;
	uint8_t bytes[64 + NAMEPOOL_SLACK];
	uint64_t seed = 1;

	for (size_t i = 0; i < 3 * ARRAY_LEN(names); i++)
		add(&p, &b, names[i % ARRAY_LEN(names)]);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		p.words.items[i].n = (uint8_t)(250 + i); /* as only a broken file has them */
	for (unsigned round = 0; round < 100000; round++) {
		size_t n = round % 65;
		uint8_t *exact = malloc(n + NAMEPOOL_SLACK);

		for (size_t i = 0; i < sizeof(bytes); i++) {
			seed = seed * 6364136223846793005ull + 1442695040888963407ull;
			bytes[i] = (uint8_t)(seed >> (i < 2 ? 60 : 50));
		}
		memcpy(exact, bytes, n + NAMEPOOL_SLACK);
		if (namepool_read(p.words.items, round % (p.words.n + 1), exact, n, seed % 65,
				  round % 2 ? NAMEPOOL_BOTH : NAMEPOOL_SHOWN, &got) == 0)
			cr_assert_lt(got.n, NAMEPOOL_TEXT_MAX);
		free(exact);
	}
	namepool_done(&p);
	array_free(&b.bytes);
}

Test(namepool, fails_for_want_of_memory_and_leaks_none)
{
	int r = -ENOMEM;

	for (long i = 0; r < 0; i++) {
		struct namepool p = { 0 };
		struct namepool_block b = { 0 };

		alloc_fail_at(i);
		r = namepool_add(&p, &b, names[3], names[4]);
		if (r == 0)
			r = namepool_add(&p, &b, names[4], names[3]);
		cr_assert(r == 0 || r == -ENOMEM);
		namepool_done(&p);
		array_free(&b.bytes);
		cr_expect_eq(alloc_live(), 0);
		alloc_fail_at(-1);
	}
}
