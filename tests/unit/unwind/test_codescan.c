/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "cleanup.h"
#include "coderows.h"
#include "codescan.h"
#include "unwind.h"

TestSuite(codescan, .timeout = 120);

/* Code between two labels, and what is to be known of it: "offset rule; …". */
#define CODE(name, text)                                                            \
	extern const uint8_t name##_lo[], name##_hi[];                              \
	__asm__(".pushsection .rodata\n.balign 64\n" #name "_lo:\n" text "\n" #name \
		"_hi:\n.popsection")

/* A rule as text: the CFA, and rbp where it is not the caller's. */
static void print_rule(char *to, size_t n, const struct cfi_state *st)
{
	static const char *const names[] = {
		"rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp",
		"r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"
	};
	char fp[32] = "";

	if (!st) {
		snprintf(to, n, "none");
		return;
	}
	if (st->ra.loc == CFI_LOC_UNDEF) {
		snprintf(to, n, "root");
		return;
	}
	if (st->fp.loc == CFI_LOC_CFA)
		snprintf(fp, sizeof(fp), " fp%d", st->fp.off);
	else if (st->fp.loc == CFI_LOC_REG)
		snprintf(fp, sizeof(fp), " fp=%s%+d", names[st->fp.reg], st->fp.off);
	else if (st->fp.loc == CFI_LOC_UNDEF)
		snprintf(fp, sizeof(fp), " fp?");
	if (st->cfa == UNWIND_CFA_REG)
		snprintf(to, n, "%s%+d%s", names[st->reg], (int)st->off, fp);
	else
		snprintf(to, n, "*(%s%+d)%+d%s", names[st->x_reg], st->x_off, st->add, fp);
}

static int print_row(void *ctx, uint32_t at, const struct cfi_state *state, bool is_signal)
{
	char *text = ctx, rule[64];
	size_t n = strlen(text);

	print_rule(rule, sizeof(rule), state);
	snprintf(text + n, 1024 - n, "%s%u %s%s", n ? "; " : "", at, rule,
		 is_signal ? " signal" : "");
	return 0;
}

static const char *rows_of(const uint8_t *lo, const uint8_t *hi)
{
	static char text[1024];
	_cleanup_(codescan_done) struct codescan s = { 0 };

	text[0] = '\0';
	cr_assert_eq(codescan_run(&s, bytes_of(lo, (size_t)(hi - lo)), 0x1000, print_row, text), 0);
	return text;
}

#define EXPECT_ROWS(name, want) cr_expect_str_eq(rows_of(name##_lo, name##_hi), want)

CODE(plain,
     "push %rbx; push %rbp; sub $0x18,%rsp; mov %rdi,%rbp; add $0x18,%rsp; pop %rbp; pop %rbx; ret");

Test(codescan, follows_pushes_and_room)
{
	EXPECT_ROWS(plain, "0 rsp+8; 1 rsp+16; 2 rsp+24 fp-24; 6 rsp+48 fp-24; 13 rsp+24 fp-24; "
			   "14 rsp+16; 15 rsp+8");
}

CODE(pointer,
     "push %rbp; mov %rsp,%rbp; sub %rax,%rsp; lea -8(%rbp),%rsp; pop %rcx; pop %rbp; ret");

Test(codescan, goes_by_a_frame_pointer_where_there_is_one)
{
	EXPECT_ROWS(pointer, "0 rsp+8; 1 rsp+16 fp-16; 4 rbp+16 fp-16; 13 rsp+8");
}

/* As V8 calls the last function of another: in the place of its own frame, return address and all. */
CODE(moved, "push %rbp; mov %rsp,%rbp; sub $0x20,%rsp; mov (%rbp),%rbp; mov 0x28(%rsp),%r10;"
	    "mov %r10,0x18(%rsp); mov %rax,0x28(%rsp); add $0x18,%rsp; jmp *%rax");

