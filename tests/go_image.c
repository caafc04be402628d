/* SPDX-License-Identifier: Apache-2.0 */
#include "go_image.h"

#include <elf.h>
#include <string.h>

enum {
	BASE = 0x400000,
	TEXT = 0x1000,
	MODULE = 0x3010,
	RELA = 0x3400,
	DYNAMIC = 0x3600,
	SECTIONS = 0x3700,
	DATA = 0x3000,
};

struct making {
	uint8_t *p;
	size_t at;
	const struct go_image_kind *kind;
	unsigned n_relocs;
};

static void put(struct making *m, uint64_t v, unsigned width)
{
	memcpy(m->p + m->at, &v, width);
	m->at += width;
}

/* Eight bytes that the dynamic linker would write. */
static void put_pointer(struct making *m, uint64_t v)
{
	Elf64_Rela rela = { BASE + m->at, ELF64_R_INFO(0, R_X86_64_RELATIVE), (int64_t)v };

	if (m->kind->relocated) {
		memcpy(m->p + RELA + m->n_relocs++ * sizeof(rela), &rela, sizeof(rela));
		v = 0;
	}
	put(m, v, 8);
}

static uint32_t put_text(struct making *m, uint64_t from, const char *s)
{
	size_t n = strlen(s) + 1, at = m->at;

	memcpy(m->p + at, s, n);
	m->at += n;
	return (uint32_t)(at - from);
}

/* A table of values: pairs of bytes of code and value. */
static uint32_t put_values(struct making *m, uint64_t from, unsigned n, const int (*runs)[2])
{
	size_t at = m->at;
	int value = -1;

	for (unsigned i = 0; i < n; i++) {
		int change = runs[i][1] - value;
		unsigned zigzag =
			change < 0 ? (unsigned)(-change - 1) << 1 | 1 : (unsigned)change << 1;

		if (zigzag >= 0x80) {
			put(m, (zigzag & 0x7f) | 0x80, 1);
			zigzag >>= 7;
		}
		put(m, zigzag, 1);
		put(m, (unsigned)runs[i][0], 1);
		value = runs[i][1];
	}
	put(m, 0, 1);
	return (uint32_t)(at - from);
}

struct parts {
	uint32_t names[4], files[3], sp_values[2], file_values[2], line_values[2], inl;
	size_t name_part, unit_part, file_part, value_part, func_part;
};

static void align(struct making *m, unsigned n)
{
	m->at = (m->at + n - 1) / n * n;
}

/* Names, files and tables of values, at offsets from where the layout counts them. */
static void put_parts(struct making *m, struct parts *ret)
{
	static const char *const names[] = { "main.outer", "main.mid", "main.inner", "main.leaf" };
	static const char *const files[] = { "/src/a.go", "/src/b.go", "/src/c.go" };
	static const int file[][2] = { { 0x10, 0 }, { 8, 1 }, { 0x18, 2 }, { 0x10, 0 } };
	static const int file_12[][2] = { { 0x10, 1 }, { 8, 2 }, { 0x18, 3 }, { 0x10, 1 } };
	static const int line[][2] = {
		{ 8, 10 }, { 8, 12 }, { 8, 22 }, { 0x18, 33 }, { 0x10, 14 }
	};
	static const int inl[][2] = { { 0x10, -1 }, { 8, 0 }, { 0x18, 1 }, { 0x10, -1 } };
	static const int leaf[][2] = { { 8, 40 } };
	static const int sp[][2] = { { 4, 0 }, { 7, 8 }, { 0x2f, 0x28 }, { 1, 8 }, { 5, 0 } };
	static const int no_frame[][2] = { { 0x10, 0 } };
	bool whole = m->kind->layout == GO_12;
	const int(*numbers)[2] = whole ? file_12 : file;

	ret->name_part = m->at;
	for (int i = 0; i < 4; i++)
		ret->names[i] = put_text(m, whole ? GO_IMAGE_TABLE : ret->name_part, names[i]);
	ret->file_part = m->at;
	for (int i = 0; i < 3; i++)
		ret->files[i] = put_text(m, whole ? GO_IMAGE_TABLE : ret->file_part, files[i]);
	align(m, 4);
	ret->unit_part = m->at;
	if (whole)
		put(m, 4, 4);
	for (int i = 0; i < 3; i++)
		put(m, ret->files[i], 4);
	ret->value_part = m->at;
	put(m, 0, 1);
	for (int i = 0; i < 2; i++)
		ret->file_values[i] =
			put_values(m, whole ? GO_IMAGE_TABLE : ret->value_part, i ? 1 : 4, numbers);
	ret->line_values[0] = put_values(m, whole ? GO_IMAGE_TABLE : ret->value_part, 5, line);
	ret->line_values[1] = put_values(m, whole ? GO_IMAGE_TABLE : ret->value_part, 1, leaf);
	ret->sp_values[0] = put_values(m, whole ? GO_IMAGE_TABLE : ret->value_part, 5, sp);
	ret->sp_values[1] = put_values(m, whole ? GO_IMAGE_TABLE : ret->value_part, 1, no_frame);
	ret->inl = put_values(m, whole ? GO_IMAGE_TABLE : ret->value_part, 4, inl);
	align(m, 8);
	ret->func_part = m->at;
}

