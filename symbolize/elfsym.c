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
#include "elfcode.h"
#include "elffile.h"
#include "elfplt.h"
#include "elfsome.h"
#include "pages.h"
#include "symasked.h"

enum {
	CODE_MAX = 256,		 /* executable segments; real objects have one or two */
	STRINGS_MAX = 256 << 20, /* bytes of names of one table */
	CHUNK_SYMS = 2048,
	SOME_WORTH = 8, /* symbols an address: to read all of them costs no more from there on */
};

/* What a source works with. */
struct loading {
	const struct elf_file *file; /* the source's */
	struct symtab_builder builder;
	struct elfcode code;
	struct elfsome *some; /* NULL = all symbols are wanted */
};

/* Adds one symbol if it is code; @name is where its name begins in the builder's strings. */
static int add_symbol(struct loading *l, const Elf64_Sym *sym, uint32_t name, unsigned source)
{
	struct symtab_sym s;

	if (!elfcode_symbol(&l->code, sym, source, &s) ||
	    (s.tier == SYMTAB_LABEL && elfcode_is_tool_label(l->builder.strings.items + name)))
		return 0;
	s.name = name;
	return symtab_add(&l->builder, &s);
}

/* --- sources ---------------------------------------------------------------------------------- */

/* The table of @type of @f: 0, with no symbols if there is none. */
static int find_table(const struct elf_file *f, uint32_t type, struct elftable *ret)
{
	const Elf64_Shdr *sh = elf_file_section_of_type(f, type), *str;

	*ret = (struct elftable){ .file = f };
	if (!sh)
		return 0;
	if (sh->sh_entsize != sizeof(Elf64_Sym) || sh->sh_link >= f->n_sections)
		return -EBADMSG;
	str = &f->sections[sh->sh_link];
	if (str->sh_type != SHT_STRTAB || str->sh_offset > f->size ||
	    str->sh_size > f->size - str->sh_offset)
		return -EBADMSG;
	if (str->sh_size > STRINGS_MAX)
		return -EFBIG;
	ret->off = sh->sh_offset;
	ret->n = sh->sh_size / sizeof(Elf64_Sym);
	ret->strings = str->sh_offset;
	ret->n_strings = str->sh_size;
	return 0;
}

static int add_strings(struct loading *l, const struct elftable *t, uint32_t *ret_base)
{
	size_t n = (size_t)t->n_strings;

	if (symtab_reserve_strings(&l->builder, n, ret_base) < 0)
		return -ENOMEM;
	pages_expect(l->builder.strings.items + *ret_base, n);
	return elf_file_read(l->file, t->strings, l->builder.strings.items + *ret_base, n);
}

static int add_symbols(struct loading *l, const struct elftable *t, const Elf64_Sym *syms, size_t n,
		       uint32_t base)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		if (syms[i].st_name < t->n_strings)
			r = add_symbol(l, &syms[i], base + syms[i].st_name, t->source);
	return r;
}

/* Adds the table of @type. The entries are read in pieces: in large objects few of them are kept. */
static int add_table(struct loading *l, uint32_t type, unsigned source)
{
	_cleanup_free_ Elf64_Sym *chunk = NULL;
	struct elftable t;
	uint32_t base = 0;
	int r = find_table(l->file, type, &t);

	if (r < 0 || t.n == 0)
		return r;
	t.source = source;
	chunk = malloc(CHUNK_SYMS * sizeof(*chunk));
	if (!chunk)
		return -ENOMEM;
	if (!l->some)
		r = add_strings(l, &t, &base);
	for (uint64_t at = 0; r == 0 && at < t.n; at += CHUNK_SYMS) {
		size_t n = t.n - at < CHUNK_SYMS ? (size_t)(t.n - at) : CHUNK_SYMS;

		r = elf_file_read(l->file, t.off + at * sizeof(*chunk), chunk, n * sizeof(*chunk));
		if (r == 0)
			r = l->some ? elfsome_look(l->some, &t, chunk, n)
				    : add_symbols(l, &t, chunk, n, base);
	}
	return r == 0 && l->some ? elfsome_keep(l->some, &t, &l->builder) : r;
}

struct source {
	const struct elf_file *file;
	uint32_t type; /* of its table; 0 = the stubs of its .plt */
};

