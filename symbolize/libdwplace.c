/* SPDX-License-Identifier: Apache-2.0 */
#include "libdwplace.h"

#include <errno.h>
#include <stdlib.h>

static int by_offset(const void *pa, const void *pb)
{
	const struct libdwplace_span *a = pa, *b = pb;

	return (a->off > b->off) - (a->off < b->off);
}

int libdwplace_read(struct libdwplace *p, const struct elf_file *f)
{
	uint64_t largest = 0;

	for (size_t i = 0; i < f->n_sections; i++) {
		const Elf64_Shdr *sh = &f->sections[i];
		struct libdwplace_span span = { sh->sh_offset, sh->sh_size, sh->sh_size,
						sh->sh_addr };

		if (!(sh->sh_flags & SHF_EXECINSTR) || !(sh->sh_flags & SHF_ALLOC) ||
		    sh->sh_size == 0)
			continue;
		if (sh->sh_type == SHT_NOBITS)
			span.n = 0;
		if (array_push(&p->by_off, span) < 0)
			return -ENOMEM;
		if (span.size > largest && array_push(&p->by_size, span) < 0)
			return -ENOMEM;
		largest = span.size > largest ? span.size : largest;
	}
	if (p->by_off.n > 0)
		qsort(p->by_off.items, p->by_off.n, sizeof(*p->by_off.items), by_offset);
	return 0;
}

static uint64_t address_in_section(const struct libdwplace *p, uint64_t addr)
{
	size_t lo = 0, hi = p->by_size.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (p->by_size.items[mid].size <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < p->by_size.n ? p->by_size.items[lo].vaddr + addr : UINT64_MAX;
}

static uint64_t address_of_offset(const struct libdwplace *p, uint64_t off)
{
	size_t lo = 0, hi = p->by_off.n;
	const struct libdwplace_span *span;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (p->by_off.items[mid].off <= off)
			lo = mid + 1;
		else
			hi = mid;
	}
	span = lo > 0 ? &p->by_off.items[lo - 1] : NULL;
	return span && off - span->off < span->n ? span->vaddr + (off - span->off) : UINT64_MAX;
}

uint64_t libdwplace_address(const struct libdwplace *p, enum sym_kind kind, uint64_t off)
{
	return kind == SYM_VADDR ? address_in_section(p, off) : address_of_offset(p, off);
}

void libdwplace_done(struct libdwplace *p)
{
	array_free(&p->by_off);
	array_free(&p->by_size);
}

size_t libdwplace_bytes(const struct libdwplace *p)
{
	return (p->by_off.cap + p->by_size.cap) * sizeof(*p->by_off.items);
}
