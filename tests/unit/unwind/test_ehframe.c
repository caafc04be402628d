/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of .eh_frame: kinds, order, and what is wrong with them. */
#include <criterion/criterion.h>

#include "cfimaker.h"
#include "cleanup.h"

static struct buf *buf_new(void)
{
	return calloc(1, sizeof(struct buf));
}

/* One CIE and FDE of this kind have to give one row. */
static void check_kind(const struct cie_spec *s)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	_cleanup_free_ struct buf *eh = buf_new();
	size_t cie = put_cie(eh, s, STD_INIT);

	put_fde(eh, s, cie, MADE_TEXT, 16, INSNS(0x44, 0x0e, 16));
	t = table_of(eh);
	cr_expect_str_eq(rule_at(t, MADE_TEXT - 1), "none");
	cr_expect_eq(strncmp(rule_at(t, MADE_TEXT), "rsp+8", 5), 0);
	cr_expect_eq(strncmp(rule_at(t, MADE_TEXT + 4), "rsp+16", 6), 0);
	cr_expect_str_eq(rule_at(t, MADE_TEXT + 16), "none");
	cr_expect_eq(t->stats.bad_cies + t->stats.bad_fdes, 0);
}

/* The CIE of this kind is broken; its FDE goes with it, and the next pair is read. */
static void check_bad_kind(const struct cie_spec *s)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	_cleanup_free_ struct buf *eh = buf_new();
	struct cie_spec good = { 0 };
	size_t cie = put_cie(eh, s, STD_INIT);

	put_fde(eh, s, cie, MADE_TEXT, 16, NO_INSNS);
	cie = put_cie(eh, &good, STD_INIT);
	put_fde(eh, &good, cie, MADE_TEXT + 64, 16, NO_INSNS);
	t = table_of(eh);
	cr_expect_str_eq(rule_at(t, MADE_TEXT), "none");
	cr_expect_str_eq(rule_at(t, MADE_TEXT + 64), "rsp+8");
	cr_expect_eq(t->stats.bad_cies, 1);
	cr_expect_eq(t->stats.bad_fdes, 1);
}

Test(ehframe, reads_each_version)
{
	check_kind(&(struct cie_spec){ .version = 1 });
	check_kind(&(struct cie_spec){ .version = 3 });
	check_kind(&(struct cie_spec){ .version = 4 });
	check_kind(&(struct cie_spec){ .is_64 = true });
	check_bad_kind(&(struct cie_spec){ .version = 2 });
	check_bad_kind(&(struct cie_spec){ .version = 5 });
}

Test(ehframe, reads_each_augmentation)
{
	check_kind(&(struct cie_spec){ .aug = "" });
	check_kind(&(struct cie_spec){ .aug = "eh" });
	check_kind(&(struct cie_spec){ .aug = "z" });
	check_kind(&(struct cie_spec){ .aug = "zPLR", .enc = 0x1b });
	check_kind(&(struct cie_spec){ .aug = "zRS", .enc = 0x1b });
	check_kind(&(struct cie_spec){ .aug = "zRBG", .enc = 0x1b });
	check_kind(&(struct cie_spec){ .aug = "S" });
	check_bad_kind(&(struct cie_spec){ .aug = "zX" });
	check_bad_kind(&(struct cie_spec){ .aug = "X" });
	check_bad_kind(&(struct cie_spec){ .code_align = 1 << 20 });
}

Test(ehframe, reads_each_encoding)
{
	static const uint8_t encs[] = { 0x00, 0x01, 0x03, 0x04, 0x0b, 0x0c,
					0x10, 0x13, 0x14, 0x1b, 0x1c, 0x50 };

	for (size_t i = 0; i < sizeof(encs); i++)
		check_kind(&(struct cie_spec){ .enc = encs[i] });
}

Test(ehframe, skips_functions_only_a_process_could_place)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	_cleanup_free_ struct buf *eh = buf_new();
	struct cie_spec indirect = { .enc = 0x9b }, good = { 0 };
	size_t cie = put_cie(eh, &indirect, STD_INIT);

	put_fde(eh, &indirect, cie, MADE_TEXT, 16, NO_INSNS);
	cie = put_cie(eh, &good, STD_INIT);
	put_fde(eh, &good, cie, MADE_TEXT + 64, 16, NO_INSNS);
	t = table_of(eh);
	cr_expect_eq(t->stats.bad_cies, 0);
	cr_expect_eq(t->stats.bad_fdes, 1);
}

