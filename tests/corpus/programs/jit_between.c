/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code made at run time, with frame pointers and without unwind tables, between functions that have
 * tables and no frame pointers.
 *
 * chain: @main;before;[//anon*|[anon*|jit*;after;leaf
 * chain: @main;before;[//anon*|[anon*|jit*
 * may: @main;*mmap*|*mprotect*|*@plt|[libc*+*]{1,2}
 */
#include <stdint.h>
#include <sys/mman.h>

#include "around.h"

/* long jit(long (*f)(long), long n): works, calls f(n), works. */
static const uint8_t code[] = {
	0x55,			      /* push %rbp */
	0x48, 0x89, 0xe5,	      /* mov %rsp,%rbp */
	0x53,			      /* push %rbx */
	0x48, 0x83, 0xec, 0x18,	      /* sub $24,%rsp */
	0x48, 0x89, 0xfb,	      /* mov %rdi,%rbx */
	0x48, 0x89, 0xf7,	      /* mov %rsi,%rdi */
	0xb8, 0xe8, 0x03, 0x00, 0x00, /* mov $1000,%eax */
	0xff, 0xc8,		      /* 1: dec %eax */
	0x75, 0xfc,		      /* jnz 1b */
	0xff, 0xd3,		      /* call *%rbx */
	0xb9, 0xe8, 0x03, 0x00, 0x00, /* mov $1000,%ecx */
	0xff, 0xc9,		      /* 2: dec %ecx */
	0x75, 0xfc,		      /* jnz 2b */
	0x48, 0x8b, 0x5d, 0xf8,	      /* mov -8(%rbp),%rbx */
	0xc9,			      /* leave */
	0xc3,			      /* ret */
};

typedef long (*jit_fn)(long (*f)(long), long n);

int main(int argc, char **argv)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	jit_fn jit;

	if (at == MAP_FAILED)
		abort();
	memcpy(at, code, sizeof(code));
	mprotect(at, 4096, PROT_READ | PROT_EXEC);
	memcpy(&jit, &at, sizeof(jit));
	corpus_begin(argc, argv);
	for (long i = 0;; i++)
		corpus_sink = before(jit, i);
}
