/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names for PLT stubs. No table says which stub serves which function, and the layouts differ by
 * linker and by options, but every stub ends in a jump through a GOT slot, and the relocation of
 * that slot names the function:
 *
 *	.plt, .plt.got		[endbr64] [bnd] jmp *slot(%rip)
 *	.plt with .plt.sec	[endbr64] push $index; [bnd] jmp .plt	(index counts .rela.plt)
 *
 * So the stubs are decoded, which serves .plt, .plt.sec and .plt.got alike. The first one of .plt leads the
 * others to what binds them at their first call, which glibc calls _dl_runtime_resolve.
 *
 * The relocation of a function that is chosen when the program starts (R_X86_64_IRELATIVE), as strlen() is within
 * glibc and in static programs, has the address of what chooses in place of a name; the symbol there is the
 * function's.
 */
#include "elfplt.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "bytes.h"
#include "cleanup.h"
#include "elffile.h"
#include "symtab.h"

enum {
	RELA_MAX = 64 << 20, /* bytes of one relocation section */
	PLT_MAX = 16 << 20,  /* bytes of one PLT section */
	STRINGS_MAX = 64 << 20,
	SYMS_MAX = 128 << 20,
	NAMES_EXTRA = 1 << 20, /* see add_stubs() */
};

static const char *const stub_sections[] = { ".plt", ".plt.sec", ".plt.got" };

/* What a relocation says of a function. */
struct callee {
	uint32_t sym;	 /* index in .dynsym, 0 = none */
	uint64_t target; /* where what chooses it is, 0 = nowhere */
};

struct slot {
	uint64_t vaddr;
	struct callee callee;
};

/* The best symbol at an address. */
struct named {
	uint64_t addr;
	size_t sym; /* number in the builder, SIZE_MAX = none */
};

struct plt {
	ARRAY(struct slot) slots;    /* by vaddr, once they are sorted */
	ARRAY(struct callee) lazy;   /* of the n-th entry of .rela.plt */
	ARRAY(struct named) targets; /* by address */
	struct bytes syms;	     /* .dynsym */
	const char *strings;	     /* its strings, and a NUL behind them */
	size_t n_strings;
	size_t budget; /* bytes of names that may still be added */
	unsigned source;
};

static int by_vaddr(const void *pa, const void *pb)
{
	const struct slot *a = pa, *b = pb;

	return (a->vaddr > b->vaddr) - (a->vaddr < b->vaddr);
}

static int add_relocations(const struct elf_file *f, const char *section, struct plt *plt)
{
	const Elf64_Shdr *sh = elf_file_section_named(f, section);
	_cleanup_free_ void *p = NULL;
	struct bytes b;
	Elf64_Rela rela;
	size_t n;
	int r;

	if (!sh)
		return 0;
	r = elf_file_read_section(f, sh, RELA_MAX, &p, &n);
	if (r < 0)
		return r;
	b = bytes_of(p, n);
	while (bytes_copy(&b, &rela, sizeof(rela)) == 0) {
		uint32_t type = ELF64_R_TYPE(rela.r_info);
		struct callee c = { .sym = ELF64_R_SYM(rela.r_info) };

		if (type == R_X86_64_IRELATIVE)
			c = (struct callee){ .target = (uint64_t)rela.r_addend };
		if (strcmp(section, ".rela.plt") == 0 && array_push(&plt->lazy, c) < 0)
			return -ENOMEM;
		if (c.target && array_push(&plt->targets, (struct named){ c.target, SIZE_MAX }) < 0)
			return -ENOMEM;
		if ((c.target ||
		     ((type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT) && c.sym != 0)) &&
		    array_push(&plt->slots, (struct slot){ rela.r_offset, c }) < 0)
			return -ENOMEM;
	}
	return 0;
}

static bool skip_if(struct bytes *b, const char *code, size_t n)
{
	if (bytes_left(b) < n || memcmp(b->p + b->pos, code, n) != 0)
		return false;
	return bytes_skip(b, n) == 0;
}

