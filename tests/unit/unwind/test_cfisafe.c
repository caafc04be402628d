/* SPDX-License-Identifier: Apache-2.0 */
/* What may pass to an interpreter that trusts its input, and what it looks like then. */
#include "cfisafe.h"

#include <criterion/criterion.h>

#define INSNS(...) \
	bytes_of((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static const struct cfi_common cie = { .code_align = 1, .data_align = -8, .ra_reg = 16 };

static int copy(struct cfi_safe *s, uint64_t stop, struct bytes insns)
{
	*s = (struct cfi_safe){ .max = 4096, .cie = &cie, .stop = stop };
	return cfi_safe_copy(s, insns);
}

static void expect_copy(uint64_t stop, struct bytes insns, struct bytes want)
{
	struct cfi_safe s;

	cr_assert_eq(copy(&s, stop, insns), 0);
	if (want.n && s.out.n >= want.n)
		cr_expect_arr_eq(s.out.items, want.p, want.n);
	cr_expect_eq(s.out.n, want.n, "%zu bytes, not %zu", s.out.n, want.n);
	array_free(&s.out);
}

static void expect_refused(int error, struct bytes insns)
{
	struct cfi_safe s;

	cr_expect_eq(copy(&s, 1000, insns), error);
	array_free(&s.out);
}

Test(cfisafe, plain)
{
	/* push rbp; mov rbp, rsp; the row beyond the address is left out. */
	const struct bytes all =
		INSNS(0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x42, 0x0c, 7, 8, 0, 0);

	expect_copy(1000, all, bytes_of(all.p, all.n - 2));
	expect_copy(4, all, bytes_of(all.p, 9));
	expect_copy(3, all, bytes_of(all.p, 6));
	expect_copy(0, all, bytes_of(all.p, 1));
}

Test(cfisafe, other_registers_are_left_out)
{
	expect_copy(0, INSNS(0x86, 2, 0x91, 3, 0x05, 17, 4, 0x07, 3, 0x08, 33, 0x10, 40, 1, 0x96),
		    INSNS(0x86, 2));
}

Test(cfisafe, undefined)
{
	expect_copy(0, INSNS(0x07, 16, 0x07, 6), INSNS(0x07, 16));
}

Test(cfisafe, val_offset_becomes_an_expression)
{
	expect_copy(0, INSNS(0x14, 7, 0), INSNS(0x16, 7, 3, 0x11, 0, 0x22));
	expect_copy(0, INSNS(0x14, 7, 2), INSNS(0x16, 7, 3, 0x11, 0x70, 0x22));
	expect_copy(0, INSNS(0x15, 7, 0x7e), INSNS(0x16, 7, 3, 0x11, 0x10, 0x22));
	expect_copy(0, INSNS(0x14, 7, 100), INSNS(0x16, 7, 4, 0x11, 0xe0, 0x79, 0x22));
	expect_copy(0, INSNS(0x14, 70, 1), INSNS());
}

Test(cfisafe, register_numbers)
{
	expect_copy(0, INSNS(0x09, 16, 11), INSNS(0x09, 16, 11));
	expect_copy(0, INSNS(0x09, 16, 17), INSNS());
	expect_copy(0, INSNS(0x09, 16, 0xff, 0xff, 3), INSNS());
	expect_refused(-ENOTSUP, INSNS(0x0c, 17, 8));
	expect_refused(-ENOTSUP, INSNS(0x0d, 0x80, 1));
}

Test(cfisafe, states)
{
	uint8_t deep[65];

	expect_copy(0, INSNS(0x0a, 0x0e, 8, 0x0b), INSNS(0x0a, 0x0e, 8, 0x0b));
	expect_refused(-EBADMSG, INSNS(0x0b));
	expect_refused(-EBADMSG, INSNS(0x0a, 0x0b, 0x0b));
	memset(deep, 0x0a, sizeof(deep));
	expect_refused(-ENOTSUP, bytes_of(deep, sizeof(deep)));
}

Test(cfisafe, cut_off)
{
	expect_refused(-EBADMSG, INSNS(0x0e));
	expect_refused(-EBADMSG, INSNS(0x86));
	expect_refused(-EBADMSG, INSNS(0x03, 1));
	expect_refused(-EBADMSG, INSNS(0x0f, 3, 0x77, 8));
	expect_refused(-EBADMSG, INSNS(0x0e, 0x80, 0x80));
	expect_refused(-ENOTSUP, INSNS(0x3f));
	expect_refused(-ENOTSUP, INSNS(0x01, 0, 0, 0, 0, 0, 0, 0, 0));
}

Test(cfisafe, expressions)
{
	/* of a PLT: rsp + 8 + ((rip & 15) >= 11) * 8 */
	cr_expect(cfi_safe_expr(INSNS(0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22)));
	cr_expect(cfi_safe_expr(INSNS(0x77, 0xa0, 1, 0x06)));
	cr_expect(cfi_safe_expr(INSNS(0x2f, 1, 0, 0x96, 0x30)), "forward to an operation");
	cr_expect(cfi_safe_expr(INSNS(0x30, 0x28, 0, 0)), "forward to the end");
	cr_expect_not(cfi_safe_expr(INSNS(0x2f, 0xfd, 0xff)), "to itself");
	cr_expect_not(cfi_safe_expr(INSNS(0x2f, 1, 0, 0x08, 0x1b)), "into an operand");
	cr_expect_not(cfi_safe_expr(INSNS(0x2f, 9, 0)), "beyond the end");
	cr_expect_not(cfi_safe_expr(INSNS(0x30, 0x31, 0x1b)), "division");
	cr_expect_not(cfi_safe_expr(INSNS(0x81, 0)), "r17");
	cr_expect_not(cfi_safe_expr(INSNS(0x94, 3)), "three bytes");
	cr_expect_not(cfi_safe_expr(INSNS(0x18)), "xderef");
	cr_expect_not(cfi_safe_expr(INSNS(0x0e, 1, 2)), "cut off");
	expect_refused(-ENOTSUP, INSNS(0x0f, 1, 0x1b));
}

Test(cfisafe, limit)
{
	struct cfi_safe s = { .max = 3, .cie = &cie, .stop = 1000 };

	cr_expect_eq(cfi_safe_copy(&s, INSNS(0x0e, 16, 0x86, 2)), -EFBIG);
	array_free(&s.out);
}
