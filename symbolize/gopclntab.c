/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From Go's table of functions to scopes, ranges and rows. gofind.c finds the table in the program,
 * gotable.c takes it apart, goinline.c knows what was inlined; here they are put together, one
 * function after another.
 */
#include "gopclntab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "gofind.h"
#include "goimage.h"
#include "goinline.h"
#include "gotable.h"
#include "hash.h"
#include "hindex.h"
#include "strtab.h"

enum { STRINGS_EXTRA = 1 << 20 }; /* see own_string() */

/* What has its number in the builder already, by where it is in the table. */
struct known {
	struct hindex index;
	ARRAY(uint64_t) keys;
};

struct reading {
	struct go_table table;
	struct go_trees trees;
	struct strtab *own;
	struct symunit_builder *b;
	size_t max_bytes;
	size_t string_budget; /* bytes of strings that may still be looked at */
	struct known names, files;

	/* Of the function at hand. */
	struct go_func func;
	uint32_t scope;
	struct go_runs file_runs, line_runs, inl_runs;
	ARRAY(uint32_t) calls;	 /* scope of each item of its tree, SYMUNIT_NONE = none yet */
	ARRAY(uint32_t) touched; /* items that have one */
};

/* --- strings, names, files: each once --- */

/* SYMUNIT_NONE when @key has no number yet. */
static uint32_t known_find(const struct known *k, uint64_t key)
{
	hindex_each(&k->index, hash_u64(key), i)
		if (k->keys.items[i] == key)
			return i;
	return SYMUNIT_NONE;
}

static int known_add(struct known *k, uint64_t key)
{
	if (array_push(&k->keys, key) < 0)
		return -ENOMEM;
	return hindex_add(&k->index, hash_u64(key), (uint32_t)k->keys.n - 1);
}

static void known_free(struct known *k)
{
	hindex_free(&k->index);
	array_free(&k->keys);
}

static int own_string(struct reading *rd, const struct bytes *part, uint32_t off, strref_t *ret)
{
	const char *s;
	uint32_t id;
	size_t n;
	int r;

	if (gotable_string(part, off, &s, &n) < 0) {
		*ret = 0;
		return 0;
	}
	/* Strings do not overlap, but in a table made to have quadratic many bytes of them. */
	if (n >= rd->string_budget)
		return -EBADMSG;
	rd->string_budget -= n + 1;
	r = strtab_add(rd->own, s, n, &id);
	if (r == 0)
		*ret = strref(STRREF_OWN, rd->own->ents[id].off);
	return r;
}

/* The number of the function name at @off with that start line. */
static int name_number(struct reading *rd, uint32_t off, uint32_t line, uint32_t *ret)
{
	uint64_t key = (uint64_t)off << 32 | line;
	struct symunit_name name = { .decl_line = line };
	uint32_t i = known_find(&rd->names, key);
	int r;

	if (i == SYMUNIT_NONE) {
		r = own_string(rd, &rd->table.names, off, &name.name);
		if (r < 0)
			return r;
		i = (uint32_t)rd->b->names.n;
		if (array_push(&rd->b->names, name) < 0 || known_add(&rd->names, key) < 0)
			return -ENOMEM;
	}
	*ret = i;
	return 0;
}

/* The number of the file that this function's tables call @value; SYMUNIT_NONE = none. */
static int file_number(struct reading *rd, int32_t value, uint32_t *ret)
{
	struct symunit_file file = { 0 };
	uint32_t off, i = SYMUNIT_NONE;
	int r;

	*ret = SYMUNIT_NONE;
	if (value < 0 || gotable_file(&rd->table, &rd->func, (uint32_t)value, &off) < 0)
		return 0;
	i = known_find(&rd->files, off);
	if (i == SYMUNIT_NONE) {
		r = own_string(rd, &rd->table.files, off, &file.name);
		if (r < 0)
			return r;
		i = (uint32_t)rd->b->files.n;
		if (array_push(&rd->b->files, file) < 0 || known_add(&rd->files, off) < 0)
			return -ENOMEM;
	}
	*ret = i;
	return 0;
}

/* File and line at @at bytes from the function's start; SYMUNIT_NONE and 0 where there are none. */
static int place_at(struct reading *rd, uint32_t at, uint32_t *ret_file, uint32_t *ret_line)
{
	const struct go_run *file = gotable_run_at(&rd->file_runs, at);
	const struct go_run *line = gotable_run_at(&rd->line_runs, at);

	*ret_line = line && line->value > 0 ? (uint32_t)line->value : 0;
	return file_number(rd, file ? file->value : -1, ret_file);
}

