/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of Go's functions: of programs made by hand, and of real ones against their .debug_frame. */
#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "array.h"
#include "cfimaker.h"
#include "cfisource.h"
#include "cleanup.h"
#include "go_image.h"
#include "gorows.h"
#include "gotable.h"

#define TEXT  0x401000u
#define TABLE 0x402000u
#define BASE  0x400000u

/* A function of 64 bytes, filled up with int3; how far the stack pointer is, by bytes of code. */
struct made_func {
	const char *name;
	uint8_t flags;
	uint8_t code[64];
	int runs[8][2];
};

/* Of the older layout, where nothing has flags. */
struct made_program {
	bool is_old;
	uint64_t entry;
	const struct made_func *funcs;
	unsigned n;
};

static void put_at(struct buf *b, size_t at, uint64_t v, unsigned width)
{
	memcpy(b->b + at, &v, width);
}

/* The table of values @runs: its offset from @from. */
static uint32_t put_runs(struct buf *b, size_t from, const int runs[8][2])
{
	uint32_t off = (uint32_t)(b->n - from);
	int value = -1;

	for (unsigned i = 0; i < 8 && runs[i][0]; i++) {
		int change = runs[i][1] - value;

		put_uleb(b, change < 0 ? (unsigned)(-change - 1) << 1 | 1 : (unsigned)change << 1);
		put_uleb(b, (unsigned)runs[i][0]);
		value = runs[i][1];
	}
	put_u8(b, 0);
	return off;
}

/* The part with names, the one with values, then the records: all count from the table in old ones.
 */
static void put_table(struct buf *b, const struct made_program *p)
{
	uint32_t names[16], values[16];
	size_t at = TABLE - BASE, part[3], records;
	unsigned w = p->is_old ? 8 : 4, head = p->is_old ? 16 : 72;

	b->n = at + 0x400;
	part[0] = p->is_old ? at : b->n;
	for (unsigned i = 0; i < p->n; i++) {
		names[i] = (uint32_t)(b->n - part[0]);
		put(b, p->funcs[i].name, strlen(p->funcs[i].name) + 1);
	}
	part[1] = p->is_old ? at : b->n;
	put_u8(b, 0);
	for (unsigned i = 0; i < p->n; i++)
		values[i] = put_runs(b, part[1], p->funcs[i].runs);
	b->n = (b->n + 7) / 8 * 8;
	part[2] = p->is_old ? at + head : b->n;
	records = p->is_old ? b->n : b->n + (2 * p->n + 1) * w + 4;
	records = (records + 7) / 8 * 8;
	for (unsigned i = 0; i <= p->n; i++) {
		uint64_t addr = (p->is_old ? TEXT : 0) + i * 64;
		size_t rec = records + i * 64;

		put_at(b, part[2] + 2 * i * w, addr, w);
		if (i == p->n)
			break;
		put_at(b, part[2] + (2 * i + 1) * w, rec - (p->is_old ? at : part[2]), w);
		put_at(b, rec, addr, w);
		put_at(b, rec + w, names[i], 4);
		put_at(b, rec + w + 12, values[i], 4);
		put_at(b, rec + w + (p->is_old ? 28 : 36),
		       p->is_old ? 0 : (uint64_t)p->funcs[i].flags << 8, 4);
	}
	put_at(b, at, p->is_old ? 0xfffffffb : 0xfffffff1, 4);
	put_at(b, at + 4, 0x08010000, 4);
	put_at(b, at + 8, p->n, 8);
	if (p->is_old)
		put_at(b, part[2] + (2 * p->n + 1) * w, records + 64 * p->n - at, 4);
	else
		for (unsigned i = 0; i < 7; i++)
			put_at(b, at + 16 + 8 * i,
			       i == 1	? TEXT
			       : i == 2 ? part[0] - at
			       : i == 5 ? part[1] - at
			       : i == 6 ? part[2] - at
					: 0x400,
			       8);
	b->n = records + 64 * (p->n + 1);
}

