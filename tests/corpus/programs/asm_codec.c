/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assembly as in codecs: no unwind tables, no frame pointer (rbp is one register of many), a stack that is
 * rounded for wide vectors, a jump by a table, and calls of compiled code in between.
 *
 * chain: @main;before;codec;after;leaf
 * chain: @main;before;codec;rounds;after;leaf
 * chain: @main;before;codec
 * chain: @main;before;codec;rounds
 */
#include "around.h"

long codec(long (*f)(long), long n);

__asm__(".text\n"
	".balign 16\n"
	".globl codec\n"
	".type codec, @function\n"
	"codec:\n"
	"	push	%rbx\n"
	"	push	%rbp\n"
	"	push	%r12\n"
	"	sub	$64, %rsp\n"
	"	mov	%rdi, %r12\n"
	"	mov	%rsi, %rbp\n"
	"	mov	%rsi, %rax\n"
	"	and	$1, %eax\n"
	"	lea	3f(%rip), %rdx\n"
	"	movslq	(%rdx,%rax,4), %rax\n"
	"	add	%rdx, %rax\n"
	"	jmp	*%rax\n"
	".balign 16\n"
	"1:	mov	$300, %ecx\n"
	"4:	imul	%rbp, %rbp\n"
	"	dec	%ecx\n"
	"	jnz	4b\n"
	"	mov	%rbp, %rdi\n"
	"	call	*%r12\n"
	"	jmp	5f\n"
	".balign 16\n"
	"2:	mov	%r12, %rdi\n"
	"	mov	%rbp, %rsi\n"
	"	call	rounds\n"
	"5:	add	$64, %rsp\n"
	"	pop	%r12\n"
	"	pop	%rbp\n"
	"	pop	%rbx\n"
	"	ret\n"
	".size codec, . - codec\n"
	".balign 16\n"
	".type rounds, @function\n"
	"rounds:\n"
	"	push	%rbp\n"
	"	push	%rbx\n"
	"	mov	%rsp, %rax\n"
	"	sub	$160, %rsp\n"
	"	and	$-64, %rsp\n"
	"	mov	%rax, 128(%rsp)\n"
	"	xor	%ebp, %ebp\n"
	"	mov	%rdi, %rbx\n"
	"	mov	$300, %ecx\n"
	"6:	add	%rsi, %rbp\n"
	"	rol	$3, %rbp\n"
	"	dec	%ecx\n"
	"	jnz	6b\n"
	"	mov	%rbp, %rdi\n"
	"	call	*%rbx\n"
	"	mov	128(%rsp), %rsp\n"
	"	pop	%rbx\n"
	"	pop	%rbp\n"
	"	ret\n"
	".size rounds, . - rounds\n"
	".section .rodata\n"
	".balign 4\n"
	"3:	.long	1b - 3b, 2b - 3b\n"
	".text\n");

int main(int argc, char **argv)
{
	corpus_begin(argc, argv);
	for (long i = 0;; i++)
		corpus_sink = before(codec, i);
}
