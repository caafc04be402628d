/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each function is long NAME(long (*f)(long), long n): it works for a while, calls f(n) from its odd
 * frame (but asm_scaled and asm_rax, whose CFA is in a register that a call does not keep), and works
 * again. Every instruction is covered exactly.
 */
	.text

	.macro	work
	mov	$40, %ecx
77:	dec	%ecx
	jnz	77b
	.endm

	.macro	begin	name
	.globl	\name
	.type	\name, @function
	.p2align 4
\name:
	.cfi_startproc
	.endm

	.macro	end	name
	.cfi_endproc
	.size	\name, . - \name
	.endm

/* The stack pointer moves, and with it the CFA's offset, at every step. */
begin asm_push
	push	%rdi
	.cfi_adjust_cfa_offset 8
	work
	push	%rsi
	.cfi_adjust_cfa_offset 8
	work
	push	$1
	.cfi_adjust_cfa_offset 8
	push	$2
	.cfi_adjust_cfa_offset 8
	push	$3
	.cfi_adjust_cfa_offset 8
	work
	mov	%rdi, %rax
	mov	%rsi, %rdi
	call	*%rax
	pop	%rcx
	.cfi_adjust_cfa_offset -8
	work
	add	$16, %rsp
	.cfi_adjust_cfa_offset -16
	work
	pop	%rsi
	.cfi_adjust_cfa_offset -8
	pop	%rdi
	.cfi_adjust_cfa_offset -8
	work
	ret
end asm_push

/* The CFA is on rbx while the stack is aligned. */
begin asm_rbx
	push	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbx, 0
	mov	%rsp, %rbx
	.cfi_def_cfa_register %rbx
	and	$-64, %rsp
	sub	$192, %rsp
	work
	mov	%rdi, %rax
	mov	%rsi, %rdi
	call	*%rax
	work
	mov	%rbx, %rsp
	.cfi_def_cfa_register %rsp
	pop	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	ret
end asm_rbx

/* The CFA is r10, then behind a pointer saved at -8(%rbp), as gcc does it. */
begin asm_r10
	lea	8(%rsp), %r10
	.cfi_def_cfa %r10, 0
	and	$-32, %rsp
	push	-8(%r10)
	push	%rbp
	.cfi_escape 0x10, 6, 2, 0x76, 0			/* rbp at the address in rbp */
	mov	%rsp, %rbp
	push	%r10
	.cfi_escape 0x0f, 3, 0x76, 0x78, 0x06		/* CFA = *(rbp - 8) */
	sub	$88, %rsp
	work
	mov	%rdi, %rax
	mov	%rsi, %rdi
	call	*%rax
	work
	add	$88, %rsp
	pop	%r10
	.cfi_def_cfa %r10, 0
	pop	%rbp
	lea	-8(%r10), %rsp
	.cfi_def_cfa %rsp, 8
	work
	ret
end asm_r10

/* CFA = *(rsp + 152) + 8, as OpenSSL's multiplications have it. */
begin asm_saved_rsp
	mov	%rsp, %rax
	.cfi_def_cfa_register %rax
	push	%rbx
	.cfi_offset %rbx, -16
	push	%rbp
	.cfi_offset %rbp, -24
	sub	$200, %rsp
	and	$-64, %rsp
	mov	%rax, 152(%rsp)
	.cfi_escape 0x0f, 6, 0x77, 0x98, 0x01, 0x06, 0x23, 8
	mov	$7, %ebp				/* no frame pointer here */
	work
	mov	%rdi, %rax
	mov	%rsi, %rdi
	call	*%rax
	work
	mov	152(%rsp), %rsi
	.cfi_def_cfa %rsi, 8
	mov	-16(%rsi), %rbp
	.cfi_restore %rbp
	mov	-8(%rsi), %rbx
	.cfi_restore %rbx
	lea	(%rsi), %rsp
	.cfi_def_cfa_register %rsp
	ret
end asm_saved_rsp

/* CFA = *(rbp - 16) + 8. */
begin asm_saved_rbp
	mov	%rsp, %rax
	.cfi_def_cfa_register %rax
	push	%rbp
	.cfi_offset %rbp, -16
	mov	%rsp, %rbp
	sub	$120, %rsp
	and	$-64, %rsp
	mov	%rax, -16(%rbp)
	.cfi_escape 0x0f, 5, 0x76, 0x70, 0x06, 0x23, 8
	work
	mov	%rdi, %rax
	mov	%rsi, %rdi
	call	*%rax
	work
	mov	%rbp, %rsp
	pop	%rbp
	.cfi_def_cfa %rsp, 8
	.cfi_restore %rbp
	ret
end asm_saved_rbp

/* CFA = *(rsp + 8 * r9 + 8) + 8: the place of the saved pointer depends on a register. */
begin asm_scaled
	mov	%rsp, %rax
	.cfi_def_cfa_register %rax
	mov	$10, %r9d
	lea	-128(%rsp), %rsp
	mov	%rax, 8(%rsp,%r9,8)
	.cfi_escape 0x0f, 10, 0x77, 8, 0x79, 0, 0x38, 0x1e, 0x22, 0x06, 0x23, 8
	xor	%eax, %eax
	.rept	8
	work
	.endr
	mov	8(%rsp,%r9,8), %rsi
	.cfi_def_cfa %rsi, 8
	lea	(%rsi), %rsp
	.cfi_def_cfa_register %rsp
	ret
end asm_scaled

/* A leaf whose CFA is on rax, while rsp is used for something else. */
begin asm_rax
	mov	%rsp, %rax
	.cfi_def_cfa_register %rax
	lea	-512(%rsp), %rsp
	and	$-256, %rsp
	.rept	8
	work
	.endr
	mov	%rax, %rsp
	.cfi_def_cfa_register %rsp
	ret
end asm_rax

/* Two ways out, the first before the rest of the frame. */
begin asm_remember
	push	%r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r12, 0
	mov	%rdi, %r12
	work
	test	$1, %sil
	jz	1f
	.cfi_remember_state
	pop	%r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r12
	work
	mov	%rsi, %rax
	ret
1:	.cfi_restore_state
	sub	$4096, %rsp
	.cfi_adjust_cfa_offset 4096
	mov	%rsi, %rdi
	call	*%r12
	work
	add	$4096, %rsp
	.cfi_adjust_cfa_offset -4096
	pop	%r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r12
	ret
end asm_remember

	.section .note.GNU-stack, "", @progbits