static void put_program(struct buf *b, const struct made_program *p)
{
	Elf64_Ehdr eh = { .e_ident = ELFMAG "\2\1\1",
			  .e_type = ET_EXEC,
			  .e_machine = EM_X86_64,
			  .e_entry = p->entry,
			  .e_phoff = sizeof(eh),
			  .e_phentsize = sizeof(Elf64_Phdr),
			  .e_phnum = 1 };
	Elf64_Phdr ph = { .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = BASE };

	memset(b->b + TEXT - BASE, 0xcc, p->n * 64);
	for (unsigned i = 0; i < p->n; i++) {
		const uint8_t *code = p->funcs[i].code;
		unsigned n = 64;

		while (n > 0 && code[n - 1] == 0)
			n--;
		memcpy(b->b + TEXT - BASE + i * 64, code, n);
	}
	put_table(b, p);
	ph.p_filesz = ph.p_memsz = b->n;
	memcpy(b->b, &eh, sizeof(eh));
	memcpy(b->b + sizeof(eh), &ph, sizeof(ph));
}

static void expect_rows(const struct made_program *p, const char *want)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	_cleanup_free_ struct buf *b = calloc(1, sizeof(*b)), *got = calloc(1, sizeof(*got));
	int r;

	put_program(b, p);
	r = unwind_table_from_bytes(b->b, b->n, &only_cfi, &t);
	cr_assert_eq(r, 0, "%s", strerror(-r));
	cr_expect_eq(t->stats.go_funcs, p->n);
	cr_expect_not(t->stats.from_debug_frame);
	dump(t, TEXT - 1, TEXT + p->n * 64, got);
	put_u8(got, 0);
	cr_expect_str_eq((char *)got->b, want, "%s", (char *)got->b);
}

#define ONE(...)                                                            \
	&(const struct made_program)                                        \
	{                                                                   \
		.funcs = (const struct made_func[]){ __VA_ARGS__ },         \
		.n = ARRAY_LEN(((const struct made_func[]){ __VA_ARGS__ })) \
	}
#define OLD(...)                                                                    \
	&(const struct made_program)                                                \
	{                                                                           \
		.is_old = true, .funcs = (const struct made_func[]){ __VA_ARGS__ }, \
		.n = ARRAY_LEN(((const struct made_func[]){ __VA_ARGS__ }))         \
	}

Test(gorows, knows_where_a_frame_keeps_rbp)
{
	/* push %rbp; mov %rsp,%rbp; sub $0x20,%rsp; …; add; pop; ret */
	expect_rows(ONE({ "f",
			  0,
			  { 0x90, 0x55, 0x48, 0x89, 0xe5 },
			  { { 2, 0 }, { 7, 8 }, { 40, 40 }, { 1, 8 }, { 14, 0 } } }),
		    "400fff none\n401000 rsp+8\n401002 rsp+16 fp=*(cfa-16)\n"
		    "401009 rsp+48 fp=*(cfa-16)\n401031 rsp+16 fp=*(cfa-16)\n401032 rsp+8\n");
	/* sub $0x28,%rsp; mov %rbp,0x20(%rsp); lea 0x20(%rsp),%rbp */
	expect_rows(ONE({ "f",
			  0,
			  { 0x48, 0x83, 0xec, 0x28, 0x48, 0x89, 0x6c, 0x24, 0x20 },
			  { { 4, 0 }, { 50, 40 }, { 10, 0 } } }),
		    "400fff none\n401000 rsp+8\n401004 rsp+48\n401009 rsp+48 fp=*(cfa-16)\n"
		    "401036 rsp+8\n");
	/* the same with 32 bits of offset, and with none */
	expect_rows(ONE({ "f",
			  0,
			  { 0x90, 0x48, 0x89, 0xac, 0x24, 0x80, 0, 0, 0, 0x90 },
			  { { 1, 0 }, { 50, 0x88 }, { 13, 0 } } }),
		    "400fff none\n401000 rsp+8\n401001 rsp+144\n401009 rsp+144 fp=*(cfa-16)\n"
		    "401033 rsp+8\n");
	expect_rows(ONE({ "f",
			  0,
			  { 0x90, 0x48, 0x89, 0x2c, 0x24 },
			  { { 1, 0 }, { 50, 8 }, { 13, 0 } } }),
		    "400fff none\n401000 rsp+8\n401001 rsp+16\n401005 rsp+16 fp=*(cfa-16)\n"
		    "401033 rsp+8\n");
}

/* Assembly that pushes what it likes, and a push that only looks like one of rbp: push %r13. */
Test(gorows, claims_no_more_than_it_knows)
{
	expect_rows(
		ONE({ "f", 0, { 0x53, 0x41, 0x55 }, { { 1, 0 }, { 2, 8 }, { 20, 16 }, { 41, 0 } } },
		    { "g", 0, { 0x41, 0x55 }, { { 2, 0 }, { 20, 8 }, { 42, 0 } } }),
		"400fff none\n401000 rsp+8\n401001 rsp+16\n401003 rsp+24\n401017 rsp+8\n"
		"401042 rsp+16\n401056 rsp+8\n");
}