Test(codescan, claims_nothing_where_the_return_address_was_moved)
{
	EXPECT_ROWS(moved, "0 rsp+8; 1 rsp+16 fp-16; 4 rbp+16 fp-16; 12 rsp+48; 27 none");
}

CODE(left, "push %rbp; mov %rsp,%rbp; and $-32,%rsp; push %rax; leave; ret");

Test(codescan, knows_leave)
{
	EXPECT_ROWS(left, "0 rsp+8; 1 rsp+16 fp-16; 4 rbp+16 fp-16; 10 rsp+8");
}

/* As codecs' assembly rounds the stack for wide vectors. */
CODE(rounded, "push %rbx; mov %rsp,%rax; and $-64,%rsp; sub $0x100,%rsp; mov %rax,0x100(%rsp);"
	      "xor %eax,%eax; push %rbp; pop %rbp; mov 0x100(%rsp),%rsp; pop %rbx; ret");

Test(codescan, follows_a_copy_while_the_stack_is_rounded)
{
	EXPECT_ROWS(rounded, "0 rsp+8; 1 rsp+16; 8 rax+16; 23 *(rsp+256)+16; "
			     "26 *(rsp+264)+16 fp=rsp+0; 27 *(rsp+256)+16; 35 rsp+16; 36 rsp+8");
}

CODE(overwritten, "mov %rsp,%rcx; and $-64,%rsp; xor %ecx,%ecx; mov %rcx,%rsp; ret");

Test(codescan, claims_nothing_of_a_copy_that_is_gone)
{
	EXPECT_ROWS(overwritten, "0 rsp+8; 7 rcx+8; 9 none");
}

CODE(branches, "push %rbx; test %edi,%edi; je 1f; sub $0x10,%rsp; call 2f; add $0x10,%rsp;"
	       "1: pop %rbx; ret; .balign 16,0x90; 2: sub $8,%rsp; jmp 4f; 3: dec %edi; 4: jne 3b;"
	       "add $8,%rsp; ret");

Test(codescan, follows_branches_both_ways)
{
	EXPECT_ROWS(branches,
		    "0 rsp+8; 1 rsp+16; 9 rsp+32; 18 rsp+16; 19 rsp+8; 20 none; 32 rsp+8; "
		    "36 rsp+16; 46 rsp+8");
}

/* The jump leads into the middle of what comes behind it. */
CODE(tables,
     "push %rbx; sub $0x20,%rsp; jmp *%rax; nop; .balign 16,0x90; inc %eax; add $0x20,%rsp;"
     "pop %rbx; ret; .balign 16,0x90; dec %eax; add $0x20,%rsp; pop %rbx; ret; .balign 16,0x90;"
     "push %rbx; pop %rbx; ret");

Test(codescan, takes_what_follows_a_jump_by_a_table_for_its_target)
{
	EXPECT_ROWS(
		tables,
		"0 rsp+8; 1 rsp+16; 5 rsp+48; 7 none; 16 rsp+48; 22 rsp+16; 23 rsp+8; "
		"24 none; 32 rsp+48; 38 rsp+16; 39 rsp+8; 40 none; 48 rsp+8; 49 rsp+16; 50 rsp+8");
}

/* `abort` is called at the end of a function, so it does not return; known from its other call. */
/* The same where the stack is as at the beginning, as for the call of another function: only the way
 * the address was come by tells. */
CODE(leaf_tables, "movslq (%rcx,%rsi,4),%rdx; add %rcx,%rdx; jmp *%rdx; .byte 0x90; inc %eax; ret;"
		  "dec %eax; ret; nop; dec %ecx; ret");
CODE(tail_call, "mov (%rdi),%rax; jmp *%rax; nop; inc %eax; ret");
CODE(far_tables, "notrack jmp *0x1000(,%rdi,8); nop; inc %eax; ret");

