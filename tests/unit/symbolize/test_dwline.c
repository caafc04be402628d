/* SPDX-License-Identifier: Apache-2.0 */
/* Line number programs written by hand, opcode by opcode. */
#include <criterion/criterion.h>
#include <dwarf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "dwline.h"
#include "elf_fixture.h"

/* A section being written. */
struct text {
	uint8_t p[4096];
	size_t n;
};

static void put(struct text *t, uint64_t v, size_t size)
{
	cr_assert(t->n + size <= sizeof(t->p));
	memcpy(t->p + t->n, &v, size);
	t->n += size;
}

static void put_bytes(struct text *t, const void *p, size_t n)
{
	cr_assert(t->n + n <= sizeof(t->p));
	memcpy(t->p + t->n, p, n);
	t->n += n;
}

#define PUT(t, ...) \
	put_bytes(t, (const uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ }))
#define PUT_STR(t, s) put_bytes(t, s, strlen(s) + 1)

static void put_address(struct text *t, uint64_t addr)
{
	PUT(t, 0, 9, DW_LNE_set_address);
	put(t, addr, 8);
}

static void put_end(struct text *t)
{
	PUT(t, 0, 1, DW_LNE_end_sequence);
}

/* What a program is put into. Zero: 32-bit DWARF 4 as gcc writes it. */
struct kind {
	uint16_t version;
	bool wide;
	uint8_t min_inst, max_ops, opcode_base, line_range;
	int8_t line_base;
	const struct text
		*tables; /* NULL: the files a.c and /b/b.c, of which the second has directory 1 */
};

static void put_tables(struct text *t, unsigned version)
{
	if (version < 5) {
		PUT_STR(t, "inc");
		PUT_STR(t, "");
		PUT_STR(t, "a.c");
		PUT(t, 0, 0, 0);
		PUT_STR(t, "b.c");
		PUT(t, 1, 0x80, 0x01, 5);
		PUT_STR(t, "");
		return;
	}
	PUT(t, 1, DW_LNCT_path, DW_FORM_string, 2);
	PUT_STR(t, "/comp");
	PUT_STR(t, "inc");
	PUT(t, 2, DW_LNCT_path, DW_FORM_string, DW_LNCT_directory_index, DW_FORM_udata, 3);
	PUT_STR(t, "unit.c");
	PUT(t, 0);
	PUT_STR(t, "a.c");
	PUT(t, 0);
	PUT_STR(t, "b.c");
	PUT(t, 1);
}

static void put_table(struct text *t, const struct kind *k, const struct text *program)
{
	static const uint8_t lengths[] = {
		0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 2, 0, 3, 1, 1, 1, 1
	};
	unsigned version = k->version ? k->version : 4, base = k->opcode_base ? k->opcode_base : 13;
	struct text head = { .n = 0 }, tables = { .n = 0 };
	size_t word = k->wide ? 8 : 4;

	if (k->tables)
		tables = *k->tables;
	else
		put_tables(&tables, version);
	put(&head, k->min_inst ? k->min_inst : 1, 1);
	if (version >= 4)
		put(&head, k->max_ops ? k->max_ops : 1, 1);
	put(&head, 1, 1);
	put(&head, (uint8_t)(k->line_base ? k->line_base : -5), 1);
	put(&head, k->line_range ? k->line_range : 14, 1);
	put(&head, base, 1);
	put_bytes(&head, lengths, base - 1);
	if (k->wide)
		put(t, UINT32_MAX, 4);
	put(t, 2 + (version >= 5 ? 2 : 0) + word + head.n + tables.n + program->n, word);
	put(t, version, 2);
	if (version >= 5)
		put(t, 8, 2);
	put(t, head.n + tables.n, word);
	put_bytes(t, head.p, head.n);
	put_bytes(t, tables.p, tables.n);
	put_bytes(t, program->p, program->n);
}

/* Sections of which .debug_line holds @t; close with dwsections_close(). */
static struct dwsections sections_of(const struct text *t)
{
	struct dwsections d = { .fd = -1 };

	d.s[DW_LINE].mem = malloc(t->n); /* exact, so that a sanitizer sees one byte too many */
	memcpy(d.s[DW_LINE].mem, t->p, t->n);
	d.s[DW_LINE].size = t->n;
	return d;
}

static const struct dwline_span code[] = { { 0x1000, 0x2000 }, { 0x8000, 0x9000 } };