Test(gorows, ends_where_nobody_called)
{
	const struct made_func funcs[] = {
		{ "runtime.goexit", GO_FUNC_TOP, { 0 }, { { 64, 0 } } },
		{ "f", 0, { 0 }, { { 64, 0 } } },
		{ "runtime.anyTop", GO_FUNC_TOP, { 0 }, { { 64, 0 } } },
		{ "runtime.sigtramp", GO_FUNC_TOP, { 0 }, { { 8, 0 }, { 56, 16 } } },
		{ "start", 0, { 0 }, { { 64, 0 } } },
	};
	struct made_program p = { .entry = TEXT + 4 * 64, .funcs = funcs, .n = 5 };

	expect_rows(&p, "400fff none\n401000 root\n401040 rsp+8\n401080 root\n4010c0 rsp+8\n"
			"4010c8 rsp+24\n401100 root\n");
	p.is_old = true;
	expect_rows(&p, "400fff none\n401000 root\n401040 rsp+8\n4010c8 rsp+24\n401100 root\n");
}

/* mov $15,%rax; syscall: what a handler returns to was not called from the byte before. */
Test(gorows, crosses_signals)
{
	expect_rows(ONE({ "f", 0, { 0 }, { { 64, 0 } } },
			{ "runtime.sigreturn__sigaction",
			  0,
			  { 0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05 },
			  { { 64, 0 } } }),
		    "400fff none\n401000 rsp+8\n"
		    "40103f *(rsp+160)+0 fp=*(rsp+120) ra=*(rsp+168) signal\n");
}

/* push %rbp; mov %rsp,%rbp; call; mov 0x38(%rdx),%rsp; …; pop %rbp; ret */
#define SWITCHING                                                                \
	{                                                                        \
		0x55, 0x48, 0x89, 0xe5, 0xe8, 1, 1, 1, 1, 0x48, 0x8b, 0x62, 0x38 \
	}
#define ITS_RUNS                     \
	{                            \
		{ 1, 0 }, { 40, 8 }, \
		{                    \
			23, 0        \
		}                    \
	}

Test(gorows, goes_by_rbp_where_stacks_are_changed)
{
	expect_rows(ONE({ "runtime.systemstack", GO_FUNC_SP_WRITE, SWITCHING, ITS_RUNS }),
		    "400fff none\n401000 rsp+8\n401001 rsp+16 fp=*(cfa-16)\n"
		    "401009 rbp+16 fp=*(cfa-16) switch\n401029 rsp+8\n");
	expect_rows(ONE({ "runtime.mcall", GO_FUNC_SP_WRITE, SWITCHING, ITS_RUNS }),
		    "400fff none\n401000 rsp+8\n401001 rsp+16 fp=*(cfa-16)\n401009 root\n");
	/* without a frame of its own, and where the change was not found */
	expect_rows(ONE({ "gogo", GO_FUNC_SP_WRITE, { 0x90, 0x48, 0x89, 0xdc }, { { 64, 0 } } }),
		    "400fff none\n401000 rsp+8\n401001 rbp+16 fp=*(cfa-16) switch\n");
	expect_rows(ONE({ "gogo", GO_FUNC_SP_WRITE, { 0x90 }, { { 64, 0 } } }),
		    "400fff none\n401000 rbp+16 fp=*(cfa-16) switch\n");
	expect_rows(ONE({ "f",
			  GO_FUNC_SP_WRITE,
			  { 0x48, 0x89, 0xdc, 0x55, 0x48, 0x89, 0xe5 },
			  { { 4, 0 }, { 40, 8 }, { 20, 0 } } }),
		    "400fff none\n401007 rbp+16 fp=*(cfa-16) switch\n40102c rsp+8\n");
}

