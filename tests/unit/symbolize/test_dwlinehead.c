/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of directories and files, written by hand; whole tables against libdw. */
#include <criterion/criterion.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "dwline.h"
#include "elf_fixture.h"
#include "elffile.h"

/* --- by hand ---------------------------------------------------------------------------------- */

/* A version 5 table with nothing but @tables in its header, and one row in its program. */
static struct dwsections v5_of(const void *tables, size_t n)
{
	static const uint8_t params[] = { 1, 1, 1, 0xfb, 14, 10, 0, 1, 1, 1, 1, 0, 0, 0, 1 };
	static const uint8_t program[] = { 0,
					   9,
					   DW_LNE_set_address,
					   0,
					   0x10,
					   0,
					   0,
					   0,
					   0,
					   0,
					   0,
					   DW_LNS_set_file,
					   0,
					   DW_LNS_copy,
					   DW_LNS_advance_pc,
					   1,
					   0,
					   1,
					   DW_LNE_end_sequence };
	uint32_t rest = (uint32_t)(sizeof(params) + n);
	uint32_t len = 8 + rest + (uint32_t)sizeof(program);
	struct dwsections d = { .fd = -1 };
	uint8_t *p = malloc(4 + len);

	d.s[DW_LINE] = (struct dwsection){ .mem = p, .size = 4 + len };
	p = mempcpy(p, &len, 4);
	p = mempcpy(p, (const uint8_t[]){ 5, 0, 8, 0 }, 4);
	p = mempcpy(p, &rest, 4);
	p = mempcpy(p, params, sizeof(params));
	p = mempcpy(p, tables, n);
	memcpy(p, program, sizeof(program));
	return d;
}

static const struct dwline_span code = { 0x1000, 0x2000 };

static int read_v5(struct dwsections *d, struct symunit_builder *b)
{
	struct dwline_unit u = { .address_size = 8,
				 .comp_dir = strref(STRREF_STR, 1),
				 .name = strref(STRREF_STR, 2),
				 .str_offsets_base = 8,
				 .code = &code,
				 .n_code = 1,
				 .max_rows = 1000 };
	uint32_t first, n;

	return dwline_read(d, &u, b, &first, &n);
}

static void expect_file(const struct symunit_builder *b, size_t i, strref_t base, strref_t dir,
			strref_t name)
{
	const struct symunit_file *f = &b->files.items[i];

	cr_assert_lt(i, b->files.n);
	cr_expect(f->base == base && f->dir == dir && f->name == name,
		  "file %zu: %lx %lx %lx, want %lx %lx %lx", i, f->base, f->dir, f->name, base, dir,
		  name);
}

#define IN_LINE(off) strref(STRREF_LINE, off)
#define COMP_DIR     strref(STRREF_STR, 1)

/* Bytes being put together. */
struct text {
	uint8_t p[512];
	size_t n;
};

static void add(struct text *t, const void *p, size_t n)
{
	cr_assert(t->n + n <= sizeof(t->p));
	memcpy(t->p + t->n, p, n);
	t->n += n;
}

#define ADD(t, ...) add(t, (const uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ }))
#define BYTES_8	    1, 2, 3, 4, 5, 6, 7, 8

