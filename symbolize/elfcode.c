/* SPDX-License-Identifier: Apache-2.0 */
#include "elfcode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elffile.h"

static int by_start(const void *pa, const void *pb)
{
	const struct elfcode_span *a = pa, *b = pb;

	return (a->start > b->start) - (a->start < b->start);
}

int elfcode_find(struct elfcode *c, const struct elf_file *f)
{
	struct elfcode_span *spans =
		reallocarray(c->spans, c->n + f->n_sections + 1, sizeof(*spans));

	if (!spans)
		return -ENOMEM;
	c->spans = spans;
	for (size_t i = 0; i < f->n_sections; i++) {
		const Elf64_Shdr *sh = &f->sections[i];
		struct elfcode_span s = { sh->sh_addr, sh->sh_addr + sh->sh_size };

		/* NOBITS too: separate debug files keep the headers of sections without bytes. */
		if ((sh->sh_flags & SHF_EXECINSTR) && (sh->sh_flags & SHF_ALLOC) && s.end > s.start)
			spans[c->n++] = s;
	}
	qsort(spans, c->n, sizeof(*spans), by_start);
	return 0;
}

void elfcode_done(struct elfcode *c)
{
	free(c->spans);
	*c = (struct elfcode){ 0 };
}

/* Where the executable section around @addr ends, 0 when @addr is in none. */
static uint64_t section_end(const struct elfcode *c, uint64_t addr)
{
	size_t lo = 0, hi = c->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (c->spans[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo > 0 && addr < c->spans[lo - 1].end ? c->spans[lo - 1].end : 0;
}

bool elfcode_is_tool_label(const char *name)
{
	if (name[0] == '$')
		return name[1] && strchr("adtx", name[1]) && (name[2] == '\0' || name[2] == '.');
	return name[0] == '.';
}

bool elfcode_symbol(const struct elfcode *c, const Elf64_Sym *sym, unsigned source,
		    struct symtab_sym *ret)
{
	uint64_t limit = section_end(c, sym->st_value);
	unsigned bind = ELF64_ST_BIND(sym->st_info);
	struct symtab_sym s = {
		.start = sym->st_value,
		.end = limit,
		.tier = sym->st_size ? SYMTAB_SIZED : SYMTAB_UNSIZED,
		.source = (uint8_t)source,
		.open = sym->st_size == 0,
	};

	if (limit == 0 || sym->st_shndx == SHN_UNDEF || sym->st_shndx == SHN_ABS ||
	    sym->st_shndx == SHN_COMMON)
		return false;
	if (!elfcode_is_function(sym)) {
		if (ELF64_ST_TYPE(sym->st_info) != STT_NOTYPE)
			return false;
		s.label = true;
		/* Assembly that exports a place means a function, whether it says so or not. */
		if (!s.open || bind == STB_LOCAL)
			s.tier = SYMTAB_LABEL;
	}
	if (!s.open && sym->st_size < limit - s.start)
		s.end = s.start + sym->st_size;
	s.bind = bind == STB_LOCAL ? SYMTAB_LOCAL : bind == STB_WEAK ? SYMTAB_WEAK : SYMTAB_GLOBAL;
	*ret = s;
	return true;
}
