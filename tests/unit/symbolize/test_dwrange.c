/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of ranges of both kinds, and bounds of an entry. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dwmaker.h"
#include "dwrange.h"

static const struct dwunit *unit_of(struct dwfile *f, const struct dwmaker *m, unsigned version)
{
	static struct dwunit u;

	*f = (struct dwfile){ .s = dwmaker_sections(m) };
	u = (struct dwunit){ .shape = { (uint8_t)version, 8, 4 },
			     .base_pc = 0x10000,
			     .addr_base = 8,
			     .rnglists_base = 12,
			     .addrs = &f->s,
			     .gnu_ranges = &f->s };
	return &u;
}

/* What an entry has: "lo-hi lo-hi", behind the error if there is one. */
static const char *show(const struct dwmaker *m, unsigned version, const uint16_t forms[3],
			const uint64_t values[3], uint64_t left)
{
	static char text[4096];
	struct dwspans s = { .left = left };
	struct dwfile f;
	const struct dwunit *u = unit_of(&f, m, version);
	int r = dwrange_read(&f, u, forms, values, &s);
	size_t n = (size_t)snprintf(text, sizeof(text), "%s", r < 0 ? strerrorname_np(-r) : "");

	array_each(&s.spans, span)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%lx-%lx", n ? " " : "",
				      (unsigned long)span->lo, (unsigned long)span->hi);
	dwspans_done(&s);
	dwfile_close(&f);
	return text;
}

static const char *list(const struct dwmaker *m, unsigned version, unsigned form, uint64_t value)
{
	return show(m, version, (const uint16_t[]){ 0, 0, (uint16_t)form },
		    (const uint64_t[]){ 0, 0, value }, 1000);
}

static const char *bounds(unsigned low, uint64_t lo, unsigned high, uint64_t hi)
{
	struct dwmaker m = { 0 };
	const char *text;

	dwmaker_uint(&m, DW_ADDR, 0, 8);
	dwmaker_uint(&m, DW_ADDR, 0x1000, 8);
	dwmaker_uint(&m, DW_ADDR, 0x1800, 8);
	text = show(&m, 5, (const uint16_t[]){ (uint16_t)low, (uint16_t)high, 0 },
		    (const uint64_t[]){ lo, hi, 0 }, 0);
	dwmaker_done(&m);
	return text;
}

Test(dwrange, bounds_are_addresses_or_a_size)
{
	cr_expect_str_eq(bounds(DW_FORM_addr, 0x1000, DW_FORM_addr, 0x1100), "1000-1100");
	cr_expect_str_eq(bounds(DW_FORM_addr, 0x1000, DW_FORM_data4, 0x100), "1000-1100");
	cr_expect_str_eq(bounds(DW_FORM_addr, 0x1000, DW_FORM_implicit_const, 0x10), "1000-1010");
	cr_expect_str_eq(bounds(DW_FORM_addrx, 0, DW_FORM_addrx, 1), "1000-1800");
	cr_expect_str_eq(bounds(DW_FORM_addrx, 1, DW_FORM_udata, 1), "1800-1801");
	cr_expect_str_eq(bounds(DW_FORM_addr, 0x1000, DW_FORM_addr, 0x1000), "");
	cr_expect_str_eq(bounds(DW_FORM_addr, 0x1000, DW_FORM_addr, 0x900), "");
	cr_expect_str_eq(bounds(DW_FORM_addr, 0x1000, DW_FORM_data8, UINT64_MAX - 5), "");
	cr_expect_str_eq(bounds(DW_FORM_addr, 0x1000, 0, 0), "");
	cr_expect_str_eq(bounds(0, 0, DW_FORM_data4, 0x100), "");
	cr_expect_str_eq(bounds(DW_FORM_addrx, 2, DW_FORM_data4, 0x100), "EBADMSG");
	cr_expect_str_eq(bounds(DW_FORM_addrx, 0, DW_FORM_addrx, 2), "EBADMSG", "no size of 2");
	cr_expect_str_eq(bounds(DW_FORM_data4, 0, DW_FORM_data4, 2), "EBADMSG");
}

static void put_pair(struct dwmaker *m, uint64_t a, uint64_t b)
{
	dwmaker_uint(m, DW_RANGES, a, 8);
	dwmaker_uint(m, DW_RANGES, b, 8);
}