Test(dwlinehead, reads_entries_of_any_form)
{
	struct text t = { .n = 0 };
	struct symunit_builder b = { 0 };
	struct dwsections d;

	ADD(&t, 1, DW_LNCT_path, DW_FORM_line_strp, 2, 7, 0, 0, 0, 9, 0, 0, 0); /* directories */
	ADD(&t, 9, DW_LNCT_size, DW_FORM_data8, 0x81, 0x40, DW_FORM_block);	/* 0x2001: LLVM's */
	ADD(&t, DW_LNCT_directory_index, DW_FORM_data2, DW_LNCT_MD5, DW_FORM_data16);
	ADD(&t, DW_LNCT_timestamp, DW_FORM_block1, 0xff, 0xff, 3, DW_FORM_string);
	ADD(&t, DW_LNCT_path, DW_FORM_strp, DW_LNCT_timestamp, DW_FORM_udata);
	ADD(&t, 0x20, DW_FORM_strx1);
	ADD(&t, 2); /* files */
	ADD(&t, BYTES_8, 2, 'x', 'y', 1, 0, BYTES_8, BYTES_8, 1, 9, 'h', 'i', 0);
	ADD(&t, 0x44, 0, 0, 0, 0x80, 1, 5);
	ADD(&t, BYTES_8, 0, 0, 0, BYTES_8, BYTES_8, 0, 0);
	ADD(&t, 0x55, 0, 0, 0, 0, 5);
	d = v5_of(t.p, t.n);

	cr_assert_eq(read_v5(&d, &b), 0);
	cr_assert_eq(b.files.n, 2);
	expect_file(&b, 0, COMP_DIR, strref(STRREF_LINE_STR, 9), strref(STRREF_STR, 0x44));
	expect_file(&b, 1, 0, strref(STRREF_LINE_STR, 7), strref(STRREF_STR, 0x55));
	cr_assert_eq(b.rows.n, 2);
	cr_expect_eq(b.rows.items[0].file, 0);
	symunit_builder_done(&b);
	dwsections_close(&d);
}

Test(dwlinehead, finds_strings_by_number)
{
	static const uint8_t tables[] = { 0, 0, 1, DW_LNCT_path, DW_FORM_strx, 4,
					  0, 1, 2, 0xff,	 0x7f };
	static const uint32_t offsets[] = { 12, 5, 0x11, 0x22, 0x33 };
	struct dwsections d = v5_of(tables, sizeof(tables));
	struct symunit_builder b = { 0 };

	d.s[DW_STR_OFFSETS] =
		(struct dwsection){ .mem = malloc(sizeof(offsets)), .size = sizeof(offsets) };
	memcpy(d.s[DW_STR_OFFSETS].mem, offsets, sizeof(offsets));
	cr_assert_eq(read_v5(&d, &b), 0);
	cr_assert_eq(b.files.n, 4);
	expect_file(&b, 0, COMP_DIR, 0, strref(STRREF_STR, 0x11));
	expect_file(&b, 1, COMP_DIR, 0, strref(STRREF_STR, 0x22));
	expect_file(&b, 2, COMP_DIR, 0, strref(STRREF_STR, 0x33));
	expect_file(&b, 3, COMP_DIR, 0, 0);
	symunit_builder_done(&b);
	dwsections_close(&d);
}

/* What comes behind a form of unknown size cannot be read, but the program can. */
Test(dwlinehead, reads_the_program_behind_broken_tables)
{
	static const uint8_t unknown[] = { 0,	0, 2, DW_LNCT_path, DW_FORM_string, 0x30, 0x7f, 1,
					   'a', 0, 1 };
	static const uint8_t too_many[] = { 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f };
	static const uint8_t nothing[] = { 0 };
	const struct {
		const uint8_t *p;
		size_t n;
	} bad[] = { { unknown, sizeof(unknown) }, { too_many, sizeof(too_many) }, { nothing, 1 } };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct dwsections d = v5_of(bad[i].p, bad[i].n);
		struct symunit_builder b = { 0 };

		cr_expect_eq(read_v5(&d, &b), -EBADMSG);
		cr_expect_eq(b.files.n, 0);
		cr_assert_eq(b.rows.n, 2);
		cr_expect_eq(b.rows.items[0].line, 1);
		symunit_builder_done(&b);
		dwsections_close(&d);
	}
}

/* An entry of a form without bytes costs nothing: their number is bound all the same. */
Test(dwlinehead, bounds_the_number_of_empty_entries)
{
	static const uint8_t many[] = { 1, 0x30, DW_FORM_flag_present, 3,
					1, 0x31, DW_FORM_flag_present, 3 };
	struct dwsections d = v5_of(many, sizeof(many));
	struct symunit_builder b = { 0 };

	cr_expect_eq(read_v5(&d, &b), -EBADMSG); /* three where no byte is left */
	symunit_builder_done(&b);
	dwsections_close(&d);
}

