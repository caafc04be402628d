/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>

#include "cfi.h"
#include "cfimaker.h"

static int classify(const void *data, size_t n, bool has_cfa, struct cfi_expr *ret)
{
	return cfi_expr(bytes_of(data, n), has_cfa, ret);
}

static void check(const void *data, size_t n, enum cfi_expr_kind kind, unsigned reg, int64_t off,
		  int64_t added)
{
	struct cfi_expr e = { 0 };

	cr_expect_eq(classify(data, n, false, &e), 0);
	cr_expect_eq(e.kind, kind);
	cr_expect_eq(e.reg, reg);
	cr_expect_eq(e.off, off);
	cr_expect_eq(e.add, added);
}

static void check_refused(const void *data, size_t n)
{
	struct cfi_expr e;

	cr_expect_eq(classify(data, n, false, &e), -ENOTSUP);
}

Test(cfiexpr, reads_each_constant)
{
	check(INSNS(0x35), CFI_EXPR_CONST, 0, 5, 0);
	check(INSNS(0x08, 0xff), CFI_EXPR_CONST, 0, 255, 0);
	check(INSNS(0x09, 0xff), CFI_EXPR_CONST, 0, -1, 0);
	check(INSNS(0x0a, 0xfe, 0xff), CFI_EXPR_CONST, 0, 0xfffe, 0);
	check(INSNS(0x0b, 0xfe, 0xff), CFI_EXPR_CONST, 0, -2, 0);
	check(INSNS(0x0c, 1, 2, 3, 0x84), CFI_EXPR_CONST, 0, 0x84030201, 0);
	check(INSNS(0x0d, 0xfd, 0xff, 0xff, 0xff), CFI_EXPR_CONST, 0, -3, 0);
	check(INSNS(0x0e, 1, 0, 0, 0, 0, 0, 0, 0x40), CFI_EXPR_CONST, 0, 0x4000000000000001, 0);
	check(INSNS(0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), CFI_EXPR_CONST, 0, -1,
	      0);
	check(INSNS(0x10, 0x81, 1), CFI_EXPR_CONST, 0, 129, 0);
	check(INSNS(0x11, 0x7f), CFI_EXPR_CONST, 0, -1, 0);
}

Test(cfiexpr, adds_and_subtracts_constants)
{
	check(INSNS(0x77, 8, 0x23, 8), CFI_EXPR_REG, 7, 16, 0);
	check(INSNS(0x77, 8, 0x38, 0x22), CFI_EXPR_REG, 7, 16, 0);
	check(INSNS(0x38, 0x77, 8, 0x22), CFI_EXPR_REG, 7, 16, 0);
	check(INSNS(0x77, 8, 0x38, 0x1c), CFI_EXPR_REG, 7, 0, 0);
	check(INSNS(0x77, 8, 0x96, 0x06, 0x38, 0x1c), CFI_EXPR_DEREF, 7, 8, -8);
	check(INSNS(0x92, 31, 1), CFI_EXPR_REG, 31, 1, 0);
}

Test(cfiexpr, refuses_other_forms)
{
	check_refused(NO_INSNS);
	check_refused(INSNS(0x77));			    /* cut off */
	check_refused(INSNS(0x0c, 1, 2));		    /* cut off */
	check_refused(INSNS(0x06));			    /* nothing to read from */
	check_refused(INSNS(0x35, 0x06));		    /* a fixed address */
	check_refused(INSNS(0x77, 0, 0x06, 0x06));	    /* twice */
	check_refused(INSNS(0x77, 0, 0x76, 0, 0x22));	    /* two registers */
	check_refused(INSNS(0x35, 0x77, 0, 0x1c));	    /* minus a register */
	check_refused(INSNS(0x77, 0, 0x22));		    /* one operand */
	check_refused(INSNS(0x30, 0x30, 0x30, 0x30, 0x30)); /* deeper than any rule is */
	check_refused(INSNS(0x92, 32, 0));		    /* no general register */
	check_refused(INSNS(0x77, 0, 0x12));		    /* dup */
	check_refused(
		INSNS(0x77, 0, 0x23, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1));
	check_refused(INSNS(0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x4b, 0x2a, 0x33, 0x24, 0x22));
	check_refused(INSNS(0x77, 8, 0x79, 8, 0x38, 0x1e, 0x22, 0x06, 0x23, 8));
}

Test(cfiexpr, starts_register_places_from_the_cfa)
{
	struct cfi_expr e;

	cr_expect_eq(classify(INSNS(0x38, 0x1c), true, &e), 0);
	cr_expect_eq(e.kind, CFI_EXPR_CFA);
	cr_expect_eq(e.off, -8);
}