/* Best first; the stubs of the object's .plt come last. Gives the number of sources. */
static size_t list_sources(const struct elf_file *own, const struct elf_file *const *extra,
			   size_t n_extra, struct source ret[ELF_EXTRA_MAX + 3])
{
	size_t n = 0;

	for (size_t i = 0; i < n_extra && i < ELF_EXTRA_MAX; i++)
		if (extra[i]->n_sections > 0)
			ret[n++] = (struct source){ extra[i], SHT_SYMTAB };
	ret[n++] = (struct source){ own, SHT_SYMTAB };
	ret[n++] = (struct source){ own, SHT_DYNSYM };
	ret[n++] = (struct source){ own, 0 };
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

static int add_source(struct loading *l, uint32_t type, unsigned source)
{
	if (type)
		return add_table(l, type, source);
	return l->some ? 0 : elfplt_add(l->file, &l->builder, source);
}

/* 0; -ENOMEM; else what was wrong with the best source that failed. */
static int read_sources(struct loading *l, const struct source *sources, size_t n)
{
	int failed = 0, r;

	/* A separate file keeps the headers of the object's sections, also of one that lost its own. */
	for (size_t i = n; i-- > 0 && l->code.n == 0;) {
		l->file = sources[i].file;
		if (elfcode_find(&l->code, l->file) < 0)
			return -ENOMEM;
	}
	for (unsigned i = 0; i < n; i++) {
		l->file = sources[i].file;
		r = add_source(l, sources[i].type, i);
		if (r == -ENOMEM)
			return r;
		if (r < 0 && !failed)
			failed = r;
	}
	return failed;
}

/* 0 also when there is nothing; errors as above. */
static int load_symbols(struct loading *l, const struct source *sources, size_t n,
			struct elf_object *o)
{
	int failed = read_sources(l, sources, n), r;

	if (failed == -ENOMEM)
		return failed;
	r = symtab_build(&l->builder, &o->syms);
	return r < 0 ? r : o->syms.n == 0 ? failed : 0;
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
	elfcode_done(&l.code);
	return r == -ENOMEM ? r : 0;
}

/* Whether to read all symbols costs more than to look for those of @n addresses. */
static bool are_few(const struct source *sources, size_t n_sources, size_t n)
{
	uint64_t syms = 0;

	for (size_t i = 0; i < n_sources; i++) {
		struct elftable t;

		if (sources[i].type && find_table(sources[i].file, sources[i].type, &t) == 0)
			syms += t.n;
	}
	/* Of too many some are left out, and which these are is another rule. */
	return n <= syms / SOME_WORTH && syms <= SYMTAB_SYMS_MAX;
}

/* Whether the stubs of the object's .plt are asked for: these take all relocations to know. */
static bool want_plt(const struct elf_file *own, const uint64_t *addrs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (elfplt_may_name(own, addrs[i]))
			return true;
	return false;
}

int elf_object_load_some(struct elf_object *o, const struct elf_file *own,
			 const struct elf_file *const *extra, size_t n_extra,
			 struct symasked *asked)
{
	struct source sources[ELF_EXTRA_MAX + 3];
	size_t n = list_sources(own, extra, n_extra, sources);
	struct loading l = { 0 };
	struct elfsome some;
	int r;

	if (o->reason != SYM_OK || asked->n == 0 || !are_few(sources, n, asked->n) ||
	    want_plt(own, asked->addrs, asked->n))
		return 0;
	if (elfsome_init(&some, asked->addrs, asked->n, &l.code) < 0)
		return -ENOMEM;
	l.some = &some;
	r = read_sources(&l, sources, n);
	if (r == 0 && elfsome_is_clear(&some))
		r = symtab_build(&l.builder, &asked->syms) < 0 ? -ENOMEM : 1;
	if (r == 1)
		o->on_miss = SYM_NO_MATCH; /* there are functions */
	elfsome_done(&some);
	symtab_builder_done(&l.builder);
	elfcode_done(&l.code);
	return r == 1 || r == -ENOMEM ? r : 0;
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

	if (r != -ENOMEM && elfcode_find(&l.code, own) < 0)
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
	elfcode_done(&l.code);
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
