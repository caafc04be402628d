/* SPDX-License-Identifier: Apache-2.0 */
#include "codeframe.h"

#include <elf.h>
#include <stdlib.h>

#include "cleanup.h"
#include "codeflow.h"
#include "codeseek.h"
#include "gofind.h"
#include "rowset.h"

/*
 * Code of more than this in one piece is left alone; what is learned of it takes 2 bytes a byte
 * while it lasts.
 */
#define PIECE_MAX (8u << 20)
#define PIECE_MIN 32	      /* less is padding, or a stub of the linker's */
#define INSNS_MAX (16u << 10) /* of one entry: then another one begins */

/* What the entries are made of: DWARF 5, sections 6.4.1 and 7.24. */
enum {
	CFA_ADVANCE = 0x40,
	CFA_OFFSET = 0x80,
	CFA_ADVANCE1 = 2,
	CFA_ADVANCE2 = 3,
	CFA_ADVANCE4 = 4,
	CFA_OFFSET_EXTENDED_SF = 0x11,
	CFA_UNDEFINED = 7,
	CFA_SAME = 8,
	CFA_DEF = 0xc,
	CFA_DEF_EXPRESSION = 0xf,
	CFA_EXPRESSION = 0x10,
	OP_BREG7 = 0x77,
	OP_DEREF = 6,
};
#define DW_RBP 6
#define DW_RSP 7
#define DW_RIP 16

/* Code that is described: ELF addresses [from, to). */
struct code_span {
	uint64_t from, to;
};

struct maker {
	const struct cfi_source *src;
	ARRAY(uint8_t) out;
	size_t signal_cie; /* where it is */
	uint64_t left; /* so much code may still be looked at */
	size_t n_entries;
	struct code_seek seek;
	bool failed; /* for want of memory */
};

/* --- bytes ----------------------------------------------------------------------------------- */

static void put(struct maker *m, const void *p, size_t n)
{
	if (m->failed || array_reserve(&m->out, n) < 0) {
		m->failed = true;
		return;
	}
	memcpy(m->out.items + m->out.n, p, n);
	m->out.n += n;
}

static void put_u8(struct maker *m, unsigned v)
{
	put(m, &(uint8_t){ (uint8_t)v }, 1);
}

static void put_u32(struct maker *m, uint32_t v)
{
	put(m, &v, sizeof(v));
}

static void put_u64(struct maker *m, uint64_t v)
{
	put(m, &v, sizeof(v));
}

static void put_uleb(struct maker *m, uint64_t v)
{
	for (; v > 0x7f; v >>= 7)
		put_u8(m, 0x80 | (v & 0x7f));
	put_u8(m, (unsigned)v);
}

/* Writes the length of the entry that began at @at. */
static void end_entry(struct maker *m, size_t at)
{
	uint32_t n;

	if (m->failed)
		return;
	n = (uint32_t)(m->out.n - at - sizeof(n));
	memcpy(m->out.items + at, &n, sizeof(n));
}

/* A CIE: at a function's entry, CFA = rsp + 8 and the return address is there. */
static void put_cie(struct maker *m, const char *augmentation)
{
	size_t at = m->out.n;

	put_u32(m, 0);
	put_u32(m, UINT32_MAX);
	put_u8(m, 1); /* version */
	put(m, augmentation, strlen(augmentation) + 1);
	put_u8(m, 1); /* alignment of code */
	put_u8(m, 0x7f); /* and data: -1 */
	put_u8(m, DW_RIP);
	put_u8(m, CFA_DEF);
	put_u8(m, DW_RSP);
	put_u8(m, 8);
	put_u8(m, CFA_OFFSET | DW_RIP);
	put_u8(m, 8);
	end_entry(m, at);
}

static size_t begin_fde(struct maker *m, size_t cie, uint64_t vaddr, uint64_t n)
{
	size_t at = m->out.n;

	m->n_entries++;
	put_u32(m, 0);
	put_u32(m, (uint32_t)cie);
	put_u64(m, vaddr);
	put_u64(m, n);
	return at;
}

