/* SPDX-License-Identifier: Apache-2.0 */
#include "symasked.h"

#include <errno.h>
#include <stdlib.h>

#include "dwobject.h"

enum { ASKED_MAX = 1024 }; /* addresses */

int symasked_note(struct symasked *a, const struct dwquery *queries, size_t n)
{
	bool is_first = !a->was_asked;

	a->was_asked = true;
	if (!is_first || n > ASKED_MAX)
		return 0;
	a->addrs = calloc(2 * n + 1, sizeof(*a->addrs));
	if (!a->addrs)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		a->addrs[a->n++] = queries[i].addr;
		/* See symobject_symbol(). */
		if (queries[i].addr < UINT64_MAX)
			a->addrs[a->n++] = queries[i].addr + 1;
	}
	return 0;
}

bool symasked_has(const struct symasked *a, uint64_t addr)
{
	size_t lo = 0, hi = a->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (a->addrs[mid] < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < a->n && a->addrs[lo] == addr;
}

void symasked_done(struct symasked *a)
{
	free(a->addrs);
	symtab_done(&a->syms);
	*a = (struct symasked){ 0 };
}

size_t symasked_bytes(const struct symasked *a)
{
	return a->n * sizeof(*a->addrs) + symtab_bytes(&a->syms);
}
