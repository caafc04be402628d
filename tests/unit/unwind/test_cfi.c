/* SPDX-License-Identifier: Apache-2.0 */
/* Each call frame instruction, by hand, as rows. */
#include <criterion/criterion.h>

#include "cfimaker.h"

Test(cfi, advances_by_each_width)
{
	check_rows(INSNS(0x41, 0x0e, 16), "0 rsp+8; 1 rsp+16");
	check_rows(INSNS(0x7f, 0x0e, 16), "0 rsp+8; 63 rsp+16");
	check_rows(INSNS(0x02, 200, 0x0e, 16), "0 rsp+8; 200 rsp+16");
	check_rows(INSNS(0x03, 200, 0, 0x0e, 16), "0 rsp+8; 200 rsp+16");
	check_rows(INSNS(0x04, 200, 0, 0, 0, 0x0e, 16), "0 rsp+8; 200 rsp+16");
	check_rows(INSNS(0x40, 0x0e, 16), "0 rsp+16"); /* by 0: the same row */
}

Test(cfi, sets_the_location)
{
	check_rows(INSNS(0x01, 0x30, 0, 2, 0, 0, 0, 0, 0, 0x0e, 16), "0 rsp+8; 48 rsp+16");
	check_rows(INSNS(0x44, 0x01, 0, 0, 2, 0, 0, 0, 0, 0, 0x0e, 16), ""); /* back */
	check_rows(INSNS(0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0x0e, 16), ""); /* before the function */
}

Test(cfi, ignores_rows_beyond_the_function)
{
	check_rows(INSNS(0x03, 0, 1, 0x0e, 16), "0 rsp+8");
	check_rows(INSNS(0x04, 0xff, 0xff, 0xff, 0xff, 0x0e, 16), "0 rsp+8");
	check_rows(INSNS(0x04, 0xff, 0xff, 0xff, 0xff, 0x01, 0x30, 0, 2, 0, 0, 0, 0, 0, 0x0e, 16),
		   "");
}

Test(cfi, defines_the_cfa)
{
	check_rows(INSNS(0x44, 0x0c, 6, 16), "0 rsp+8; 4 rbp+16");
	check_rows(INSNS(0x44, 0x0d, 6), "0 rsp+8; 4 rbp+8");
	check_rows(INSNS(0x44, 0x0e, 0x80, 0x80, 4), "0 rsp+8; 4 rsp+65536");
	check_rows(INSNS(0x44, 0x12, 6, 0x7e), "0 rsp+8; 4 rbp+16"); /* def_cfa_sf, -2 * -8 */
	check_rows(INSNS(0x44, 0x13, 0x02), "0 rsp+8; 4 rsp-16");    /* def_cfa_offset_sf */
	check_rows(INSNS(0x44, 0x0c, 10, 0), "0 rsp+8; 4 r10+0");
	check_rows(INSNS(0x44, 0x0c, 6, 0xff, 0xff, 0xff, 0xff, 7), "0 rsp+8; 4 rbp+2147483647");
}

Test(cfi, says_which_cfa_it_cannot_express)
{
	check_rows(INSNS(0x44, 0x0c, 6, 0x80, 0x80, 0x80, 0x80, 8, 0x44, 0x0e, 8),
		   "0 rsp+8; 4 unsupported: offset beyond 32 bits; 8 rbp+8");
	check_rows(INSNS(0x44, 0x0d, 32, 0x44, 0x0d, 7),
		   "0 rsp+8; 4 unsupported: CFA register; 8 rsp+8");
	check_rows(INSNS(0x44, 0x0f, 1, 0x9c), "0 rsp+8; 4 unsupported: CFA expression");
	check_rows(INSNS(0x44, 0x0f, 1, 0x30), "0 rsp+8; 4 unsupported: CFA expression");
	check_rows(INSNS(0x44, 0x0f, 0), "0 rsp+8; 4 unsupported: CFA expression");
}