Test(ehframe, multiplies_by_the_code_alignment)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	_cleanup_free_ struct buf *eh = buf_new();
	struct cie_spec s = { .code_align = 4 };
	size_t cie = put_cie(eh, &s, STD_INIT);

	put_fde(eh, &s, cie, MADE_TEXT, 64, INSNS(0x42, 0x0e, 16, 0x02, 3, 0x0e, 24));
	t = table_of(eh);
	cr_expect_str_eq(rule_at(t, MADE_TEXT + 7), "rsp+8");
	cr_expect_str_eq(rule_at(t, MADE_TEXT + 8), "rsp+16");
	cr_expect_str_eq(rule_at(t, MADE_TEXT + 20), "rsp+24");
}

Test(ehframe, marks_signal_frames)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	_cleanup_free_ struct buf *eh = buf_new();
	struct cie_spec s = { .aug = "zRS" };
	size_t cie = put_cie(eh, &s, STD_INIT);

	/* As in glibc's __restore_rt: all registers are in the ucontext at the stack pointer. */
	put_fde(eh, &s, cie, MADE_TEXT, 10,
		INSNS(0x0f, 4, 0x77, 0xa0, 1, 0x06, 0x10, 6, 3, 0x77, 0xf8, 0, 0x10, 16, 3, 0x77,
		      0xa8, 1));
	t = table_of(eh);
	cr_expect_str_eq(rule_at(t, MADE_TEXT), "*(rsp+160)+0 fp=*(rsp+120) ra=*(rsp+168) signal");
}

Test(ehframe, sorts_functions)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	_cleanup_free_ struct buf *eh = buf_new();
	struct cie_spec s = { .enc = 0x1b };
	size_t cie = put_cie(eh, &s, STD_INIT);

	for (unsigned i = 0; i < 2000; i++) {
		unsigned at = i * 7919 % 2000;

		put_fde(eh, &s, cie, MADE_TEXT + at * 0x400, 0x400,
			INSNS(0x41, 0x0e, (uint8_t)(at % 100 + 16)));
	}
	t = table_of(eh);
	cr_expect(t->stats.was_unsorted);
	for (unsigned at = 0; at < 2000; at++) {
		char expected[32];

		snprintf(expected, sizeof(expected), "rsp+%u", at % 100 + 16);
		cr_expect_str_eq(rule_at(t, MADE_TEXT + at * 0x400), "rsp+8");
		cr_expect_str_eq(rule_at(t, MADE_TEXT + at * 0x400 + 0x3ff), expected);
	}
}

Test(ehframe, cuts_overlapping_functions)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	_cleanup_free_ struct buf *eh = buf_new();
	struct cie_spec s = { 0 };
	size_t cie = put_cie(eh, &s, STD_INIT);

	put_fde(eh, &s, cie, MADE_TEXT, 0x100, NO_INSNS);
	put_fde(eh, &s, cie, MADE_TEXT + 0x40, 0x20, INSNS(0x0e, 16));
	put_fde(eh, &s, cie, MADE_TEXT + 0x200, 0x10, INSNS(0x0e, 24));
	put_fde(eh, &s, cie, MADE_TEXT + 0x200, 0x10, INSNS(0x0e, 32)); /* again */
	t = table_of(eh);
	cr_expect_str_eq(rule_at(t, MADE_TEXT + 0x3f), "rsp+8");
	cr_expect_str_eq(rule_at(t, MADE_TEXT + 0x40), "rsp+16");
	cr_expect_str_eq(rule_at(t, MADE_TEXT + 0x60), "none");
	cr_expect_str_eq(rule_at(t, MADE_TEXT + 0x200), "rsp+24");
	cr_expect_eq(t->stats.overlapping_fdes, 2);
}

