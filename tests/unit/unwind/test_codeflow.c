/* SPDX-License-Identifier: Apache-2.0 */
/* What machine code tells of the stack. Whole objects: test_agree.c. */
#include "codeflow.h"

#include <criterion/criterion.h>
#include <string.h>

#include "cleanup.h"

#ifdef __x86_64__

/* Code that nobody runs. Labels are in `.rodata`, each a place that a test asks about. */
#define CODE(name, text)                                                                       \
	extern const uint8_t name[], name##_end[];                                             \
	asm(".pushsection .rodata\n.balign 16\n" #name ":\n" text "\n" #name "_end:\n.popsection\n")
#define AT(name, label)                                                                          \
	({                                                                                       \
		extern const uint8_t label[];                                                    \
		(uint32_t)(label - (name));                                                      \
	})

static struct code_flow flow;

/* Follows the code from its first byte. */
static void follow(const uint8_t *from, const uint8_t *to, bool is_root)
{
	cr_assert_eq(code_flow_init(&flow, bytes_of(from, (size_t)(to - from)), (uintptr_t)from),
		     0);
	if (is_root)
		flow.root_at = 0;
	else
		code_flow_add_start(&flow, 0);
	cr_assert_eq(code_flow_run(&flow), 0);
}

static void done(void)
{
	code_flow_done(&flow);
}
TestSuite(codeflow, .fini = done);

/* CFA - rsp before the instruction at @at; 0 = not known. */
static int sp_at(uint32_t at)
{
	const struct code_state *s = code_flow_state(&flow, at);

	return !s || !code_state_is_known(s) ? 0 : s->sp;
}

static int saved_at(uint32_t at)
{
	const struct code_state *s = code_flow_state(&flow, at);

	return s ? s->saved : -1;
}

CODE(plain, "push %r15; push %rbp; push %rbx; sub $0x18,%rsp; test %edi,%edi; je plain_out\n"
	    "mov %rdi,%rbp; call plain; plain_back: add $0x18,%rsp; pop %rbx; pop %rbp\n"
	    "plain_popped: pop %r15; ret\n"
	    "plain_out: xor %eax,%eax; add $0x18,%rsp; pop %rbx; pop %rbp; pop %r15; ret");
Test(codeflow, a_frame)
{
	follow(plain, plain_end, false);
	cr_expect_eq(sp_at(0), 8);
	cr_expect_eq(sp_at(AT(plain, plain_back)), 56);
	cr_expect_eq(saved_at(AT(plain, plain_back)), 24);
	cr_expect_eq(sp_at(AT(plain, plain_out)), 56);
	cr_expect_eq(sp_at(AT(plain, plain_popped)), 16);
	cr_expect_eq(saved_at(AT(plain, plain_popped)), 0);
	cr_expect_eq(sp_at((uint32_t)(plain_end - plain) - 1), 8);
}

CODE(grows, "push %rbp; mov %rsp,%rbp; push %rbx; sub $8,%rsp; sub %rax,%rsp; grows_in: call grows\n"
	    "lea -8(%rbp),%rsp; grows_out: pop %rbx; pop %rbp; ret");
Test(codeflow, a_frame_of_any_size)
{
	const struct code_state *s;

	follow(grows, grows_end, false);
	s = code_flow_state(&flow, AT(grows, grows_in));
	cr_assert_not_null(s);
	cr_expect_eq(s->sp, CODE_SP_UNKNOWN);
	cr_expect(code_state_has_frame(s));
	cr_expect_eq(s->fp_off, 16);
	cr_expect_eq(sp_at(AT(grows, grows_out)), 24);
}

CODE(cases, "push %rbx; cmp $3,%edi; ja cases_none; lea cases_table(%rip),%rdx\n"
	    "movslq (%rdx,%rdi,4),%rax; add %rdx,%rax; jmp *%rax\n"
	    "cases_0: mov $1,%eax; pop %rbx; ret; cases_1: mov $2,%eax; jmp cases_none\n"
	    "cases_none: pop %rbx; ret; cases_next: mov %edi,%eax; ret; cases_table:");
Test(codeflow, a_table_of_jumps)
{
	follow(cases, cases_end, false);
	cr_expect_eq(sp_at(AT(cases, cases_0)), 16);
	cr_expect_eq(sp_at(AT(cases, cases_1)), 16);
	cr_expect_eq(sp_at(AT(cases, cases_next)), 8, "a function after it");
}

CODE(dies, "sub $0x18,%rsp; test %edi,%edi; jne dies_on; call dies_never\n"
	   "dies_other: push %rbx; mov %edi,%ebx; call dies_never2; dies_in: pop %rbx; ret\n"
	   "dies_on: add $0x18,%rsp; ret\n"
	   "dies_never: mov $60,%eax; dies_loop: syscall; jmp dies_loop\n"
	   "dies_never2: ret");
Test(codeflow, a_call_that_does_not_return)
{
	follow(dies, dies_end, false);
	cr_expect_eq(sp_at(AT(dies, dies_on)), 32);
	cr_expect_eq(sp_at(AT(dies, dies_other)), 8);
	cr_expect_eq(sp_at(AT(dies, dies_in)), 16);
	cr_expect_eq(sp_at(AT(dies, dies_loop)), 8);
}

/* Who is called may not return, but nobody knows him. */
CODE(gone, "sub $0x18,%rsp; test %edi,%edi; jne gone_on; call *%rdi\n"
	   "gone_other: push %rbx; mov %edi,%ebx; call *%rdi; gone_in: pop %rbx; ret\n"
	   "gone_on: add $0x18,%rsp; ret");
Test(codeflow, a_call_of_nobody_knows_whom_that_does_not_return)
{
	follow(gone, gone_end, false);
	cr_expect_eq(sp_at(AT(gone, gone_on)), 32);
	cr_expect_eq(sp_at(AT(gone, gone_other)), 8);
	cr_expect_eq(sp_at(AT(gone, gone_in)), 16);
}

/* clone() of musl: the child's stack has nothing but what it is to run. */
CODE(cloned, "xor %eax,%eax; mov $56,%al; and $-16,%rsi; sub $8,%rsi; mov %rcx,(%rsi); syscall\n"
	     "test %eax,%eax; jnz cloned_parent; xor %ebp,%ebp; cloned_child: pop %rdi; call *%r9\n"
	     "cloned_back: mov %eax,%edi; mov $60,%al; syscall; hlt; cloned_parent: ret");
Test(codeflow, where_a_thread_begins)
{
	follow(cloned, cloned_end, false);
	cr_expect_eq(sp_at(AT(cloned, cloned_parent)), 8);
	cr_assert_not_null(code_flow_state(&flow, AT(cloned, cloned_child)));
	cr_expect(code_flow_state(&flow, AT(cloned, cloned_child))->is_root);
	cr_expect(code_flow_state(&flow, AT(cloned, cloned_back))->is_root);
}

CODE(starts, "xor %rbp,%rbp; mov %rsp,%rdi; and $-16,%rsp; call starts_main; starts_main: ret");
Test(codeflow, where_a_program_begins)
{
	follow(starts, starts_end, true);
	cr_assert_not_null(code_flow_state(&flow, 0));
	cr_expect(code_flow_state(&flow, 0)->is_root);
	cr_expect_eq(sp_at(AT(starts, starts_main)), 8);
}

/* rbp as any other register is none that ends a stack. */
CODE(counts, "mov %rbp,%r10; xor %ebp,%ebp; call *%rdi; counts_in: mov %r10,%rbp; ret\n"
	     "counts_push: push %rbp; xor %ebp,%ebp; call *%rdi; counts_in2: pop %rbp; ret");
Test(codeflow, a_zero_that_does_not_end_a_stack)
{
	const struct code_state *s;

	follow(counts, counts_end, false);
	s = code_flow_state(&flow, AT(counts, counts_in));
	cr_expect(!s || !s->is_root);
	cr_expect_eq(sp_at(AT(counts, counts_in2)), 16);
	cr_expect_eq(saved_at(AT(counts, counts_in2)), 16);
}

/* The linker's stubs, to which no symbol leads. The first one is called with more on the stack. */
CODE(stubs,
     "push stubs_got(%rip); jmp *stubs_got(%rip); .balign 16; stubs_1: jmp *stubs_got(%rip)\n"
     ".balign 8; stubs_2: jmp *stubs_got(%rip); .balign 8; stubs_got: .quad 0");
Test(codeflow, stubs_of_the_linker)
{
	cr_assert_eq(code_flow_init(&flow, bytes_of(stubs, (size_t)(stubs_end - stubs)), 0), 0);
	cr_assert_eq(code_flow_run(&flow), 0);
	cr_expect_eq(sp_at(0), 0);
	cr_expect_eq(sp_at(6), 0);
	cr_expect_eq(sp_at(AT(stubs, stubs_1)), 8);
	cr_expect_eq(sp_at(AT(stubs, stubs_2)), 8);
}

/* It takes its return address away: nothing is said rather than something wrong. */
CODE(forks, "pop %rdx; mov $58,%eax; syscall; push %rdx; ret");
Test(codeflow, what_does_not_come_out)
{
	follow(forks, forks_end, false);
	for (uint32_t at = 0; at + 1 < forks_end - forks; at++)
		cr_expect_eq(sp_at(at), 0, "at %u", at);
	cr_expect_eq(sp_at((uint32_t)(forks_end - forks) - 1), 8, "there it is as it was");
}

CODE(unclean, "push %rbx; sub $0x10,%rsp; add $8,%rsp; pop %rbx; ret");
Test(codeflow, a_return_from_elsewhere)
{
	follow(unclean, unclean_end, false);
	cr_expect_eq(sp_at(0), 0);
}

/* --- instructions ---------------------------------------------------------------------------- */

static void expect_lengths(const uint8_t *from, const uint8_t *to, unsigned n)
{
	struct bytes b = bytes_of(from, (size_t)(to - from));
	struct x86_insn i;

	while (bytes_left(&b) > 0) {
		cr_assert(x86_insn_read(bytes_of(b.p + b.pos, bytes_left(&b)), &i), "at byte %zu",
			  b.pos);
		/* Cut off, it is none. */
		cr_expect(!x86_insn_read(bytes_of(b.p + b.pos, i.len - 1u), &i));
		cr_assert(x86_insn_read(bytes_of(b.p + b.pos, bytes_left(&b)), &i));
		b.pos += i.len;
		n--;
	}
	cr_expect_eq(n, 0, "%d", (int)n);
}

CODE(many, "mov $1,%rax; movabs $0x1122334455667788,%r10; mov %fs:0x28,%rax; movw $5,(%rdi)\n"
	   "movl $5,0x1000(%r12); testb $1,(%rax); test $7,%edx; not %ecx; imul $100,%rsi,%rdi\n"
	   "lea 8(%rsp,%rbx,8),%rdx; mov 0x10(%rip),%r9; mov 0x1000,%eax; ret $8\n"
	   "movsbl (%rdi),%eax; cmovne %r8,%r9; sete %bpl; bswap %r11; xadd %eax,(%rdi); ud2\n"
	   "movaps %xmm1,-0x40(%rsp); pshufd $1,%xmm2,%xmm3; pcmpistri $26,(%rdi),%xmm1; popcnt %rax,%rax\n"
	   "vmovdqu (%rdi),%ymm1; vpshufd $1,%ymm2,%ymm3; andn %rax,%rbx,%rcx; vzeroupper\n"
	   "vmovdqu64 0x40(%rdi),%zmm16; vpternlogd $3,%zmm1,%zmm2,%zmm17; lock cmpxchg %ecx,(%rdx)\n"
	   "rep movsq; data16 nop; nopw %cs:0(%rax,%rax,1); jmp *%r11; call *0x8(%rax); endbr64\n"
	   "crc32q %rax,%rbx; fldt (%rsp); shld $3,%rax,%rbx; bt $5,%eax; push $1; push $0x1000");
Test(x86insn, lengths)
{
	expect_lengths(many, many_end, 42);
}

#endif