static struct dwline_unit unit(void)
{
	return (struct dwline_unit){
		.address_size = 8,
		.comp_dir = strref(STRREF_INFO, 100),
		.name = strref(STRREF_INFO, 200),
		.code = code,
		.n_code = ARRAY_LEN(code),
		.max_rows = 1000,
	};
}

/* "addr file:line", the file counted from @first; "addr." ends a sequence. */
static const char *show(const struct symunit_builder *b, uint32_t first)
{
	static char text[8192];
	size_t n = 0;

	text[0] = '\0';
	array_each(&b->rows, row) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%lx", n ? " " : "",
				      (unsigned long)row->addr);
		if (row->file == SYMUNIT_END)
			n += (size_t)snprintf(text + n, sizeof(text) - n, ".");
		else if (row->file == SYMUNIT_NONE)
			n += (size_t)snprintf(text + n, sizeof(text) - n, " ?:%u", row->line);
		else
			n += (size_t)snprintf(text + n, sizeof(text) - n, " %u:%u",
					      row->file - first, row->line);
		cr_assert(n < sizeof(text));
	}
	return text;
}

/* The rows of @program, or the error and what was read before it. */
static const char *rows(const struct kind *k, const struct text *program)
{
	static char text[8300];
	struct symunit_builder b = { 0 };
	struct text t = { .n = 0 };
	struct dwline_unit u = unit();
	uint32_t first = 77, n = 0;
	struct dwsections d;
	int r;

	put_table(&t, k, program);
	d = sections_of(&t);
	/* What others left in the builder stays, and numbers go on from it. */
	cr_assert_eq(array_push(&b.files, (struct symunit_file){ 0 }), 0);
	r = dwline_read(&d, &u, &b, &first, &n);
	if (r == 0) {
		cr_expect_eq(first, 1);
		cr_expect_eq(n, b.files.n - 1);
		snprintf(text, sizeof(text), "%s", show(&b, 1));
	} else {
		snprintf(text, sizeof(text), "%s: %s", strerrorname_np(-r), show(&b, 1));
	}
	symunit_builder_done(&b);
	dwsections_close(&d);
	return text;
}

#define EXPECT_ROWS(k, t, want)                                                    \
	do {                                                                       \
		const char *got_ = rows(k, t);                                     \
		cr_expect(strcmp(got_, want) == 0, "got %s, want %s", got_, want); \
	} while (0)

static const struct kind plain;

Test(dwline, runs_the_standard_opcodes)
{
	struct text t = { .n = 0 };

	put_address(&t, 0x1000);
	PUT(&t, DW_LNS_copy);
	PUT(&t, DW_LNS_advance_pc, 0x80, 0x01, DW_LNS_advance_line, 9, DW_LNS_copy);
	PUT(&t, DW_LNS_advance_pc, 1, DW_LNS_advance_line, 0x7d, DW_LNS_set_file, 2, DW_LNS_copy);
	PUT(&t, DW_LNS_set_column, 0x81, 0x01, DW_LNS_negate_stmt, DW_LNS_set_basic_block);
	PUT(&t, DW_LNS_set_prologue_end, DW_LNS_set_epilogue_begin, DW_LNS_set_isa, 1);
	PUT(&t, DW_LNS_fixed_advance_pc, 0x01, 0x01, DW_LNS_advance_line, 1, DW_LNS_copy);
	PUT(&t, DW_LNS_const_add_pc, DW_LNS_set_file, 9, DW_LNS_copy); /* 17 bytes, no such file */
	PUT(&t, DW_LNS_advance_pc, 2);
	put_end(&t);
	for (uint16_t version = 2; version <= 5; version++)
		for (int wide = 0; wide < 2; wide++) {
			struct kind k = { .version = version, .wide = wide };

			EXPECT_ROWS(&k, &t, "1000 1:1 1080 1:10 1081 2:7 1182 2:8 1193 ?:8 1195.");
		}
}

