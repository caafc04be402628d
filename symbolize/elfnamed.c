/* SPDX-License-Identifier: Apache-2.0 */
#include "elfnamed.h"

#include <errno.h>
#include <string.h>

enum {
	NAMES_MAX = 256 << 20,
	SYMBOLS_MAX = 16 << 20,
};

/* One table, and what its numbers refer to. */
struct table {
	const struct elf_file *f;
	struct bytes syms, strings;
	struct bytes sections; /* of type SHT_SYMTAB_SHNDX; none = there is none */
};

static int part_of(const struct elf_file *f, const Elf64_Shdr *sh, struct bytes *ret)
{
	if (sh->sh_type == SHT_NOBITS || (sh->sh_flags & SHF_COMPRESSED))
		return -EBADMSG;
	return bytes_part(&f->mem, sh->sh_offset, sh->sh_size, ret);
}

/* 0; -ENOENT when there is no table of symbols. */
static int find_table(const struct elf_file *f, struct table *ret)
{
	const Elf64_Shdr *sh = elf_file_section_of_type(f, SHT_SYMTAB);
	size_t number;
	int r;

	if (!sh)
		sh = elf_file_section_of_type(f, SHT_DYNSYM);
	if (!sh)
		return -ENOENT;
	if (sh->sh_link >= f->n_sections)
		return -EBADMSG;
	number = (size_t)(sh - f->sections);
	*ret = (struct table){ .f = f };
	r = part_of(f, sh, &ret->syms);
	if (r == 0)
		r = part_of(f, &f->sections[sh->sh_link], &ret->strings);
	for (size_t i = 0; r == 0 && i < f->n_sections; i++)
		if (f->sections[i].sh_type == SHT_SYMTAB_SHNDX && f->sections[i].sh_link == number)
			r = part_of(f, &f->sections[i], &ret->sections);
	return r;
}

/* The section of symbol number @i, NULL when it is in none. */
static const Elf64_Shdr *section_of(const struct table *t, size_t i, const Elf64_Sym *sym)
{
	uint32_t number = sym->st_shndx;
	struct bytes part;

	if (number == SHN_XINDEX)
		number = bytes_part(&t->sections, i * sizeof(number), sizeof(number), &part) == 0
				 ? elfwide_u32(t->f->wide, part.p)
				 : 0;
	else if (number >= SHN_LORESERVE)
		number = 0;
	return number > 0 && number < t->f->n_sections ? &t->f->sections[number] : NULL;
}

static bool is_descriptors(const struct elf_file *f, const Elf64_Shdr *sh)
{
	return f->header.e_machine == EM_PPC64 && sh->sh_name < f->n_names &&
	       strcmp(f->names + sh->sh_name, ".opd") == 0;
}

/* Turns the value of @sym into an address of code: false when there is none. */
static bool set_address(const struct table *t, const Elf64_Shdr *sh, Elf64_Sym *sym)
{
	unsigned machine = t->f->header.e_machine;
	struct bytes all, at;

	/* In some machines the lowest bit says in which of two instruction sets a function is. */
	if ((machine == EM_ARM || machine == EM_MIPS) && ELF64_ST_TYPE(sym->st_info) == STT_FUNC)
		sym->st_value &= ~(uint64_t)1;
	if (t->f->header.e_type == ET_REL) {
		sym->st_value += sh->sh_addr;
		return true;
	}
	if (!is_descriptors(t->f, sh))
		return true;
	if (part_of(t->f, sh, &all) < 0 ||
	    bytes_part(&all, sym->st_value - sh->sh_addr, sizeof(uint64_t), &at) < 0)
		return false;
	sym->st_value = elfwide_u64(t->f->wide, at.p);
	return true;
}

/* Adds symbol number @i; one that makes no sense is left out. */
static int add(const struct table *t, size_t i, unsigned source, struct elf_nameds *ret)
{
	size_t one = elfwide_sym_size(t->f->wide);
	struct elf_named s = { .source = source };
	struct bytes name = t->strings;
	const Elf64_Shdr *sh;

	elfwide_sym(t->f->wide, t->syms.p + i * one, &s.sym);
	sh = section_of(t, i, &s.sym);
	if (!sh || bytes_seek(&name, s.sym.st_name) < 0 || bytes_str(&name, &s.name) < 0 ||
	    !s.name[0] || !set_address(t, sh, &s.sym))
		return 0;
	/* Names may share their bytes; in the table that is made of them they do not. */
	ret->n_bytes += strlen(s.name) + 1;
	if (ret->n_bytes > NAMES_MAX || ret->syms.n >= SYMBOLS_MAX)
		return -EFBIG;
	return array_push(&ret->syms, s);
}

int elf_nameds_read(const struct elf_file *f, unsigned source, struct elf_nameds *ret)
{
	size_t one = elfwide_sym_size(f->wide);
	struct table t;
	int r = find_table(f, &t);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (size_t i = 1; r == 0 && i < t.syms.n / one; i++)
		r = add(&t, i, source, ret);
	return r;
}
