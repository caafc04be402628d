/* SPDX-License-Identifier: Apache-2.0 */
#include "codescan.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 4 /* what a loop's end tells of its beginning is known in the next one */
#define ENDLESS_MAX \
	64 /* functions that do not return; few objects have more, and each call is held against them */
#define ENTRY_ALIGN 16 /* of functions, as compilers and assembly align them */

/* One way through the code. */
struct round {
	struct codescan *s;
	struct bytes code;
	uint64_t addr;
	codescan_row *row; /* NULL = this round is to learn */
	void *ctx;
	struct code_frame frame;
	bool is_end;	/* nothing falls through to here, as far as is known */
	bool is_fresh;	/* in any case: a function may begin … */
	bool has_table; /* … or what this function jumped to by a table: with the frame `table` */
	struct code_frame table;
	bool is_looped; /* only what lies behind this leads here, as far as it is known */
	bool is_called; /* a call was passed, which may not return: */
	int64_t callee; /* of that one, INT64_MAX = unknown */
	bool is_padded; /* padding was passed last */
	bool had_rule;
	struct cfi_state rule;
};

static struct code_target *find(const struct codescan *s, uint32_t at)
{
	uint32_t number = at < s->numbers.n ? s->numbers.items[at] : 0;

	return number ? &s->targets.items[number - 1] : NULL;
}

/* What the code at @at is come to with from elsewhere, as far as it is known. */
static const struct code_target *known_target(const struct codescan *s, uint32_t at)
{
	const struct code_target *t = find(s, at);

	if (!t || !code_frame_is_known(&t->frame))
		return NULL;
	/* What the last round did not come to follows from what it knew better. */
	return t->frame.is_entry || t->round + 1 >= s->round ? t : NULL;
}

static bool is_same_frame(const struct code_frame *a, const struct code_frame *b)
{
	return a->origin == b->origin && a->kind == b->kind && a->fp == b->fp &&
	       a->copy == b->copy && a->is_entry == b->is_entry && a->is_sure == b->is_sure &&
	       a->has_fp == b->has_fp && a->sp == b->sp && a->copy_off == b->copy_off &&
	       a->fp_off == b->fp_off && a->fp_copy == b->fp_copy && a->slot == b->slot &&
	       a->saved == b->saved;
}

/* Nothing is hashed: code may be made so that all of it collides. */
static int add_target(struct codescan *s, const struct code_target *t)
{
	size_t more = t->at < s->numbers.n ? 0 : t->at + 1 - s->numbers.n;

	s->has_news = true;
	if (array_reserve(&s->numbers, more) < 0 || array_push(&s->targets, *t) < 0)
		return -ENOMEM;
	if (more)
		memset(s->numbers.items + s->numbers.n, 0, more * sizeof(*s->numbers.items));
	s->numbers.n += more;
	s->numbers.items[t->at] = (uint32_t)s->targets.n;
	return 0;
}

/* The address of @at is used. */
static int note_taken(struct codescan *s, uint32_t at)
{
	struct code_target *t = find(s, at);

	if (!t)
		return add_target(s, &(struct code_target){ .at = at,
							    .frame = code_frame_unknown(),
							    .is_taken = true });
	s->has_news |= !t->is_taken;
	t->is_taken = true;
	return 0;
}

/* Whether @a, which code is come to with, says more than @b. What goes on from the first beginning that
 * was guessed was seen to do so, while a later one may be none. */
static bool says_more(const struct code_target *a, const struct code_target *b)
{
	if (a->frame.is_entry != b->frame.is_entry)
		return a->frame.is_entry;
	if (a->round != b->round)
		return a->round > b->round;
	if (a->frame.is_sure != b->frame.is_sure)
		return a->frame.is_sure;
	if (a->is_forward != b->is_forward)
		return a->is_forward;
	return a->frame.origin < b->frame.origin;
}

/* The code at @at is come to with @frame from @from. */
static int note(struct codescan *s, uint32_t at, const struct code_frame *frame, uint32_t from)
{
	struct code_target new = { .at = at,
				   .round = s->round,
				   .is_forward = from < at,
				   .frame = *frame },
			   *t = find(s, at);

	if (!t)
		return add_target(s, &new);
	if (!says_more(&new, t))
		return 0;
	new.is_taken = t->is_taken;
	s->has_news |= !is_same_frame(&t->frame, frame);
	*t = new;
	return 0;
}

