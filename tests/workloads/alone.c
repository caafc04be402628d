/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alone: works half a second of CPU time without any library, unwind tables or frame pointers; its functions
 * lie just behind its entry point. It prints nothing. Built by a rule of its own.
 */
#include <asm/unistd.h>
#include <linux/time.h>

#define NOINLINE __attribute__((noinline, noclone))

__asm__(".globl _start\n"
	"_start: xor %ebp, %ebp\n"
	"	and $-16, %rsp\n"
	"	call alone_main\n"
	"	hlt\n");

static volatile unsigned long x;

static long ask_kernel(long number, long a, void *b)
{
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(number), "D"(a), "S"(b)
			 : "rcx", "r11", "memory");
	return r;
}

NOINLINE void alone_work(int n)
{
	for (int i = 0; i < n; i++)
		x += (unsigned long)i;
	x++;
}

NOINLINE void alone_turn(int n)
{
	alone_work(n);
	x++;
}

void alone_main(void);

void alone_main(void)
{
	struct __kernel_old_timespec t = { 0 };

	while (t.tv_sec == 0 && t.tv_nsec < 500000000) {
		alone_turn(100000);
		ask_kernel(__NR_clock_gettime, CLOCK_PROCESS_CPUTIME_ID, &t);
	}
	ask_kernel(__NR_exit_group, 0, 0);
	__builtin_unreachable();
}