/* Before there were flags, names tell where to look. */
Test(gorows, finds_changes_of_stacks_in_old_programs)
{
	expect_rows(OLD({ "runtime.systemstack", 0, SWITCHING, ITS_RUNS }),
		    "400fff none\n401000 rsp+8\n401001 rsp+16 fp=*(cfa-16)\n"
		    "401009 rbp+16 fp=*(cfa-16) switch\n401029 rsp+8\n");
	expect_rows(OLD({ "main.systemstack", 0, SWITCHING, ITS_RUNS }),
		    "400fff none\n401000 rsp+8\n401001 rsp+16 fp=*(cfa-16)\n401029 rsp+8\n");
	/* push, mov; sub $8,%rsp; mov %rsp,%rbp; mov %rbx,%rsp: rbp is no frame pointer there */
	expect_rows(
		OLD({ "runtime.nanotime",
		      0,
		      { 0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 8, 0x48, 0x89, 0xe5, 0x48, 0x89,
			0xdc },
		      { { 1, 0 }, { 7, 8 }, { 40, 16 }, { 16, 0 } } }),
		"400fff none\n401000 rsp+8\n401001 rsp+16 fp=*(cfa-16)\n"
		"401008 rsp+24 fp=*(cfa-16)\n40100b rbp+24 fp=*(cfa-16) switch\n401030 rsp+8\n");
}

Test(gorows, reads_every_layout)
{
	for (int i = 0; i < 8; i++) {
		const struct go_image_kind kind = { .layout = (enum go_layout)(i % 4),
						    .relocated = i >= 4 };
		_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
		_cleanup_free_ struct buf *got = calloc(1, sizeof(*got));
		uint8_t image[GO_IMAGE_BYTES];

		go_image_make(&kind, image);
		cr_assert_eq(unwind_table_from_bytes(image, sizeof(image), &only_cfi, &t), 0);
		dump(t, 0x401000, 0x401050, got);
		put_u8(got, 0);
		cr_expect_str_eq((char *)got->b,
				 "401000 rsp+8\n401004 rsp+16 fp=*(cfa-16)\n"
				 "40100b rsp+48 fp=*(cfa-16)\n40103a rsp+16 fp=*(cfa-16)\n"
				 "40103b rsp+8\n",
				 "kind %d: %s", i, (char *)got->b);
	}
}

/* Any byte of the table: what comes out can be searched, and nothing is read outside. */
Test(gorows, lives_with_any_byte_changed)
{
	const struct go_image_kind kind = { .layout = GO_120 };
	uint8_t *image = malloc(GO_IMAGE_BYTES);

	for (unsigned at = GO_IMAGE_TABLE; at < GO_IMAGE_TABLE + 0x300; at++)
		for (unsigned v = 0; v < 256; v += 51) {
			_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
			struct unwind_rule rule;

			go_image_make(&kind, image);
			image[at] = (uint8_t)v;
			if (unwind_table_from_bytes(image, GO_IMAGE_BYTES, &only_cfi, &t) == 0)
				for (uint32_t pc = 0; pc < 0x60; pc++)
					unwind_table_find(t, 0x1000 + pc, &rule);
		}
	free(image);
}

/* --- one row at a time --------------------------------------------------------------------------
 */
struct paged {
	struct cfi_source src;
	struct go_rows rows;
};

static int open_pages(struct paged *p, const void *image, size_t n, uint64_t max_search)
{
	const struct cfi_file f = { .fd = -1, .mem = image, .size = n };
	int r;

	*p = (struct paged){ 0 };
	r = cfi_source_open(&f, 0, CFI_WANT_NOTHING, &p->src);
	if (r == 0)
		r = gorows_open_pages(&p->src, 1 << 20, max_search, &p->rows);
	cfi_source_done(&p->src);
	return r;
}

/* What the table of all rows has where @row is in force. */
static void expect_same(const struct go_row *row, const struct unwind_rule *rule, uint64_t vaddr)
{
	uint32_t bits = rule->bits, cfa = UNWIND_RULE_CFA(bits);
	bool is_sp = row->kind == GO_ROW_SP || row->kind == GO_ROW_SAVED;

	cr_assert_eq(row->kind == GO_ROW_ROOT, cfa == UNWIND_CFA_ROOT, "%lx", (long)vaddr);
	cr_assert_eq(row->kind == GO_ROW_SIGNAL, cfa == UNWIND_CFA_DEREF, "%lx", (long)vaddr);
	cr_assert_eq(row->kind == GO_ROW_FP, UNWIND_RULE_SWITCH(bits), "%lx", (long)vaddr);
	if (!is_sp && row->kind != GO_ROW_FP)
		return;
	cr_assert_eq(cfa, UNWIND_CFA_REG, "%lx", (long)vaddr);
	cr_assert_eq(UNWIND_RULE_CFA_REG(bits), is_sp ? 7 : 6, "%lx", (long)vaddr);
	cr_assert_eq(rule->cfa_off, (uint32_t)row->delta + 8, "%lx", (long)vaddr);
	cr_assert_eq(UNWIND_RULE_FP(bits) == UNWIND_FP_CFA, row->kind != GO_ROW_SP, "%lx",
		     (long)vaddr);
}