Test(dwrange, pairs_count_from_the_base)
{
	struct dwmaker m = { 0 };

	put_pair(&m, 0xdead, 0xbeef);
	put_pair(&m, 0x10, 0x20);
	put_pair(&m, 0x30, 0x30);	   /* empty */
	put_pair(&m, 0x50, 0x40);	   /* impossible */
	put_pair(&m, UINT64_MAX, 0x20000); /* another base */
	put_pair(&m, 0x10, 0x20);
	put_pair(&m, UINT64_MAX, 0);
	put_pair(&m, 0x10, 0x20);
	put_pair(&m, 0, 0);
	put_pair(&m, 1, 2);
	cr_expect_str_eq(list(&m, 4, DW_FORM_sec_offset, 16), "10010-10020 20010-20020 10-20");
	cr_expect_str_eq(list(&m, 3, DW_FORM_data4, 16), "10010-10020 20010-20020 10-20");
	/* It does not end: what stands before stays. */
	cr_expect_str_eq(list(&m, 4, DW_FORM_sec_offset, 9 * 16), "EBADMSG 10001-10002");
	cr_expect_str_eq(list(&m, 4, DW_FORM_sec_offset, 10 * 16), "EBADMSG");
	cr_expect_str_eq(list(&m, 4, DW_FORM_sec_offset, UINT64_MAX), "EBADMSG");
	dwmaker_done(&m);
}

static size_t put_lists(struct dwmaker *m)
{
	size_t at;

	dwmaker_uint(m, DW_ADDR, 0, 8);
	dwmaker_uint(m, DW_ADDR, 0x1000, 8);
	dwmaker_uint(m, DW_ADDR, 0x1800, 8);
	/* The header, and a table of offsets with one entry. */
	dwmaker_uint(m, DW_RNGLISTS, 0, 12);
	dwmaker_uint(m, DW_RNGLISTS, 4, 4);
	at = dwmaker_at(m, DW_RNGLISTS);
	return at;
}

static void put_rle(struct dwmaker *m, unsigned kind, uint64_t a, uint64_t b)
{
	bool raw = kind == DW_RLE_base_address || kind == DW_RLE_start_end ||
		   kind == DW_RLE_start_length;

	dwmaker_uint(m, DW_RNGLISTS, kind, 1);
	if (raw)
		dwmaker_uint(m, DW_RNGLISTS, a, 8);
	else if (kind != DW_RLE_end_of_list)
		dwmaker_uleb(m, DW_RNGLISTS, a);
	if (kind == DW_RLE_start_end)
		dwmaker_uint(m, DW_RNGLISTS, b, 8);
	else if (kind != DW_RLE_end_of_list && kind != DW_RLE_base_address &&
		 kind != DW_RLE_base_addressx)
		dwmaker_uleb(m, DW_RNGLISTS, b);
}

Test(dwrange, reads_every_kind_of_entry)
{
	static const char want[] = "10001-10002 1810-1a00 40010-40020 1000-1800 1800-1880 "
				   "5000-6000 7000-7010";
	struct dwmaker m = { 0 };
	size_t at = put_lists(&m);

	put_rle(&m, DW_RLE_offset_pair, 1, 2);
	put_rle(&m, DW_RLE_base_addressx, 1, 0);
	put_rle(&m, DW_RLE_offset_pair, 0x10, 0x200);
	put_rle(&m, DW_RLE_base_address, 0x40000, 0);
	put_rle(&m, DW_RLE_offset_pair, 0x10, 0x20);
	put_rle(&m, DW_RLE_startx_endx, 0, 1);
	put_rle(&m, DW_RLE_startx_length, 1, 0x80);
	put_rle(&m, DW_RLE_start_end, 0x5000, 0x6000);
	put_rle(&m, DW_RLE_start_length, 0x7000, 0x10);
	put_rle(&m, DW_RLE_start_length, 0x8000, 0);
	put_rle(&m, DW_RLE_end_of_list, 0, 0);
	put_rle(&m, DW_RLE_start_length, 0x9000, 1);
	cr_expect_str_eq(list(&m, 5, DW_FORM_sec_offset, at), want);
	cr_expect_str_eq(list(&m, 5, DW_FORM_rnglistx, 0), want);
	cr_expect_str_eq(list(&m, 5, DW_FORM_rnglistx, 1 << 20), "EBADMSG");
	cr_expect_str_eq(list(&m, 5, DW_FORM_rnglistx, UINT64_MAX), "EBADMSG");
	cr_expect_str_eq(list(&m, 5, DW_FORM_sec_offset, dwmaker_at(&m, DW_RNGLISTS)), "EBADMSG");
	dwmaker_done(&m);
}

