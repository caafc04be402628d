/* SPDX-License-Identifier: Apache-2.0 */
#include "gorows.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "codeframe.h"
#include "gofind.h"

enum { NAME_MAX_BYTES = 32, SIGNAL_MAX = 64 };
#define NOWHERE UINT32_MAX

/* What is known of a function beside its table. */
struct shape {
	int32_t fp_delta;  /* what rbp keeps is rsp as it was at this value of the table */
	uint32_t saved;	   /* from here on the caller's rbp is at CFA - 16 … */
	uint32_t fp;	   /* … and from here on rbp is CFA - 16; NOWHERE */
	uint32_t switches; /* from here on rsp may be on another stack; NOWHERE */
	bool is_root;	   /* it has no caller … */
	bool ends_stack;   /* … once it has switched */
};

/*
 * Finds the table with its base. @max_search: as of gorows_open_pages(), 0 = the table is read
 * whole.
 */
static int find(const struct cfi_source *src, size_t max_bytes, uint64_t max_search,
		struct go_rows *g)
{
	struct go_bases unused;
	int r = goimage_open(&g->image, &src->file, max_bytes);

	if (r < 0)
		return r;
	g->image.max_search = max_search;
	if (max_search && g->image.lacks_relocs)
		return -EFBIG; /* the base may be among them: it would be guessed */
	r = max_search ? gofind_pages(&g->image, &src->file, &g->pages, &g->table)
		       : gofind_table(&g->image, &src->file, max_bytes, &g->bytes, &g->table);
	return r < 0 ? r : gofind_bases(&g->image, &src->file, &g->table, &unused);
}

static int open_rows(const struct cfi_source *src, size_t max_bytes, uint64_t max_search,
		     struct go_rows *ret)
{
	int r;

	*ret = (struct go_rows){ .entry = src->entry };
	if (src->machine != EM_X86_64 || !gofind_is_go(&src->file))
		return -ENODATA;
	r = find(src, max_bytes, max_search, ret);
	if (r == 0) {
		ret->window_max = max_search ? GO_ROWS_CODE : GO_ROWS_WINDOW;
		ret->window = malloc(ret->window_max);
		r = ret->window ? 0 : -ENOMEM;
	}
	if (r < 0)
		gorows_close(ret);
	return r;
}

int gorows_open(const struct cfi_source *src, size_t max_bytes, struct go_rows *ret)
{
	return open_rows(src, max_bytes, 0, ret);
}

int gorows_open_pages(const struct cfi_source *src, size_t max_bytes, uint64_t max_search,
		      struct go_rows *ret)
{
	int r = open_rows(src, max_bytes, max_search, ret);

	if (r == 0 && ret->table.layout >= GO_118) /* its table has no pointers */
		array_free(&ret->image.relocs);
	return r;
}

void gorows_close(struct go_rows *g)
{
	goimage_close(&g->image);
	gopages_close(&g->pages);
	free(g->bytes);
	free(g->window);
	array_free(&g->runs.runs);
	array_free(&g->rows);
	*g = (struct go_rows){ 0 };
}

size_t gorows_bytes(const struct go_rows *g)
{
	return goimage_bytes(&g->image) + gopages_bytes(&g->pages) + g->window_max +
	       g->runs.runs.cap * sizeof(*g->runs.runs.items) +
	       g->rows.cap * sizeof(*g->rows.items);
}

void gorows_drop(struct go_rows *g)
{
	gopages_drop(&g->pages);
	array_free(&g->runs.runs);
	array_free(&g->rows);
}

/* --- code --- */

/* The first bytes of @f's code, up to GO_ROWS_CODE; functions are asked for in their order. */
static int read_code(struct go_rows *g, const struct go_func *f, struct bytes *ret)
{
	uint64_t n = f->hi - f->lo, room;
	int r;

	if (n > GO_ROWS_CODE)
		n = GO_ROWS_CODE;
	if (f->lo < g->window_at || f->lo - g->window_at > g->window_n ||
	    n > g->window_n - (f->lo - g->window_at)) {
		room = goimage_room(&g->image, f->lo);
		g->window_at = f->lo;
		g->window_n = 0;
		if (room > g->window_max)
			room = g->window_max;
		r = goimage_read(&g->image, f->lo, g->window, (size_t)room);
		if (r < 0)
			return r;
		g->window_n = (size_t)room;
	}
	if (n > g->window_n)
		n = g->window_n;
	*ret = bytes_of(g->window + (f->lo - g->window_at), (size_t)n);
	return 0;
}