/* Compares at every @step-th byte of @image's code: how many rows there were. */
static size_t expect_rows_one_by_one(const void *image, size_t n, unsigned step)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	struct paged p;
	size_t found = 0;

	cr_assert_eq(unwind_table_from_bytes(image, n, NULL, &t), 0);
	cr_assert_eq(open_pages(&p, image, n, 1 << 24), 0);
	for (uint32_t pc = t->place.start; pc < t->place.start + t->place.span; pc += step) {
		struct unwind_rule rule;
		struct go_row row;
		int r = gorows_at(&p.rows, t->base + pc, &row);

		if (r < 0) {
			cr_assert_eq(r, -ENODATA);
			continue;
		}
		unwind_table_find(t, pc, &rule);
		expect_same(&row, &rule, t->base + pc);
		found++;
	}
	gorows_close(&p.rows);
	return found;
}

Test(gorows, are_the_same_one_by_one)
{
	for (int i = 0; i < 8; i++) {
		const struct go_image_kind kind = { .layout = (enum go_layout)(i % 4),
						    .relocated = i >= 4,
						    .sections = true };
		uint8_t image[GO_IMAGE_BYTES];

		go_image_make(&kind, image);
		cr_expect_eq(expect_rows_one_by_one(image, sizeof(image), 1), 0x50, "kind %d", i);
	}
}

/* Also those that end a stack, change it, or are where a signal came in. */
Test(gorows, of_all_kinds_are_the_same_one_by_one)
{
	const struct made_func funcs[] = {
		{ "f", 0, { 0x90, 0x55, 0x48, 0x89, 0xe5 }, { { 2, 0 }, { 60, 8 }, { 2, 0 } } },
		{ "runtime.sigreturn__sigaction",
		  0,
		  { 0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05 },
		  { { 64, 0 } } },
		{ "runtime.goexit", GO_FUNC_TOP, { 0 }, { { 64, 0 } } },
		{ "runtime.systemstack", GO_FUNC_SP_WRITE, SWITCHING, ITS_RUNS },
		{ "runtime.mcall", GO_FUNC_SP_WRITE, SWITCHING, ITS_RUNS },
	};
	const struct made_program p = { .funcs = funcs, .n = 5 };
	_cleanup_free_ struct buf *b = calloc(1, sizeof(*b));

	put_program(b, &p);
	cr_expect_eq(expect_rows_one_by_one(b->b, b->n, 1), 5 * 64);
}

Test(gorows, one_by_one_are_asked_for_within_limits)
{
	const struct go_image_kind kind = { .layout = GO_120, .sections = true };
	uint8_t image[GO_IMAGE_BYTES];
	struct go_row row;
	struct paged p;

	go_image_make(&kind, image);
	cr_expect_eq(open_pages(&p, image, sizeof(image), 8), -EFBIG, "the base is further away");
	cr_assert_eq(open_pages(&p, image, sizeof(image), 1 << 20), 0);
	cr_expect_eq(gorows_at(&p.rows, 0x400fff, &row), -ENODATA);
	cr_expect_eq(gorows_at(&p.rows, 0x401050, &row), -ENODATA);
	cr_expect_eq(gorows_at(&p.rows, UINT64_MAX, &row), -ENODATA);
	cr_assert_eq(gorows_at(&p.rows, 0x401004, &row), 0);
	cr_expect(row.kind == GO_ROW_SAVED && row.delta == 8);
	gorows_drop(&p.rows);
	cr_assert_eq(gorows_at(&p.rows, 0x401004, &row), 0);
	cr_expect(row.kind == GO_ROW_SAVED && row.delta == 8);
	gorows_close(&p.rows);
}

/* --- real programs ------------------------------------------------------------------------------
 */