static int note_entry(struct codescan *s, uint32_t at, enum code_kind kind)
{
	struct code_frame f = code_frame_entry(at);

	f.is_entry = f.is_sure = true;
	f.kind = (uint8_t)kind;
	return note(s, at, &f, at);
}

int codescan_entry(struct codescan *s, uint32_t at)
{
	return note_entry(s, at, CODE_SP);
}

int codescan_root(struct codescan *s, uint32_t at)
{
	return note_entry(s, at, CODE_ROOT);
}

static bool is_endless(const struct codescan *s, int64_t callee)
{
	for (size_t i = 0; i < s->endless.n; i++)
		if (s->endless.items[i] == callee)
			return true;
	return false;
}

/* Behind a call of @callee another function begins. */
static int note_endless(struct codescan *s, int64_t callee)
{
	if (callee == INT64_MAX || s->endless.n == ENDLESS_MAX || is_endless(s, callee))
		return 0;
	s->has_news = true;
	return array_push(&s->endless, callee);
}

/* --- where functions begin --- */

static bool is_endbr(const struct bytes *code, uint32_t at)
{
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	struct bytes part;

	return bytes_part(code, at, sizeof(endbr64), &part) == 0 &&
	       memcmp(part.p, endbr64, sizeof(endbr64)) == 0;
}

/* Whether @i is what functions begin with: saving a register that is the caller's, making room. */
static bool is_beginning(const struct x86_insn *i)
{
	if (i->effect == X86_PUSH)
		return i->reg == X86_RBX || i->reg == X86_RBP || (i->reg >= 12 && i->reg <= 15);
	return i->effect == X86_ADD_SP && i->value < 0;
}

static bool is_padding(const struct bytes *code, uint32_t at, const struct x86_insn *i)
{
	return i->is_nop || code->p[at] == 0xcc;
}

static bool is_signal_return(const struct bytes *code, uint32_t at)
{
	return code_is_signal_return(bytes_of(code->p + at, code->n - at));
}

/*
 * The linker's stubs (System V ABI §5.2): `jmp *slot; push $number; jmp first`, aligned, behind the first
 * of them, `push word; jmp *word`, which finds the number on the stack.
 */
static bool is_first_stub(const struct bytes *code, uint32_t at)
{
	const uint8_t *p = code->p + at;

	return code->n - at >= 8 && p[0] == 0xff && p[1] == 0x35 && p[6] == 0xff && p[7] == 0x25;
}

/* Any of them, also where there is no first one: of a static program, for what the loader chooses. */
static bool is_stub(const struct bytes *code, uint32_t at)
{
	const uint8_t *p = code->p + at;

	return code->n - at >= 6 && p[0] == 0xff && p[1] == 0x25;
}

static bool is_stub_rest(const struct bytes *code, uint32_t at)
{
	const uint8_t *p = code->p + at;

	return at >= 6 && code->n - at >= 6 && p[-6] == 0xff && p[-5] == 0x25 && p[0] == 0x68 &&
	       p[5] == 0xe9;
}

/* Where nothing falls through to: what is known of the stack at @i. */
static void begin(struct round *r, uint32_t at, const struct x86_insn *i)
{
	const struct code_target *known = known_target(r->s, at), *taken = find(r->s, at);
	bool is_aligned = ((r->addr + at) & (ENTRY_ALIGN - 1)) == 0;

	r->is_looped = known && !known->is_forward && known->frame.origin < at;
	if (known)
		r->frame = known->frame;
	else if (is_signal_return(&r->code, at) || (taken && taken->is_taken) ||
		 is_endbr(&r->code, at) || is_stub_rest(&r->code, at) ||
		 (r->is_fresh &&
		  (is_beginning(i) || is_stub(&r->code, at) || (is_aligned && !r->has_table))))
		r->frame = code_frame_entry(at);
	else if (r->is_fresh && r->has_table)
		r->frame = r->table;
	else
		return; /* what comes now may be known later */
	if (r->frame.origin == at && is_signal_return(&r->code, at))
		r->frame.kind = CODE_SIGNAL;
	if (r->frame.origin == at && is_first_stub(&r->code, at))
		r->frame.sp = 16;
	r->is_end = false;
}