/* Whether @code has the @n bytes @want at @at. */
static bool has_bytes(const struct bytes *code, uint64_t at, const void *want, size_t n)
{
	struct bytes part;

	return bytes_part(code, at, n, &part) == 0 && memcmp(part.p, want, n) == 0;
}

/* Bytes of the instruction at @at if it is @op, of rbp and the memory at @disp(%rsp); else 0. */
static unsigned match_rsp(const struct bytes *code, uint64_t at, uint8_t op, uint32_t disp)
{
	const uint8_t none[] = { 0x48, op, 0x2c, 0x24 };
	const uint8_t near[] = { 0x48, op, 0x6c, 0x24, (uint8_t)disp };
	uint8_t far[] = { 0x48, op, 0xac, 0x24, 0, 0, 0, 0 };

	memcpy(far + 4, &disp, 4);
	if (disp == 0 && has_bytes(code, at, none, sizeof(none)))
		return sizeof(none);
	if (disp < 0x80 && has_bytes(code, at, near, sizeof(near)))
		return sizeof(near);
	return has_bytes(code, at, far, sizeof(far)) ? sizeof(far) : 0;
}

/*
 * Functions with a frame begin so, behind a check of the stack's room:
 *
 *	from Go 1.21 on	push %rbp; mov %rsp,%rbp; sub $n-8,%rsp
 *	before		sub $n,%rsp; mov %rbp,n-8(%rsp); lea n-8(%rsp),%rbp
 *
 * where the first of these is what changes the stack pointer first.
 */
static void learn_frame(const struct go_runs *runs, const struct bytes *code, struct shape *s)
{
	static const uint8_t push[] = { 0x55, 0x48, 0x89, 0xe5 };
	uint32_t at, delta;
	unsigned n;

	if (runs->runs.n < 2 || runs->runs.items[0].value != 0 || runs->runs.items[1].value < 8)
		return;
	at = runs->runs.items[0].end;
	delta = (uint32_t)runs->runs.items[1].value;
	if (delta == 8 && has_bytes(code, (uint64_t)at - 1, push, sizeof(push))) {
		s->saved = at;
		s->fp = at + 3;
		return;
	}
	n = match_rsp(code, at, 0x89, delta - 8);
	if (n == 0)
		return;
	s->saved = at + n;
	n = match_rsp(code, s->saved, 0x8d, delta - 8);
	if (n > 0)
		s->fp = s->saved + n;
}

/* Whether the three bytes at @p begin an instruction that sets rsp: mov or lea to it, or alignment.
 */
static bool sets_sp(const uint8_t *p)
{
	bool is_wide = (p[0] & 0xf8) == 0x48, has_b = p[0] & 1, has_r = p[0] & 4;

	if (!is_wide)
		return false;
	switch (p[1]) {
	case 0x8b: /* mov to the register of ModRM */
		return !has_r && (p[2] >> 3 & 7) == 4;
	case 0x8d: /* lea */
		return !has_r && (p[2] >> 3 & 7) == 4 && p[2] < 0xc0;
	case 0x89: /* mov to the other one */
		return !has_b && p[2] >= 0xc0 && (p[2] & 7) == 4;
	case 0x81:
	case 0x83: /* and */
		return p[0] == 0x48 && p[2] == 0xe4;
	default:
		return false;
	}
}

/*
 * Where @code first sets rsp otherwise than by pushing and adding. Bytes are not taken apart into
 * instructions: what only looks like one makes us go by rbp earlier than necessary. NOWHERE when
 * nothing does.
 */
static uint32_t find_switch(const struct bytes *code)
{
	for (size_t i = 0; i + 3 <= code->n; i++)
		if (sets_sp(code->p + i))
			return (uint32_t)i;
	return NOWHERE;
}

/*
 * Some functions of old versions do with rbp what newer ones do with r12: before they change stacks
 * they keep rsp there, behind what every function with a frame does.
 */
static void learn_kept(const struct go_runs *runs, const struct bytes *code, struct shape *s)
{
	static const uint8_t keeps[] = { 0x48, 0x89, 0xe5 }; /* mov %rsp,%rbp */

	for (uint32_t at = s->fp; at < s->switches && at < code->n; at++) {
		const struct go_run *run = gotable_run_at(runs, at);

		if (run && has_bytes(code, at, keeps, sizeof(keeps)))
			s->fp_delta = run->value;
	}
}