Test(dwline, runs_special_opcodes)
{
	const struct kind k = {
		.line_base = -3, .line_range = 12, .opcode_base = 10, .min_inst = 4
	};
	struct text t = { .n = 0 };

	put_address(&t, 0x1000);
	PUT(&t, 13 + 5 + 2, 13 + 5 + 14 * 3 - 1,
	    255); /* lines +2, -1, -5 + 242 % 14; bytes 0, 3, 17 */
	put_end(&t);
	EXPECT_ROWS(&plain, &t, "1000 1:3 1003 1:2 1014.");
	t.n -= 3;
	PUT(&t, DW_LNS_advance_pc, 1);
	put_end(&t);
	EXPECT_ROWS(&plain, &t, "1000 1:3 1003 1:2 1014 1:1 1015.");

	t.n = 0;
	put_address(&t, 0x1000);
	PUT(&t, 10 + 3 + 4, 10 + 3 + 12 * 2 - 3); /* lines +4, -3; operations 0, 2 */
	PUT(&t, DW_LNS_const_add_pc, 12);	  /* operations 20; special 12: line -1 */
	PUT(&t, DW_LNS_advance_pc, 1);
	put_end(&t);
	EXPECT_ROWS(&k, &t, "1000 1:5 1008 1:2 1058 1:1 105c.");
}

Test(dwline, counts_the_operations_of_vliw)
{
	const struct kind k = { .min_inst = 16, .max_ops = 3 };
	struct text t = { .n = 0 };

	put_address(&t, 0x1000);
	PUT(&t, 18 + 14 + 1);			    /* operation 1, still at 1000 */
	PUT(&t, 18 + 28 + 1);			    /* 3: the next instruction */
	PUT(&t, DW_LNS_advance_pc, 4, DW_LNS_copy); /* 7: one more, operation 1 of it */
	PUT(&t, DW_LNS_const_add_pc, 18 + 1);	    /* 17 more: 24 */
	PUT(&t, DW_LNS_fixed_advance_pc, 1, 0, DW_LNS_advance_pc, 3);
	put_end(&t);
	EXPECT_ROWS(&k, &t, "1000 1:2 1010 1:3 1080 1:4 1091.");
}

Test(dwline, knows_opcodes_by_their_base)
{
	const struct kind few = { .opcode_base = 4 }, many = { .opcode_base = 20 };
	struct text t = { .n = 0 };

	put_address(&t, 0x1000);
	PUT(&t, 4 + 5 + 1, 4 + 5 + 14 + 2); /* 10 and 21: both special */
	PUT(&t, DW_LNS_advance_pc, 1);
	put_end(&t);
	EXPECT_ROWS(&few, &t, "1000 1:2 1001 1:4 1002.");

	t.n = 0;
	put_address(&t, 0x1000);
	PUT(&t, 13, 0x80, 1, 7, 14, 15, 1, 1, 0xff, 0x7f, DW_LNS_copy);
	PUT(&t, DW_LNS_advance_pc, 1);
	put_end(&t);
	EXPECT_ROWS(&many, &t, "1000 1:1 1001.");
}

Test(dwline, runs_the_extended_opcodes)
{
	struct text t = { .n = 0 };

	put_address(&t, 0x1000);
	PUT(&t, 0, 2, DW_LNE_set_discriminator, 3, 0, 4, DW_LNE_set_discriminator, 0x80, 0x80, 1);
	PUT(&t, 0, 1, 0x90, 0, 5, DW_LNE_hi_user, 1, 2, 3, 4, 0, 0); /* unknown ones; padding */
	PUT(&t, 0, 0x86, 0x00, 0xee, 1, 2, 3, 4, 5, DW_LNS_copy);
	PUT(&t, 0, 8, DW_LNE_define_file, 'c', '.', 'c', 0, 1, 0, 0, DW_LNS_set_file, 3);
	PUT(&t, DW_LNS_fixed_advance_pc, 4, 0, DW_LNS_copy);
	PUT(&t, 0, 5, DW_LNE_set_address, 0x10, 0x10, 0, 0); /* 4 bytes */
	PUT(&t, DW_LNS_advance_line, 1, DW_LNS_copy, DW_LNS_advance_pc, 1);
	put_end(&t);
	EXPECT_ROWS(&plain, &t, "1000 1:1 1004 3:1 1010 3:2 1011.");
}

Test(dwline, keeps_rows_that_say_something_new)
{
	struct text t = { .n = 0 };

	put_address(&t, 0x1000);
	PUT(&t, 18 + 1, 18 + 14, 18 + 14); /* line 2 three times */
	PUT(&t, 18 + 14 + 1);		   /* 1003: 3 … */
	PUT(&t, 18 - 1, 18 + 5, 18 + 1);   /* … 2, 7, 8: the last one counts */
	PUT(&t, 18 + 14 - 5, 18 + 5);	   /* 1004: 3, and 8 again after all */
	PUT(&t, 18 + 14 + 1, DW_LNS_set_file, 2, DW_LNS_copy, DW_LNS_advance_pc, 1);
	PUT(&t, 18 + 3); /* of no length */
	put_end(&t);
	EXPECT_ROWS(&plain, &t, "1000 1:2 1003 1:8 1005 2:9 1006.");
}

