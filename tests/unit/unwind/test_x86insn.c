/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "x86insn.h"

TestSuite(x86insn, .timeout = 60);

static struct x86_insn decoded(const uint8_t *p, size_t n)
{
	struct x86_insn i = { 0 };

	cr_assert_eq(x86_insn(bytes_of(p, n), &i), 0, "%02x %02x %02x …", p[0], p[1], p[2]);
	return i;
}

/* An instruction, with a byte behind it that is not its own. */
#define EXPECT(size, what, register_, number, ...)                      \
	do {                                                            \
		const uint8_t bytes_[] = { __VA_ARGS__, 0x90 };         \
		struct x86_insn i_ = decoded(bytes_, sizeof(bytes_));   \
                                                                        \
		cr_expect_eq(sizeof(bytes_) - 1, size);                 \
		cr_expect_eq(i_.n, size, "%u bytes", i_.n);             \
		cr_expect_eq(i_.effect, what, "effect %u", i_.effect);  \
		cr_expect_eq(i_.reg, register_, "register %u", i_.reg); \
		cr_expect_eq(i_.value, number, "value %d", i_.value);   \
	} while (0)

Test(x86insn, what_moves_the_stack_pointer)
{
	EXPECT(1, X86_PUSH, X86_RBP, 0, 0x55);
	EXPECT(2, X86_PUSH, 12, 0, 0x41, 0x54);
	EXPECT(5, X86_PUSH, X86_NO_REG, 0, 0x68, 1, 2, 3, 4);
	EXPECT(2, X86_PUSH, X86_NO_REG, 0, 0x6a, 1);
	EXPECT(3, X86_PUSH, X86_NO_REG, 0, 0xff, 0x75, 0x08);
	EXPECT(2, X86_POP, 15, 0, 0x41, 0x5f);
	EXPECT(1, X86_LOSE_SP, X86_RSP, 0, 0x5c);
	EXPECT(2, X86_LOSE_SP, X86_NO_REG, 0, 0x66, 0x50);
	EXPECT(4, X86_ADD_SP, X86_NO_REG, -0x28, 0x48, 0x83, 0xec, 0x28);
	EXPECT(7, X86_ADD_SP, X86_NO_REG, 0x188, 0x48, 0x81, 0xc4, 0x88, 1, 0, 0);
	EXPECT(7, X86_ADD_SP, X86_NO_REG, -0x1000, 0x48, 0x81, 0xec, 0, 0x10, 0, 0);
	EXPECT(5, X86_ADD_SP, X86_NO_REG, -8, 0x48, 0x8d, 0x64, 0x24, 0xf8);
	EXPECT(4, X86_ALIGN_SP, X86_NO_REG, 0, 0x48, 0x83, 0xe4, 0xe0);
	EXPECT(3, X86_LOSE_SP, X86_RSP, 0, 0x48, 0x29, 0xc4);	    /* sub %rax,%rsp */
	EXPECT(3, X86_LOSE_SP, X86_RSP, 0, 0x48, 0x87, 0xe0);	    /* xchg %rsp,%rax */
	EXPECT(4, X86_LOSE_SP, X86_RSP, 0, 0x48, 0x8d, 0x24, 0x08); /* lea (%rax,%rcx),%rsp */
	EXPECT(4, X86_LOSE_SP, X86_RSP, 0, 0x48, 0x0f, 0x44, 0xe0); /* cmove %rax,%rsp */
	EXPECT(1, X86_LEAVE, X86_NO_REG, 0, 0xc9);
	EXPECT(4, X86_LOSE_SP, X86_NO_REG, 0, 0xc8, 0x10, 0, 0); /* enter */
}

Test(x86insn, what_copies_and_saves_it)
{
	EXPECT(3, X86_FROM_SP, X86_RBP, 0, 0x48, 0x89, 0xe5);
	EXPECT(3, X86_FROM_SP, X86_RBP, 0, 0x48, 0x8b, 0xec);
	EXPECT(3, X86_FROM_SP, 11, 0, 0x49, 0x89, 0xe3);
	EXPECT(8, X86_FROM_SP, 10, 0x108, 0x4c, 0x8d, 0x94, 0x24, 8, 1, 0, 0);
	EXPECT(3, X86_TO_SP, X86_RBP, 0, 0x48, 0x89, 0xec);
	EXPECT(4, X86_TO_SP, X86_RBP, -0x28, 0x48, 0x8d, 0x65, 0xd8);
	EXPECT(4, X86_TO_SP, 13, -0x10, 0x49, 0x8d, 0x65, 0xf0);
	EXPECT(5, X86_SAVE, X86_RAX, 0x40, 0x48, 0x89, 0x44, 0x24, 0x40);
	EXPECT(4, X86_LOAD, X86_RSP, 0, 0x48, 0x8b, 0x24, 0x24);
	EXPECT(8, X86_LOAD, X86_RBP, 0x98, 0x48, 0x8b, 0xac, 0x24, 0x98, 0, 0, 0);
	/* 4 bytes are not enough for a stack pointer. */
	EXPECT(4, X86_OTHER, X86_NO_REG, 0, 0x89, 0x44, 0x24, 0x40);
	EXPECT(4, X86_NEXT_FP, X86_RBP, 0, 0x48, 0x8b, 0x6d, 0);
	EXPECT(2, X86_CLEAR_FP, X86_RBP, 0, 0x31, 0xed);
	EXPECT(3, X86_CLEAR_FP, X86_RBP, 0, 0x48, 0x31, 0xed);
	EXPECT(3, X86_OTHER, 13, 0, 0x45, 0x31, 0xed); /* xor %r13d,%r13d */
}