static void put_advance(struct maker *m, uint32_t n)
{
	if (n == 0)
		return;
	if (n < 0x40) {
		put_u8(m, CFA_ADVANCE | n);
	} else if (n <= UINT16_MAX) {
		put_u8(m, CFA_ADVANCE2);
		put(m, &(uint16_t){ (uint16_t)n }, 2);
	} else {
		put_u8(m, CFA_ADVANCE4);
		put_u32(m, n);
	}
}

/* All of a state, so that what was before does not matter. */
static void put_state(struct maker *m, const struct code_state *s)
{
	bool by_sp = !code_state_has_frame(s);

	if (s->is_root) {
		put_u8(m, CFA_UNDEFINED);
		put_u8(m, DW_RIP);
		return;
	}
	put_u8(m, CFA_DEF);
	put_u8(m, by_sp ? DW_RSP : DW_RBP);
	put_uleb(m, (uint64_t)(by_sp ? s->sp : s->fp_off));
	put_u8(m, CFA_OFFSET | DW_RIP);
	put_u8(m, 8);
	if (s->saved) {
		put_u8(m, CFA_OFFSET | DW_RBP);
		put_uleb(m, (uint64_t)s->saved);
		return;
	}
	put_u8(m, s->fp == CODE_FP_CALLER ? CFA_SAME : CFA_UNDEFINED);
	put_u8(m, DW_RBP);
}

/* --- signals ---------------------------------------------------------------------------------- */

/* A handler returns to this: mov $15,%rax or %eax; syscall. */
static bool is_signal_return(const struct code_flow *f, uint32_t at)
{
	static const uint8_t wide[] = { 0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05 };
	const uint8_t *p = f->code.p + at;
	size_t n = f->code.n - at;

	return (n >= sizeof(wide) && memcmp(p, wide, sizeof(wide)) == 0) ||
	       (n >= 7 && memcmp(p, "\xb8\x0f\0\0\0\x0f\x05", 7) == 0);
}

/* *(rsp + @at), which the kernel left there: struct ucontext. */
static void put_saved(struct maker *m, bool is_read, unsigned at)
{
	put_uleb(m, 3 + is_read);
	put_u8(m, OP_BREG7);
	put_u8(m, 0x80 | (at & 0x7f)); /* SLEB128 of two bytes */
	put_u8(m, at >> 7);
	if (is_read)
		put_u8(m, OP_DEREF);
}

/* The frame of a signal: all registers of who was interrupted. */
static void put_signal(struct maker *m, uint64_t vaddr)
{
	/* By DWARF's numbers: rax, rdx, rcx, rbx, rsi, rdi, rbp, -, r8 … r15, rip. */
	static const uint8_t at[] = { 0x90, 0x88, 0x98, 0x80, 0x70, 0x68, 0x78, 0,    0x28,
				      0x30, 0x38, 0x40, 0x48, 0x50, 0x58, 0x60, 0xa8 };
	/* From one byte before, where what returns to it is looked for. */
	size_t fde = begin_fde(m, m->signal_cie, vaddr - 1, 10);

	put_u8(m, CFA_DEF_EXPRESSION);
	put_saved(m, true, 0xa0);
	for (unsigned reg = 0; reg < sizeof(at); reg++) {
		if (reg == DW_RSP)
			continue;
		put_u8(m, CFA_EXPRESSION);
		put_u8(m, reg);
		put_saved(m, false, at[reg]);
	}
	end_entry(m, fde);
}

/* --- one piece -------------------------------------------------------------------------------- */

/* Instructions one behind the other, all of which are known: offsets in the piece. */
struct run {
	uint32_t from, to;
};
struct runs {
	ARRAY(struct run) items;
};

/* Where what is known from @from on ends: with the first instruction of which nothing is, or with
 * the function. */