/* --- rows --- */

/* Adds a row unless it says what already holds. */
static int add_row(struct reading *rd, uint64_t addr, uint32_t file, uint32_t line)
{
	const struct symunit_row *last =
		rd->b->rows.n ? &rd->b->rows.items[rd->b->rows.n - 1] : NULL;

	if (last ? last->file == file && last->line == line : file == SYMUNIT_NONE && line == 0)
		return 0;
	return array_push(&rd->b->rows, (struct symunit_row){ addr, file, line });
}

/* Where files and lines are both known. What is behind, up to the next function, is padding. */
static int add_rows(struct reading *rd)
{
	const struct go_runs *files = &rd->file_runs, *lines = &rd->line_runs;
	uint64_t lo = rd->func.lo;
	uint32_t at = 0, number = SYMUNIT_NONE;
	size_t f = 0, l = 0;
	bool new_file = true;
	int r = 0;

	while (r == 0 && f < files->runs.n && l < lines->runs.n) {
		struct go_run file = files->runs.items[f], line = lines->runs.items[l];

		if (new_file)
			r = file_number(rd, file.value, &number);
		if (r == 0)
			r = add_row(rd, lo + at, number, line.value > 0 ? (uint32_t)line.value : 0);
		at = file.end < line.end ? file.end : line.end;
		new_file = file.end == at;
		f += file.end == at;
		l += line.end == at;
	}
	if (r == 0 && lo + at < rd->func.hi)
		r = add_row(rd, lo + at, SYMUNIT_NONE, 0);
	return r;
}

/* --- inlined calls --- */

/* The item of the tree that @run is of, -1 = none: the function's own code. */
static int32_t item_of(const struct go_run *run)
{
	return run && run->value >= 0 && run->value < GO_CALLS_MAX ? run->value : -1;
}

/* Makes sure that calls has a place for @item. */
static int reach_item(struct reading *rd, uint32_t item)
{
	if (item < rd->calls.n)
		return 0;
	if (array_reserve(&rd->calls, item + 1 - rd->calls.n) < 0)
		return -ENOMEM;
	while (rd->calls.n <= item)
		rd->calls.items[rd->calls.n++] = SYMUNIT_NONE;
	return 0;
}

/* A scope for @item of the tree, whose parent is not known yet. */
static int add_call(struct reading *rd, uint32_t item, const struct go_call *call, uint32_t *ret)
{
	struct symunit_scope s = { .parent = rd->scope };
	int r = name_number(rd, call->name, call->start_line, &s.name);

	if (r == 0)
		r = place_at(rd, call->at, &s.call_file, &s.call_line);
	if (r < 0)
		return r;
	if (array_push(&rd->touched, item) < 0)
		return -ENOMEM;
	rd->calls.items[item] = *ret = (uint32_t)rd->b->scopes.n;
	return array_push(&rd->b->scopes, s);
}

/*
 * The scope of @item, and those around it, which are made on the way. An item comes before those
 * that were inlined into it, so the way ends, whatever the table says. The function itself where an
 * item is not there.
 */
static int call_scope(struct reading *rd, int32_t item, uint32_t *ret)
{
	uint32_t inner = SYMUNIT_NONE, scope = rd->scope;
	struct go_call call;
	int32_t outer;
	int r;

	*ret = rd->scope;
	while (item >= 0) {
		bool is_new;

		r = reach_item(rd, (uint32_t)item);
		if (r < 0)
			return r;
		scope = rd->calls.items[item];
		is_new = scope == SYMUNIT_NONE;
		if (is_new) {
			if (goinline_call(&rd->trees, &rd->table, &rd->func, (uint32_t)item,
					  &call) < 0)
				break;
			r = add_call(rd, (uint32_t)item, &call, &scope);
			if (r < 0)
				return r;
		}
		if (inner == SYMUNIT_NONE)
			*ret = scope;
		else
			rd->b->scopes.items[inner].parent = scope;
		if (!is_new)
			break;
		inner = scope;
		outer = item_of(gotable_run_at(&rd->inl_runs, call.at));
		item = outer < item ? outer : -1;
	}
	return 0;
}

static int add_calls(struct reading *rd)
{
	uint32_t at = 0, scope;
	int r;

	for (size_t i = 0; i < rd->inl_runs.runs.n; i++) {
		struct go_run run = rd->inl_runs.runs.items[i];

		r = call_scope(rd, item_of(&run), &scope);
		if (r < 0)
			return r;
		if (scope != rd->scope &&
		    array_push(&rd->b->ranges,
			       (struct symunit_range){ rd->func.lo + at, rd->func.lo + run.end,
						       scope }) < 0)
			return -ENOMEM;
		at = run.end;
	}
	return 0;
}

