/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index against libdw, which walks the entries for each address: functions, inlined calls,
 * lines, of some thousand addresses of each program.
 */
#include <criterion/criterion.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dwobject.h"
#include "elf_fixture.h"
#include "elfsym.h"

enum { ADDRESSES_MAX = 3000, TEXT = 1 << 16 };

static const char *base_of(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path ? path : "";
}

/* --- libdw -------------------------------------------------------------------------------- */

static const char *name_of(Dwarf_Die *die)
{
	static const unsigned linkage[] = { DW_AT_linkage_name, DW_AT_MIPS_linkage_name };
	Dwarf_Attribute a;

	for (size_t i = 0; i < 2; i++)
		if (dwarf_attr_integrate(die, linkage[i], &a))
			return dwarf_formstring(&a);
	return dwarf_diename(die);
}

static unsigned number_of(Dwarf_Die *die, unsigned attr)
{
	Dwarf_Attribute a;
	Dwarf_Word v = 0;

	if (dwarf_attr(die, attr, &a))
		dwarf_formudata(&a, &v);
	return (unsigned)v;
}

static const char *call_file_of(Dwarf_Die *cu, Dwarf_Die *die)
{
	Dwarf_Files *files;
	size_t n, i = number_of(die, DW_AT_call_file);

	if (dwarf_getsrcfiles(cu, &files, &n) != 0 || i >= n)
		return "";
	return base_of(dwarf_filesrc(files, i, NULL, NULL));
}

static bool has_pc(Dwarf_Die *cu, uint64_t addr)
{
	Dwarf_Die child;

	if (dwarf_haspc(cu, addr) > 0)
		return true;
	/* clang's DWARF 2 says nothing for a unit of several sections. */
	if (dwarf_hasattr(cu, DW_AT_ranges) || dwarf_hasattr(cu, DW_AT_high_pc))
		return false;
	for (int r = dwarf_child(cu, &child); r == 0; r = dwarf_siblingof(&child, &child))
		if (dwarf_haspc(&child, addr) > 0)
			return true;
	return false;
}

static bool find_unit(Dwarf *dbg, uint64_t addr, Dwarf_Die *ret)
{
	Dwarf_Off off = 0, next;
	size_t header;

	for (; dwarf_nextcu(dbg, off, &next, &header, NULL, NULL, NULL) == 0; off = next)
		if (dwarf_offdie(dbg, off + header, ret) && has_pc(ret, addr))
			return true;
	return false;
}

/* The functions and inlined calls around an address, outermost first. */
struct chain {
	Dwarf_Die dies[SYMUNIT_DEPTH_MAX];
	size_t n;
};

/* Not dwarf_getscopes(), which finds no function within a namespace. */
static bool descend(Dwarf_Die *die, uint64_t addr, struct chain *c)
{
	Dwarf_Die child;

	for (int r = dwarf_child(die, &child); r == 0; r = dwarf_siblingof(&child, &child)) {
		int tag = dwarf_tag(&child);
		bool scope = tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine;
		bool has = dwarf_haspc(&child, addr) > 0;
		size_t n = c->n;

		if (tag == DW_TAG_subprogram && !has)
			continue;
		cr_assert_lt(n, SYMUNIT_DEPTH_MAX);
		if (scope)
			c->dies[c->n++] = child;
		/* Blocks and calls may have no code but what is in them. */
		if (dwarf_haschildren(&child) && descend(&child, addr, c))
			return true;
		if (scope && has)
			return true;
		c->n = n;
	}
	return false;
}

/* The frames around @addr as "name file:line decl\n", or "" when no function is known. */
static void ask_libdw(Dwarf *dbg, uint64_t addr, char *ret)
{
	struct chain c = { .n = 0 };
	const char *file = "";
	Dwarf_Line *line;
	int lineno = 0;
	size_t at = 0;
	Dwarf_Die cu;

	ret[0] = '\0';
	if (!find_unit(dbg, addr, &cu) || !descend(&cu, addr, &c))
		return;
	line = dwarf_getsrc_die(&cu, addr);
	if (line) {
		dwarf_lineno(line, &lineno);
		file = base_of(dwarf_linesrc(line, NULL, NULL));
	}
	while (c.n-- > 0) {
		Dwarf_Die *die = &c.dies[c.n];
		Dwarf_Attribute a;
		Dwarf_Word decl = 0;

		if (dwarf_attr_integrate(die, DW_AT_decl_line, &a))
			dwarf_formudata(&a, &decl);
		at += (size_t)snprintf(ret + at, TEXT - at, "%s %s:%d %u\n", name_of(die), file,
				       lineno, (unsigned)decl);
		if (dwarf_tag(die) == DW_TAG_subprogram)
			break;
		file = call_file_of(&cu, die);
		lineno = (int)number_of(die, DW_AT_call_line);
	}
}

/* --- the index ---------------------------------------------------------------------------- */

