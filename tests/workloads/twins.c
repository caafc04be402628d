/* SPDX-License-Identifier: Apache-2.0 */
/*
 * twins SECONDS: works by turns in two pieces of machine code that it wrote itself, as a JIT
 * compiler does, into two anonymous mappings of the same size.
 */
#include <string.h>
#include <sys/mman.h>

#include "workload.h"

#define BYTES 65536

#if defined(__x86_64__)
/* mov %rdi,%rcx; 1: dec %rcx; jnz 1b; ret */
static const unsigned char code[] = { 0x48, 0x89, 0xf9, 0x48, 0xff, 0xc9, 0x75, 0xfb, 0xc3 };
#elif defined(__aarch64__)
/* 1: subs x0, x0, #1; b.ne 1b; ret */
static const unsigned int code[] = { 0xf1000400, 0x54ffffe1, 0xd65f03c0 };
#endif

typedef void countdown_fn(unsigned long rounds);

int main(int argc, char **argv)
{
	double limit = arg_seconds(argc, argv, 1);
	countdown_fn *twin[2];
	/* Far enough from each other that the kernel does not make one mapping of them. */
	char *p = mmap(NULL, 4 * BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return 3;
	for (int i = 0; i < 2; i++) {
		char *at = p + 2 * i * BYTES;

		if (mprotect(at, BYTES, PROT_READ | PROT_WRITE) < 0)
			return 3;
		memcpy(at, code, sizeof(code));
		if (mprotect(at, BYTES, PROT_READ | PROT_EXEC) < 0)
			return 3;
		__builtin___clear_cache(at, at + sizeof(code));
		memcpy(&twin[i], &at, sizeof(at));
	}
	while (process_s() < limit) {
		twin[0](100000);
		twin[1](100000);
	}
	say_usage();
	return 0;
}
