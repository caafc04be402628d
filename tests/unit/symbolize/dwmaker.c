/* SPDX-License-Identifier: Apache-2.0 */
#include "dwmaker.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

/* Programs that are no Criterion programs use it, too. */
static void must(bool ok)
{
	if (!ok)
		abort();
}

void dwmaker_done(struct dwmaker *m)
{
	for (int id = 0; id < DW_SECTIONS; id++)
		array_free(&m->s[id]);
	*m = (struct dwmaker){ 0 };
}

size_t dwmaker_at(const struct dwmaker *m, enum dwsection_id id)
{
	return m->s[id].n;
}

void dwmaker_uint(struct dwmaker *m, enum dwsection_id id, uint64_t v, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++, v >>= 8)
		must((array_push(&m->s[id], (uint8_t)v)) == 0);
}

void dwmaker_uleb(struct dwmaker *m, enum dwsection_id id, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		dwmaker_uint(m, id, v | 0x80, 1);
	dwmaker_uint(m, id, v, 1);
}

void dwmaker_sleb(struct dwmaker *m, enum dwsection_id id, int64_t v)
{
	for (; v < -0x40 || v >= 0x40; v >>= 7)
		dwmaker_uint(m, id, (uint64_t)v | 0x80, 1);
	dwmaker_uint(m, id, (uint64_t)v & 0x7f, 1);
}

size_t dwmaker_str(struct dwmaker *m, enum dwsection_id id, const char *s)
{
	size_t at = m->s[id].n;

	do
		dwmaker_uint(m, id, (uint8_t)*s, 1);
	while (*s++);
	return at;
}

void dwmaker_abbrev(struct dwmaker *m, uint64_t code, unsigned tag, bool children, const int *attrs)
{
	dwmaker_uleb(m, DW_ABBREV, code);
	dwmaker_uleb(m, DW_ABBREV, tag);
	dwmaker_uint(m, DW_ABBREV, children, 1);
	while (*attrs) {
		dwmaker_uleb(m, DW_ABBREV, (unsigned)*attrs++);
		dwmaker_uleb(m, DW_ABBREV, (unsigned)*attrs);
		if (*attrs++ == DW_FORM_implicit_const)
			dwmaker_sleb(m, DW_ABBREV, *attrs++);
	}
	dwmaker_uint(m, DW_ABBREV, 0, 2);
}

size_t dwmaker_unit(struct dwmaker *m, unsigned version, unsigned type, uint64_t abbrev)
{
	size_t word = m->wide ? 8 : 4;

	m->unit = m->s[DW_INFO].n;
	if (m->wide)
		dwmaker_u32(m, UINT32_MAX);
	dwmaker_uint(m, DW_INFO, 0, word);
	dwmaker_uint(m, DW_INFO, version, 2);
	if (version >= 5) {
		dwmaker_u8(m, type ? type : DW_UT_compile);
		dwmaker_u8(m, 8);
	}
	dwmaker_uint(m, DW_INFO, abbrev, word);
	if (version < 5)
		dwmaker_u8(m, 8);
	if (type == DW_UT_skeleton || type == DW_UT_split_compile)
		dwmaker_u64(m, 0x1122334455667788);
	if (type == DW_UT_type || type == DW_UT_split_type) {
		dwmaker_u64(m, 0xabcdef);
		dwmaker_uint(m, DW_INFO, 30, word);
	}
	return m->unit;
}

void dwmaker_unit_end(struct dwmaker *m)
{
	size_t at = m->unit + (m->wide ? 4 : 0), word = m->wide ? 8 : 4;
	uint64_t length = m->s[DW_INFO].n - at - word;

	memcpy(m->s[DW_INFO].items + at, &length, word);
}

struct dwsections dwmaker_sections(const struct dwmaker *m)
{
	struct dwsections d = { .fd = -1 };

	for (int id = 0; id < DW_SECTIONS; id++) {
		size_t n = m->s[id].n;

		if (n == 0)
			continue;
		d.s[id].mem = malloc(n);
		must(d.s[id].mem);
		memcpy(d.s[id].mem, m->s[id].items, n);
		d.s[id].size = n;
	}
	return d;
}

/* --- ELF ---------------------------------------------------------------------------------- */

static const char *const names[DW_SECTIONS] = {
	[DW_INFO] = ".debug_info",
	[DW_ABBREV] = ".debug_abbrev",
	[DW_LINE] = ".debug_line",
	[DW_STR] = ".debug_str",
	[DW_LINE_STR] = ".debug_line_str",
	[DW_RANGES] = ".debug_ranges",
	[DW_RNGLISTS] = ".debug_rnglists",
	[DW_ADDR] = ".debug_addr",
	[DW_STR_OFFSETS] = ".debug_str_offsets",
	[DW_ARANGES] = ".debug_aranges",
};