Test(codescan, tells_a_jump_by_a_table_from_the_call_of_a_function)
{
	EXPECT_ROWS(leaf_tables, "0 rsp+8; 9 none; 10 rsp+8; 16 none; 17 rsp+8");
	EXPECT_ROWS(tail_call, "0 rsp+8; 5 none");
	EXPECT_ROWS(far_tables, "0 rsp+8; 8 none; 9 rsp+8");
}

CODE(waits,
     "sub $8,%rsp; jmp 2f; .balign 16,0x90; 1: nop; pause; dec %eax; 2: jne 1b; add $8,%rsp; ret");

Test(codescan, knows_loops_that_begin_with_nothing)
{
	EXPECT_ROWS(waits, "0 rsp+8; 4 rsp+16; 6 none; 16 rsp+16; 27 rsp+8");
}

CODE(endless,
     "sub $0x18,%rsp; call 9f; .balign 16,0x90; 1: push %rbx; call 9f; 2: dec %edi; pop %rbx;"
     "ret; .balign 16,0x90; 9: sub $8,%rsp; call 1b; ud2");

Test(codescan, learns_what_does_not_return)
{
	EXPECT_ROWS(endless, "0 rsp+8; 4 rsp+32; 9 none; 16 rsp+8; 17 rsp+16; 22 none; 32 rsp+8; "
			     "36 rsp+16");
}

CODE(outermost, "xor %ebp,%ebp; mov %rsp,%rdi; and $-16,%rsp; call *%rax; hlt; .balign 16,0x90;"
		"call outermost_lo; ret");

Test(codescan, knows_the_outermost_frame)
{
	EXPECT_ROWS(outermost, "0 rsp+8; 2 root; 12 none; 16 rsp+8");
}

/* Nobody is seen to call it, so it may be in the middle of something. */
CODE(stubs,
     "pushq 8(%rip); jmp *8(%rip); .balign 16,0x90; jmp *8(%rip); .byte 0x68,1,0,0,0,0xe9,-32,-1,-1,-1;"
     ".balign 16,0x90; jmp *8(%rip); .byte 0x68,2,0,0,0,0xe9,-48,-1,-1,-1");

Test(codescan, knows_the_linkers_stubs)
{
	EXPECT_ROWS(stubs, "0 rsp+16; 6 rsp+24; 12 none; 16 rsp+8; 27 rsp+16; 32 rsp+8; 43 rsp+16");
}

/* Of a static program, for what is chosen when it is loaded: no first one, and aligned to their size. */
CODE(bare_stubs, "ret; jmp *8(%rip); xchg %ax,%ax; jmp *8(%rip); xchg %ax,%ax");

Test(codescan, knows_the_linkers_stubs_in_static_programs)
{
	EXPECT_ROWS(bare_stubs, "0 rsp+8; 7 none; 9 rsp+8; 15 none");
}

CODE(middle, "ret; .balign 16,0x90; mov %rax,%rbx; call *%rbx; ret");

Test(codescan, takes_nothing_for_a_function_that_spoils_its_callers_registers)
{
	EXPECT_ROWS(middle, "0 rsp+8; 1 none; 16 rsp+8; 19 none");
}

CODE(handlers, "ret; .balign 16,0x90; mov $15,%eax; syscall; .balign 16,0x90; ret");

Test(codescan, knows_where_signal_handlers_return_to)
{
	EXPECT_ROWS(handlers, "0 rsp+8; 1 none; 15 *(rsp+160)+0 fp=rsp+120 signal; "
			      "23 none; 32 rsp+8");
}

/* Compilers that save space do not align functions. */
CODE(taken, "lea 1f(%rip),%rax; jmp *%rax; nop; nop; 1: mov %edi,%eax; push %rbx; pop %rbx; ret");

Test(codescan, takes_what_has_its_address_used_for_a_function)
{
	EXPECT_ROWS(taken, "0 rsp+8; 9 none; 11 rsp+8; 14 rsp+16; 15 rsp+8");
}