/* A signal handler returns to this. */
static bool is_signal_return(const struct bytes *code)
{
	return code->n <= SIGNAL_MAX && code_is_signal_return(*code);
}

/* --- names --- */

/* The name of @f, as much of it as matters. */
static void read_name(const struct go_table *t, const struct go_func *f, char ret[NAME_MAX_BYTES])
{
	struct bytes b = t->names;

	memset(ret, 0, NAME_MAX_BYTES);
	gotable_bring(t, &b, f->name, NAME_MAX_BYTES);
	if (bytes_seek(&b, f->name) == 0)
		bytes_copy(&b, ret,
			   bytes_left(&b) < NAME_MAX_BYTES - 1 ? bytes_left(&b)
							       : NAME_MAX_BYTES - 1);
}

static bool is_one_of(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* Whether @f has no caller. Before Go 1.17 its name alone says so. */
static bool is_root(const struct go_rows *g, const struct go_func *f, const char *name)
{
	static const char *const roots[] = { "runtime.goexit", "runtime.mstart", "runtime.rt0_go",
					     "_rt0_amd64", "_rt0_amd64_linux" };

	if (g->entry >= f->lo && g->entry < f->hi)
		return true;
	/* Signal handlers have one, by way of what the kernel left: Go's own unwinder stops there.
	 */
	if (f->flags & GO_FUNC_TOP)
		return strcmp(name, "runtime.sigtramp") != 0;
	return is_one_of(name, roots, ARRAY_LEN(roots));
}

/*
 * How @f changes stacks. mcall and morestack do not come back: what they call is the first on its
 * stack. The others have rbp lead to their caller meanwhile; but before Go 1.21 most of these have
 * no frame, so that it leads to their caller's caller: better than to nobody.
 */
static void learn_switch(const struct go_rows *g, const struct go_func *f, const char *name,
			 const struct bytes *code, struct shape *s)
{
	static const char *const ends[] = { "runtime.mcall", "runtime.morestack" };

	if (f->flags & GO_FUNC_SP_WRITE) {
		s->switches = find_switch(code);
		if (s->switches == NOWHERE)
			s->switches = 0;
	} else if (g->table.layout <= GO_116 && strncmp(name, "runtime.", 8) == 0) {
		s->switches = find_switch(code);
	}
	if (s->switches != NOWHERE)
		learn_kept(&g->runs, code, s);
	s->ends_stack = is_one_of(name, ends, ARRAY_LEN(ends));
}

/* --- rows --- */

static int add_row(struct go_rows *g, uint32_t at, enum go_row_kind kind, int32_t delta)
{
	bool has_delta = kind == GO_ROW_SP || kind == GO_ROW_SAVED || kind == GO_ROW_FP;
	struct go_row row = { at, (uint8_t)kind, has_delta ? delta : 0 };
	const struct go_row *last = g->rows.n ? &g->rows.items[g->rows.n - 1] : NULL;

	if (last && last->kind == row.kind && last->delta == row.delta)
		return 0;
	return array_push(&g->rows, row);
}

static enum go_row_kind kind_at(const struct shape *s, uint32_t at, int32_t delta)
{
	if (at < s->switches)
		return delta >= 8 && at >= s->saved ? GO_ROW_SAVED : GO_ROW_SP;
	if (s->ends_stack)
		return GO_ROW_ROOT;
	if (s->fp == NOWHERE)
		return GO_ROW_FP;
	if (at < s->fp)
		return GO_ROW_NONE;
	/* At the end rsp is what it was, and rbp is no more. */
	return delta == 0 ? GO_ROW_SP : GO_ROW_FP;
}

/* Rows for one value of the table, which may cover where something else changes. */
static int add_run(struct go_rows *g, const struct shape *s, uint32_t from, uint32_t to,
		   int32_t delta)
{
	int r = 0;

	while (r == 0 && from < to) {
		const uint32_t marks[] = { s->saved, s->fp, s->switches };
		enum go_row_kind kind;
		uint32_t next = to;

		for (unsigned i = 0; i < ARRAY_LEN(marks); i++)
			if (marks[i] > from && marks[i] < next)
				next = marks[i];
		kind = kind_at(s, from, delta);
		r = add_row(g, from, kind, kind == GO_ROW_FP ? s->fp_delta : delta);
		from = next;
	}
	return r;
}

int gorows_read(struct go_rows *g, const struct go_func *f)
{
	struct shape s = { .fp_delta = 8, .saved = NOWHERE, .fp = NOWHERE, .switches = NOWHERE };
	char name[NAME_MAX_BYTES];
	struct bytes code;
	uint32_t from = 0;
	int r = gotable_values(&g->table, f->v_sp, (uint32_t)(f->hi - f->lo), &g->runs);

	g->rows.n = 0;
	if (r < 0 || g->runs.runs.n == 0)
		return r;
	r = read_code(g, f, &code);
	if (r < 0)
		return r;
	read_name(&g->table, f, name);
	if (is_root(g, f, name))
		return add_row(g, 0, GO_ROW_ROOT, 0);
	if (is_signal_return(&code))
		return add_row(g, 0, GO_ROW_SIGNAL, 0);
	learn_frame(&g->runs, &code, &s);
	learn_switch(g, f, name, &code, &s);
	for (size_t i = 0; r == 0 && i < g->runs.runs.n; i++) {
		r = add_run(g, &s, from, g->runs.runs.items[i].end, g->runs.runs.items[i].value);
		from = g->runs.runs.items[i].end;
	}
	return r;
}

/* Of the function that was read last, the row at @at bytes from its start. */
static struct go_row row_at(const struct go_rows *g, uint32_t at)
{
	struct go_row row = { .kind = GO_ROW_NONE };

	for (size_t i = 0; i < g->rows.n && g->rows.items[i].at <= at; i++)
		row = g->rows.items[i];
	return row;
}

/* The function that holds @vaddr. 0 or -ENODATA. */
static int find_func(const struct go_rows *g, uint64_t vaddr, struct go_func *ret)
{
	size_t i;

	if (gotable_find(&g->table, vaddr, &i) < 0 || gotable_func(&g->table, i, ret) < 0 ||
	    vaddr < ret->lo || vaddr >= ret->hi || ret->hi - ret->lo > UINT32_MAX ||
	    ret->v_sp == 0 || !goimage_is_code(&g->image, ret->lo) ||
	    !goimage_is_code(&g->image, ret->hi - 1))
		return -ENODATA;
	return 0;
}

/*
 * What returns to where a signal came in was not called from the byte before, the last one of @f.
 */
static bool is_before_signal(struct go_rows *g, const struct go_func *f)
{
	struct go_func next;

	return find_func(g, f->hi, &next) == 0 && gorows_read(g, &next) == 0 &&
	       row_at(g, 0).kind == GO_ROW_SIGNAL;
}

int gorows_at(struct go_rows *g, uint64_t vaddr, struct go_row *ret)
{
	struct go_func f;
	struct go_row row;
	int r = find_func(g, vaddr, &f);

	if (r < 0)
		return r;
	if (vaddr == f.hi - 1 && is_before_signal(g, &f)) {
		*ret = row_at(g, 0);
		return 0;
	}
	r = gorows_read(g, &f);
	if (r < 0)
		return r;
	row = row_at(g, (uint32_t)(vaddr - f.lo));
	if (row.kind == GO_ROW_NONE)
		return -ENODATA;
	*ret = row;
	return 0;
}

struct cfi_state gorows_state(const struct go_row *row)
{
	enum { FP = 6, SP = 7 };
	const struct cfi_where saved = { .loc = CFI_LOC_CFA, .off = -16 };
	struct cfi_state st = cfi_state_initial();

	st.reg = SP;
	st.off = 8 + (int64_t)row->delta;
	st.ra = (struct cfi_where){ .loc = CFI_LOC_CFA, .off = -8 };
	switch (row->kind) {
	case GO_ROW_NONE:
	case GO_ROW_ROOT:
		st.ra.loc = CFI_LOC_UNDEF;
		break;
	case GO_ROW_SP:
		break;
	case GO_ROW_SAVED:
		st.fp = saved;
		break;
	case GO_ROW_FP:
		st.fp = saved;
		st.reg = FP;
		st.changes_stack = true;
		break;
	case GO_ROW_SIGNAL:
		return cfi_state_signal(SP);
	}
	return st;
}