static void append(int fd, const void *p, size_t n, uint64_t *at)
{
	while (n > 0) {
		ssize_t put = write(fd, p, n);

		must(put > 0);
		p = (const char *)p + put;
		n -= (size_t)put;
		*at += (uint64_t)put;
	}
}

/* The section as it is in a file when it is compressed; the caller frees. */
static void *pack(const struct dwmaker *m, int id, size_t *ret_n)
{
	const Elf64_Chdr ch = { .ch_type = ELFCOMPRESS_ZLIB,
				.ch_size = m->s[id].n,
				.ch_addralign = 1 };
	uLongf n = compressBound(m->s[id].n);
	uint8_t *p = malloc(sizeof(ch) + n);

	must(p);
	must(compress2(p + sizeof(ch), &n, m->s[id].items, m->s[id].n, 1) == Z_OK);
	*ret_n = sizeof(ch) + n;
	memcpy(p, &ch, sizeof(ch));
	return p;
}

int dwmaker_elf(const struct dwmaker *m)
{
	Elf64_Ehdr eh = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			  .e_type = ET_DYN,
			  .e_machine = EM_X86_64,
			  .e_version = EV_CURRENT,
			  .e_ehsize = sizeof(eh),
			  .e_phoff = sizeof(eh),
			  .e_phentsize = sizeof(Elf64_Phdr),
			  .e_phnum = 1,
			  .e_shentsize = sizeof(Elf64_Shdr) };
	Elf64_Phdr ph = { .p_type = PT_LOAD,
			  .p_flags = PF_R | PF_X,
			  .p_vaddr = 0x1000,
			  .p_memsz = 1 << 28,
			  .p_align = 1 };
	Elf64_Shdr sections[DW_SECTIONS + 2] = { 0 };
	char text[512] = { 0 };
	size_t n = 1, n_text = 1;
	uint64_t at = 0;
	int fd = memfd_create("debug", MFD_CLOEXEC);

	must(fd >= 0);
	append(fd, &eh, sizeof(eh), &at);
	append(fd, &ph, sizeof(ph), &at);
	for (int id = 0; id <= DW_SECTIONS; id++) {
		const char *name = id == DW_SECTIONS ? ".shstrtab" : names[id];
		Elf64_Shdr *sh = &sections[n];
		bool packed = m->zlib && id < DW_SECTIONS;
		void *bytes = text;
		size_t size = sizeof(text);

		if (!name || (id < DW_SECTIONS && m->s[id].n == 0))
			continue;
		strcpy(text + n_text, name);
		*sh = (Elf64_Shdr){ .sh_name = (uint32_t)n_text,
				    .sh_type = id == DW_SECTIONS ? SHT_STRTAB : SHT_PROGBITS,
				    .sh_flags = packed ? SHF_COMPRESSED : 0,
				    .sh_offset = at };
		n_text += strlen(name) + 1;
		if (id < DW_SECTIONS) {
			size = m->s[id].n;
			bytes = packed ? pack(m, id, &size) : m->s[id].items;
		}
		sh->sh_size = size;
		append(fd, bytes, size, &at);
		if (packed)
			free(bytes);
		n++;
	}
	eh.e_shnum = (uint16_t)n;
	eh.e_shstrndx = (uint16_t)(n - 1);
	eh.e_shoff = at;
	append(fd, sections, n * sizeof(*sections), &at);
	must(pwrite(fd, &eh, sizeof(eh), 0) == sizeof(eh));
	return fd;
}

/* --- many units --------------------------------------------------------------------------- */

void dwmaker_many(struct dwmaker *m, unsigned units, unsigned functions)
{
	DWMAKER_ABBREV(m, 1, DW_TAG_compile_unit, true, DW_AT_low_pc, DW_FORM_addr, DW_AT_high_pc,
		       DW_FORM_data4);
	DWMAKER_ABBREV(m, 2, DW_TAG_subprogram, false, DW_AT_name, DW_FORM_string, DW_AT_low_pc,
		       DW_FORM_addr, DW_AT_high_pc, DW_FORM_data4);
	dwmaker_uint(m, DW_ABBREV, 0, 1);
	for (unsigned u = 0; u < units; u++) {
		uint64_t lo = 0x1000 + 16ull * functions * u;

		dwmaker_unit(m, 4, 0, 0);
		dwmaker_uleb(m, DW_INFO, 1);
		dwmaker_u64(m, lo);
		dwmaker_u32(m, 16 * functions);
		for (unsigned f = 0; f < functions; f++) {
			char name[32];

			snprintf(name, sizeof(name), "u%u_f%u", u, f);
			dwmaker_uleb(m, DW_INFO, 2);
			dwmaker_str(m, DW_INFO, name);
			dwmaker_u64(m, lo + 16 * f);
			dwmaker_u32(m, 16);
		}
		dwmaker_u8(m, 0);
		dwmaker_unit_end(m);
	}
}