/* --- functions --- */

static int read_runs(struct reading *rd)
{
	const struct go_func *f = &rd->func;
	uint32_t n = (uint32_t)(f->hi - f->lo);
	int r = gotable_values(&rd->table, f->v_file, n, &rd->file_runs);

	if (r == 0)
		r = gotable_values(&rd->table, f->v_line, n, &rd->line_runs);
	if (r == 0)
		r = gotable_values(&rd->table, f->tree != UINT64_MAX ? f->v_inl : 0, n,
				   &rd->inl_runs);
	return r;
}

static int add_func(struct reading *rd)
{
	struct symunit_scope s = { .parent = SYMUNIT_NONE, .call_file = SYMUNIT_NONE };
	struct symunit_builder *b = rd->b;
	int r = name_number(rd, rd->func.name, rd->func.start_line, &s.name);

	if (r < 0)
		return r;
	rd->scope = (uint32_t)b->scopes.n;
	if (array_push(&b->scopes, s) < 0 ||
	    array_push(&b->ranges, (struct symunit_range){ rd->func.lo, rd->func.hi, rd->scope }) <
		    0)
		return -ENOMEM;
	r = read_runs(rd);
	if (r == 0)
		r = add_rows(rd);
	if (r < 0)
		return r;
	if (rd->inl_runs.runs.n > 0) {
		r = add_calls(rd);
		array_each(&rd->touched, item)
			rd->calls.items[*item] = SYMUNIT_NONE;
		rd->touched.n = 0;
		return r;
	}
	return 0;
}

static bool is_too_big(const struct reading *rd)
{
	const struct symunit_builder *b = rd->b;

	return b->scopes.n * sizeof(*b->scopes.items) + b->ranges.n * sizeof(*b->ranges.items) +
		       b->rows.n * sizeof(*b->rows.items) + b->names.n * sizeof(*b->names.items) >
	       rd->max_bytes;
}

static int add_funcs(struct reading *rd)
{
	uint64_t end = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < rd->table.n_funcs; i++) {
		if (gotable_func(&rd->table, i, &rd->func) < 0 || rd->func.hi < rd->func.lo ||
		    rd->func.lo < end)
			return -EBADMSG;
		end = rd->func.hi;
		if (rd->func.hi > rd->func.lo)
			r = add_func(rd);
		if (r == 0 && is_too_big(rd))
			r = -EFBIG;
	}
	if (r == 0 && rd->b->rows.n > 0)
		r = add_row(rd, end, SYMUNIT_END, 0);
	return r;
}

static void reading_done(struct reading *rd)
{
	goinline_close(&rd->trees);
	known_free(&rd->names);
	known_free(&rd->files);
	array_free(&rd->file_runs.runs);
	array_free(&rd->line_runs.runs);
	array_free(&rd->inl_runs.runs);
	array_free(&rd->calls);
	array_free(&rd->touched);
}

static int read_table(const struct go_image *img, const struct elf_file *f, struct reading *rd)
{
	_cleanup_free_ void *p = NULL;
	struct go_bases bases;
	int r = gofind_table(img, f, rd->max_bytes, &p, &rd->table);

	if (r == 0)
		r = gofind_bases(img, f, &rd->table, &bases);
	if (r == 0)
		r = goinline_detect(img, &rd->table, bases.words, bases.n);
	if (r == 0)
		r = goinline_open(img, &rd->table, rd->max_bytes, &rd->trees);
	if (r < 0)
		return r;
	rd->string_budget = 2 * (rd->table.names.n + rd->table.files.n) + STRINGS_EXTRA;
	return add_funcs(rd);
}

int gopclntab_read(struct elf_file *f, size_t max_bytes, struct strtab *own,
		   struct symunit_builder *b)
{
	struct reading rd = { .own = own, .b = b, .max_bytes = max_bytes };
	struct go_image img;
	int r;

	r = elf_file_read_sections(f);
	if (r == -ENOMEM)
		return r;
	r = goimage_open(&img, f, max_bytes);
	if (r == 0)
		r = read_table(&img, f, &rd);
	reading_done(&rd);
	goimage_close(&img);
	if (r < 0)
		b->scopes.n = b->ranges.n = b->rows.n = b->files.n = b->names.n = 0;
	return r;
}