/* Whether @t, the target at @at, is to be trusted more than what falls through to it. */
static bool knows_better(const struct round *r, uint32_t at, const struct code_target *t)
{
	if (t->frame.is_entry || !code_frame_is_known(&r->frame) || (r->is_looped && t->is_forward))
		return true;
	if (r->is_called)
		return t->is_forward || t->frame.origin > at;
	if (t->frame.is_sure != r->frame.is_sure)
		return t->frame.is_sure;
	return t->is_forward && t->frame.origin < r->frame.origin;
}

/*
 * Where code falls through to @at: whether a branch from elsewhere knows better, or it did not return
 * from the call before. Padding behind a call is before a function, unless a branch leads behind it.
 */
static int join(struct round *r, uint32_t at, const struct x86_insn *i)
{
	const struct code_target *known = known_target(r->s, at);
	bool is_aligned = ((r->addr + at) & (ENTRY_ALIGN - 1)) == 0;

	if (known) {
		if (knows_better(r, at, known)) {
			r->frame = known->frame;
			r->is_looped = false;
		}
		if (known->frame.is_entry && r->is_called)
			return note_endless(r->s, r->callee);
	} else if (r->is_called && is_aligned && !is_padding(&r->code, at, i) &&
		   (is_endbr(&r->code, at) ||
		    (r->is_padded && (r->s->round > 1 || is_beginning(i))))) {
		r->frame = code_frame_entry(at);
	}
	return 0;
}

/*
 * Whether the jump at @at goes to what a table says: to a sum of registers, or a word that an index
 * chooses; others call a function, if the stack is as it was at the beginning.
 */
static bool is_by_table(const struct bytes *code, uint32_t at)
{
	const uint8_t *p = code->p + at, *end = code->p + code->n;

	if (p < end && *p == 0x3e) /* notrack */
		p++;
	if (p < end && (*p & 0xf0) == 0x40)
		p++;
	if (end - p < 3 || *p != 0xff)
		return false;
	if (p[1] == 0x24) /* jmp *table(,%reg,8) */
		return (p[2] & 0xc7) == 0xc5;
	return (p[1] & 0xf8) == 0xe0 && at >= 3 && (code->p[at - 3] & 0xf8) == 0x48 &&
	       (code->p[at - 2] == 0x01 || code->p[at - 2] == 0x03);
}

/* --- rounds --- */

/* The rule from @at on, if it is another one. */
static int tell(struct round *r, uint32_t at)
{
	struct cfi_state rule;
	bool has = !r->is_end && code_frame_rule(&r->frame, &rule);
	bool is_signal = has && r->frame.kind == CODE_SIGNAL;

	if (at > 0 && has == r->had_rule && (!has || cfi_state_is_same(&rule, &r->rule)))
		return 0;
	r->had_rule = has;
	if (has)
		r->rule = rule;
	/* What returns to where a signal came in was not called from before it. */
	return r->row(r->ctx, at - (is_signal && at > 0), has ? &rule : NULL, is_signal);
}

/* What @i at @at says of code elsewhere; @is_known: the frame behind it, too. */
static int note_target(struct round *r, uint32_t at, const struct x86_insn *i, bool is_known)
{
	int64_t to = (int64_t)at + i->n + i->value;

	if (to < 0 || to >= (int64_t)r->code.n)
		return 0;
	if (i->is_lea)
		return note_taken(r->s, (uint32_t)to);
	switch (i->effect) {
	case X86_CALL:
		return i->value == 0 ? 0 : codescan_entry(r->s, (uint32_t)to);
	case X86_BRANCH:
	case X86_JUMP:
		return is_known && code_frame_is_known(&r->frame)
			       ? note(r->s, (uint32_t)to, &r->frame, at)
			       : 0;
	default:
		return 0;
	}
}

/* Whether nothing falls through @i, whatever calls do. */
static bool ends(const struct x86_insn *i)
{
	return i->effect == X86_JUMP || i->effect == X86_JUMP_FAR || i->effect == X86_RETURN ||
	       i->effect == X86_STOP;
}

/* What falls through @i. */
static void pass_on(struct round *r, uint32_t at, const struct x86_insn *i)
{
	bool is_call = i->effect == X86_CALL || i->effect == X86_CALL_FAR;

	r->is_end = ends(i) ||
		    (r->frame.kind == CODE_SIGNAL && r->code.p[at] == 0x0f) /* the syscall */;
	/* One that left its frame before is the call of another function, most of the time. */
	if (i->effect == X86_JUMP_FAR && !i->value && code_frame_is_known(&r->frame) &&
	    r->frame.kind != CODE_ROOT &&
	    (r->frame.kind != CODE_SP || r->frame.sp != 8 || is_by_table(&r->code, at))) {
		r->has_table = true;
		r->table = r->frame;
	}
	r->is_padded = i->is_nop;
	if (is_call) {
		r->callee = i->effect == X86_CALL ? (int64_t)at + i->n + i->value : INT64_MAX;
		r->is_end |= is_endless(r->s, r->callee);
	}
	r->is_fresh = r->is_end;
	r->is_called = is_call || (r->is_called && i->is_nop);
}