static void show_answer(struct dwobject *o, const struct dwquery *q, const struct dwframes *frames,
			char *ret)
{
	char name[8192], file[4096];
	size_t at = 0;

	ret[0] = '\0';
	for (uint32_t i = 0; i < q->n && !q->line_only; i++) {
		const struct symunit_frame *f = &frames->frames.items[q->first + i];

		at += (size_t)snprintf(
			ret + at, TEXT - at, "%s %s:%u %u\n",
			dwobject_string(o, f->name.name, sizeof(name), name),
			base_of(dwobject_string(o, f->file.name, sizeof(file), file)), f->line,
			f->name.decl_line);
	}
}

static struct dwobject *open_object(const char *fixture, const struct elf_object *elf,
				    struct dwline_span *spans)
{
	struct dwobject_opts opts = { .alt_fd = -1,
				      .code = spans,
				      .n_code = elf->n_code,
				      .max_inflated = 1 << 30,
				      .max_images = 1 << 30,
				      .threads = 2 };
	struct dwobject *o;

	for (size_t i = 0; i < elf->n_code; i++)
		spans[i] = (struct dwline_span){ elf->code[i].vaddr,
						 elf->code[i].vaddr + elf->code[i].size };
	cr_assert_eq(dwobject_open(fixture_open(fixture), &opts, &o), 0);
	return o;
}

/* About @want addresses of all of the code. */
static size_t addresses_of(const struct elf_object *elf, size_t want, struct dwquery *ret)
{
	uint64_t bytes = 0, step;
	size_t n = 0;

	for (size_t i = 0; i < elf->n_code; i++)
		bytes += elf->code[i].n;
	step = bytes / want + 1;
	for (size_t i = 0; i < elf->n_code; i++)
		for (uint64_t at = 0; at < elf->code[i].n && n < 2 * ADDRESSES_MAX; at += step)
			ret[n++] = (struct dwquery){ .addr = elf->code[i].vaddr + at };
	return n;
}

static void agree(const char *fixture, size_t want)
{
	static struct dwquery queries[2 * ADDRESSES_MAX];
	static char ours[TEXT], theirs[TEXT];
	struct dwline_span spans[16];
	struct dwframes frames = { 0 };
	unsigned known = 0, inlined = 0, differ = 0;
	int fd = fixture_open(fixture);
	Dwarf *dbg = dwarf_begin(fd, DWARF_C_READ);
	struct elf_object elf;
	struct dwobject *o;
	size_t n;

	cr_assert(dbg);
	cr_assert_eq(elf_object_load_fd(fd, UINT64_MAX, &elf), 0);
	cr_assert_leq(elf.n_code, 16);
	o = open_object(fixture, &elf, spans);
	n = addresses_of(&elf, want, queries);
	cr_assert_eq(dwobject_find(o, queries, n, &frames), 0);
	cr_expect_eq(dwobject_broken(o), 0, "%s", fixture);
	cr_expect_eq(dwobject_limited(o), 0, "%s", fixture);
	for (size_t i = 0; i < n; i++) {
		show_answer(o, &queries[i], &frames, ours);
		ask_libdw(dbg, queries[i].addr, theirs);
		known += theirs[0] != '\0';
		inlined += queries[i].n > 1;
		if (strcmp(ours, theirs) != 0 && differ++ < 3)
			cr_log_error("%s %#lx:\nours:\n%stheirs:\n%s", fixture,
				     (unsigned long)queries[i].addr, ours, theirs);
	}
	cr_expect_eq(differ, 0, "%s: %u of %zu differ", fixture, differ, n);
	cr_expect_gt(known, 200, "%s: %u", fixture, known);
	cr_expect_gt(inlined, 20, "%s: %u", fixture, inlined);
	array_free(&frames.frames);
	dwobject_free(o);
	elf_object_done(&elf);
	dwarf_end(dbg);
	close(fd);
}

Test(dwlibdw, agrees_on_gcc)
{
	agree("debug-gcc-2", ADDRESSES_MAX);
	agree("debug-gcc-3", ADDRESSES_MAX);
	agree("debug-gcc-4", ADDRESSES_MAX);
	agree("debug-gcc-5", ADDRESSES_MAX);
}

Test(dwlibdw, agrees_on_clang)
{
	agree("debug-clang-2", ADDRESSES_MAX);
	agree("debug-clang-3", ADDRESSES_MAX);
	agree("debug-clang-4", ADDRESSES_MAX);
	agree("debug-clang-5", ADDRESSES_MAX);
}

Test(dwlibdw, agrees_on_64_bit_and_compressed)
{
	agree("debug-gcc-wide", ADDRESSES_MAX);
	agree("debug-gcc-z", ADDRESSES_MAX);
	agree("debug-clang-z", ADDRESSES_MAX);
}

Test(dwlibdw, agrees_on_64_bit_dwarf_of_clang)
{
	if (!libdw_reads_lines("debug-clang-wide"))
		cr_skip_test("this libdw does not read such lines");
	agree("debug-clang-wide", ADDRESSES_MAX);
}

Test(dwlibdw, agrees_on_cxx)
{
	agree("debugxx-gcc-5", 600);
	agree("debugxx-clang-4", 600);
}

Test(dwlibdw, agrees_on_rust)
{
	if (access(fixture_path("debug-rust"), R_OK) < 0)
		cr_skip("there is no rustc");
	agree("debug-rust", 600);
}