CODE(strings,
     "ret; .ascii \"CRYPTOGAMS, by somebody\\0\"; .balign 64,0x90; 1: push %rbx; pop %rbx; ret;"
     ".balign 16,0x90; sub $8,%rsp; call 1b; add $8,%rsp; ret");

Test(codescan, comes_out_of_data_at_what_is_called)
{
	const char *rows = rows_of(strings_lo, strings_hi);

	cr_expect_not_null(strstr(rows, "64 rsp+8; 65 rsp+16; 66 rsp+8; 67 none; 80 rsp+8; "
					"84 rsp+16; 93 rsp+8"),
			   "%s", rows);
}

/* --- beside the tables that compilers made -------------------------------------------------------- */

/* Rows of a whole section, beside those of call frame information. */
struct beside {
	const struct unwind_table *t;
	const uint8_t *code;
	uint32_t lo, from; /* of code; of the present row */
	bool has;
	struct cfi_state state;
	uint64_t same, other, unknown;
	uint32_t first_other;
};

static void compare(struct beside *b, uint32_t pc)
{
	struct unwind_rule rule;

	unwind_table_find(b->t, pc, &rule);
	if (UNWIND_RULE_CFA(rule.bits) != UNWIND_CFA_REG)
		return;
	if (!b->has || b->state.cfa != UNWIND_CFA_REG ||
	    b->state.reg != UNWIND_RULE_CFA_REG(rule.bits)) {
		b->unknown++;
	} else if (b->state.off == (int32_t)rule.cfa_off) {
		b->same++;
	} else {
		b->first_other = b->other ? b->first_other : pc;
		b->other++;
	}
}

static int compare_row(void *ctx, uint32_t pc, const struct cfi_state *state, bool is_signal)
{
	struct beside *b = ctx;
	struct x86_insn i;

	(void)is_signal;
	for (uint32_t at = b->from; at < pc; at += i.n) {
		struct bytes rest = bytes_of(b->code + (at - b->lo), pc - at);

		if (x86_insn(rest, &i) < 0)
			i.n = 1;
		else if (!i.is_nop && *rest.p != 0xcc)
			compare(b, at);
	}
	b->from = pc;
	b->has = state != NULL;
	if (state)
		b->state = *state;
	return 0;
}

/* All code of @path, as if no table described it: the share of instructions that are told otherwise, in
 * hundredths of a percent. */
static uint64_t share_of_others(const char *path)
{
	const struct unwind_opts opts = { .code = UNWIND_CODE_NONE };
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	_cleanup_(cfi_source_done) struct cfi_source src = { 0 };
	_cleanup_(code_rows_done) struct code_rows code = { 0 };
	struct cfi_file file = { .fd = fd, .size = UINT32_MAX };
	struct beside b = { 0 };

	if (fd < 0)
		cr_skip("%s is not installed", path);
	cr_assert_eq(unwind_table_from_fd(fd, &opts, &t), 0);
	cr_assert_eq(cfi_source_open(&file, SIZE_MAX, CFI_WANT_OBJECT, &src), 0);
	cr_assert_eq(code_rows_open(&src, SIZE_MAX, &code), 0);
	b.t = t;
	array_each(&code.ranges, r) {
		_cleanup_free_ uint8_t *bytes = malloc(r->hi - r->lo);

		cr_assert_eq(cfi_source_code(&src, src.base + r->lo, bytes, r->hi - r->lo), 0);
		b.code = bytes;
		b.lo = b.from = r->lo;
		b.has = false;
		cr_assert_eq(code_rows_scan(&code, r->lo, r->hi, compare_row, &b), 0);
	}
	cr_log_info("%s: %lu as the tables, %lu otherwise (first %x), %lu not known", path, b.same,
		    b.other, b.first_other, b.unknown);
	cr_expect_gt(b.same, 20 * b.unknown);
	return b.other * 10000 / (b.same + b.other);
}