Test(dwrange, broken_entries_end_a_list)
{
	struct dwmaker m = { 0 };
	size_t at = put_lists(&m), bad;

	put_rle(&m, DW_RLE_offset_pair, 1, 2);
	bad = dwmaker_at(&m, DW_RNGLISTS);
	dwmaker_uint(&m, DW_RNGLISTS, 0x77, 1);
	cr_expect_str_eq(list(&m, 5, DW_FORM_sec_offset, at), "EBADMSG 10001-10002");
	m.s[DW_RNGLISTS].n = bad;
	put_rle(&m, DW_RLE_base_addressx, 99, 0);
	cr_expect_str_eq(list(&m, 5, DW_FORM_sec_offset, at), "EBADMSG 10001-10002");
	m.s[DW_RNGLISTS].n = bad;
	put_rle(&m, DW_RLE_startx_endx, 0, 99);
	cr_expect_str_eq(list(&m, 5, DW_FORM_sec_offset, at), "EBADMSG 10001-10002");
	m.s[DW_RNGLISTS].n = bad;
	put_rle(&m, DW_RLE_start_end, 1, 2);
	while (m.s[DW_RNGLISTS].n > bad) {
		cr_expect_str_eq(list(&m, 5, DW_FORM_sec_offset, at),
				 m.s[DW_RNGLISTS].n == bad + 17 ? "EBADMSG 10001-10002 1-2"
								: "EBADMSG 10001-10002");
		m.s[DW_RNGLISTS].n--;
	}
	dwmaker_done(&m);
}

Test(dwrange, reads_no_more_entries_than_it_may)
{
	static const uint16_t forms[] = { 0, 0, DW_FORM_sec_offset };
	static const uint64_t values[] = { 0, 0, 16 };
	struct dwmaker m = { 0 };

	put_lists(&m);
	for (unsigned i = 0; i < 10; i++)
		put_rle(&m, DW_RLE_offset_pair, i, i); /* empty, but they take time */
	put_rle(&m, DW_RLE_offset_pair, 1, 2);
	put_rle(&m, DW_RLE_end_of_list, 0, 0);
	cr_expect_str_eq(show(&m, 5, forms, values, 12), "10001-10002");
	cr_expect_str_eq(show(&m, 5, forms, values, 11), "EFBIG 10001-10002");
	cr_expect_str_eq(show(&m, 5, forms, values, 10), "EFBIG");
	cr_expect_str_eq(show(&m, 5, forms, values, 0), "EFBIG");
	dwmaker_done(&m);
}

/* In a section that is not in memory a list is read in windows. */
Test(dwrange, long_lists_in_a_file)
{
	struct dwmaker m = { 0 };
	struct dwspans s = { .left = 100000 };
	struct dwfile f;
	struct dwunit u;

	for (unsigned i = 0; i < 50000; i++)
		put_pair(&m, 2 * i + 1, 2 * i + 2);
	put_pair(&m, 0, 0);
	u = *unit_of(&f, &m, 4);
	dwfile_close(&f);
	f = (struct dwfile){ 0 };
	cr_assert_eq(dwsections_open(dwmaker_elf(&m), false, 0, &f.s), 0);
	u.gnu_ranges = &f.s;
	cr_expect_eq(dwrange_read(&f, &u, (const uint16_t[]){ 0, 0, DW_FORM_sec_offset },
				  (const uint64_t[]){ 0, 0, 0 }, &s),
		     0);
	cr_expect_eq(s.spans.n, 50000);
	cr_expect_eq(s.spans.items[49999].hi, 0x10000 + 100000);
	dwspans_done(&s);
	dwfile_close(&f);
	dwmaker_done(&m);
}
