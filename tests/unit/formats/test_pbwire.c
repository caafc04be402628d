/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>

#include "pbwire.h"

static int varint_of(const char *bytes, size_t n, uint64_t *ret, size_t *used)
{
	struct bytes b = bytes_of(bytes, n);
	int r = pbwire_varint(&b, ret);

	*used = b.pos;
	return r;
}

Test(pbwire, reads_varints_of_every_length)
{
	uint64_t v;
	size_t used;

	cr_assert_eq(varint_of("\x7f\x01", 2, &v, &used), 0);
	cr_assert(v == 127 && used == 1);
	cr_assert_eq(varint_of("\x80\x01", 2, &v, &used), 0);
	cr_assert(v == 128 && used == 2);
	cr_assert_eq(varint_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, &v, &used), 0);
	cr_assert(v == UINT64_MAX && used == 10);
}

Test(pbwire, refuses_varints_that_end_early_or_never)
{
	uint64_t v;
	size_t used;

	cr_assert_eq(varint_of("", 0, &v, &used), -EBADMSG);
	cr_assert_eq(varint_of("\x80", 1, &v, &used), -EBADMSG);
	cr_assert_eq(varint_of("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12, &v, &used),
		     -EBADMSG);
}

Test(pbwire, reads_each_kind_of_field)
{
	static const char bytes[] = "\x08\x05"	 /* 1: varint 5 */
				    "\x12\x02hi" /* 2: bytes */
				    "\x1d"
				    "1234" /* 3: 32 bits */
				    "\x21"
				    "12345678"; /* 4: 64 bits */
	struct bytes b = bytes_of(bytes, sizeof(bytes) - 1);
	struct pbfield f;

	cr_assert_eq(pbwire_field(&b, &f), 0);
	cr_assert(f.number == 1 && f.wire == PBWIRE_VARINT && f.value == 5);
	cr_assert_eq(pbwire_field(&b, &f), 0);
	cr_assert(f.number == 2 && f.bytes.n == 2 && memcmp(f.bytes.p, "hi", 2) == 0);
	cr_assert_eq(pbwire_field(&b, &f), 0);
	cr_assert(f.number == 3 && f.wire == PBWIRE_FIXED32);
	cr_assert_eq(pbwire_field(&b, &f), 0);
	cr_assert(f.number == 4 && f.wire == PBWIRE_FIXED64);
	cr_assert_eq(bytes_left(&b), 0);
}

Test(pbwire, refuses_what_is_no_field)
{
	static const char *const broken[] = { "\x0b", "\x02x", "\x12\x03hi",
					      "\x1d"
					      "123",
					      "\x21"
					      "1234567" };

	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		struct bytes b = bytes_of(broken[i], strlen(broken[i]));
		struct pbfield f;

		cr_assert_eq(pbwire_field(&b, &f), -EBADMSG, "%zu", i);
	}
}

Test(pbruns, fields_of_one_number_are_one_run)
{
	struct pbruns runs = { 0 };

	pbruns_add(&runs, 1, 0, 4);
	pbruns_add(&runs, 2, 4, 10);
	pbruns_add(&runs, 2, 10, 15);
	pbruns_add(&runs, 1, 15, 20);
	cr_assert_eq(runs.n, 3);
	cr_assert(runs.items[1].number == 2 && runs.items[1].start == 4 && runs.items[1].end == 15);
	cr_assert(runs.items[2].number == 1 && runs.items[2].start == 15);
}

Test(pbruns, more_than_fit_are_mixed)
{
	struct pbruns runs = { 0 };
	size_t at = 0;

	for (unsigned i = 0; i < 3 * PBRUNS_MAX; i++, at += 2)
		pbruns_add(&runs, 1 + i % 2, at, at + 2);
	cr_assert_eq(runs.n, PBRUNS_MAX);
	for (size_t i = 0; i + 1 < runs.n; i++) {
		cr_assert_eq(runs.items[i].number, 1 + i % 2);
		cr_assert_eq(runs.items[i].end, runs.items[i + 1].start);
	}
	cr_assert_eq(runs.items[PBRUNS_MAX - 1].number, PBRUN_MIXED);
	cr_assert_eq(runs.items[PBRUNS_MAX - 1].end, at);
}
