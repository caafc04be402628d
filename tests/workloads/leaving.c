/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leaving SECONDS: starts threads, one after another, each of which gives its own stack back and
 * then ends, as those that nobody joins do where the C library keeps no stacks (musl).
 */
#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "workload.h"

#define STACK_BYTES (256u << 10)

#ifndef __x86_64__
#error "say how a thread here ends without a stack"
#endif

/* Shares the registers of its maker for threads' variables: no call of libc. */
static int leave(void *stack)
{
	__asm__ volatile("syscall\n\txor %%edi,%%edi\n\tmov %2,%%eax\n\tsyscall\n\thlt"
			 :
			 : "a"(SYS_munmap), "D"(stack), "i"(SYS_exit), "S"((size_t)STACK_BYTES)
			 : "rcx", "r11", "memory");
	__builtin_unreachable();
}

NOINLINE void start_and_wait(void)
{
	char *stack =
		mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile int tid = 1;

	if (stack == MAP_FAILED)
		exit(1);
	for (size_t i = 0; i < STACK_BYTES; i += 4096)
		stack[i] = 1; /* what is there takes time to give back */
	if (clone(leave, stack + STACK_BYTES,
		  CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
			  CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID,
		  stack, &tid, NULL, &tid) < 0)
		exit(1);
	while (tid)
		syscall(SYS_futex, &tid, FUTEX_WAIT, tid, NULL, NULL, 0);
}

int main(int argc, char **argv)
{
	double seconds = arg_seconds(argc, argv, 1);

	wait_for_go();
	while (process_s() < seconds)
		start_and_wait();
	say_usage();
	return 0;
}
