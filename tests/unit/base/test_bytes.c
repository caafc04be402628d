/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>

#include "bytes.h"

static const uint8_t data[] = { 1, 2, 3, 4, 5, 6, 7, 8, 'a', 'b', 0, 'c' };

Test(bytes, integers_are_little_endian_at_any_alignment)
{
	struct bytes b = bytes_of(data, sizeof(data));
	uint64_t u64 = 0;
	uint32_t u32 = 0;
	uint16_t u16 = 0;
	uint8_t u8 = 0;

	cr_expect_eq(bytes_u8(&b, &u8), 0);
	cr_expect_eq(bytes_u16(&b, &u16), 0);
	cr_expect_eq(bytes_u32(&b, &u32), 0);
	cr_expect_eq(u8, 1);
	cr_expect_eq(u16, 0x0302);
	cr_expect_eq(u32, 0x07060504);
	cr_expect_eq(bytes_seek(&b, 1), 0);
	cr_expect_eq(bytes_u64(&b, &u64), 0);
	cr_expect_eq(u64, 0x6108070605040302);
}

Test(bytes, reads_past_the_end_fail_and_change_nothing)
{
	struct bytes b = bytes_of(data, 5);
	const void *p = NULL;
	uint64_t u64 = 42;

	cr_expect_eq(bytes_skip(&b, 2), 0);
	cr_expect_eq(bytes_u64(&b, &u64), -EBADMSG);
	cr_expect_eq(u64, 42);
	cr_expect_eq(bytes_take(&b, 4, &p), -EBADMSG);
	cr_expect_eq(bytes_take(&b, UINT64_MAX, &p), -EBADMSG);
	cr_expect_null(p);
	cr_expect_eq(bytes_left(&b), 3);
	cr_expect_eq(bytes_take(&b, 3, &p), 0);
	cr_expect_eq(p, data + 2);
	cr_expect_eq(bytes_left(&b), 0);
	cr_expect_eq(bytes_take(&b, 0, &p), 0);
}

Test(bytes, seek_reaches_the_end_and_no_further)
{
	struct bytes b = bytes_of(data, sizeof(data));

	cr_expect_eq(bytes_seek(&b, sizeof(data)), 0);
	cr_expect_eq(bytes_left(&b), 0);
	cr_expect_eq(bytes_seek(&b, sizeof(data) + 1), -EBADMSG);
	cr_expect_eq(bytes_seek(&b, UINT64_MAX), -EBADMSG);
	cr_expect_eq(bytes_left(&b), 0);
}

Test(bytes, parts_lie_inside_the_whole)
{
	static const struct {
		uint64_t off, n;
		int r;
	} t[] = {
		{ 0, 12, 0 },
		{ 12, 0, 0 },
		{ 8, 4, 0 },
		{ 8, 5, -EBADMSG },
		{ 13, 0, -EBADMSG },
		{ 1, UINT64_MAX, -EBADMSG },
		{ UINT64_MAX, 1, -EBADMSG },
		{ UINT64_MAX - 1, 2, -EBADMSG },
	};
	struct bytes b = bytes_of(data, sizeof(data));

	cr_assert_eq(bytes_seek(&b, 3), 0);
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct bytes part = { 0 };

		cr_expect_eq(bytes_part(&b, t[i].off, t[i].n, &part), t[i].r, "part %zu", i);
		cr_expect_eq(part.p, t[i].r ? NULL : data + t[i].off, "part %zu", i);
		cr_expect_eq(part.n, t[i].r ? 0 : t[i].n, "part %zu", i);
	}
}

Test(bytes, strings_end_with_a_nul_that_is_there)
{
	struct bytes b = bytes_of(data, sizeof(data));
	const char *s = NULL;

	cr_assert_eq(bytes_seek(&b, 8), 0);
	cr_expect_eq(bytes_str(&b, &s), 0);
	cr_expect_str_eq(s, "ab");
	cr_expect_eq(bytes_left(&b), 1);
	s = NULL;
	cr_expect_eq(bytes_str(&b, &s), -EBADMSG);
	cr_expect_null(s);
	cr_expect_eq(bytes_skip(&b, 1), 0);
	cr_expect_eq(bytes_str(&b, &s), -EBADMSG);
}
