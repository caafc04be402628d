/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads an object's symbols. Each source of names is a table of one file, which a function adds to the
 * builder that all share; its place in the list is its rank where two sources name one address. A
 * source that cannot be read is left out and the others still serve.
 */
#include "elfsym.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "cleanup.h"
#include "elffile.h"
#include "elfplt.h"

enum {
	CODE_MAX = 256,		 /* executable segments; real objects have one or two */
	STRINGS_MAX = 256 << 20, /* bytes of names of one table */
	CHUNK_SYMS = 2048,
};

struct span {
	uint64_t start, end;
};

/* What a source works with. */
struct loading {
	const struct elf_file *file; /* the source's */
	struct symtab_builder builder;
	ARRAY(struct span) exec; /* addresses of executable sections, by start */
};

static int by_start(const void *pa, const void *pb)
{
	const struct span *a = pa, *b = pb;

	return (a->start > b->start) - (a->start < b->start);
}

static int find_exec_sections(struct loading *l)
{
	for (size_t i = 0; i < l->file->n_sections; i++) {
		const Elf64_Shdr *sh = &l->file->sections[i];
		struct span s = { sh->sh_addr, sh->sh_addr + sh->sh_size };

		/* NOBITS too: separate debug files keep the headers of sections without bytes. */
		if ((sh->sh_flags & SHF_EXECINSTR) && (sh->sh_flags & SHF_ALLOC) &&
		    s.end > s.start && array_push(&l->exec, s) < 0)
			return -ENOMEM;
	}
	if (l->exec.n > 0)
		qsort(l->exec.items, l->exec.n, sizeof(*l->exec.items), by_start);
	return 0;
}

