/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Code that keeps a frame pointer, but not yet or no longer: in a function's first and last
 * instructions rbp is still, or again, the caller's, and a step by it would miss the caller. Where
 * no table says so, the instruction that was interrupted does. x86-64. Written once for the walk in
 * the kernel and for snapshots in user space.
 */
#pragma once

#include <stdbool.h>

#include <linux/types.h>

/* Bytes of code, the first one lowest. */
#define CODE_PUSH_RBP	  0x55
#define CODE_RET	  0xc3
#define CODE_ENDBR64	  0xfa1e0ff3
#define CODE_MOV_RSP_RBP  0xe58948 /* and the other way to write it: */
#define CODE_MOV_RSP_RBP2 0xec8b48
#define CODE_GO_CHECK	  0x10663b49 /* cmp 0x10(%r14),%rsp, with which Go's functions begin */
#define CODE_GO_R12	  0x4	     /* the bit that makes it %r12, of a large frame, after */
#define CODE_GO_LARGE	  0x24248d4c /* lea -N(%rsp),%r12 */
#define CODE_GO_LARGE_N	  0xff3fffff /* but for the size of N */
#define CODE_JBE	  0x76	     /* what follows that, when it is not far */
#define CODE_JBE_FAR	  0x860f
#define CODE_MOV_RBP_AT	  0x246c8948 /* mov %rbp,N(%rsp); Go before 1.21 saves it so */
#define CODE_LEA_RBP	  0x246c8d48 /* lea N(%rsp),%rbp */
#define CODE_SUB_RSP	  0xec8348   /* sub $N,%rsp */
#define CODE_ADD_RSP	  0xc48348

/* The code around the interrupted instruction, as it lies in memory; all 0 = not known. */
struct leaf_code {
	__u32 before;
	__u32 at[2];
};

static inline bool leaf_is_go_check(__u32 code)
{
	return (code & ~CODE_GO_R12) == CODE_GO_CHECK;
}

/* Where the return address of the code @c lies above rsp, if rbp is the caller's there, else -1. */
static inline int leaf_return(const struct leaf_code *c)
{
	__u32 head = c->at[0], more = c->at[1], before = c->before;

	if ((head & 0xff) == CODE_PUSH_RBP || (head & 0xff) == CODE_RET || head == CODE_ENDBR64 ||
	    leaf_is_go_check(head) || (head & CODE_GO_LARGE_N) == CODE_GO_LARGE)
		return 0;
	if (head == CODE_MOV_RBP_AT || head == CODE_LEA_RBP)
		return (int)(more & 0x7f) + 8;
	if ((head & 0xffffff) == CODE_ADD_RSP && (more & 0xff) == CODE_RET)
		return (int)(head >> 24 & 0x7f);
	if ((head & 0xffffff) == CODE_MOV_RSP_RBP || (head & 0xffffff) == CODE_MOV_RSP_RBP2)
		return before >> 24 == CODE_PUSH_RBP ? 8 : -1;
	if ((head & 0xff) == CODE_JBE || (head & 0xffff) == CODE_JBE_FAR)
		return leaf_is_go_check(before) ? 0 : -1;
	if ((head & 0xffffff) == CODE_SUB_RSP)
		return (before >> 16 & 0xff) == CODE_JBE ? 0 : -1;
	return -1;
}

/*
 * Registers in which a system call leaves what it was for. SYSCALL keeps where it returns to in rcx
 * (AMD64 Architecture Programmer's Manual, volume 3), and Linux keeps the arguments.
 */
struct leaf_call {
	__u64 rax, rcx, rdi, rsi, rsp, rip;
};

#define CALL_AFTER	16 /* bytes of the code that looks at the result */
#define CALL_CLONE_VM	0x100
#define CALL_CLONE_KIND 0x14800 /* CLONE_SIGHAND, CLONE_VFORK, CLONE_THREAD: one of them */

/* Whether a system call has just returned 0, or seems to. */
static inline bool leaf_is_after_call(const struct leaf_call *c)
{
	return !c->rax && c->rip - c->rcx <= CALL_AFTER;
}

/*
 * Whether clone(2) has just returned in the thread that it made, on a stack of its own: nobody has called
 * there, and what lies on the stack is for the code that comes next. libc's tables end before the
 * call, for what they could say holds in one of the two threads that return from it.
 */
static inline bool leaf_begins_thread(const struct leaf_call *c)
{
	return leaf_is_after_call(c) && c->rsp == c->rsi && !(c->rdi >> 32) &&
	       (c->rdi & CALL_CLONE_VM) && (c->rdi & CALL_CLONE_KIND);
}