Test(dwline, reads_several_sequences)
{
	struct text t = { .n = 0 };

	put_address(&t, 0x8000);
	PUT(&t, DW_LNS_set_file, 2, 18 + 4, DW_LNS_advance_pc, 4);
	put_end(&t);
	put_end(&t); /* an empty one */
	put_address(&t, 0x1000);
	PUT(&t, 18);
	put_end(&t); /* a row, but no code */
	put_address(&t, 0x1ffc);
	PUT(&t, 18, 18 + 28 + 1, DW_LNS_advance_pc, 2);
	put_end(&t);
	EXPECT_ROWS(&plain, &t, "8000 2:5 8004. 1ffc 1:1 1ffe 1:2 2000.");
}

Test(dwline, leaves_out_code_that_was_thrown_away)
{
	static const uint64_t dead[] = { 0,	 0xfff,	     0x2000,	     0x7fff,
					 0x9000, UINT32_MAX, UINT64_MAX - 1, UINT64_MAX };
	struct text t = { .n = 0 };

	for (size_t i = 0; i < ARRAY_LEN(dead); i++) {
		put_address(&t, dead[i]);
		PUT(&t, 18, 18 + 28 + 1, 255, DW_LNS_advance_pc, 0xff, 0x7f, 18);
		put_end(&t);
	}
	PUT(&t, 18, 18 + 28); /* without any address */
	put_end(&t);
	EXPECT_ROWS(&plain, &t, "");

	/* Within a sequence: what is lower than it was is dead, and so is what is no code. */
	put_address(&t, 0x1100);
	PUT(&t, 18 + 1, 18 + 28 + 1);
	put_address(&t, 0x1020);
	PUT(&t, 18 + 1, 18 + 28 + 1);
	put_address(&t, 0x1101);
	PUT(&t, 18 + 1);
	put_address(&t, 0x1200);
	PUT(&t, 18 + 1, DW_LNS_advance_pc, 8);
	put_address(&t, 0x3000);
	PUT(&t, 18 + 1);
	put_address(&t, 0x8010);
	PUT(&t, 18 + 1, DW_LNS_advance_pc, 8);
	put_end(&t);
	put_address(&t, 0x1020); /* another sequence may be anywhere */
	PUT(&t, 18 + 1, DW_LNS_advance_pc, 8);
	put_end(&t);
	EXPECT_ROWS(&plain, &t, "1100 1:2 1102. 1200 1:7 1208. 8010 1:9 8018. 1020 1:2 1028.");
}

/* --- broken ones ---------------------------------------------------------------------------- */

Test(dwline, closes_what_a_broken_program_left_open)
{
	struct text t = { .n = 0 };

	put_address(&t, 0x1000);
	PUT(&t, 18 + 1, 18 + 28 + 1);
	EXPECT_ROWS(&plain, &t, "EBADMSG: 1000 1:2 1002."); /* ends in the middle */
	PUT(&t, DW_LNS_advance_pc, 3, 0, 20, 1);	    /* longer than what is left */
	EXPECT_ROWS(&plain, &t, "EBADMSG: 1000 1:2 1002 1:3 1005.");
	t.n -= 3;
	PUT(&t, 0, 1, DW_LNE_set_address);
	EXPECT_ROWS(&plain, &t, "EBADMSG: 1000 1:2 1002 1:3 1005.");
	t.n -= 3;
	PUT(&t, DW_LNS_set_file, 0x80);
	EXPECT_ROWS(&plain, &t, "EBADMSG: 1000 1:2 1002 1:3 1005.");
	t.n -= 2;
	/* 2^64 is passed. */
	PUT(&t, DW_LNS_advance_pc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 18);
	put_end(&t);
	EXPECT_ROWS(&plain, &t, "EBADMSG: 1000 1:2 1002 1:3 1005.");
	t.n = 0;
	put_address(&t, 0x1ff0);
	PUT(&t, 18 + 1, DW_LNS_advance_pc, 0x8f, 0xc0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1);
	PUT(&t, 18 + 14); /* by a special opcode */
	put_end(&t);
	EXPECT_ROWS(&plain, &t, "EBADMSG: ");
}

