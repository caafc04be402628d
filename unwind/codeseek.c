/* SPDX-License-Identifier: Apache-2.0 */
#include "codeseek.h"

#include <elf.h>
#include <stdlib.h>

#include "cleanup.h"

#define SECTION_MAX (16u << 20) /* of symbols, relocations or data; a larger one is left out */
#define ENTRY_REACH 64		/* _start is a few instructions and one call */

/* Functions that a table of symbols names. */
static int read_symbols(struct code_seek *k, struct bytes b)
{
	Elf64_Sym sym;

	while (bytes_copy(&b, &sym, sizeof(sym)) == 0)
		if (ELF64_ST_TYPE(sym.st_info) == STT_FUNC && sym.st_value != 0 &&
		    array_push(&k->starts, sym.st_value) < 0)
			return -ENOMEM;
	return 0;
}

static bool is_code(const struct cfi_source *src, uint64_t vaddr)
{
	return vaddr >= src->text_lo && vaddr < src->text_hi;
}

static int add_pointer(struct code_seek *k, const struct cfi_source *src, uint64_t vaddr)
{
	return is_code(src, vaddr) ? array_push(&k->pointers, vaddr) : 0;
}

/* What is to be put in place when the program is loaded. */
static int read_relocations(struct code_seek *k, const struct cfi_source *src, struct bytes b)
{
	Elf64_Rela rela;
	int r = 0;

	while (r == 0 && bytes_copy(&b, &rela, sizeof(rela)) == 0)
		if (ELF64_R_TYPE(rela.r_info) == R_X86_64_RELATIVE)
			r = add_pointer(k, src, (uint64_t)rela.r_addend);
	return r;
}

/* What is in place already. */
static int read_words(struct code_seek *k, const struct cfi_source *src, struct bytes b)
{
	uint64_t word;
	int r = 0;

	while (r == 0 && bytes_u64(&b, &word) == 0)
		r = add_pointer(k, src, word);
	return r;
}

static int read_section(struct code_seek *k, const struct cfi_source *src, const Elf64_Shdr *sh)
{
	bool is_data = (sh->sh_type == SHT_PROGBITS || sh->sh_type == SHT_INIT_ARRAY ||
			sh->sh_type == SHT_FINI_ARRAY) &&
		       sh->sh_flags & SHF_ALLOC && !(sh->sh_flags & SHF_EXECINSTR);
	bool is_symbols = sh->sh_type == SHT_SYMTAB || sh->sh_type == SHT_DYNSYM;
	_cleanup_free_ void *data = NULL;
	struct bytes b;
	size_t n;

	if ((!is_data && !is_symbols && sh->sh_type != SHT_RELA) ||
	    elf_file_read_section(&src->file, sh, SECTION_MAX, &data, &n) < 0)
		return 0;
	b = bytes_of(data, n);
	if (is_symbols)
		return read_symbols(k, b);
	return is_data ? read_words(k, src, b) : read_relocations(k, src, b);
}

/* main() and what else the code where the program begins asks for by its address, which that loads
 * to a register. */
static int read_entry(struct code_seek *k, const struct cfi_source *src)
{
	uint8_t code[ENTRY_REACH];
	struct bytes b = bytes_of(code, sizeof(code));
	struct x86_insn i;
	int r = 0;

	if (cfi_source_code(src, src->entry, code, sizeof(code)) < 0)
		return 0;
	while (r == 0 && x86_insn_read(bytes_of(code + b.pos, bytes_left(&b)), &i) &&
	       code_next_of(&i) == CODE_NEXT) {
		b.pos += i.len;
		if (x86_takes_address(&i))
			r = array_push(&k->starts, src->entry + b.pos + (uint64_t)i.disp);
		else if (i.map == X86_ONE && (i.op == 0xc7 || (i.op & 0xf8) == 0xb8) && !i.is_mem)
			r = array_push(&k->starts, (uint64_t)i.imm);
	}
	return r;
}

int code_seek_read(struct code_seek *k, const struct cfi_source *src)
{
	int r;

	if (k->was_read)
		return 0;
	k->was_read = true;
	r = read_entry(k, src);
	for (size_t i = 0; r == 0 && i < src->file.n_sections; i++)
		r = read_section(k, src, &src->file.sections[i]);
	return r;
}

void code_seek_done(struct code_seek *k)
{
	array_free(&k->starts);
	array_free(&k->pointers);
}

void code_seek_tell(const struct code_seek *k, uint64_t vaddr, struct code_flow *flow)
{
	array_each(&k->starts, s)
		code_flow_add_start(flow, *s - vaddr);
	array_each(&k->pointers, p)
		code_flow_add_pointer(flow, *p - vaddr);
}