static int pass(struct round *r, uint32_t at, const struct x86_insn *i)
{
	bool is_known;
	int err = 0;

	if (r->is_end && (!is_padding(&r->code, at, i) || known_target(r->s, at)))
		begin(r, at, i);
	else if (!r->is_end)
		err = join(r, at, i);
	r->frame.is_entry = false; /* what comes next is none */
	r->has_table &= r->is_end || r->frame.origin == r->table.origin;
	if (err == 0 && r->row)
		err = tell(r, at);
	is_known = !r->is_end;
	if (err == 0 && is_known) {
		code_frame_step(&r->frame, i);
		pass_on(r, at, i);
	} else if (!is_padding(&r->code, at, i)) {
		r->is_fresh = ends(i);
	}
	/* Calls also from code that is not understood yet. */
	if (err == 0 && !r->row)
		err = note_target(r, at, i, is_known);
	return err;
}

static int by_value(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int list_entries(struct codescan *s)
{
	s->entries.n = 0;
	array_each(&s->targets, t)
		if (t->frame.is_entry && array_push(&s->entries, t->at) < 0)
			return -ENOMEM;
	if (s->entries.n)
		qsort(s->entries.items, s->entries.n, sizeof(*s->entries.items), by_value);
	return 0;
}

/* What is no instruction is data: nobody comes through it. */
static struct x86_insn insn_at(const struct bytes *code, uint32_t at)
{
	struct x86_insn i;

	if (x86_insn(bytes_of(code->p + at, code->n - at), &i) < 0)
		i = (struct x86_insn){ .n = 1, .effect = X86_STOP, .reg = X86_NO_REG };
	return i;
}

static int read_insns(struct codescan *s, const struct bytes *code)
{
	s->insns.n = 0;
	for (uint32_t at = 0; at < code->n; at += s->insns.items[s->insns.n - 1].n)
		if (array_push(&s->insns, insn_at(code, at)) < 0)
			return -ENOMEM;
	return 0;
}

static int run_round(struct codescan *s, struct bytes code, uint64_t addr, codescan_row *row,
		     void *ctx)
{
	struct round r = { .s = s,
			   .code = code,
			   .addr = addr,
			   .row = row,
			   .ctx = ctx,
			   .frame = code_frame_unknown(),
			   .is_end = true,
			   .is_fresh = true };
	uint32_t at = 0, read_at = 0; /* read_at: of the next of insns */
	size_t next = 0, n_read = 0;
	int err = list_entries(s);

	s->round++;
	s->has_news = false;
	while (err == 0 && at < code.n) {
		struct x86_insn i;

		for (; read_at < at; n_read++)
			read_at += s->insns.items[n_read].n;
		i = read_at == at ? s->insns.items[n_read] : insn_at(&code, at);
		while (next < s->entries.n && s->entries.items[next] <= at)
			next++;
		/* Data, too, is what reaches into a function. */
		if (next < s->entries.n && i.n > s->entries.items[next] - at)
			i = (struct x86_insn){ .n = 1, .effect = X86_STOP, .reg = X86_NO_REG };
		err = pass(&r, at, &i);
		at += i.n;
	}
	return err;
}

int codescan_run(struct codescan *s, struct bytes code, uint64_t addr, codescan_row *row, void *ctx)
{
	int err = read_insns(s, &code);

	s->has_news = true;
	for (unsigned i = 0; err == 0 && s->has_news && i < ROUNDS_MAX; i++)
		err = run_round(s, code, addr, NULL, NULL);
	if (err == 0)
		err = run_round(s, code, addr, row, ctx);
	s->targets.n = s->endless.n = s->round = 0;
	s->numbers.n = 0;
	return err;
}

void codescan_done(struct codescan *s)
{
	array_free(&s->insns);
	array_free(&s->numbers);
	array_free(&s->targets);
	array_free(&s->entries);
	array_free(&s->endless);
}