Test(cfi, tracks_the_frame_pointer)
{
	check_rows(INSNS(0x41, 0x0e, 16, 0x86, 2), "0 rsp+8; 1 rsp+16 fp=*(cfa-16)");
	check_rows(INSNS(0x41, 0x86, 2, 0x41, 0xc6), "0 rsp+8; 1 rsp+8 fp=*(cfa-16); 2 rsp+8");
	check_rows(INSNS(0x41, 0x05, 6, 2, 0x41, 0x06, 6),
		   "0 rsp+8; 1 rsp+8 fp=*(cfa-16); 2 rsp+8");
	check_rows(INSNS(0x41, 0x11, 6, 0x7e), "0 rsp+8; 1 rsp+8 fp=*(cfa+16)");
	check_rows(INSNS(0x41, 0x2f, 6, 2), "0 rsp+8; 1 rsp+8 fp=*(cfa+16)");
	check_rows(INSNS(0x41, 0x07, 6, 0x41, 0x08, 6), "0 rsp+8; 1 rsp+8 fp=?; 2 rsp+8");
	check_rows(INSNS(0x41, 0x09, 6, 9), "0 rsp+8; 1 rsp+8 fp=r9");
	check_rows(INSNS(0x41, 0x10, 6, 2, 0x76, 0), "0 rsp+8; 1 rsp+8 fp=*(rbp+0)");
	check_rows(INSNS(0x41, 0x10, 6, 3, 0x77, 0xa0, 1), "0 rsp+8; 1 rsp+8 fp=*(rsp+160)");
	check_rows(INSNS(0x41, 0x10, 6, 2, 0x23, 8), "0 rsp+8; 1 rsp+8 fp=*(cfa+8)");
	check_rows(INSNS(0x41, 0x86, 0), "0 rsp+8; 1 rsp+8 fp=*(cfa+0)");
	check_rows(INSNS(0x41, 0x86, 0x80, 2), "0 rsp+8; 1 rsp+8 fp=*(cfa-2048)");
}

Test(cfi, says_which_frame_pointer_it_cannot_express)
{
	check_rows(INSNS(0x41, 0x14, 6, 2), "0 rsp+8; 1 unsupported: frame pointer rule");
	check_rows(INSNS(0x41, 0x15, 6, 2), "0 rsp+8; 1 unsupported: frame pointer rule");
	check_rows(INSNS(0x41, 0x16, 6, 2, 0x76, 0), "0 rsp+8; 1 unsupported: frame pointer rule");
	check_rows(INSNS(0x41, 0x10, 6, 3, 0x76, 0, 6),
		   "0 rsp+8; 1 unsupported: frame pointer rule");
	check_rows(INSNS(0x41, 0x86, 0x80, 0x80, 0x80, 0x80, 0x10),
		   "0 rsp+8; 1 unsupported: offset beyond 32 bits");
}

Test(cfi, tracks_the_return_address)
{
	check_rows(INSNS(0x41, 0x07, 16), "0 rsp+8; 1 root");
	check_rows(INSNS(0x41, 0x90, 2), "0 rsp+8; 1 rsp+8 ra=*(cfa-16)");
	check_rows(INSNS(0x41, 0x09, 16, 5, 0x41, 0xd0), "0 rsp+8; 1 rsp+8 ra=rdi; 2 rsp+8");
	check_rows(INSNS(0x41, 0x08, 16), "0 rsp+8; 1 unsupported: return address rule");
	check_rows(INSNS(0x41, 0x16, 16, 1, 0x9c), "0 rsp+8; 1 unsupported: return address rule");
	check_rows(INSNS(0x41, 0x10, 16, 3, 0x77, 0xa8, 1), "0 rsp+8; 1 rsp+8 ra=*(rsp+168)");
}

Test(cfi, steps_over_other_registers)
{
	check_rows(INSNS(0x41, 0x83, 2, 0x05, 12, 3, 0x09, 3, 4, 0x10, 14, 1, 0x50, 0x16, 15, 1,
			 0x50, 0x07, 3, 0x08, 12, 0xc3, 0x06, 12, 0x11, 3, 0x7e, 0x14, 3, 1, 0x15,
			 3, 1),
		   "0 rsp+8");
}