Test(dwlinehead, reads_lists_of_dwarf_2)
{
	struct dwsections d = { .fd = -1 };
	struct symunit_builder b = { 0 };
	struct text t = { .n = 0 };

	ADD(&t, 55, 0, 0, 0, 2, 0, 45, 0, 0, 0, 1, 1, 0xfb, 14, 10, 0, 1, 1, 1, 1, 0, 0, 0, 1);
	ADD(&t, 'i', 'n', 'c', 0, '/', 'a', 'b', 's', 0, 0); /* at 24, 28 */
	ADD(&t, 'a', '.', 'c', 0, 0, 0, 0, 'b', '.', 'c', 0, 2, 0, 0, 'c', 0, 3, 0, 0); /* 34 … */
	ADD(&t, 0, 0, 0, 0, 0, 0);
	d.s[DW_LINE] = (struct dwsection){ .mem = malloc(t.n), .size = t.n };
	memcpy(d.s[DW_LINE].mem, t.p, t.n);
	cr_assert_eq(read_v5(&d, &b), 0);
	cr_assert_eq(b.files.n, 4);
	expect_file(&b, 0, COMP_DIR, 0, strref(STRREF_STR, 2)); /* the unit's own */
	expect_file(&b, 1, COMP_DIR, 0, IN_LINE(34));
	expect_file(&b, 2, COMP_DIR, IN_LINE(28), IN_LINE(41));
	expect_file(&b, 3, COMP_DIR, 0, IN_LINE(48)); /* there is no directory 3 */
	cr_expect_eq(b.rows.n, 0);
	symunit_builder_done(&b);
	dwsections_close(&d);
}

/* --- against libdw ---------------------------------------------------------------------------- */

struct agreement {
	struct dwsections d;
	struct symunit_builder b;
	ARRAY(struct dwline_span) code;
	size_t compared;
};

static const char *text_of(const struct dwsections *d, strref_t s, char *buf)
{
	switch (strref_place(s)) {
	case STRREF_LINE:
		return dwsection_str(d, DW_LINE, strref_off(s), PATH_MAX, buf);
	case STRREF_LINE_STR:
		return dwsection_str(d, DW_LINE_STR, strref_off(s), PATH_MAX, buf);
	case STRREF_STR:
		return dwsection_str(d, DW_STR, strref_off(s), PATH_MAX, buf);
	default:
		return "";
	}
}

/* DIR/NAME, or one of them, as libdw shows it. */
static void show_file(const struct dwsections *d, const struct symunit_file *f, char *ret, size_t n)
{
	char dir_buf[PATH_MAX], name_buf[PATH_MAX];
	const char *dir = text_of(d, f->dir, dir_buf), *name = text_of(d, f->name, name_buf);

	snprintf(ret, n, "%s%s%s", *name == '/' ? "" : dir, *name == '/' || !*dir ? "" : "/", name);
}

/* The row in force at @addr in any sequence that has @line there, else any; NULL when there is
 * none. */
static const struct symunit_row *row_at(const struct symunit_builder *b, uint64_t addr,
					uint32_t line, bool *ret_ends)
{
	const struct symunit_row *found = NULL;

	*ret_ends = false;
	for (size_t i = 0; i < b->rows.n; i++) {
		const struct symunit_row *row = &b->rows.items[i];

		if (row->file == SYMUNIT_END) {
			*ret_ends |= row->addr == addr;
			continue;
		}
		if (addr >= row->addr && addr < row[1].addr && (!found || row->line == line))
			found = row;
	}
	return found;
}

static bool is_code(const struct agreement *a, uint64_t addr)
{
	array_each(&a->code, s)
		if (addr >= s->lo && addr < s->hi)
			return true;
	return false;
}

