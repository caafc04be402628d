/* SPDX-License-Identifier: Apache-2.0 */
#include "coderows.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

/* Are scanned at once; what is learned of it takes eight times as much. */
#define PIECE_BYTES  ((size_t)4 << 20)

/*
 * Of an object, a fifth of a second. Where there is more code without tables, it was built to do without:
 * browsers and their like keep frame pointers, which need no rows.
 */
#define CODE_BYTES   ((size_t)8 << 20)
#define FEW_BYTES    64	  /* for so little code no symbols are read */
#define LITTLE_BYTES 1024 /* so little code calls little that is elsewhere */

static int by_lo(const void *a, const void *b)
{
	const struct code_range *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

static int by_value(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Adds the part of [@vaddr, @vaddr + @n) that rows can have. */
static int add_range(struct code_rows *c, uint64_t vaddr, uint64_t n)
{
	const struct cfi_source *src = c->src;
	uint64_t end = vaddr + n;

	if (end > src->text_hi)
		end = src->text_hi;
	if (vaddr < src->text_lo || vaddr >= end)
		return 0;
	return array_push(&c->ranges, (struct code_range){ (uint32_t)(vaddr - src->base),
							   (uint32_t)(end - src->base) });
}

static int add_sections(struct code_rows *c)
{
	const struct elf_file *f = &c->src->file;
	int r = 0;

	for (size_t i = 0; r == 0 && i < f->n_sections; i++) {
		const Elf64_Shdr *sh = &f->sections[i];

		if (sh->sh_type == SHT_PROGBITS && sh->sh_flags & SHF_EXECINSTR)
			r = add_range(c, sh->sh_addr, sh->sh_size);
	}
	return r;
}

static int add_segments(struct code_rows *c)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->src->n_segments; i++)
		r = add_range(c, c->src->segments[i].vaddr, c->src->segments[i].filesz);
	return r;
}

/* In their order, and what is there twice once. */
static void sort_ranges(struct code_rows *c)
{
	uint32_t end = 0;
	size_t n = 0;

	if (c->ranges.n)
		qsort(c->ranges.items, c->ranges.n, sizeof(*c->ranges.items), by_lo);
	array_each(&c->ranges, r) {
		struct code_range range = { r->lo > end ? r->lo : end, r->hi };

		if (range.lo >= range.hi)
			continue;
		end = range.hi;
		c->ranges.items[n++] = range;
	}
	c->ranges.n = n;
}

int code_rows_open(const struct cfi_source *src, size_t max_bytes, struct code_rows *ret)
{
	struct code_rows c = { .src = src, .max_symbols = max_bytes, .left = CODE_BYTES };
	int r;

	if (src->machine != EM_X86_64)
		return -ENODATA;
	r = add_sections(&c);
	if (r == 0 && c.ranges.n == 0)
		r = add_segments(&c);
	if (r < 0) {
		code_rows_done(&c);
		return r;
	}
	sort_ranges(&c);
	*ret = c;
	return 0;
}

void code_rows_drop(struct code_rows *c)
{
	codescan_done(&c->scan);
	free(c->buf);
	c->buf = NULL;
	c->cap = 0;
}

void code_rows_done(struct code_rows *c)
{
	code_rows_drop(c);
	array_free(&c->ranges);
	array_free(&c->functions);
}

static int add_symbols(struct code_rows *c, const Elf64_Shdr *sh)
{
	const struct cfi_source *src = c->src;
	_cleanup_free_ void *raw = NULL;
	size_t n;
	int r = elf_file_read_section(&src->file, sh, c->max_symbols, &raw, &n);
	struct bytes b = bytes_of(raw, r < 0 ? 0 : n);
	Elf64_Sym sym;

	while (bytes_copy(&b, &sym, sizeof(sym)) == 0) {
		if (ELF64_ST_TYPE(sym.st_info) != STT_FUNC || sym.st_shndx == SHN_UNDEF ||
		    sym.st_value < src->text_lo || sym.st_value >= src->text_hi)
			continue;
		if (array_push(&c->functions, (uint32_t)(sym.st_value - src->base)) < 0)
			return -ENOMEM;
	}
	return r == -ENOMEM ? r : 0;
}

static int read_symbols(struct code_rows *c)
{
	static const uint32_t types[] = { SHT_SYMTAB, SHT_DYNSYM };
	int r = 0;

	if (c->has_symbols)
		return 0;
	c->has_symbols = true;
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(types); i++) {
		const Elf64_Shdr *sh = elf_file_section_of_type(&c->src->file, types[i]);

		if (sh)
			r = add_symbols(c, sh);
	}
	c->is_sorted = false;
	return r;
}

/* Tells the scan which functions begin between @lo and @hi. */
static int give_entries(struct code_rows *c, uint32_t lo, uint32_t hi)
{
	uint64_t root = c->src->entry - c->src->base;
	size_t first = 0, end = c->functions.n;
	int r = 0;

	if (!c->is_sorted && end)
		qsort(c->functions.items, end, sizeof(*c->functions.items), by_value);
	c->is_sorted = true;
	if (root >= lo && root < hi)
		r = codescan_root(&c->scan, (uint32_t)root - lo);
	while (first < end) {
		size_t mid = first + (end - first) / 2;

		if (c->functions.items[mid] < lo)
			first = mid + 1;
		else
			end = mid;
	}
	for (; r == 0 && first < c->functions.n && c->functions.items[first] < hi; first++)
		r = codescan_entry(&c->scan, c->functions.items[first] - lo);
	return r;
}