static char *read_program(const char *name, size_t *ret_n)
{
	char path[256];
	struct stat st;
	char *p;
	int fd;

	snprintf(path, sizeof(path), "%s/fixtures/unwind/%s", TEST_BUILD, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		cr_skip("no go");
	cr_assert_eq(fstat(fd, &st), 0);
	p = malloc((size_t)st.st_size);
	cr_assert_eq(read(fd, p, (size_t)st.st_size), (ssize_t)st.st_size);
	close(fd);
	*ret_n = (size_t)st.st_size;
	return p;
}

/* Makes every header of a table one of an unknown layout. */
static void hide_tables(char *p, size_t n)
{
	static const char rest[] = { '\xff', '\xff', '\xff', 0, 0, 1, 8 };

	for (size_t i = 0; i + 8 <= n; i++)
		if (memcmp(p + i + 1, rest, sizeof(rest)) == 0)
			p[i + 7] = 9;
}

/* How many bytes of code the two tables agree on, and those where Go's says more. */
static void compare(const struct unwind_table *go, const struct unwind_table *debug,
		    uint32_t *ret_same, uint32_t *ret_more)
{
	uint32_t end = go->place.start + go->place.span;

	for (uint32_t pc = go->place.start; pc < end; pc++) {
		struct unwind_rule a, b;

		unwind_table_find(go, pc, &a);
		unwind_table_find(debug, pc, &b);
		if (UNWIND_RULE_CFA(b.bits) == UNWIND_CFA_NONE)
			continue;
		if (UNWIND_RULE_CFA(a.bits) != UNWIND_CFA_REG || UNWIND_RULE_SWITCH(a.bits)) {
			++*ret_more;
			continue;
		}
		cr_assert(UNWIND_RULE_CFA_REG(a.bits) == UNWIND_RULE_CFA_REG(b.bits) &&
				  a.cfa_off == b.cfa_off &&
				  UNWIND_RULE_RA(a.bits) == UNWIND_RULE_RA(b.bits),
			  "%lx: rsp+%d, rsp+%d", (unsigned long)(go->base + pc), (int)a.cfa_off,
			  (int)b.cfa_off);
		++*ret_same;
	}
}

Test(gorows, agree_with_debug_frame)
{
	_cleanup_(unwind_table_freep) struct unwind_table *go = NULL, *debug = NULL;
	uint32_t same = 0, more = 0;
	size_t n;
	char *p = read_program("go-plain", &n);

	cr_assert_eq(unwind_table_from_bytes(p, n, &only_cfi, &go), 0);
	hide_tables(p, n);
	cr_assert_eq(unwind_table_from_bytes(p, n, &only_cfi, &debug), 0);
	cr_expect_gt(go->stats.go_funcs, 1000);
	cr_expect_eq(debug->stats.go_funcs, 0);
	cr_assert(debug->stats.from_debug_frame);
	compare(go, debug, &same, &more);
	cr_expect_gt(same, 300000);
	cr_expect_lt(more, same / 200);
	free(p);
}

/* Stripped ones have the same rows; so has what is linked by gcc, beside those of its C. */
Test(gorows, need_no_symbols)
{
	_cleanup_(unwind_table_freep) struct unwind_table *plain = NULL, *stripped = NULL;
	size_t n;
	char *p = read_program("go-plain", &n);

	cr_assert_eq(unwind_table_from_bytes(p, n, &only_cfi, &plain), 0);
	free(p);
	p = read_program("go-stripped", &n);
	cr_assert_eq(unwind_table_from_bytes(p, n, &only_cfi, &stripped), 0);
	cr_expect_eq(plain->stats.go_funcs, stripped->stats.go_funcs);
	cr_expect_eq(plain->n_words, stripped->n_words);
	cr_expect_not(stripped->stats.from_debug_frame);
	free(p);
}

Test(gorows, stand_beside_eh_frame)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	size_t n;
	char *p = read_program("go-cgo", &n);

	cr_assert_eq(unwind_table_from_bytes(p, n, &only_cfi, &t), 0);
	cr_expect_gt(t->stats.go_funcs, 1000);
	cr_expect_gt(t->stats.fdes, 10);
	cr_expect_lt(t->stats.overlapping_fdes, 5);
	free(p);
}

Test(gorows, of_real_programs_are_the_same_one_by_one)
{
	static const char *const names[] = { "go-plain", "go-stripped", "go-cgo" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		size_t n;
		char *p = read_program(names[i], &n);

		cr_expect_gt(expect_rows_one_by_one(p, n, 31), 10000, "%s", names[i]);
		free(p);
	}
}