static void put_entry(struct making *m, uint64_t off)
{
	if (m->kind->layout >= GO_118)
		put(m, off, 4);
	else
		put_pointer(m, BASE + TEXT + off);
}

/* The record of main.outer or main.leaf; only the first has inlined calls. */
static void put_func(struct making *m, const struct parts *p, int leaf)
{
	bool whole = m->kind->layout == GO_12;
	unsigned n_data = leaf ? 0 : whole ? 5 : 4;

	put_entry(m, leaf ? 0x40 : 0);
	put(m, p->names[leaf ? 3 : 0], 4);
	m->at += 8;
	put(m, p->sp_values[leaf], 4);
	put(m, p->file_values[leaf], 4);
	put(m, p->line_values[leaf], 4);
	put(m, leaf ? 0 : 3, 4);
	if (!whole)
		put(m, 0, 4);
	if (m->kind->layout >= GO_120)
		put(m, leaf ? 39 : 9, 4);
	put(m, n_data << 24 | (leaf ? (unsigned)m->kind->flags << 8 : 0), 4);
	if (leaf)
		return;
	m->at += 8;
	put(m, p->inl, 4);
	if (m->kind->layout >= GO_118) {
		put(m, UINT32_MAX, 4);
		m->at += 8;
		put(m, 0x20, 4); /* gofunc is as much before the trees */
	} else {
		align(m, 8);
		m->at += 8 * (n_data - 1);
		put_pointer(m, BASE + GO_IMAGE_TREES);
	}
}

static void put_funcs(struct making *m, const struct parts *p)
{
	uint64_t origin = m->kind->layout == GO_12 ? GO_IMAGE_TABLE : p->func_part;
	unsigned w = m->kind->layout >= GO_118 ? 4 : 8;
	uint64_t entries = m->at, records[2];

	m->at += 5 * w;
	if (m->kind->layout == GO_12)
		put(m, p->unit_part - GO_IMAGE_TABLE, 4);
	for (int i = 0; i < 2; i++) {
		align(m, 8);
		records[i] = m->at - origin;
		put_func(m, p, i);
	}
	m->at = entries;
	for (int i = 0; i < 2; i++) {
		put_entry(m, i ? 0x40 : 0);
		put(m, records[i], w);
	}
	put_entry(m, 0x50);
}

static void put_table(struct making *m, struct parts *p)
{
	static const uint32_t magics[] = { 0xfffffffb, 0xfffffffa, 0xfffffff0, 0xfffffff1 };
	enum go_layout layout = m->kind->layout;

	m->at = GO_IMAGE_TABLE + (layout == GO_12 ? 0x200 : 0x48);
	put_parts(m, p);
	if (layout == GO_12)
		m->at = GO_IMAGE_TABLE + 16;
	put_funcs(m, p);
	m->at = GO_IMAGE_TABLE;
	put(m, magics[layout], 4);
	put(m, 0x0801 << 16, 4);
	put(m, 2, 8);
	if (layout == GO_12)
		return;
	put(m, 3, 8);
	if (layout >= GO_118)
		put(m, 0, 8);
	put(m, p->name_part - GO_IMAGE_TABLE, 8);
	put(m, p->unit_part - GO_IMAGE_TABLE, 8);
	put(m, p->file_part - GO_IMAGE_TABLE, 8);
	put(m, p->value_part - GO_IMAGE_TABLE, 8);
	put(m, p->func_part - GO_IMAGE_TABLE, 8);
}

