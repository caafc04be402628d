/* SPDX-License-Identifier: Apache-2.0 */
/* Assembly with line numbers, a local function, one without a size and two names for one place. */
	.text
	.globl	steps
	.type	steps, @function
steps:
	.cfi_startproc
	mov	$0, %eax
	mov	%edi, %ecx
1:	test	%ecx, %ecx
	jle	2f
	call	step
	dec	%ecx
	jmp	1b
2:	ret
	.cfi_endproc
	.size	steps, . - steps

	.type	step, @function
	.globl	step_alias
	.type	step_alias, @function
step:
step_alias:
	.cfi_startproc
	add	$3, %eax
	imul	$5, %eax
	nop
	ret
	.cfi_endproc
	.size	step, . - step
	.size	step_alias, . - step_alias

	.globl	unsized
	.type	unsized, @function
unsized:
	xor	%eax, %eax
	ret

	.globl	main
	.type	main, @function
main:
	.cfi_startproc
	call	steps
	xor	%eax, %eax
	ret
	.cfi_endproc
	.size	main, . - main
	.section .note.GNU-stack, "", @progbits
