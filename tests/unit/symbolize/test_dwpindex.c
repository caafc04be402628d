/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "dwpindex.h"

enum { UNITS = 3, COLUMNS = 4, SLOTS = 4 };

/* An index as it is in a file; the numbers of columns are those of the version. */
struct index {
	uint32_t version, n_columns, n_units, n_slots;
	uint64_t ids[SLOTS];
	uint32_t rows[SLOTS];
	uint32_t columns[COLUMNS];
	uint32_t offsets[UNITS][COLUMNS], sizes[UNITS][COLUMNS];
};

/* The second of two ids that want the same slot is a step of 3 away: (0x200000000 >> 32 & 3) | 1.
 */
static const struct index good = {
	.version = 5,
	.n_columns = COLUMNS,
	.n_units = UNITS,
	.n_slots = SLOTS,
	.ids = { 0x200000004, 0x100000005, 0, 0x200000008 },
	.rows = { 1, 2, 0, 3 },
	.columns = { 1, 3, 8, 5 }, /* info, abbrev, rnglists, loclists */
	.offsets = { { 0, 0, 0, 0 }, { 100, 10, 20, 1 }, { 150, 0, 30, 1 } },
	.sizes = { { 100, 50, 20, 9 }, { 50, 10, 10, 9 }, { 20, 50, 0, 9 } },
};

static uint8_t info[170], abbrev[50], ranges[30], str[5];

static struct dwsections sections_of(const struct index *x, size_t n)
{
	struct dwsections d = { .fd = -1 };

	d.s[DW_CU_INDEX] = (struct dwsection){ .mem = (uint8_t *)(uintptr_t)x, .size = n };
	d.s[DW_INFO] = (struct dwsection){ .mem = info, .size = sizeof(info) };
	d.s[DW_ABBREV] = (struct dwsection){ .mem = abbrev, .size = sizeof(abbrev) };
	d.s[DW_RNGLISTS] = (struct dwsection){ .mem = ranges, .size = sizeof(ranges) };
	d.s[DW_STR] = (struct dwsection){ .mem = str, .size = sizeof(str) };
	return d;
}

Test(dwpindex, finds_the_parts_of_a_unit)
{
	struct dwsections d = sections_of(&good, sizeof(good)), view;
	struct dwpindex x;

	cr_assert_eq(dwpindex_open(&d, &x), 0);
	cr_assert_eq(dwpindex_find(&x, &d, 0x100000005, &view), 0);
	cr_expect_eq(view.s[DW_INFO].mem, info + 100);
	cr_expect_eq(view.s[DW_INFO].size, 50);
	cr_expect_eq(view.s[DW_ABBREV].mem, abbrev + 10);
	cr_expect_eq(view.s[DW_RNGLISTS].mem, ranges + 20);
	cr_expect_eq(view.s[DW_RNGLISTS].size, 10);
	cr_expect_eq(view.s[DW_STR].mem, str, "without a column: whole");
	cr_expect_eq(view.s[DW_STR].size, sizeof(str));
	/* In the second slot that is tried. */
	cr_assert_eq(dwpindex_find(&x, &d, 0x200000008, &view), 0);
	cr_expect_eq(view.s[DW_INFO].mem, info + 150);
	cr_expect_eq(view.s[DW_RNGLISTS].size, 0);
	cr_expect_eq(dwpindex_find(&x, &d, 0x300000005, &view), -ENOENT);
	cr_expect_eq(dwpindex_find(&x, &d, 2, &view), -ENOENT);
}

/* Of GNU's version 8 is a column of macros. */
Test(dwpindex, knows_the_numbers_of_either_version)
{
	struct index gnu = good;
	struct dwsections d = sections_of(&gnu, sizeof(gnu)), view;
	struct dwpindex x;

	gnu.version = 2;
	cr_assert_eq(dwpindex_open(&d, &x), 0);
	cr_assert_eq(dwpindex_find(&x, &d, 0x100000005, &view), 0);
	cr_expect_eq(view.s[DW_INFO].mem, info + 100);
	cr_expect_eq(view.s[DW_RNGLISTS].size, sizeof(ranges));
}

Test(dwpindex, refuses_what_is_broken)
{
	const struct {
		size_t at;
		uint32_t value;
		int error; /* of opening; 0: of finding */
	} t[] = {
		{ offsetof(struct index, version), 3, -ENOTSUP },
		{ offsetof(struct index, n_columns), 0, -EBADMSG },
		{ offsetof(struct index, n_columns), 5, -EBADMSG },
		{ offsetof(struct index, n_columns), UINT32_MAX, -EBADMSG },
		{ offsetof(struct index, n_units), 0, -ENOENT },
		{ offsetof(struct index, n_units), 4, -EBADMSG },
		{ offsetof(struct index, n_units), UINT32_MAX, -EBADMSG },
		{ offsetof(struct index, n_slots), 0, -ENOENT },
		{ offsetof(struct index, n_slots), 3, -EBADMSG },
		{ offsetof(struct index, n_slots), 1u << 31, -EBADMSG },
		{ offsetof(struct index, columns[1]), 1, -EBADMSG },
		{ offsetof(struct index, columns[0]), 9, -EBADMSG },
		{ offsetof(struct index, rows[1]), 4, 0 },
		{ offsetof(struct index, rows[1]), UINT32_MAX, 0 },
		{ offsetof(struct index, offsets[1][0]), 121, 0 },
		{ offsetof(struct index, offsets[1][1]), UINT32_MAX, 0 },
		{ offsetof(struct index, sizes[1][2]), 11, 0 },
		{ offsetof(struct index, sizes[1][2]), UINT32_MAX, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct index bad = good;
		struct dwsections d = sections_of(&bad, sizeof(bad)), view;
		struct dwpindex x;

		memcpy((char *)&bad + t[i].at, &t[i].value, sizeof(t[i].value));
		cr_expect_eq(dwpindex_open(&d, &x), t[i].error, "%zu", i);
		if (t[i].error == 0)
			cr_expect_eq(dwpindex_find(&x, &d, 0x100000005, &view), -EBADMSG, "%zu", i);
	}
	for (size_t n = 0; n < sizeof(good); n++) {
		struct dwsections d = sections_of(&good, n);
		struct dwpindex x;

		cr_expect_lt(dwpindex_open(&d, &x), 0, "%zu bytes", n);
	}
}

/* A table without an empty slot ends all the same. */
Test(dwpindex, ends_in_a_full_table)
{
	struct index full = good;
	struct dwsections d = sections_of(&full, sizeof(full)), view;
	struct dwpindex x;

	full.ids[2] = 6;
	full.rows[2] = 1;
	cr_assert_eq(dwpindex_open(&d, &x), 0);
	cr_expect_eq(dwpindex_find(&x, &d, 0x700000001, &view), -ENOENT);
}