/* Of main.outer's code, how it begins. */
static void put_code(struct making *m)
{
	m->at = TEXT + 3;
	put(m, 0xe5894855, 4);
}

static void put_trees(struct making *m, const struct parts *p)
{
	static const uint32_t at[] = { 8, 0x14 };
	bool is_new = m->kind->layout >= GO_120;

	m->at = GO_IMAGE_TREES;
	for (int i = 0; i < 2; i++) {
		put(m, is_new ? 0 : (uint16_t)(i - 1), 4);
		if (!is_new)
			put(m, 0, 8);
		put(m, p->names[1 + i], 4);
		put(m, at[i], 4);
		if (is_new)
			put(m, i ? 31 : 21, 4);
	}
}

static void put_module(struct making *m, const struct parts *p)
{
	m->at = MODULE;
	put_pointer(m, BASE + GO_IMAGE_TABLE);
	put_pointer(m, BASE + p->name_part);
	m->at += 18 * 8;
	put_pointer(m, BASE + TEXT);
	put_pointer(m, BASE + TEXT + 0x50);
	m->at += (6 + m->kind->shift) * 8;
	put_pointer(m, BASE + GO_IMAGE_TREES - 0x30); /* and some other address */
	put_pointer(m, BASE + GO_IMAGE_TREES - 0x20);
}

static void put_sections(uint8_t *image)
{
	static const char names[] = "\0.gopclntab\0.names";
	const Elf64_Shdr sh[] = {
		{ 0 },
		{ .sh_name = 1,
		  .sh_type = SHT_PROGBITS,
		  .sh_addr = BASE + GO_IMAGE_TABLE,
		  .sh_offset = GO_IMAGE_TABLE,
		  .sh_size = GO_IMAGE_TREES - GO_IMAGE_TABLE },
		{ .sh_name = 12,
		  .sh_type = SHT_STRTAB,
		  .sh_offset = SECTIONS + 3 * sizeof(*sh),
		  .sh_size = sizeof(names) },
	};
	Elf64_Ehdr eh;

	memcpy(&eh, image, sizeof(eh));
	eh.e_shoff = SECTIONS;
	eh.e_shentsize = sizeof(*sh);
	eh.e_shnum = 3;
	eh.e_shstrndx = 2;
	memcpy(image, &eh, sizeof(eh));
	memcpy(image + SECTIONS, sh, sizeof(sh));
	memcpy(image + SECTIONS + sizeof(sh), names, sizeof(names));
}

void go_image_make(const struct go_image_kind *kind, uint8_t ret[GO_IMAGE_BYTES])
{
	struct making m = { .p = ret, .kind = kind };
	Elf64_Phdr phs[] = {
		{ PT_LOAD, PF_R | PF_X, TEXT, BASE + TEXT, 0, 0x1000, 0x1000, 0x1000 },
		{ PT_LOAD, PF_R, GO_IMAGE_TABLE, BASE + GO_IMAGE_TABLE, 0, 0x1000, 0x1000, 0x1000 },
		{ PT_LOAD, PF_R | PF_W, DATA, BASE + DATA, 0, GO_IMAGE_BYTES - DATA, 0x1000,
		  0x1000 },
		{ PT_DYNAMIC, PF_R, DYNAMIC, BASE + DYNAMIC, 0, 48, 48, 8 },
	};
	Elf64_Ehdr eh = {
		.e_ident = ELFMAG "\2\1\1",
		.e_type = kind->relocated ? ET_DYN : ET_EXEC,
		.e_machine = EM_X86_64,
		.e_phoff = sizeof(eh),
		.e_phentsize = sizeof(*phs),
		.e_phnum = 4,
	};
	struct parts parts = { 0 };

	memset(ret, 0, GO_IMAGE_BYTES);
	memcpy(ret, &eh, sizeof(eh));
	memcpy(ret + sizeof(eh), phs, sizeof(phs));
	put_table(&m, &parts);
	put_code(&m);
	put_trees(&m, &parts);
	if (!kind->no_module)
		put_module(&m, &parts);
	m.at = DYNAMIC;
	if (m.n_relocs > 0) {
		put(&m, DT_RELA, 8);
		put(&m, BASE + RELA, 8);
		put(&m, DT_RELASZ, 8);
		put(&m, m.n_relocs * sizeof(Elf64_Rela), 8);
	}
	if (kind->sections)
		put_sections(ret);
}
