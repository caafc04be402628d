/* SPDX-License-Identifier: Apache-2.0 */
/*
 * New memory that is going to be written from one end to the other: the kernel is asked for all of
 * its pages at once, which costs half of what it takes to touch them one after the other.
 */
#pragma once

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>

enum { PAGES_WORTH = 64 << 10 }; /* bytes; less of it has been touched before, as likely as not */

/* @n bytes at @p. Kernels before 5.14 do not know the question, and nothing is lost. */
static inline void pages_expect(void *p, size_t n)
{
#ifdef MADV_POPULATE_WRITE
	const uintptr_t page = 4096, from = ((uintptr_t)p + page - 1) & ~(page - 1);
	const uintptr_t end = ((uintptr_t)p + n) & ~(page - 1);
	int was = errno;

	if (n >= PAGES_WORTH && madvise((void *)from, end - from, MADV_POPULATE_WRITE) < 0)
		errno = was;
#else
	(void)p;
	(void)n;
#endif
}
