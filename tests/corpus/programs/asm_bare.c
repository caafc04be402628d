/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A function without unwind tables but with a frame pointer, between functions with tables and
 * without frame pointers. In its first and last instructions the frame pointer is not its own.
 *
 * chain: @main;before;bare;after;leaf
 * chain: @main;before;bare
 */
#include "around.h"

long bare(long (*f)(long), long n);

__asm__(".text\n"
	".globl bare\n"
	".type bare, @function\n"
	"bare:\n"
	"	push	%rbp\n"
	"	mov	%rsp, %rbp\n"
	"	sub	$32, %rsp\n"
	"	mov	$1000, %ecx\n"
	"1:	dec	%ecx\n"
	"	jnz	1b\n"
	"	mov	%rdi, %rax\n"
	"	mov	%rsi, %rdi\n"
	"	call	*%rax\n"
	"	leave\n"
	"	ret\n"
	".size bare, . - bare\n");

int main(int argc, char **argv)
{
	corpus_begin(argc, argv);
	for (long i = 0;; i++)
		corpus_sink = before(bare, i);
}