/* Compiled code, whose cold parts and landing pads nothing leads to but tables … */
Test(codescan, agrees_with_the_tables_of_libc)
{
	cr_expect_leq(share_of_others("/usr/lib/x86_64-linux-gnu/libc.so.6"), 25);
}

Test(codescan, agrees_with_the_tables_of_a_program)
{
	cr_expect_leq(share_of_others("/proc/self/exe"), 10);
}

/* … and much assembly. The tables of OpenSSL 3.5 do not tell of the 168 bytes that its code for AVX-IFMA
 * takes, which is 23 here. */
Test(codescan, agrees_with_the_tables_of_libcrypto)
{
	static const char path[] = "/usr/lib/x86_64-linux-gnu/libcrypto.so.3";
	bool is_3_5 =
		system("grep -qF OPENSSL_3.5.0 /usr/lib/x86_64-linux-gnu/libcrypto.so.3") == 0;

	cr_expect_leq(share_of_others(path), is_3_5 ? 30 : 10);
}

/* _init() has no unwind information in any program, but runs in each. */
Test(codescan, tells_of_init)
{
	extern const uint8_t _init[] __attribute__((visibility("hidden")));
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	struct unwind_rule first, second;
	uint64_t at = (uintptr_t)_init - getauxval(AT_PHDR) + sizeof(Elf64_Ehdr);

	cr_assert_eq(unwind_table_from_fd(fd, NULL, &t), 0);
	unwind_table_find(t, (uint32_t)at, &first);
	unwind_table_find(t, (uint32_t)at + 8, &second); /* endbr64 or not, rsp is lower here */
	cr_expect_eq(UNWIND_RULE_CFA(first.bits), UNWIND_CFA_REG);
	cr_expect_eq(first.cfa_off, 8);
	cr_expect_eq(UNWIND_RULE_CFA(second.bits), UNWIND_CFA_REG);
	cr_expect_eq(second.cfa_off, 16);
}

/* What tables describe stays as they say. */
Test(codescan, changes_no_row_of_a_table)
{
	const struct unwind_opts opts = { .code = UNWIND_CODE_NONE };
	_cleanup_close_ int fd = open("/usr/lib/x86_64-linux-gnu/libcrypto.so.3", O_RDONLY);
	_cleanup_(unwind_table_freep) struct unwind_table *cfi = NULL, *all = NULL;
	uint64_t more = 0;

	if (fd < 0)
		cr_skip("libcrypto is not installed");
	cr_assert_eq(unwind_table_from_fd(fd, &opts, &cfi), 0);
	cr_assert_eq(unwind_table_from_fd(fd, NULL, &all), 0);
	for (uint32_t pc = 0; pc < all->place.start + all->place.span; pc++) {
		struct unwind_rule a, b;

		unwind_table_find(cfi, pc, &a);
		unwind_table_find(all, pc, &b);
		if (UNWIND_RULE_CFA(a.bits) == UNWIND_CFA_NONE)
			more += UNWIND_RULE_CFA(b.bits) != UNWIND_CFA_NONE;
		else
			cr_assert(memcmp(&a, &b, sizeof(a)) == 0, "at %x", pc);
	}
	cr_expect_gt(more, 0);
}

/* Anything may be taken for code. */
Test(codescan, ends_whatever_it_is_given)
{
	_cleanup_(codescan_done) struct codescan s = { 0 };
	uint8_t code[4096];
	unsigned seed = 1;

	for (unsigned round = 0; round < 300; round++) {
		char text[1024] = "";

		for (size_t i = 0; i < sizeof(code); i++)
			code[i] = (uint8_t)(rand_r(&seed) >> 7);
		for (unsigned i = 0; i < 20; i++)
			cr_assert_eq(codescan_entry(&s, (uint32_t)rand_r(&seed) % sizeof(code)), 0);
		cr_assert_eq(codescan_run(&s, bytes_of(code, sizeof(code)), round, print_row, text),
			     0);
	}
}