Test(ehframe, merges_padding_but_marks_gaps)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	_cleanup_free_ struct buf *eh = buf_new();
	struct cie_spec s = { 0 };
	size_t cie = put_cie(eh, &s, STD_INIT);

	put_fde(eh, &s, cie, MADE_TEXT, 0x11, NO_INSNS);
	put_fde(eh, &s, cie, MADE_TEXT + 0x20, 0x10, NO_INSNS); /* 15 bytes on */
	put_fde(eh, &s, cie, MADE_TEXT + 0x40, 0x10, NO_INSNS); /* 16 bytes on */
	put_fde(eh, &s, cie, MADE_TEXT + 0x50, 0, NO_INSNS);	/* empty */
	t = table_of(eh);
	cr_expect_str_eq(rule_at(t, MADE_TEXT + 0x11), "rsp+8");
	cr_expect_str_eq(rule_at(t, MADE_TEXT + 0x1f), "rsp+8");
	cr_expect_str_eq(rule_at(t, MADE_TEXT + 0x2f), "rsp+8");
	cr_expect_str_eq(rule_at(t, MADE_TEXT + 0x30), "none");
	cr_expect_str_eq(rule_at(t, MADE_TEXT + 0x3f), "none");
	cr_expect_str_eq(rule_at(t, MADE_TEXT + 0x40), "rsp+8");
	cr_expect_str_eq(rule_at(t, MADE_TEXT + 0x50), "none");
	cr_expect_eq(t->stats.rows, 3);
	cr_expect_eq(t->stats.empty_fdes, 1);
}

Test(ehframe, leaves_a_hole_for_a_broken_function)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	_cleanup_free_ struct buf *eh = buf_new();
	struct cie_spec s = { 0 };
	size_t cie = put_cie(eh, &s, STD_INIT);

	put_fde(eh, &s, cie, MADE_TEXT, 0x20, INSNS(0x0e, 16));
	put_fde(eh, &s, cie, MADE_TEXT + 0x20, 0x20, INSNS(0x0e, 24, 0x41, 0x0e, 32, 0x41, 0x3f));
	put_fde(eh, &s, cie, MADE_TEXT + 0x40, 0x20, INSNS(0x0e, 40));
	t = table_of(eh);
	cr_expect_str_eq(rule_at(t, MADE_TEXT + 0x1f), "rsp+16");
	cr_expect_str_eq(rule_at(t, MADE_TEXT + 0x20), "none");
	cr_expect_str_eq(rule_at(t, MADE_TEXT + 0x3f), "none");
	cr_expect_str_eq(rule_at(t, MADE_TEXT + 0x40), "rsp+40");
	cr_expect_eq(t->stats.bad_fdes, 1);
}

Test(ehframe, leaves_out_functions_outside_the_text)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	_cleanup_free_ struct buf *eh = buf_new();
	struct cie_spec s = { 0 };
	size_t cie = put_cie(eh, &s, STD_INIT);

	put_fde(eh, &s, cie, MADE_TEXT, 0x20, NO_INSNS);
	put_fde(eh, &s, cie, 0x100, 0x20, NO_INSNS);
	put_fde(eh, &s, cie, MADE_TEXT_END - 8, 0x20, NO_INSNS);
	put_fde(eh, &s, cie, UINT64_MAX - 8, 0x20, NO_INSNS);
	put_fde(eh, &s, cie, MADE_TEXT, UINT64_MAX, NO_INSNS);
	put_fde(eh, &s, cie + 1, MADE_TEXT + 0x100, 0x20, NO_INSNS); /* no CIE there */
	t = table_of(eh);
	cr_expect_eq(t->stats.bad_fdes, 5);
	cr_expect_eq(t->stats.rows, 1);
}

Test(ehframe, reads_beyond_a_terminator_up_to_the_end_of_the_section)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	_cleanup_free_ struct buf *eh = buf_new();
	struct cie_spec s = { 0 };
	size_t cie = put_cie(eh, &s, STD_INIT);

	put_fde(eh, &s, cie, MADE_TEXT, 0x20, NO_INSNS);
	put_u32(eh, 0);
	cie = put_cie(eh, &s, STD_INIT);
	put_fde(eh, &s, cie, MADE_TEXT + 0x100, 0x20, NO_INSNS);
	put_u32(eh, 0x1000); /* longer than what is there */
	t = table_of(eh);
	cr_expect_str_eq(rule_at(t, MADE_TEXT + 0x100), "rsp+8");
	cr_expect(t->stats.bad_section);
}
