/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled without frame pointers whatever the rest is compiled with. */
#include "snapchain.h"

#include <alloca.h>
#include <string.h>

#define NOINLINE __attribute__((noinline, noclone))
#ifdef __clang__
#undef NOINLINE
#define NOINLINE __attribute__((noinline))
#endif

/* After the call, so that it is not a jump. */
#define AFTER __asm__ volatile("" ::: "memory")

static void note(struct snapchain *c, void *ret)
{
	c->ret[c->n++] = (uint64_t)(uintptr_t)ret;
}

NOINLINE static void innermost(struct snapchain *c)
{
	note(c, __builtin_return_address(0));
	c->at_end(c);
	AFTER;
}

/* A frame of a size known at run time only: the CFA is counted from rbp here. */
NOINLINE static void with_alloca(struct snapchain *c, size_t n)
{
	char *p = alloca(n);

	memset(p, 1, n);
	__asm__ volatile("" ::"r"(p) : "memory");
	innermost(c);
	note(c, __builtin_return_address(0));
}

/* All registers that a callee saves. */
NOINLINE static void with_saves(struct snapchain *c, size_t n)
{
	__asm__ volatile("" ::: "rbx", "r12", "r13", "r14", "r15", "memory");
	with_alloca(c, n + 100);
	note(c, __builtin_return_address(0));
}

/* The stack pointer is aligned down: the CFA is an expression in gcc's code. */
NOINLINE static void with_alignment(struct snapchain *c, size_t n)
{
	char big[256] __attribute__((aligned(64)));

	memset(big, (int)n, sizeof(big));
	__asm__ volatile("" ::"r"(big) : "memory");
	with_saves(c, n + (size_t)big[3]);
	__asm__ volatile("" ::"r"(big) : "memory");
	note(c, __builtin_return_address(0));
}

NOINLINE void snapchain_call(struct snapchain *c)
{
	with_alignment(c, 10);
	note(c, __builtin_return_address(0));
}

NOINLINE uint64_t snapchain_recurse(unsigned depth, void (*fn)(void *), void *arg)
{
	uint64_t r;

	if (depth == 0) {
		fn(arg);
		return 0;
	}
	r = snapchain_recurse(depth - 1, fn, arg);
	AFTER;
	return r + 1;
}
