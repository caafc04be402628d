/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "cfimaker.h"
#include "cfipointer.h"

static const struct cfi_bases bases = { .vaddr = 0x1000, .text = 0x20000, .data = 0x30000 };

static void check(uint8_t enc, const void *data, size_t n, uint64_t expected)
{
	struct bytes b = bytes_of(data, n), copy = b;
	uint64_t v = 0;

	cr_expect_eq(cfi_pointer(&b, enc, &bases, &v), 0, "encoding %x", enc);
	cr_expect_eq(v, expected, "encoding %x gave %lx", enc, (unsigned long)v);
	cr_expect_eq(bytes_left(&b), 0);
	cr_expect_eq(cfi_pointer_skip(&copy, enc, &bases), 0);
	cr_expect_eq(copy.pos, b.pos);
	b = bytes_of(data, n - 1);
	cr_expect_eq(cfi_pointer(&b, enc, &bases, &v), -EBADMSG, "encoding %x cut off", enc);
}

Test(cfipointer, reads_each_format)
{
	check(0x00, INSNS(1, 2, 3, 4, 5, 6, 7, 8), 0x0807060504030201);
	check(0x01, INSNS(0x80, 0x01), 128);
	check(0x02, INSNS(0xfe, 0xff), 0xfffe);
	check(0x03, INSNS(0xfe, 0xff, 0xff, 0xff), 0xfffffffe);
	check(0x04, INSNS(1, 0, 0, 0, 0, 0, 0, 0x80), 0x8000000000000001);
	check(0x08, INSNS(1, 0, 0, 0, 0, 0, 0, 0x80), 0x8000000000000001);
	check(0x09, INSNS(0x80, 0x7f), (uint64_t)-128);
	check(0x0a, INSNS(0xfe, 0xff), (uint64_t)-2);
	check(0x0b, INSNS(0xfd, 0xff, 0xff, 0xff), (uint64_t)-3);
	check(0x0c, INSNS(0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), (uint64_t)-4);
}

Test(cfipointer, adds_each_base)
{
	check(0x1b, INSNS(0xf0, 0xff, 0xff, 0xff), 0x1000 - 16);
	check(0x2b, INSNS(8, 0, 0, 0), 0x20008);
	check(0x3b, INSNS(8, 0, 0, 0), 0x30008);
}

Test(cfipointer, aligns)
{
	struct bytes b = bytes_of(INSNS(9, 9, 9, 9, 9, 9, 9, 9, 5, 0, 0, 0, 0, 0, 0, 0));
	uint64_t v;

	cr_expect_eq(bytes_skip(&b, 3), 0);
	cr_expect_eq(cfi_pointer(&b, 0x50, &bases, &v), 0);
	cr_expect_eq(v, 5);
}

Test(cfipointer, refuses_what_only_a_process_knows)
{
	struct bytes b = bytes_of(INSNS(1, 0, 0, 0, 0, 0, 0, 0));
	uint64_t v;

	cr_expect_eq(cfi_pointer(&b, 0x9b, &bases, &v), -ENOTSUP);
	cr_expect_eq(cfi_pointer(&b, 0xff, &bases, &v), -ENOTSUP);
	cr_expect_eq(cfi_pointer(&b, 0x43, &bases, &v), -ENOTSUP);
	b.pos = 0;
	cr_expect_eq(cfi_pointer(&b, 0x05, &bases, &v), -EBADMSG);
	cr_expect_eq(cfi_pointer_skip(&b, 0xff, &bases), 0);
	cr_expect_eq(b.pos, 0);
}
