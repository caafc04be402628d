/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of small numbers: what was put in comes out, whatever the widths. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#include "packtab.h"

enum { RECORDS = 100 };

static uint64_t draw(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return *seed >> 7;
}

/* Fields of so many bits. */
static void check(const unsigned bits[PACKTAB_FIELDS])
{
	uint64_t all[PACKTAB_FIELDS] = { 0 }, want[RECORDS][PACKTAB_FIELDS], seed = bits[0];
	struct packtab t = { .at = 8 };
	struct packtab_writer w;
	uint8_t *image;

	for (size_t i = 0; i < RECORDS; i++)
		for (size_t k = 0; k < PACKTAB_FIELDS; k++) {
			want[i][k] = bits[k] ? draw(&seed) >> (57 - bits[k]) : 0;
			all[k] |= want[i][k];
		}
	cr_assert_eq(packtab_shape(&t, RECORDS, all), 0);
	image = calloc(1, 8 + packtab_bytes(&t)); /* exact, for the sanitizer */
	cr_expect(packtab_fits(&t, 8 + packtab_bytes(&t)));
	cr_expect_not(packtab_fits(&t, 7 + packtab_bytes(&t)));
	w = (struct packtab_writer){ .to = image + t.at };
	for (size_t i = 0; i < RECORDS; i++)
		for (size_t k = 0; k < PACKTAB_FIELDS; k++)
			packtab_put(&w, want[i][k], t.bits[k]);
	packtab_end(&w);
	for (size_t i = 0; i < RECORDS; i++) {
		uint64_t got[PACKTAB_FIELDS];

		packtab_get(&t, image, i, got);
		for (size_t k = 0; k < PACKTAB_FIELDS; k++)
			cr_assert_eq(got[k], want[i][k], "%u %zu %zu", bits[k], i, k);
	}
	free(image);
}

Test(packtab, fields_of_any_width)
{
	for (unsigned a = 0; a <= PACKTAB_BITS; a++)
		for (unsigned b = 0; b <= PACKTAB_BITS; b += 5)
			check((unsigned[]){ a, b, PACKTAB_BITS - a, (a + b) % 33 });
}

Test(packtab, what_is_too_wide_or_outside_is_refused)
{
	struct packtab t = { 0 };

	cr_expect_eq(packtab_shape(&t, 1, (uint64_t[]){ 0, 1ull << PACKTAB_BITS, 0, 0 }), -EFBIG);
	cr_expect_eq(packtab_shape(&t, 1ull << 32, (uint64_t[]){ 0, 0, 0, 0 }), -EFBIG);
	cr_expect_eq(packtab_shape(&t, UINT32_MAX, (uint64_t[]){ ~0ull >> 7, 1, 0, 0 }), 0);
	cr_expect_not(packtab_fits(&t, 1 << 30));
	t = (struct packtab){ .at = UINT32_MAX, .bits = { 1 } };
	cr_expect_not(packtab_fits(&t, UINT32_MAX));
	t = (struct packtab){ .bits = { PACKTAB_BITS + 1 } };
	cr_expect_not(packtab_fits(&t, 1000));
	t.bits[0] = 255;
	cr_expect_not(packtab_fits(&t, 1000));
}
