/* SPDX-License-Identifier: Apache-2.0 */
/*
 * faults PAGES TIMES: touches PAGES fresh pages TIMES times over in touch_pages(), one fault each.
 * Prints how many faults that took by the kernel's own count.
 */
#include <sys/mman.h>

#include "workload.h"

NOINLINE void touch_pages(volatile char *p, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		p[i * 4096] = 1;
}

static long faults(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_minflt + u.ru_majflt;
}

int main(int argc, char **argv)
{
	size_t pages = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000;
	long times = argc > 2 ? strtol(argv[2], NULL, 10) : 1, touched = 0;

	alarm(60);
	for (long i = 0; i < times; i++) {
		char *p = mmap(NULL, pages * 4096, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		long before = faults();

		if (p == MAP_FAILED)
			return 3;
		madvise(p, pages * 4096, MADV_NOHUGEPAGE);
		touch_pages(p, pages);
		touched += faults() - before;
		munmap(p, pages * 4096);
	}
	printf("touched %ld\n", touched);
	say_usage();
	return 0;
}