Test(dwline, stops_at_the_limit_of_rows)
{
	struct symunit_builder b = { 0 };
	struct dwline_unit u = unit();
	struct text p = { .n = 0 }, t = { .n = 0 };
	uint32_t first, n;
	struct dwsections d;

	put_address(&p, 0x1000);
	for (int i = 0; i < 100; i++)
		PUT(&p, 18 + 14 + 1);
	put_end(&p);
	put_table(&t, &plain, &p);
	d = sections_of(&t);
	u.max_rows = 10;
	cr_expect_eq(dwline_read(&d, &u, &b, &first, &n), -EFBIG);
	cr_expect_eq(b.rows.n, 11);
	cr_expect_eq(b.rows.items[10].file, SYMUNIT_END);
	symunit_builder_clear(&b);
	u.max_rows = 101;
	cr_expect_eq(dwline_read(&d, &u, &b, &first, &n), 0);
	cr_expect_eq(b.rows.n, 100);
	symunit_builder_done(&b);
	dwsections_close(&d);
}

/* All sequences of @b ascend and are closed. */
static void expect_sound(const struct symunit_builder *b)
{
	bool open = false;

	for (size_t i = 0; i < b->rows.n; i++) {
		const struct symunit_row *row = &b->rows.items[i];

		cr_assert(!open || row->addr > row[-1].addr);
		cr_assert(row->file == SYMUNIT_NONE || row->file == SYMUNIT_END ||
			  row->file < b->files.n);
		open = row->file != SYMUNIT_END;
	}
	cr_assert(!open);
}

Test(dwline, survives_any_cut_and_any_byte)
{
	struct text p = { .n = 0 };
	uint32_t first, n;

	put_address(&p, 0x1000);
	PUT(&p, 18 + 1, 0, 8, DW_LNE_define_file, 'c', '.', 'c', 0, 1, 0, 0, DW_LNS_set_file, 3);
	PUT(&p, DW_LNS_advance_pc, 0x80, 0x01, 18, DW_LNS_fixed_advance_pc, 1, 0, 18 + 2);
	put_end(&p);
	for (uint16_t version = 2; version <= 5; version++) {
		struct kind k = { .version = version };
		struct text t = { .n = 0 };

		put_table(&t, &k, &p);
		for (size_t i = 0; i < t.n * 3; i++) {
			struct symunit_builder b = { 0 };
			struct dwline_unit u = unit();
			struct text x = t;
			struct dwsections d;

			if (i < t.n)
				x.n = i;
			else
				x.p[i % t.n] = i < t.n * 2 ? 0xff : (uint8_t)(x.p[i % t.n] + 1);
			d = sections_of(&x);
			(void)dwline_read(&d, &u, &b, &first, &n);
			expect_sound(&b);
			symunit_builder_done(&b);
			dwsections_close(&d);
		}
	}
}

Test(dwline, refuses_what_it_cannot_read)
{
	struct text p = { .n = 0 };
	struct kind k = { .version = 1 };

	put_address(&p, 0x1000);
	PUT(&p, 18 + 1, DW_LNS_advance_pc, 1);
	put_end(&p);
	EXPECT_ROWS(&k, &p, "EOPNOTSUPP: ");
	k.version = 6;
	EXPECT_ROWS(&k, &p, "EOPNOTSUPP: ");
}

Test(dwline, survives_a_lack_of_memory)
{
	struct text p = { .n = 0 }, t = { .n = 0 };
	const struct kind k = { .version = 5 };
	int r = -ENOMEM, fd;

	put_address(&p, 0x1000);
	for (int i = 0; i < 100; i++)
		PUT(&p, 18 + 14 + 1);
	put_end(&p);
	put_table(&t, &k, &p);
	fd = fixture_memfd(t.p, t.n);
	for (long at = 0; r == -ENOMEM; at++) {
		struct dwsections d = { .fd = fd };
		struct symunit_builder b = { 0 };
		struct dwline_unit u = unit();
		uint32_t first = 5, n = 5;

		d.s[DW_LINE].size = t.n;
		alloc_fail_at(at);
		r = dwline_read(&d, &u, &b, &first, &n);
		cr_expect(r == 0 || (r == -ENOMEM && first == 5 && n == 5));
		expect_sound(&b);
		symunit_builder_done(&b);
		cr_expect_eq(alloc_live(), 0);
		alloc_fail_at(-1);
	}
	cr_expect_eq(r, 0);
	close(fd);
}
