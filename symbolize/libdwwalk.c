/* SPDX-License-Identifier: Apache-2.0 */
#include "libdwwalk.h"

#include <dwarf.h>
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "hash.h"

enum {
	DEPTH_MAX = 4096, /* levels of entries */
	HOPS_MAX = 16,	  /* references may lead in a circle */
	TEXT_MAX = 4096,  /* bytes of a name or a path; longer ones are cut */
	SCOPES_MAX = 4 << 20,
	RANGES_MAX = 4 << 20,
	STRINGS_MAX = 256 << 20, /* bytes, of all units */
	TABLE_MAX = 16 << 20,	 /* bytes of a line table; libdw takes 100 times that in memory */
	CLOCK_EVERY = 1024,	 /* entries */
};

void libdwwalk_done(struct libdwwalk *w)
{
	symunit_builder_done(&w->b);
	array_free(&w->name_keys);
	array_free(&w->paths);
	array_free(&w->levels);
	hindex_free(&w->by_key);
	hindex_free(&w->by_path);
	*w = (struct libdwwalk){ 0 };
}

static bool is_code(const struct libdwwalk *w, uint64_t addr)
{
	size_t lo = 0, hi = w->n_code;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (w->code[mid].lo <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo > 0 && addr < w->code[lo - 1].hi;
}

/* --- names and paths -------------------------------------------------------------------------- */

static int add_text(struct libdwwalk *w, const char *s, strref_t *ret)
{
	uint32_t id;
	int r;

	if (w->strings->n_bytes > STRINGS_MAX)
		return -EFBIG;
	r = strtab_add(w->strings, s, strnlen(s, TEXT_MAX), &id);
	if (r < 0)
		return r == -ENOMEM ? r : -EFBIG;
	*ret = strref(STRREF_OWN, w->strings->ents[id].off);
	return 0;
}

static const char *string_of(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attr;

	return dwarf_attr(die, name, &attr) ? dwarf_formstring(&attr) : NULL;
}

/* A small number that is 0 when there is none. */
static uint32_t number_of(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attr;
	Dwarf_Word v;

	return dwarf_attr(die, name, &attr) && dwarf_formudata(&attr, &v) == 0 && v <= UINT32_MAX
		       ? (uint32_t)v
		       : 0;
}

static bool follow(Dwarf_Die *die, unsigned name, Dwarf_Die *ret)
{
	Dwarf_Attribute attr;

	return dwarf_attr(die, name, &attr) && dwarf_formref_die(&attr, ret);
}

/* The name of a function from an entry that stands for it, through its origin and specification. */
static int read_name(struct libdwwalk *w, Dwarf_Die die, struct symunit_name *ret)
{
	const char *name = NULL, *linkage = NULL;
	struct symunit_name n = { 0 };
	Dwarf_Die next;
	int r = 0;

	for (unsigned hops = 0; hops < HOPS_MAX; hops++) {
		if (!linkage)
			linkage = string_of(&die, DW_AT_linkage_name);
		if (!linkage)
			linkage = string_of(&die, DW_AT_MIPS_linkage_name);
		if (!name)
			name = string_of(&die, DW_AT_name);
		if (!n.decl_line)
			n.decl_line = number_of(&die, DW_AT_decl_line);
		if ((linkage && n.decl_line) || !(follow(&die, DW_AT_abstract_origin, &next) ||
						  follow(&die, DW_AT_specification, &next)))
			break;
		die = next;
	}
	if (linkage || name)
		r = add_text(w, linkage ? linkage : name, &n.name);
	if (r == 0)
		*ret = n;
	return r;
}

/* The number in b.names of the name of @die. */
static int name_of(struct libdwwalk *w, const Dwarf_Die *die, uint32_t *ret)
{
	uint64_t hash = hash_u64((uintptr_t)die->addr);
	struct symunit_name name;
	int r;

	hindex_each(&w->by_key, hash, i)
		if (w->name_keys.items[i] == die->addr) {
			*ret = i;
			return 0;
		}
	r = read_name(w, *die, &name);
	if (r < 0)
		return r;
	*ret = (uint32_t)w->b.names.n;
	if (array_push(&w->b.names, name) < 0 || array_push(&w->name_keys, die->addr) < 0)
		return -ENOMEM;
	return hindex_add(&w->by_key, hash, *ret);
}

/*
 * The strings of @path. libdw puts the unit's directory in front of names that have no other, and
 * not in front of another one that is relative, to which it belongs as well.
 */
static int add_path(struct libdwwalk *w, const char *path, struct symunit_file *ret)
{
	size_t n = w->comp_dir ? strlen(w->comp_dir) : 0;
	int r;

	if (path[0] != '/' && n > 0 && !(strncmp(path, w->comp_dir, n) == 0 && path[n] == '/')) {
		r = add_text(w, w->comp_dir, &ret->base);
		if (r < 0)
			return r;
	}
	return add_text(w, path, &ret->name);
}

/* The number in b.files of @path, which is libdw's and the same pointer for the same file of a
 * table. */
static int file_of(struct libdwwalk *w, const char *path, uint32_t *ret)
{
	uint64_t hash = hash_u64((uintptr_t)path);
	struct symunit_file file = { 0 };
	int r;

	if (!path || !path[0] || strcmp(path, "???") == 0) {
		*ret = SYMUNIT_NONE;
		return 0;
	}
	hindex_each(&w->by_path, hash, i)
		if (w->paths.items[i] == path) {
			*ret = i;
			return 0;
		}
	r = add_path(w, path, &file);
	if (r < 0)
		return r;
	*ret = (uint32_t)w->b.files.n;
	if (array_push(&w->b.files, file) < 0 || array_push(&w->paths, path) < 0)
		return -ENOMEM;
	return hindex_add(&w->by_path, hash, *ret);
}

/* --- functions and inlined calls -------------------------------------------------------------- */

static int set_call(struct libdwwalk *w, Dwarf_Die *die, struct symunit_scope *s)
{
	Dwarf_Attribute attr;
	Dwarf_Word file;

	s->call_line = number_of(die, DW_AT_call_line);
	if (!w->files || !dwarf_attr(die, DW_AT_call_file, &attr) ||
	    dwarf_formudata(&attr, &file) < 0 || file >= w->n_files)
		return 0;
	return file_of(w, dwarf_filesrc(w->files, file, NULL, NULL), &s->call_file);
}

static int add_ranges(struct libdwwalk *w, Dwarf_Die *die, uint32_t scope)
{
	Dwarf_Addr base = 0, lo, hi;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(die, at, &base, &lo, &hi)) > 0) {
		if (lo >= hi || !is_code(w, lo))
			continue;
		if (w->b.ranges.n >= RANGES_MAX)
			return -EFBIG;
		if (array_push(&w->b.ranges, (struct symunit_range){ lo, hi, scope }) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Adds a function, or a call that was inlined into the scope around it, and makes it the scope. */
static int add_scope(struct libdwwalk *w, Dwarf_Die *die, bool inlined)
{
	struct symunit_scope s = { .parent = SYMUNIT_NONE,
				   .name = SYMUNIT_NONE,
				   .call_file = SYMUNIT_NONE };
	uint32_t scope = (uint32_t)w->b.scopes.n;
	size_t had = w->b.ranges.n;
	Dwarf_Die named = *die;
	int r = scope >= SCOPES_MAX ? -EFBIG : add_ranges(w, die, scope);

	if (r < 0)
		return r;
	/* An inlined call without code of its own may have some in calls that were inlined into it.
	 */
	if (w->b.ranges.n == had && (!inlined || w->scope == SYMUNIT_NONE))
		return 0;
	if (inlined) {
		s.parent = w->scope;
		r = set_call(w, die, &s);
		/* All calls of a function share its entry, and the name that was read for the
		 * first. */
		(void)follow(die, DW_AT_abstract_origin, &named);
	}
	if (r == 0)
		r = name_of(w, &named, &s.name);
	if (r == 0)
		r = array_push(&w->b.scopes, s);
	w->scope = scope;
	return r;
}

/* Kinds of entries below which no code is. */
static bool is_leaf(int tag)
{
	return tag == DW_TAG_enumeration_type || tag == DW_TAG_array_type ||
	       tag == DW_TAG_subroutine_type || tag == DW_TAG_formal_parameter ||
	       tag == DW_TAG_variable || tag == DW_TAG_call_site || tag == DW_TAG_GNU_call_site;
}

/* Takes one entry in: 0 and whether its children are to be walked. */
static int visit(struct libdwwalk *w, Dwarf_Die *die, bool *ret_children)
{
	int tag = dwarf_tag(die);

	*ret_children = !is_leaf(tag);
	if (w->n_dies % CLOCK_EVERY == 0 && clock_mono_ns() > w->deadline_ns)
		return -ETIME;
	if (tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine)
		return add_scope(w, die, tag == DW_TAG_inlined_subroutine);
	return 0;
}

/* The entry behind @die in the order of the walk, whose children are done: 1 when there is none. */
static int step_over(struct libdwwalk *w, Dwarf_Die *die)
{
	int r;

	while ((r = dwarf_siblingof(die, die)) != 0) {
		if (r < 0 || w->levels.n == 0)
			return 1;
		w->levels.n--;
		*die = w->levels.items[w->levels.n].die;
		w->scope = w->levels.items[w->levels.n].scope;
	}
	return 0;
}

/*
 * DW_AT_sibling of a broken unit may lead into the children of another entry, and so to a number of
 * ways through them that doubles with each; a sound unit has fewer entries than bytes.
 */
static int walk(struct libdwwalk *w, Dwarf_Die *unit, uint64_t unit_bytes)
{
	Dwarf_Die die, child;
	int r = 0;

	w->levels.n = 0;
	w->scope = SYMUNIT_NONE;
	w->n_dies = 0;
	if (dwarf_child(unit, &die) != 0)
		return 0;
	do {
		uint32_t around = w->scope;
		bool children;

		r = visit(w, &die, &children);
		if (r < 0 || ++w->n_dies > unit_bytes)
			return r;
		if (children && w->levels.n < DEPTH_MAX && dwarf_child(&die, &child) == 0) {
			if (array_push(&w->levels, (struct libdwwalk_level){ die, around }) < 0)
				return -ENOMEM;
			die = child;
			/* The walk goes on in there, without a step. */
			continue;
		}
		w->scope = around;
		if (step_over(w, &die))
			return 0;
	} while (true);
}

/* --- lines ------------------------------------------------------------------------------------ */

/* Whether the table of @unit is there, and small enough for what libdw makes of it. */
static int check_table(const struct libdwwalk *w, Dwarf_Die *unit)
{
	Dwarf_Attribute attr;
	Dwarf_Word off;
	struct bytes part;
	uint64_t n;

	if (!dwarf_attr(unit, DW_AT_stmt_list, &attr) || dwarf_formudata(&attr, &off) < 0 ||
	    bytes_part(&w->lines, off, 12, &part) < 0)
		return -ENOENT;
	n = elfwide_u32(w->wide, part.p);
	if (n == UINT32_MAX)
		n = elfwide_u64(w->wide, part.p + 4);
	return n > TABLE_MAX ? -EFBIG : 0;
}

static int add_row(struct libdwwalk *w, const struct symunit_row *row)
{
	return array_push(&w->b.rows, *row);
}

/* Rows come sorted by address; where a sequence ends libdw says. */
static int add_rows(struct libdwwalk *w, Dwarf_Lines *lines, size_t n)
{
	struct symunit_row end = { .file = SYMUNIT_END };
	bool open = false;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		Dwarf_Line *l = dwarf_onesrcline(lines, i);
		struct symunit_row row = { .file = SYMUNIT_NONE };
		bool last = false;
		Dwarf_Addr addr;
		int line;

		if (!l || dwarf_lineaddr(l, &addr) < 0)
			continue;
		dwarf_lineendsequence(l, &last);
		end.addr = row.addr = addr;
		if (last) {
			r = open ? add_row(w, &end) : 0;
			open = false;
			continue;
		}
		if (!is_code(w, addr))
			continue;
		if (dwarf_lineno(l, &line) == 0 && line > 0)
			row.line = (uint32_t)line;
		r = file_of(w, dwarf_linesrc(l, NULL, NULL), &row.file);
		if (r == 0)
			r = add_row(w, &row);
		open = true;
	}
	return r == 0 && open ? add_row(w, &end) : r;
}

static int read_lines(struct libdwwalk *w, Dwarf_Die *unit)
{
	Dwarf_Lines *lines;
	size_t n;
	int r = check_table(w, unit);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return dwarf_getsrclines(unit, &lines, &n) == 0 ? add_rows(w, lines, n) : 0;
}

/* --- the unit --------------------------------------------------------------------------------- */

/* What the unit takes up in its section, or a guess that is no less. */
static uint64_t bytes_of_unit(Dwarf_Die *die)
{
	Dwarf_Off begin = dwarf_dieoffset(die) - dwarf_cuoffset(die), next;
	uint8_t address, offset;

	if (dwarf_next_unit(dwarf_cu_getdwarf(die->cu), begin, &next, NULL, NULL, NULL, &address,
			    &offset, NULL, NULL) == 0 &&
	    next > begin)
		return next - begin;
	return 0;
}

int libdwwalk_run(struct libdwwalk *w, Dwarf_Die *die, Dwarf_Die *skeleton, struct symunit **ret,
		  size_t *ret_bytes)
{
	int r;

	symunit_builder_clear(&w->b);
	w->name_keys.n = 0;
	w->paths.n = 0;
	hindex_clear(&w->by_key);
	hindex_clear(&w->by_path);
	w->files = NULL;
	w->n_files = 0;
	w->comp_dir = string_of(skeleton, DW_AT_comp_dir);
	r = read_lines(w, skeleton);
	if (r < 0)
		return r;
	/* Without lines there is the table of files, which a unit without code has, too. */
	if (dwarf_getsrcfiles(die, &w->files, &w->n_files) != 0)
		w->files = NULL;
	r = walk(w, die, bytes_of_unit(die));
	if (r < 0)
		return r;
	return symunit_build(&w->b, ret, ret_bytes);
}