/* What the stub @code at @vaddr jumps to, nothing when it is no stub. */
static struct callee stub_callee(const struct plt *plt, struct bytes code, uint64_t vaddr)
{
	struct slot key = { 0 }, *found;
	uint32_t operand;

	skip_if(&code, "\xf3\x0f\x1e\xfa", 4); /* endbr64 */
	if (skip_if(&code, "\x68", 1)) {       /* push $index */
		if (bytes_u32(&code, &operand) < 0 || operand >= plt->lazy.n)
			return key.callee;
		return plt->lazy.items[operand];
	}
	skip_if(&code, "\xf2", 1);	      /* bnd */
	if (!skip_if(&code, "\xff\x25", 2) || /* jmp *operand(%rip) */
	    bytes_u32(&code, &operand) < 0 || plt->slots.n == 0)
		return key.callee;
	key.vaddr = vaddr + code.pos + (uint64_t)(int64_t)(int32_t)operand;
	found = bsearch(&key, plt->slots.items, plt->slots.n, sizeof(key), by_vaddr);
	return found ? found->callee : key.callee;
}

static int by_addr(const void *pa, const void *pb)
{
	const struct named *a = pa, *b = pb;

	return (a->addr > b->addr) - (a->addr < b->addr);
}

static struct named *target_at(const struct plt *plt, uint64_t addr)
{
	struct named key = { .addr = addr };

	return plt->targets.n
		       ? bsearch(&key, plt->targets.items, plt->targets.n, sizeof(key), by_addr)
		       : NULL;
}

/* Finds the symbols of the targets among those of @b. */
static void name_targets(struct plt *plt, const struct symtab_builder *b)
{
	size_t n = 0;

	if (plt->targets.n == 0)
		return;
	qsort(plt->targets.items, plt->targets.n, sizeof(*plt->targets.items), by_addr);
	array_each(&plt->targets, t)
		if (n == 0 || plt->targets.items[n - 1].addr != t->addr)
			plt->targets.items[n++] = *t;
	plt->targets.n = n;
	for (size_t i = 0; i < b->syms.n; i++) {
		const struct symtab_sym *s = &b->syms.items[i], *best;
		struct named *t = target_at(plt, s->start);

		if (!t)
			continue;
		best = t->sym == SIZE_MAX ? NULL : &b->syms.items[t->sym];
		if (!best || s->tier < best->tier ||
		    (s->tier == best->tier && symtab_prefer(s, b->strings.items + s->name, best,
							    b->strings.items + best->name) < 0))
			t->sym = i;
	}
}

/* Borrowed from .dynsym, or from @b until something is added to that. */
static const char *callee_name(const struct plt *plt, const struct symtab_builder *b,
			       const struct callee *c)
{
	const struct named *t = c->target ? target_at(plt, c->target) : NULL;
	struct bytes part;
	Elf64_Sym s;

	if (t)
		return t->sym == SIZE_MAX ? "" : b->strings.items + b->syms.items[t->sym].name;
	if (bytes_part(&plt->syms, (uint64_t)c->sym * sizeof(s), sizeof(s), &part) < 0 ||
	    bytes_copy(&part, &s, sizeof(s)) < 0 || s.st_name >= plt->n_strings)
		return "";
	return plt->strings + s.st_name;
}

/* Whether @code is the first stub: push word(%rip); [bnd] jmp *word(%rip). */
static bool is_first(struct bytes code)
{
	if (!skip_if(&code, "\xff\x35", 2) || bytes_skip(&code, 4) < 0)
		return false;
	skip_if(&code, "\xf2", 1); /* bnd */
	return skip_if(&code, "\xff\x25", 2);
}

