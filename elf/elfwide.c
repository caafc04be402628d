/* SPDX-License-Identifier: Apache-2.0 */
#include "elfwide.h"

#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

int elfwide_of(const unsigned char ident[EI_NIDENT], struct elfwide *ret)
{
	unsigned class = ident[EI_CLASS], data = ident[EI_DATA];

	if ((class != ELFCLASS32 && class != ELFCLASS64) ||
	    (data != ELFDATA2LSB && data != ELFDATA2MSB))
		return -ENOTSUP;
	*ret = (struct elfwide){ .narrow = class == ELFCLASS32, .swapped = data == ELFDATA2MSB };
	return 0;
}

size_t elfwide_ehdr_size(struct elfwide w)
{
	return w.narrow ? sizeof(Elf32_Ehdr) : sizeof(Elf64_Ehdr);
}

size_t elfwide_phdr_size(struct elfwide w)
{
	return w.narrow ? sizeof(Elf32_Phdr) : sizeof(Elf64_Phdr);
}

size_t elfwide_shdr_size(struct elfwide w)
{
	return w.narrow ? sizeof(Elf32_Shdr) : sizeof(Elf64_Shdr);
}

size_t elfwide_sym_size(struct elfwide w)
{
	return w.narrow ? sizeof(Elf32_Sym) : sizeof(Elf64_Sym);
}

static uint16_t in_order_16(struct elfwide w, uint16_t v)
{
	return w.swapped ? be16toh(v) : v;
}

static uint32_t in_order_32(struct elfwide w, uint32_t v)
{
	return w.swapped ? be32toh(v) : v;
}

static uint64_t in_order_64(struct elfwide w, uint64_t v)
{
	return w.swapped ? be64toh(v) : v;
}

/* A field of a header, by its own width. */
#define FIELD(w, h, field)               \
	_Generic((h).field, uint16_t     \
		 : in_order_16, uint32_t \
		 : in_order_32, uint64_t \
		 : in_order_64)(w, (h).field)

#define CONVERT_EHDR(w, h, ret)                                 \
	do {                                                    \
		memcpy((ret)->e_ident, (h).e_ident, EI_NIDENT); \
		(ret)->e_type = FIELD(w, h, e_type);            \
		(ret)->e_machine = FIELD(w, h, e_machine);      \
		(ret)->e_version = FIELD(w, h, e_version);      \
		(ret)->e_entry = FIELD(w, h, e_entry);          \
		(ret)->e_phoff = FIELD(w, h, e_phoff);          \
		(ret)->e_shoff = FIELD(w, h, e_shoff);          \
		(ret)->e_flags = FIELD(w, h, e_flags);          \
		(ret)->e_ehsize = FIELD(w, h, e_ehsize);        \
		(ret)->e_phentsize = FIELD(w, h, e_phentsize);  \
		(ret)->e_phnum = FIELD(w, h, e_phnum);          \
		(ret)->e_shentsize = FIELD(w, h, e_shentsize);  \
		(ret)->e_shnum = FIELD(w, h, e_shnum);          \
		(ret)->e_shstrndx = FIELD(w, h, e_shstrndx);    \
	} while (0)

#define CONVERT_PHDR(w, h, ret)                          \
	do {                                             \
		(ret)->p_type = FIELD(w, h, p_type);     \
		(ret)->p_flags = FIELD(w, h, p_flags);   \
		(ret)->p_offset = FIELD(w, h, p_offset); \
		(ret)->p_vaddr = FIELD(w, h, p_vaddr);   \
		(ret)->p_paddr = FIELD(w, h, p_paddr);   \
		(ret)->p_filesz = FIELD(w, h, p_filesz); \
		(ret)->p_memsz = FIELD(w, h, p_memsz);   \
		(ret)->p_align = FIELD(w, h, p_align);   \
	} while (0)

#define CONVERT_SHDR(w, h, ret)                                  \
	do {                                                     \
		(ret)->sh_name = FIELD(w, h, sh_name);           \
		(ret)->sh_type = FIELD(w, h, sh_type);           \
		(ret)->sh_flags = FIELD(w, h, sh_flags);         \
		(ret)->sh_addr = FIELD(w, h, sh_addr);           \
		(ret)->sh_offset = FIELD(w, h, sh_offset);       \
		(ret)->sh_size = FIELD(w, h, sh_size);           \
		(ret)->sh_link = FIELD(w, h, sh_link);           \
		(ret)->sh_info = FIELD(w, h, sh_info);           \
		(ret)->sh_addralign = FIELD(w, h, sh_addralign); \
		(ret)->sh_entsize = FIELD(w, h, sh_entsize);     \
	} while (0)

#define CONVERT_SYM(w, s, ret)                           \
	do {                                             \
		(ret)->st_name = FIELD(w, s, st_name);   \
		(ret)->st_info = (s).st_info;            \
		(ret)->st_other = (s).st_other;          \
		(ret)->st_shndx = FIELD(w, s, st_shndx); \
		(ret)->st_value = FIELD(w, s, st_value); \
		(ret)->st_size = FIELD(w, s, st_size);   \
	} while (0)

/* The function for one kind of header, of both classes. */
#define DEFINE_ELFWIDE(name, type32, type64, CONVERT)                     \
	void elfwide_##name(struct elfwide w, const void *p, type64 *ret) \
	{                                                                 \
		type32 narrow;                                            \
		type64 wide;                                              \
                                                                          \
		if (w.narrow) {                                           \
			memcpy(&narrow, p, sizeof(narrow));               \
			CONVERT(w, narrow, ret);                          \
		} else {                                                  \
			memcpy(&wide, p, sizeof(wide));                   \
			CONVERT(w, wide, ret);                            \
		}                                                         \
	}
DEFINE_ELFWIDE(ehdr, Elf32_Ehdr, Elf64_Ehdr, CONVERT_EHDR)
DEFINE_ELFWIDE(phdr, Elf32_Phdr, Elf64_Phdr, CONVERT_PHDR)
DEFINE_ELFWIDE(shdr, Elf32_Shdr, Elf64_Shdr, CONVERT_SHDR)
DEFINE_ELFWIDE(sym, Elf32_Sym, Elf64_Sym, CONVERT_SYM)

uint32_t elfwide_u32(struct elfwide w, const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return in_order_32(w, v);
}

uint64_t elfwide_u64(struct elfwide w, const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return in_order_64(w, v);
}

/* A field of either class, @n bytes wide. */
static void put(struct elfwide w, void *p, size_t at, size_t n, uint64_t v)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)p)[at + (w.swapped ? n - 1 - i : i)] = (uint8_t)(v >> (8 * i));
}

void elfwide_put_inflated(struct elfwide w, void *p, uint64_t off, uint64_t size)
{
	size_t n = w.narrow ? sizeof(Elf32_Word) : sizeof(Elf64_Xword);
	Elf64_Shdr sh;

	elfwide_shdr(w, p, &sh);
	put(w, p, w.narrow ? offsetof(Elf32_Shdr, sh_flags) : offsetof(Elf64_Shdr, sh_flags), n,
	    sh.sh_flags & ~(uint64_t)SHF_COMPRESSED);
	put(w, p, w.narrow ? offsetof(Elf32_Shdr, sh_offset) : offsetof(Elf64_Shdr, sh_offset), n,
	    off);
	put(w, p, w.narrow ? offsetof(Elf32_Shdr, sh_size) : offsetof(Elf64_Shdr, sh_size), n,
	    size);
}