Test(x86insn, what_goes_elsewhere)
{
	EXPECT(5, X86_CALL, X86_NO_REG, 0x10, 0xe8, 0x10, 0, 0, 0);
	EXPECT(6, X86_CALL_FAR, X86_NO_REG, 0, 0xff, 0x15, 1, 2, 3, 4);
	EXPECT(2, X86_BRANCH, X86_NO_REG, -2, 0x75, 0xfe);
	EXPECT(6, X86_BRANCH, X86_NO_REG, 0x1000, 0x0f, 0x84, 0, 0x10, 0, 0);
	EXPECT(2, X86_BRANCH, X86_NO_REG, 5, 0xe3, 5); /* jrcxz */
	EXPECT(2, X86_JUMP, X86_NO_REG, 8, 0xeb, 8);
	EXPECT(5, X86_JUMP, X86_NO_REG, -1, 0xe9, 0xff, 0xff, 0xff, 0xff);
	EXPECT(3, X86_JUMP_FAR, X86_NO_REG, 0, 0x3e, 0xff, 0xe0);
	EXPECT(6, X86_JUMP_FAR, X86_NO_REG, 1, 0xff, 0x25, 1, 2, 3, 4);
	EXPECT(2, X86_RETURN, X86_NO_REG, 0, 0xf3, 0xc3);
	EXPECT(3, X86_RETURN, X86_NO_REG, 0, 0xc2, 8, 0);
	EXPECT(2, X86_STOP, X86_NO_REG, 0, 0x0f, 0x0b);
	EXPECT(1, X86_STOP, X86_NO_REG, 0, 0xf4);
}

Test(x86insn, how_long_the_others_are)
{
	EXPECT(10, X86_OTHER, X86_RCX, 0, 0x48, 0xb9, 1, 2, 3, 4, 5, 6, 7, 8);
	EXPECT(4, X86_OTHER, X86_RAX, 0, 0x66, 0xb8, 1, 2);
	EXPECT(9, X86_OTHER, X86_NO_REG, 0, 0xa1, 1, 2, 3, 4, 5, 6, 7, 8);
	EXPECT(8, X86_OTHER, X86_RAX, 0, 0x64, 0x8b, 0x04, 0x25, 1, 2, 3, 4);
	EXPECT(6, X86_OTHER, X86_NO_REG, 0, 0xf7, 0xc0, 1, 2, 3, 4); /* test has a number … */
	EXPECT(2, X86_OTHER, X86_RAX, 0, 0xf7, 0xd8);		     /* … and neg has none */
	EXPECT(3, X86_OTHER, X86_NO_REG, 0, 0xc5, 0xf8, 0x77);	     /* vzeroupper */
	EXPECT(4, X86_OTHER, X86_NO_REG, 0, 0xc5, 0xf9, 0xef, 0xc0);
	EXPECT(6, X86_OTHER, X86_NO_REG, 0, 0xc4, 0xe3, 0x7d, 0x39, 0xc1, 1);
	EXPECT(5, X86_OTHER, X86_RAX, 0, 0xc4, 0xe2, 0xf8, 0xf2, 0xc1); /* andn */
	EXPECT(7, X86_OTHER, X86_NO_REG, 0, 0x62, 0xf1, 0x7c, 0x48, 0x10, 0x46, 0x01);
	EXPECT(7, X86_OTHER, X86_NO_REG, 0, 0x62, 0xf3, 0xfd, 0x48, 0x3a, 0xc1, 1);
	EXPECT(6, X86_OTHER, X86_NO_REG, 0, 0x66, 0x0f, 0x3a, 0x0f, 0xc1, 8);
	EXPECT(5, X86_OTHER, X86_NO_REG, 0, 0x66, 0x0f, 0x73, 0xd8, 4);
	EXPECT(5, X86_OTHER, X86_NO_REG, 0, 0x8f, 0xe9, 0x78, 0xc1, 0xc0); /* XOP */
	cr_expect_not(decoded((const uint8_t[]){ 0xf3, 0x90, 0x90 }, 3).is_nop, "pause");
	cr_expect(decoded((const uint8_t[]){ 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0, 0 }, 11)
			  .is_nop);
}

Test(x86insn, refuses_what_is_none)
{
	static const uint8_t none[][3] = { { 0x06 }, { 0x60 }, { 0x82 }, { 0xea }, { 0x0f, 0x04 } };
	struct x86_insn i;

	for (size_t n = 0; n < sizeof(none) / sizeof(*none); n++)
		cr_expect_eq(x86_insn(bytes_of(none[n], 3), &i), -EBADMSG, "%02x", none[n][0]);
	cr_expect_eq(x86_insn(bytes_of("", 0), &i), -EBADMSG);
}

/* Every beginning, and every end too early. */
Test(x86insn, never_reads_past_the_end)
{
	uint8_t code[16];

	for (unsigned first = 0; first < 0x10000; first++) {
		for (unsigned rest = 0; rest < 4; rest++) {
			struct x86_insn i = { 0 };

			memset(code, (int[]){ 0x00, 0x84, 0xff, 0x24 }[rest], sizeof(code));
			code[0] = (uint8_t)first;
			code[1] = (uint8_t)(first >> 8);
			if (x86_insn(bytes_of(code, sizeof(code)), &i) < 0)
				continue;
			cr_assert(i.n > 0 && i.n <= 15);
			for (size_t n = 0; n < i.n; n++) {
				uint8_t *cut = malloc(n + !n);

				memcpy(cut, code, n);
				cr_assert_eq(x86_insn(bytes_of(cut, n), &i), -EBADMSG);
				free(cut);
			}
		}
	}
}