static void compare_unit(struct agreement *a, Dwarf_Die *die)
{
	char file[2 * PATH_MAX + 2];
	Dwarf_Lines *lines;
	size_t n;

	cr_assert_eq(dwarf_getsrclines(die, &lines, &n), 0);
	for (size_t i = 0; i + 1 < n; i++) {
		Dwarf_Line *l = dwarf_onesrcline(lines, i);
		const struct symunit_row *row;
		Dwarf_Addr addr, next;
		bool end, ends;
		int line;

		dwarf_lineendsequence(l, &end);
		dwarf_lineaddr(l, &addr);
		dwarf_lineaddr(dwarf_onesrcline(lines, i + 1), &next);
		dwarf_lineno(l, &line);
		/* Of rows at one address libdw keeps all; here the last one counts. */
		if (end || next == addr || !is_code(a, addr))
			continue;
		row = row_at(&a->b, addr, (uint32_t)line, &ends);
		if (!row && ends)
			continue; /* a row of no length at the end of its sequence */
		cr_assert(row, "nothing at %lx", (unsigned long)addr);
		cr_assert_eq(row->line, (uint32_t)line, "at %lx", (unsigned long)addr);
		show_file(&a->d, &a->b.files.items[row->file], file, sizeof(file));
		cr_assert_str_eq(file, dwarf_linesrc(l, NULL, NULL), "at %lx", (unsigned long)addr);
		a->compared++;
	}
}

static void load_code(struct agreement *a, int fd)
{
	Elf64_Phdr *ph;
	struct elf_file f;
	size_t n;

	cr_assert_eq(elf_file_open_fd(&f, fd, UINT64_MAX), 0);
	cr_assert_eq(elf_file_read_segments(&f, &ph, &n), 0);
	for (size_t i = 0; i < n; i++)
		if (ph[i].p_type == PT_LOAD && (ph[i].p_flags & PF_X))
			cr_assert_eq(
				array_push(&a->code,
					   (struct dwline_span){ ph[i].p_vaddr,
								 ph[i].p_vaddr + ph[i].p_memsz }),
				0);
	free(ph);
	elf_file_close(&f);
}

static void compare_fixture(const char *name, size_t at_least)
{
	struct agreement a = { .compared = 0 };
	int fd = fixture_open(name);
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;
	Dwarf *dw;

	cr_assert_eq(dwsections_open(dup(fd), false, (size_t)1 << 30, &a.d), 0);
	dw = dwarf_begin(fd, DWARF_C_READ);
	cr_assert(dw);
	load_code(&a, fd);
	while (dwarf_get_units(dw, cu, &cu, NULL, NULL, &die, NULL) == 0) {
		struct dwline_unit u = { .address_size = 8,
					 .code = a.code.items,
					 .n_code = a.code.n,
					 .max_rows = 1 << 20 };
		Dwarf_Attribute attr;
		uint32_t first, n;

		if (!dwarf_attr(&die, DW_AT_stmt_list, &attr) ||
		    dwarf_formudata(&attr, &u.off) != 0)
			continue;
		symunit_builder_clear(&a.b);
		cr_assert_eq(dwline_read(&a.d, &u, &a.b, &first, &n), 0);
		compare_unit(&a, &die);
	}
	cr_expect_geq(a.compared, at_least, "%s: only %zu rows", name, a.compared);
	dwarf_end(dw);
	close(fd);
	dwsections_close(&a.d);
	symunit_builder_done(&a.b);
	array_free(&a.code);
}

Test(dwlinehead, agrees_with_libdw_on_gcc)
{
	compare_fixture("lines-gcc-2", 30);
	compare_fixture("lines-gcc-3", 30);
	compare_fixture("lines-gcc-4", 30);
	compare_fixture("lines-gcc-5", 30);
	compare_fixture("lines-gcc-wide", 30);
	compare_fixture("lines-gcc-z", 30);
}

Test(dwlinehead, agrees_with_libdw_on_clang)
{
	compare_fixture("lines-clang-2", 30);
	compare_fixture("lines-clang-3", 30);
	compare_fixture("lines-clang-4", 30);
	compare_fixture("lines-clang-5", 30);
	compare_fixture("lines-clang-z", 30);
}

Test(dwlinehead, agrees_with_libdw_on_64_bit_dwarf_of_clang)
{
	if (!libdw_reads_lines("lines-clang-wide"))
		cr_skip_test("this libdw does not read such lines");
	compare_fixture("lines-clang-wide", 30);
}

Test(dwlinehead, agrees_with_libdw_on_this_program)
{
	compare_fixture("../../unit-symbolize", 1000);
}