struct placer {
	codescan_row *row;
	void *ctx;
	uint32_t lo;
};

static int place_row(void *ctx, uint32_t at, const struct cfi_state *state, bool is_signal)
{
	const struct placer *p = ctx;

	return p->row(p->ctx, p->lo + at, state, is_signal);
}

/* Reads the code from @lo to @hi to c->buf. 0, -ENOMEM, or -errno when it cannot be read. */
static int read_piece(struct code_rows *c, uint32_t lo, uint32_t hi)
{
	size_t n = hi - lo;

	if (n > c->cap) {
		uint8_t *buf = realloc(c->buf, n);

		if (!buf)
			return -ENOMEM;
		c->buf = buf;
		c->cap = n;
	}
	return cfi_source_code(c->src, c->src->base + lo, c->buf, n);
}

/* Adds what a piece of code calls. */
static int learn_piece(struct code_rows *c, uint32_t lo, uint32_t hi)
{
	struct bytes code = bytes_of(NULL, hi - lo);
	struct x86_insn i;
	int r = read_piece(c, lo, hi);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	code.p = c->buf;
	for (uint32_t at = 0; at < code.n; at += i.n) {
		int64_t to;

		if (x86_insn(bytes_of(code.p + at, code.n - at), &i) < 0)
			i = (struct x86_insn){ .n = 1 };
		to = (int64_t)lo + at + i.n + i.value;
		if (i.effect != X86_CALL || i.value == 0 || to < 0 || to > UINT32_MAX)
			continue;
		if (array_push(&c->functions, (uint32_t)to) < 0)
			return -ENOMEM;
	}
	c->is_sorted = false;
	return 0;
}

/* The number of the first range that ends behind @lo. */
static size_t first_range(const struct code_rows *c, uint32_t lo)
{
	size_t first = 0, end = c->ranges.n;

	while (first < end) {
		size_t mid = first + (end - first) / 2;

		if (c->ranges.items[mid].hi <= lo)
			first = mid + 1;
		else
			end = mid;
	}
	return first;
}

int code_rows_learn(struct code_rows *c, uint32_t lo, uint32_t hi)
{
	int r = 0;

	for (size_t i = first_range(c, lo); i < c->ranges.n && c->ranges.items[i].lo < hi; i++) {
		const struct code_range *range = &c->ranges.items[i];
		uint32_t from = range->lo > lo ? range->lo : lo;
		uint32_t to = range->hi < hi ? range->hi : hi;

		if (r == 0 && from < to && to - from > LITTLE_BYTES && to - from <= c->left)
			r = learn_piece(c, from, to);
	}
	return r;
}

uint32_t code_rows_entry_bytes(struct code_rows *c, uint32_t pc, uint32_t max)
{
	struct x86_insn i;
	uint32_t called = 0;

	if (read_piece(c, pc, pc + max) < 0)
		return 0;
	for (uint32_t at = 0; x86_insn(bytes_of(c->buf + at, max - at), &i) == 0;) {
		at += i.n;
		if (i.effect == X86_RETURN)
			break;
		if (i.effect == X86_JUMP || i.effect == X86_JUMP_FAR || i.effect == X86_STOP)
			return at;
		if (!called && (i.effect == X86_CALL || i.effect == X86_CALL_FAR))
			called = at;
	}
	return called;
}

/* Scans a piece that is code from end to end. */
static int scan_piece(struct code_rows *c, uint32_t lo, uint32_t hi, codescan_row *row, void *ctx)
{
	struct placer placer = { row, ctx, lo };
	size_t n = hi - lo;
	int r = read_piece(c, lo, hi);

	if (r < 0)
		return r == -ENOMEM ? r : row(ctx, lo, NULL, false);
	if (n > FEW_BYTES)
		r = read_symbols(c);
	if (r == 0)
		r = give_entries(c, lo, hi);
	if (r == 0)
		r = codescan_run(&c->scan, bytes_of(c->buf, n), c->src->base + lo, place_row,
				 &placer);
	return r < 0 ? r : row(ctx, hi, NULL, false);
}

/* The rows of a piece: what is in it, or that this is not read yet. */
static int tell_piece(struct code_rows *c, uint32_t lo, uint32_t hi, codescan_row *row, void *ctx)
{
	struct cfi_state unread = { .cfa = UNWIND_CFA_UNSUPPORTED, .why = UNWIND_WHY_UNREAD };
	int r;

	if (!c->is_later)
		return scan_piece(c, lo, hi, row, ctx);
	r = row(ctx, lo, &unread, false);
	return r < 0 ? r : row(ctx, hi, NULL, false);
}

int code_rows_scan(struct code_rows *c, uint32_t lo, uint32_t hi, codescan_row *row, void *ctx)
{
	int r = 0;

	for (size_t i = first_range(c, lo); r == 0 && i < c->ranges.n && c->ranges.items[i].lo < hi;
	     i++) {
		const struct code_range *range = &c->ranges.items[i];
		uint32_t from = range->lo > lo ? range->lo : lo;
		uint32_t to = range->hi < hi ? range->hi : hi;

		if (from < to && to - from > c->left) {
			r = row(ctx, from, NULL, false);
			from = to;
		} else if (from < to) {
			c->left -= to - from;
		}
		while (r == 0 && from < to) {
			uint32_t end = to - from > PIECE_BYTES ? from + (uint32_t)PIECE_BYTES : to;

			r = tell_piece(c, from, end, row, ctx);
			from = end;
		}
	}
	return r;
}