/* Of each stub of @sh, which has @n bytes at @p: static programs do not say. */
static uint64_t stub_bytes(const Elf64_Shdr *sh, const uint8_t *p, size_t n)
{
	/* jmp *operand(%rip); xchg %ax,%ax */
	bool is_short =
		n >= 8 && memcmp(p, "\xff\x25", 2) == 0 && memcmp(p + 6, "\x66\x90", 2) == 0;

	return sh->sh_entsize == 8 || (sh->sh_entsize == 0 && is_short) ? 8 : 16;
}

static int add_stubs(const struct elf_file *f, const char *section, struct plt *plt,
		     struct symtab_builder *b)
{
	const Elf64_Shdr *sh = elf_file_section_named(f, section);
	_cleanup_free_ void *p = NULL;
	uint64_t step;
	size_t n;
	int r;

	if (!sh)
		return 0;
	r = elf_file_read_section(f, sh, PLT_MAX, &p, &n);
	if (r < 0)
		return r;
	step = stub_bytes(sh, p, n);
	for (uint64_t off = 0; off + step <= n; off += step) {
		struct symtab_sym s = {
			.start = sh->sh_addr + off,
			.end = sh->sh_addr + off + step,
			.tier = SYMTAB_SIZED,
			.source = (uint8_t)plt->source,
			.bind = SYMTAB_LOCAL,
		};
		struct bytes code = bytes_of((const uint8_t *)p + off, step);
		const struct callee callee = stub_callee(plt, code, s.start);
		const char *stem = off == 0 && is_first(code) ? "_dl_runtime_resolve"
							      : callee_name(plt, b, &callee);
		size_t name_n = strlen(stem);
		_cleanup_free_ char *name = NULL;

		if (name_n == 0)
			continue;
		name = strdup(stem);
		if (!name)
			return -ENOMEM;
		/* Each function has a stub or two; a file made to exhaust memory has many. */
		if (name_n + sizeof("@plt") > plt->budget)
			return -EFBIG;
		plt->budget -= name_n + sizeof("@plt");
		r = symtab_add_string(b, name, "@plt", &s.name);
		if (r == 0)
			r = symtab_add(b, &s);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_all(const struct elf_file *f, struct plt *plt, struct symtab_builder *b)
{
	int r = add_relocations(f, ".rela.plt", plt);

	if (r == 0)
		r = add_relocations(f, ".rela.dyn", plt);
	if (plt->slots.n > 0)
		qsort(plt->slots.items, plt->slots.n, sizeof(*plt->slots.items), by_vaddr);
	name_targets(plt, b);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(stub_sections); i++)
		r = add_stubs(f, stub_sections[i], plt, b);
	array_free(&plt->slots);
	array_free(&plt->lazy);
	array_free(&plt->targets);
	return r;
}

int elfplt_add(const struct elf_file *f, struct symtab_builder *b, unsigned source)
{
	const Elf64_Shdr *dynsym = elf_file_section_of_type(f, SHT_DYNSYM);
	_cleanup_free_ void *syms = NULL, *strings = NULL;
	struct plt plt = { .source = source, .budget = NAMES_EXTRA };
	size_t n;
	int r;

	if (f->header.e_machine != EM_X86_64)
		return 0;
	if (!dynsym || dynsym->sh_link >= f->n_sections) /* it is static, most often */
		return add_all(f, &plt, b);
	r = elf_file_read_section(f, dynsym, SYMS_MAX, &syms, &n);
	if (r < 0)
		return r;
	plt.syms = bytes_of(syms, n);
	r = elf_file_read_section(f, &f->sections[dynsym->sh_link], STRINGS_MAX, &strings,
				  &plt.n_strings);
	if (r < 0)
		return r;
	plt.strings = strings;
	plt.budget += 2 * plt.n_strings;
	return add_all(f, &plt, b);
}

bool elfplt_may_name(const struct elf_file *f, uint64_t vaddr)
{
	for (size_t i = 0; i < ARRAY_LEN(stub_sections); i++) {
		const Elf64_Shdr *sh = elf_file_section_named(f, stub_sections[i]);

		if (sh && vaddr - sh->sh_addr < sh->sh_size)
			return true;
	}
	return false;
}