static uint32_t run_end(const struct code_flow *f, uint32_t from)
{
	uint32_t n = (uint32_t)f->code.n, at = from;

	while (at < n && (at == from || !code_flow_starts(f, at))) {
		const struct code_state *s = code_flow_state(f, at);
		struct x86_insn i;

		if (!s || !code_state_is_known(s) ||
		    !x86_insn_read(bytes_of(f->code.p + at, n - at), &i))
			break;
		at += i.len;
	}
	return at;
}

/* Between functions there is padding, but no other code may be taken for it. */
static void part_runs(const struct code_flow *f, struct run *r, uint32_t next)
{
	for (uint32_t at = r->to; at < next; at++) {
		uint8_t b = f->code.p[at];

		/* Bytes of the long instructions that do nothing. */
		if (b == 0x90 || b == 0xcc || b == 0x66 || b == 0x2e || b == 0x0f || b == 0x1f ||
		    b == 0x80 || b == 0x84 || b == 0x40 || b == 0x44 || b == 0)
			continue;
		r->to = next - r->from > ROWSET_MIN_GAP ? next - ROWSET_MIN_GAP : r->from;
		return;
	}
}

static int find_runs(const struct code_flow *f, struct runs *ret)
{
	uint32_t n = (uint32_t)f->code.n;

	for (uint32_t at = 0; at < n;) {
		struct run run = { at, run_end(f, at) };
		size_t last = ret->items.n;

		if (run.to == at) {
			at++;
			continue;
		}
		if (last > 0 && at - ret->items.items[last - 1].to < ROWSET_MIN_GAP)
			part_runs(f, &ret->items.items[last - 1], at);
		if (array_push(&ret->items, run) < 0)
			return -ENOMEM;
		at = run.to;
	}
	if (ret->items.n > 0 && n - ret->items.items[ret->items.n - 1].to < ROWSET_MIN_GAP)
		part_runs(f, &ret->items.items[ret->items.n - 1], n);
	return 0;
}

/* The entry of as much of a run as has room in one: where it ends. */
static uint32_t put_entry(struct maker *m, const struct code_flow *f, uint64_t vaddr,
			  const struct run *run)
{
	size_t fde = begin_fde(m, 0, vaddr + run->from, 0), head = m->out.n;
	const struct code_state *last = &code_state_entry;
	uint32_t at = run->from, row = at;
	uint64_t n;

	for (; at < run->to && m->out.n - head < INSNS_MAX; at++) {
		const struct code_state *s = code_flow_state(f, at);

		if (!s || s == last || memcmp(s, last, sizeof(*s)) == 0)
			continue;
		put_advance(m, at - row);
		put_state(m, s);
		row = at;
		last = s;
	}
	end_entry(m, fde);
	n = at - run->from;
	if (!m->failed)
		memcpy(m->out.items + fde + 16, &n, sizeof(n));
	return at;
}

/* All entries of a piece of code at @vaddr. 0 or -ENOMEM. */
static int put_piece(struct maker *m, const struct code_flow *f, uint64_t vaddr)
{
	struct runs runs = { 0 };
	int r = find_runs(f, &runs);

	for (size_t i = 0; r == 0 && i < runs.items.n; i++) {
		struct run *run = &runs.items.items[i];

		if (is_signal_return(f, run->from)) {
			put_signal(m, vaddr + run->from);
			continue;
		}
		while (run->from < run->to && !m->failed)
			run->from = put_entry(m, f, vaddr, run);
	}
	array_free(&runs.items);
	return m->failed ? -ENOMEM : r;
}

/* --- which code ------------------------------------------------------------------------------- */

static int add_piece(struct maker *m, const struct code_span *piece)
{
	uint64_t n = piece->to - piece->from, entry = m->src->entry - piece->from;
	_cleanup_(code_flow_done) struct code_flow f = { 0 };
	_cleanup_free_ uint8_t *code = NULL;
	int r;

	if (n < PIECE_MIN || n > PIECE_MAX || n > m->left)
		return 0;
	m->left -= n;
	code = malloc(n);
	if (!code)
		return -ENOMEM;
	if (cfi_source_code(m->src, piece->from, code, n) < 0)
		return 0;
	r = code_flow_init(&f, bytes_of(code, n), piece->from);
	if (r < 0)
		return r;
	if (m->src->entry >= piece->from && entry < n)
		f.root_at = (uint32_t)entry;
	r = code_seek_read(&m->seek, m->src);
	if (r < 0)
		return r;
	code_seek_tell(&m->seek, piece->from, &f);
	r = code_flow_run(&f);
	return r < 0 ? r : put_piece(m, &f, piece->from);
}