Test(cfi, reads_the_expressions_of_linkers_and_assembly)
{
	check_rows(
		INSNS(0x42, 0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22),
		"0 rsp+8; 2 rsp+8+(pc%16>=11)*8");
	check_rows(
		INSNS(0x42, 0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3a, 0x2a, 0x33, 0x24, 0x22),
		"0 rsp+8; 2 rsp+8+(pc%16>=10)*8");
	check_rows(INSNS(0x42, 0x0f, 6, 0x77, 0x98, 4, 0x06, 0x23, 56), "0 rsp+8; 2 *(rsp+536)+56");
	check_rows(INSNS(0x42, 0x0f, 3, 0x76, 0x78, 0x06), "0 rsp+8; 2 *(rbp-8)+0");
	check_rows(INSNS(0x42, 0x0f, 2, 0x76, 0x10), "0 rsp+8; 2 rbp+16");
	check_rows(INSNS(0x42, 0x0f, 3, 0x92, 10, 0), "0 rsp+8; 2 r10+0");
	check_rows(INSNS(0x42, 0x0f, 10, 0x77, 8, 0x79, 0, 0x38, 0x1e, 0x22, 0x06, 0x23, 8),
		   "0 rsp+8; 2 *(rsp+8*r9+8)+8");
}

Test(cfi, keeps_the_offset_under_an_expression)
{
	check_rows(INSNS(0x42, 0x0e, 56, 0x42, 0x0f, 3, 0x77, 0, 0x06, 0x42, 0x0d, 7),
		   "0 rsp+8; 2 rsp+56; 4 *(rsp+0)+0; 6 rsp+56");
	check_rows(INSNS(0x42, 0x0f, 3, 0x77, 0, 0x06, 0x0e, 24, 0x42, 0x0d, 7),
		   "0 rsp+8; 2 *(rsp+0)+0; 4 rsp+24");
}

Test(cfi, remembers_and_restores)
{
	check_rows(INSNS(0x41, 0x0e, 16, 0x0a, 0x41, 0x0e, 8, 0x41, 0x0b),
		   "0 rsp+8; 1 rsp+16; 2 rsp+8; 3 rsp+16");
	check_rows(INSNS(0x41, 0x0a, 0x0e, 16, 0x0a, 0x41, 0x0e, 24, 0x41, 0x0b, 0x41, 0x0b),
		   "0 rsp+8; 1 rsp+16; 2 rsp+24; 3 rsp+16; 4 rsp+8");
	check_rows(INSNS(0x41, 0x0b), "");
	check_rows(INSNS(0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a,
			 0x0a, 0x0a, 0x0a, 0x0a),
		   "0 rsp+8");
	check_rows(INSNS(0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a,
			 0x0a, 0x0a, 0x0a, 0x0a, 0x0a),
		   "");
}

Test(cfi, has_no_use_for_argument_sizes)
{
	check_rows(INSNS(0x41, 0x2e, 0x80, 1, 0x0e, 16, 0, 0, 0), "0 rsp+8; 1 rsp+16");
	check_rows(INSNS(0x41, 0x2d, 0x0e, 16), "0 rsp+8; 1 rsp+16");
}

Test(cfi, refuses_what_is_cut_off_or_unknown)
{
	check_rows(INSNS(0x41, 0x0e), "");
	check_rows(INSNS(0x41, 0x0e, 0x80), "");
	check_rows(INSNS(0x41, 0x0c, 7), "");
	check_rows(INSNS(0x02), "");
	check_rows(INSNS(0x03, 1), "");
	check_rows(INSNS(0x04, 1, 0, 0), "");
	check_rows(INSNS(0x01, 1, 0, 0), "");
	check_rows(INSNS(0x0f, 2, 0x77), "");
	check_rows(INSNS(0x10, 6, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1), "");
	check_rows(INSNS(0x86), "");
	check_rows(INSNS(0x17), "");
	check_rows(INSNS(0x3f), "");
}