/* Where the executable section around @addr ends, 0 when @addr is in none. */
static uint64_t exec_section_end(const struct loading *l, uint64_t addr)
{
	size_t lo = 0, hi = l->exec.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (l->exec.items[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo > 0 && addr < l->exec.items[lo - 1].end ? l->exec.items[lo - 1].end : 0;
}

/* Labels that tools leave in code: ARM and RISC-V mapping symbols ($x, $d.3), .Lfoo, .annobin_*. */
static bool is_tool_label(const char *name)
{
	if (name[0] == '$')
		return name[1] && strchr("adtx", name[1]) && (name[2] == '\0' || name[2] == '.');
	return name[0] == '.';
}

static bool is_function(const Elf64_Sym *sym)
{
	unsigned type = ELF64_ST_TYPE(sym->st_info);

	return type == STT_FUNC || type == STT_GNU_IFUNC;
}

/* Adds one symbol if it is code; @name is where its name begins in the builder's strings. */
static int add_symbol(struct loading *l, const Elf64_Sym *sym, uint32_t name, unsigned source)
{
	uint64_t limit = exec_section_end(l, sym->st_value);
	unsigned bind = ELF64_ST_BIND(sym->st_info);
	struct symtab_sym s = {
		.start = sym->st_value,
		.end = limit,
		.name = name,
		.tier = sym->st_size ? SYMTAB_SIZED : SYMTAB_UNSIZED,
		.source = (uint8_t)source,
		.open = sym->st_size == 0,
	};

	if (limit == 0 || sym->st_shndx == SHN_UNDEF || sym->st_shndx == SHN_ABS ||
	    sym->st_shndx == SHN_COMMON)
		return 0;
	if (!is_function(sym)) {
		if (ELF64_ST_TYPE(sym->st_info) != STT_NOTYPE ||
		    is_tool_label(l->builder.strings.items + s.name))
			return 0;
		s.tier = SYMTAB_LABEL;
	}
	if (!s.open && sym->st_size < limit - s.start)
		s.end = s.start + sym->st_size;
	s.bind = bind == STB_LOCAL ? SYMTAB_LOCAL : bind == STB_WEAK ? SYMTAB_WEAK : SYMTAB_GLOBAL;
	return symtab_add(&l->builder, &s);
}

/* Adds the table @sh. The entries are read in pieces: in large objects few of them are kept. */
static int add_table(struct loading *l, const Elf64_Shdr *sh, unsigned source)
{
	const struct elf_file *f = l->file;
	_cleanup_free_ Elf64_Sym *chunk = NULL;
	const Elf64_Shdr *str;
	uint64_t n = sh->sh_size / sizeof(*chunk);
	uint32_t base;
	int r = 0;

	if (sh->sh_entsize != sizeof(*chunk) || sh->sh_link >= f->n_sections)
		return -EBADMSG;
	str = &f->sections[sh->sh_link];
	if (str->sh_type != SHT_STRTAB || str->sh_offset > f->size ||
	    str->sh_size > f->size - str->sh_offset)
		return -EBADMSG;
	if (str->sh_size > STRINGS_MAX)
		return -EFBIG;
	chunk = calloc(CHUNK_SYMS, sizeof(*chunk));
	if (!chunk || symtab_reserve_strings(&l->builder, (size_t)str->sh_size, &base) < 0)
		return -ENOMEM;
	r = elf_file_read(f, str->sh_offset, l->builder.strings.items + base, (size_t)str->sh_size);
	for (uint64_t at = 0; r == 0 && at < n; at += CHUNK_SYMS) {
		size_t got = n - at < CHUNK_SYMS ? (size_t)(n - at) : CHUNK_SYMS;

		r = elf_file_read(f, sh->sh_offset + at * sizeof(*chunk), chunk,
				  got * sizeof(*chunk));
		for (size_t i = 0; r == 0 && i < got; i++)
			if (chunk[i].st_name < str->sh_size)
				r = add_symbol(l, &chunk[i], base + chunk[i].st_name, source);
	}
	return r;
}

static int add_symtab(struct loading *l, unsigned source)
{
	const Elf64_Shdr *sh = elf_file_section_of_type(l->file, SHT_SYMTAB);

	return sh ? add_table(l, sh, source) : 0;
}

static int add_dynsym(struct loading *l, unsigned source)
{
	const Elf64_Shdr *sh = elf_file_section_of_type(l->file, SHT_DYNSYM);

	return sh ? add_table(l, sh, source) : 0;
}

static int add_plt(struct loading *l, unsigned source)
{
	return elfplt_add(l->file, &l->builder, source);
}

struct source {
	int (*add)(struct loading *l, unsigned source);
	const struct elf_file *file;
};

/* Best first; the stubs of the object's .plt come last. Gives the number of sources. */
static size_t list_sources(const struct elf_file *own, const struct elf_file *const *extra,
			   size_t n_extra, struct source ret[ELF_EXTRA_MAX + 3])
{
	size_t n = 0;

	for (size_t i = 0; i < n_extra && i < ELF_EXTRA_MAX; i++)
		if (extra[i]->n_sections > 0)
			ret[n++] = (struct source){ add_symtab, extra[i] };
	ret[n++] = (struct source){ add_symtab, own };
	ret[n++] = (struct source){ add_dynsym, own };
	ret[n++] = (struct source){ add_plt, own };
	return n;
}

/* The funnel from what reading a file returns to what the caller is told. */
static enum sym_reason reason_of(int r)
{
	switch (r) {
	case 0:
		return SYM_OK;
	case -EFBIG:
		return SYM_LIMIT;
	case -ENOTSUP:
		return SYM_UNSUPPORTED;
	default:
		return SYM_BAD_FILE;
	}
}

static int load_code(const struct elf_file *f, struct elf_object *o)
{
	_cleanup_free_ Elf64_Phdr *ph = NULL;
	size_t n;
	int r = elf_file_read_segments(f, &ph, &n);

	if (r < 0)
		return r;
	o->code = calloc(CODE_MAX, sizeof(*o->code));
	if (!o->code)
		return -ENOMEM;
	for (size_t i = 0; i < n && o->n_code < CODE_MAX; i++)
		if (ph[i].p_type == PT_LOAD && (ph[i].p_flags & PF_X) && ph[i].p_memsz > 0)
			o->code[o->n_code++] = (struct elf_code){ .off = ph[i].p_offset,
								  .n = ph[i].p_filesz,
								  .vaddr = ph[i].p_vaddr,
								  .size = ph[i].p_memsz };
	return 0;
}

/* 0 also when there is nothing; -ENOMEM; else what was wrong with the best source that failed. */
static int load_symbols(struct loading *l, const struct source *sources, size_t n,
			struct elf_object *o)
{
	int failed = 0, r;

	/* A separate file keeps the headers of the object's sections, also of one that lost its own. */
	for (size_t i = n; i-- > 0 && l->exec.n == 0;) {
		l->file = sources[i].file;
		if (find_exec_sections(l) < 0)
			return -ENOMEM;
	}
	for (unsigned i = 0; i < n; i++) {
		l->file = sources[i].file;
		r = sources[i].add(l, i);
		if (r == -ENOMEM)
			return r;
		if (r < 0 && !failed)
			failed = r;
	}
	r = symtab_build(&l->builder, &o->syms);
	if (r < 0)
		return r;
	return o->syms.n == 0 ? failed : 0;
}

/* Only stubs, of the source @plt: the file was stripped, and that is why the rest has no name. */
static enum sym_reason miss_reason(const struct symtab_builder *b, size_t plt)
{
	for (size_t i = 0; i < b->syms.n; i++)
		if (b->syms.items[i].source != plt)
			return SYM_NO_MATCH;
	return SYM_NO_SYMBOLS;
}

int elf_object_load_code(const struct elf_file *own, int opened, struct elf_object *ret)
{
	struct elf_object o = { .on_miss = SYM_NO_SYMBOLS };
	int r = opened;

	if (r == 0)
		r = load_code(own, &o);
	if (r == -ENOMEM) {
		elf_object_done(&o);
		return r;
	}
	o.reason = reason_of(r);
	*ret = o;
	return 0;
}

int elf_object_load_symbols(struct elf_object *o, const struct elf_file *own,
			    const struct elf_file *const *extra, size_t n_extra)
{
	struct source sources[ELF_EXTRA_MAX + 3];
	size_t n = list_sources(own, extra, n_extra, sources);
	struct loading l = { 0 };
	int r = 0;

	if (o->reason == SYM_OK)
		r = load_symbols(&l, sources, n, o);
	if (o->reason == SYM_OK && r != -ENOMEM) {
		o->on_miss = miss_reason(&l.builder, n - 1);
		o->reason = reason_of(r);
	}
	symtab_builder_done(&l.builder);
	array_free(&l.exec);
	return r == -ENOMEM ? r : 0;
}

static int load_alone(struct elf_file *f, int opened, struct elf_object *ret)
{
	struct elf_object o = { 0 };
	int r = opened;

	if (r == 0)
		r = elf_file_read_sections(f);
	r = r == -ENOMEM ? r : elf_object_load_code(f, r, &o);
	if (r == 0)
		r = elf_object_load_symbols(&o, f, NULL, 0);
	elf_file_close(f);
	if (r < 0)
		elf_object_done(&o);
	else
		*ret = o;
	return r;
}

int elf_object_load_fd(int fd, uint64_t max_bytes, struct elf_object *ret)
{
	struct elf_file f;
	int r = elf_file_open_fd(&f, fd, max_bytes);

	return load_alone(&f, r, ret);
}

int elf_object_load_mem(const void *p, size_t n, struct elf_object *ret)
{
	struct elf_file f;
	int r = elf_file_open_mem(&f, p, n);

	return load_alone(&f, r, ret);
}

/* The sections of a relocatable file are what segments are of others. */
static int load_code_sections(const struct elf_file *f, struct elf_object *o)
{
	o->code = calloc(f->n_sections + 1, sizeof(*o->code));
	if (!o->code)
		return -ENOMEM;
	for (size_t i = 0; i < f->n_sections; i++) {
		const Elf64_Shdr *sh = &f->sections[i];

		if ((sh->sh_flags & SHF_EXECINSTR) && (sh->sh_flags & SHF_ALLOC) && sh->sh_size > 0)
			o->code[o->n_code++] = (struct elf_code){
				.off = sh->sh_offset,
				.n = sh->sh_type == SHT_NOBITS ? 0 : sh->sh_size,
				.vaddr = sh->sh_addr,
				.size = sh->sh_size,
			};
	}
	return 0;
}

int elf_object_load_named(const struct elf_file *own, const struct elf_named *syms, size_t n,
			  struct elf_object *ret)
{
	struct loading l = { .file = own };
	struct elf_object o = { .on_miss = SYM_NO_SYMBOLS };
	uint32_t name;
	int r = own->header.e_type == ET_REL ? load_code_sections(own, &o) : load_code(own, &o);

	if (r != -ENOMEM && find_exec_sections(&l) < 0)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = symtab_add_string(&l.builder, syms[i].name, "", &name);
		if (r == 0)
			r = add_symbol(&l, &syms[i].sym, name, syms[i].source);
	}
	if (r == 0)
		r = symtab_build(&l.builder, &o.syms);
	if (o.syms.n > 0)
		o.on_miss = SYM_NO_MATCH;
	symtab_builder_done(&l.builder);
	array_free(&l.exec);
	if (r == -ENOMEM) {
		elf_object_done(&o);
		return r;
	}
	o.reason = reason_of(r);
	*ret = o;
	return 0;
}

void elf_object_done(struct elf_object *o)
{
	free(o->code);
	symtab_done(&o->syms);
	*o = (struct elf_object){ 0 };
}

const struct symtab_range *elf_object_find(const struct elf_object *o, uint64_t off)
{
	for (size_t i = 0; i < o->n_code; i++) {
		const struct elf_code *c = &o->code[i];

		if (off >= c->off && off - c->off < c->n)
			return symtab_find(&o->syms, c->vaddr + (off - c->off));
	}
	return NULL;
}

const struct symtab_range *elf_object_find_vaddr(const struct elf_object *o, uint64_t vaddr)
{
	return symtab_find(&o->syms, vaddr);
}

size_t elf_object_bytes(const struct elf_object *o)
{
	return sizeof(*o) + o->n_code * sizeof(*o->code) + symtab_bytes(&o->syms);
}