/* What is left of [@from, @to) beside what is known. */
static int add_code(struct maker *m, uint64_t from, uint64_t to, const struct code_span *known,
		    size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n && known[i].from < to && from < to; i++) {
		if (known[i].to <= from)
			continue;
		if (known[i].from > from)
			r = add_piece(m, &(struct code_span){ from, known[i].from });
		from = known[i].to;
	}
	return r == 0 && from < to ? add_piece(m, &(struct code_span){ from, to }) : r;
}

static int add_all(struct maker *m, const struct code_span *known, size_t n)
{
	const struct elf_file *f = &m->src->file;
	bool has_sections = false;
	int r = 0;

	for (size_t i = 0; r == 0 && i < f->n_sections; i++) {
		const Elf64_Shdr *sh = &f->sections[i];

		if (sh->sh_type != SHT_PROGBITS || !(sh->sh_flags & SHF_EXECINSTR))
			continue;
		has_sections = true;
		if (sh->sh_addr + sh->sh_size > sh->sh_addr)
			r = add_code(m, sh->sh_addr, sh->sh_addr + sh->sh_size, known, n);
	}
	for (size_t i = 0; r == 0 && !has_sections && i < m->src->n_segments; i++) {
		const struct unwind_segment *s = &m->src->segments[i];

		if (s->vaddr + s->filesz > s->vaddr)
			r = add_code(m, s->vaddr, s->vaddr + s->filesz, known, n);
	}
	return r;
}

static int by_start(const void *a, const void *b)
{
	const struct code_span *x = a, *y = b;

	return (x->from > y->from) - (x->from < y->from);
}

/* What the entries of @eh are of, in order. */
static int known_code(const struct eh_frame *eh, struct code_span **ret)
{
	uint64_t base = eh->src->base;
	bool is_sorted = true;
	struct code_span *s = reallocarray(NULL, eh->fdes.n + 1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	for (size_t i = 0; i < eh->fdes.n; i++) {
		const struct eh_fde *f = &eh->fdes.items[i];

		s[i] = (struct code_span){ base + f->pc, base + f->pc + f->len };
		is_sorted &= i == 0 || s[i - 1].from <= s[i].from;
	}
	if (!is_sorted)
		qsort(s, eh->fdes.n, sizeof(*s), by_start);
	*ret = s;
	return 0;
}

/* 0 or -ENOMEM; no entries: nothing was learned. */
static int make(struct maker *m, const struct eh_frame *eh)
{
	_cleanup_free_ struct code_span *known = NULL;
	int r = known_code(eh, &known);

	if (r < 0)
		return r;
	put_cie(m, "");
	m->signal_cie = m->out.n;
	put_cie(m, "S");
	return m->failed ? -ENOMEM : add_all(m, known, eh->fdes.n);
}

int code_frame_add(struct cfi_source *src, struct eh_frame *eh, uint64_t max)
{
	struct maker m = { .src = src, .left = max };
	int r;

	/* Go's own table knows better, and code of Go's that it does not know nobody else does. */
	if (src->machine != EM_X86_64 || src->n_sections == CFI_SECTIONS_MAX ||
	    gofind_is_go(&src->file))
		return 0;
	r = make(&m, eh);
	code_seek_done(&m.seek);
	if (r < 0 || m.n_entries == 0) {
		array_free(&m.out);
		return r;
	}
	src->sections[src->n_sections++] =
		(struct cfi_section){ .data = bytes_of(m.out.items, m.out.n),
				      .owned = m.out.items,
				      .is_exact = true };
	return eh_frame_read_more(eh);
}
