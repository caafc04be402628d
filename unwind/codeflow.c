/* SPDX-License-Identifier: Apache-2.0 */
#include "codeflow.h"

#include <stdlib.h>

#include "cleanup.h"
#include "codereturn.h"
#include "hash.h"

#define NO_PARENT    UINT32_MAX
#define STEPS_A_BYTE 4  /* so often may code be tried, in the mean */
#define FUNCTION_ALIGN 16
#define STACK_ALIGN    16
#define STUB_ALIGN     8
#define CHAIN_MAX      8  /* calls back from where code came out wrong, one of which does not return */
#define TRIES_MAX      32 /* such calls in one function */
#define FAILED_MAX     2000
#define FAILED_SHARE   16
#define JUMPS_BEFORE   4	/* jumps by tables that code to which nothing else leads may belong to */

int code_flow_init(struct code_flow *f, struct bytes code, uint64_t vaddr)
{
	*f = (struct code_flow){ .code = code, .vaddr = vaddr, .root_at = UINT32_MAX };
	f->marks = calloc(code.n + 1, sizeof(*f->marks));
	f->is_start = calloc(code.n / 8 + 1, 1);
	f->is_taken = calloc(code.n / 8 + 1, 1);
	f->owners = calloc(code.n + 1, sizeof(*f->owners));
	return f->marks && f->is_start && f->is_taken && f->owners ? 0 : -ENOMEM;
}

void code_flow_done(struct code_flow *f)
{
	free(f->marks);
	free(f->owners);
	free(f->is_start);
	free(f->is_taken);
	array_free(&f->states);
	array_free(&f->regions);
	array_free(&f->touched);
	array_free(&f->ways);
	hindex_free(&f->index);
}

static void set_bit(const struct code_flow *f, uint8_t *bits, uint64_t at)
{
	if (at < f->code.n)
		bits[at / 8] |= (uint8_t)(1 << at % 8);
}

void code_flow_add_start(struct code_flow *f, uint64_t at)
{
	set_bit(f, f->is_start, at);
}

void code_flow_add_pointer(struct code_flow *f, uint64_t at)
{
	set_bit(f, f->is_taken, at);
}

static bool read_at(const struct code_flow *f, uint32_t at, struct x86_insn *ret)
{
	return x86_insn_read(bytes_of(f->code.p + at, f->code.n - at), ret);
}

/* Where a jump or call at @at goes; beyond the code when it leaves that. */
static uint64_t target_of(const struct x86_insn *i, uint32_t at)
{
	return (uint64_t)at + i->len + (uint64_t)i->imm;
}

/* The number of a state, -E2BIG for too many, -ENOMEM. */
static int64_t number_of(struct code_flow *f, const struct code_state *s)
{
	uint64_t words[2], hash;

	memcpy(words, s, sizeof(words));
	hash = hash_add(hash_u64(words[0]), words[1]);
	hindex_each(&f->index, hash, i) {
		if (memcmp(&f->states.items[i], s, sizeof(*s)) == 0)
			return i;
	}
	if (f->states.n == CODE_STATES_MAX)
		return -E2BIG;
	if (array_push(&f->states, *s) < 0 ||
	    hindex_add(&f->index, hash, (uint32_t)f->states.n - 1) < 0)
		return -ENOMEM;
	return (int64_t)f->states.n - 1;
}

static bool is_entry(const struct code_state *s)
{
	return memcmp(s, &code_state_entry, sizeof(*s)) == 0;
}

/* --- one region ------------------------------------------------------------------------------ */

/* How following a way ends, if not with a negative errno. */
enum way { WAY_OVER = 0, WAY_WRONG, WAY_ON };

/* A jump to @to, with the state of that number. */
static int add_way(struct code_flow *f, struct code_region *r, uint64_t to, uint16_t number)
{
	const struct code_state *s = &f->states.items[number];

	if (to < f->code.n)
		return array_push(&f->ways, (struct code_way){ (uint32_t)to, number });
	/* To a function elsewhere, instead of a call and a return. */
	r->is_proven |= code_state_may_return(s);
	return code_state_may_return(s) || s->is_root ? WAY_OVER : WAY_WRONG;
}

/* What follows a call is tried as a region of its own. */
static int add_region(struct code_flow *f, uint32_t parent, uint64_t at, uint16_t number)
{
	if (at >= f->code.n)
		return WAY_OVER;
	return array_push(&f->regions,
			  (struct code_region){ .at = (uint32_t)at,
						.parent = parent,
						.state = number,
						.is_root = f->states.items[number].is_root });
}

/* Where the instruction @i at @at of region @region leads, after which the state is that number. */
static int go_on(struct code_flow *f, uint32_t region, const struct x86_insn *i, uint32_t at,
		 uint16_t number)
{
	struct code_region *r = &f->regions.items[region];
	const struct code_state *s = &f->states.items[number];
	int ret;

	switch (code_next_of(i)) {
	case CODE_NEXT:
		/* hlt ends a program. Who wrote it as an assertion may not have told the compiler. */
		return i->op == 0xf4 && i->map == X86_ONE && s->is_root ? WAY_OVER : WAY_ON;
	case CODE_NEXT_BRANCH:
		ret = add_way(f, r, target_of(i, at), number);
		return ret == WAY_OVER ? WAY_ON : ret;
	case CODE_NEXT_JUMP:
		return add_way(f, r, target_of(i, at), number);
	case CODE_NEXT_CALL:
		if (code_returns_never(f->returns, target_of(i, at)))
			return WAY_OVER;
		return add_region(f, region, (uint64_t)at + i->len, number);
	case CODE_NEXT_CALL_ANY:
		return add_region(f, region, (uint64_t)at + i->len, number);
	case CODE_NEXT_JUMP_ANY:
		/* By a pointer that stands somewhere: to a function in another object, as the
		 * linker's stubs do, which are aligned. A table is read to a register. */
		r->is_proven |= i->is_mem && i->rm == X86_NO_REG && code_state_may_return(s) &&
				(f->vaddr + r->at) % STUB_ALIGN == 0;
		return WAY_OVER;
	case CODE_NEXT_RETURN:
		r->is_proven |= code_state_may_return(s);
		return code_state_may_return(s) ? WAY_OVER : WAY_WRONG;
	default:
		return WAY_OVER;
	}
}

/* Takes back what was said of a region. */
static void forget(struct code_flow *f, struct code_region *r)
{
	for (uint32_t i = r->first; i < r->end; i++)
		f->marks[f->touched.items[i]] = 0;
	r->is_dead = true;
}

static bool leads_to(const struct code_flow *f, uint32_t from, uint32_t to)
{
	while (to != from && to != NO_PARENT)
		to = f->regions.items[to].parent;
	return to == from;
}

/*
 * Region @region comes to @at, of which something else is held. What follows a call is doubted
 * first, if it has not proven itself: the call may not return, and whoever came that way was on the
 * way to another function. Whether it was so.
 */
static bool overrule(struct code_flow *f, uint32_t region, uint32_t at)
{
	struct code_region *owner = &f->regions.items[f->owners[at]];

	if (f->marks[at] & CODE_MARK_SOFT)
		return !f->is_doubtful;
	if (f->owners[at] == UINT16_MAX || owner->is_proven || owner->parent == NO_PARENT ||
	    leads_to(f, f->owners[at], region))
		return false;
	forget(f, owner);
	owner->is_overruled = true;
	return true;
}

/* What is known at @at already: WAY_ON for nothing. */
static int meet(struct code_flow *f, uint32_t region, uint32_t at, uint16_t number)
{
	struct code_region *r = &f->regions.items[region];
	const struct code_state *s = &f->states.items[number];
	code_mark m = f->marks[at];

	if (m && code_state_agrees(code_flow_state(f, at), s)) {
		r->is_proven |= (m & (CODE_MARK_FIXED | CODE_MARK_SOFT)) != 0;
		return WAY_OVER;
	}
	if (m && (m & CODE_MARK_FIXED || !overrule(f, region, at)))
		return WAY_WRONG;
	if (!code_flow_starts(f, at) || (r->parent == NO_PARENT && at == r->at))
		return WAY_ON;
	r->is_proven |= is_entry(s);
	return is_entry(s) ? WAY_OVER : WAY_WRONG;
}

/* Whether the stack is as aligned as it has to be at a call, if @i is one. */
static bool may_call(const struct code_state *s, const struct x86_insn *i)
{
	enum code_next next = code_next_of(i);

	return (next != CODE_NEXT_CALL && next != CODE_NEXT_CALL_ANY) || s->is_root ||
	       s->sp == CODE_SP_UNKNOWN || s->sp % STACK_ALIGN == 0;
}

/* Follows one way until it meets what is known, or ends. */
static int follow(struct code_flow *f, uint32_t region, struct code_way way)
{
	struct code_state s = f->states.items[way.state];
	int64_t n = way.state;
	uint32_t at = way.at;
	int r;

	for (;;) {
		struct x86_insn i;

		r = meet(f, region, at, (uint16_t)n);
		if (r != WAY_ON)
			return r;
		if (!read_at(f, at, &i) || ++f->steps > STEPS_A_BYTE * (uint64_t)f->code.n)
			return WAY_WRONG;
		if (array_push(&f->touched, at) < 0)
			return -ENOMEM;
		f->marks[at] = (code_mark)(n + 1);
		f->owners[at] = region < UINT16_MAX ? (uint16_t)region : UINT16_MAX;
		if (!code_state_step(&s, &i))
			return WAY_WRONG;
		if (memcmp(&s, &f->states.items[n], sizeof(s)) != 0)
			n = number_of(f, &s);
		if (n < 0)
			return (int)n;
		if (f->is_doubtful && !may_call(&s, &i))
			return WAY_WRONG;
		r = go_on(f, region, &i, at, (uint16_t)n);
		if (r != WAY_ON)
			return r;
		at += i.len;
		if (at >= f->code.n)
			return WAY_WRONG;
	}
}

static int follow_region(struct code_flow *f, uint32_t region)
{
	struct code_region *here = &f->regions.items[region];
	int r = WAY_OVER;

	here->first = (uint32_t)f->touched.n;
	here->is_begun = true;
	f->ways.n = 0;
	if (array_push(&f->ways, (struct code_way){ here->at, here->state }) < 0)
		return -ENOMEM;
	while (r == WAY_OVER && f->ways.n > 0)
		r = follow(f, region, f->ways.items[--f->ways.n]);
	f->regions.items[region].end = (uint32_t)f->touched.n;
	return r;
}

/* --- a function ------------------------------------------------------------------------------ */

/* Nothing, in several bytes; or a breakpoint. */
static bool is_padding(const struct x86_insn *i)
{
	if (i->is_vex || i->map == X86_ONE)
		return !i->is_vex && (i->op == 0x90 || i->op == 0xcc);
	return i->map == X86_0F && i->op == 0x1f;
}

static uint32_t skip_padding(const struct code_flow *f, uint32_t at)
{
	struct x86_insn i;

	while (at < f->code.n && read_at(f, at, &i) && is_padding(&i))
		at += i.len;
	return at;
}

/* Whether the code at @at, behind a call, may be another function: the call does not return, then.
 */
static bool may_be_function(const struct code_flow *f, uint32_t at)
{
	return (f->vaddr + skip_padding(f, at)) % FUNCTION_ALIGN == 0;
}

/* Takes back what was said of a region, and of those that lead to it alone: a call in them does not
 * return, or it all was no code. */
static void give_up(struct code_flow *f, uint32_t region)
{
	for (;;) {
		struct code_region *r = &f->regions.items[region];
		bool is_root = r->is_root;

		forget(f, r);
		region = r->parent;
		if (region == NO_PARENT || (may_be_function(f, r->at) && !is_root) || f->regions.items[region].is_dead ||
		    (f->regions.items[region].is_proven && !is_root))
			return;
	}
}

/* Whether there is nothing to follow behind a call: it does not return, or that is known. */
static bool is_settled(struct code_flow *f, const struct code_region *r)
{
	uint32_t at = skip_padding(f, r->at);

	if (r->parent == NO_PARENT)
		return false;
	if (f->regions.items[r->parent].is_dead || at >= f->code.n)
		return true;
	return code_flow_starts(f, at) || code_flow_takes(f, at) || f->marks[r->at];
}

/* How a function is tried. */
enum {
	TRY_PROOF = 1, /* nothing else says that it is one: it has to prove itself */
	TRY_ALL = 2,   /* all of it has to come out right */
	TRY_DOUBT = 4, /* it need not prove itself, but may not correct others */
};

/* Follows the regions: 0, with @flags & TRY_ALL 1 + the number of the first that is wrong, or a
 * negative errno. */
static int64_t follow_regions(struct code_flow *f, unsigned flags)
{
	for (uint32_t k = 0; k < f->regions.n; k++) {
		int r;

		if (is_settled(f, &f->regions.items[k])) {
			f->regions.items[k].is_dead = true;
			continue;
		}
		r = follow_region(f, k);
		if (r < 0)
			return r;
		if (r == WAY_WRONG && flags & TRY_ALL)
			return (int64_t)k + 1;
		if (r == WAY_WRONG)
			give_up(f, k);
	}
	return 0;
}

/* Who was overruled has another try: the other may have been wrong meanwhile. 0 or
 * a negative errno. */
static int64_t follow_overruled(struct code_flow *f)
{
	for (uint32_t k = 0; k < f->regions.n; k++) {
		struct code_region *here = &f->regions.items[k];
		int64_t r;

		if (!here->is_overruled || f->regions.items[here->parent].is_dead ||
		    f->marks[here->at])
			continue;
		here->is_dead = here->is_overruled = false;
		r = follow_region(f, k);
		if (r < 0)
			return r;
		if (r == WAY_WRONG)
			forget(f, &f->regions.items[k]);
	}
	return 0;
}

/* Gives up what nothing leads to any more, unless it proves itself. Whether anything does. */
static bool settle_regions(struct code_flow *f)
{
	bool is_proven = false;

	for (uint32_t k = 0; k < f->regions.n; k++) {
		const struct code_region *r = &f->regions.items[k];

		if (!r->is_dead && r->parent != NO_PARENT && !r->is_proven &&
		    f->regions.items[r->parent].is_dead)
			give_up(f, k);
		is_proven |= !r->is_dead && r->is_proven;
	}
	/* What leads to a proof is proven, too. */
	for (size_t k = f->regions.n; k-- > 0;) {
		const struct code_region *r = &f->regions.items[k];

		if (!r->is_dead && r->is_proven && r->parent != NO_PARENT)
			f->regions.items[r->parent].is_proven = true;
	}
	return is_proven;
}

/* What stays of a region. What is behind a call and proves nothing, another function may correct. */
static bool fix(struct code_flow *f, const struct code_region *r)
{
	bool is_some = false;

	for (uint32_t i = r->first; i < r->end; i++) {
		code_mark *m = &f->marks[f->touched.items[i]];

		if (*m)
			*m |= r->is_proven || r->parent == NO_PARENT ? CODE_MARK_FIXED
								    : CODE_MARK_SOFT;
		is_some |= *m != 0;
	}
	return is_some;
}

/* Follows the function at @at from the state of that number: 1 if it came to something, 0 if not,
 * 2 + the number of a region that is wrong, or a negative errno. */
static int64_t try_once(struct code_flow *f, uint32_t at, uint16_t state, unsigned flags)
{
	bool stays, is_some = false;
	int64_t r;

	f->is_doubtful = flags & (TRY_PROOF | TRY_DOUBT);
	f->regions.n = f->touched.n = 0;
	r = add_region(f, NO_PARENT, at, state);
	if (r == 0)
		r = follow_regions(f, flags);
	if (r == 0)
		r = follow_overruled(f);
	stays = r == 0 && (settle_regions(f) || !(flags & TRY_PROOF));
	for (size_t k = 0; k < f->regions.n; k++) {
		struct code_region *here = &f->regions.items[k];

		if (!stays && !here->is_dead)
			forget(f, here);
		else if (!here->is_dead)
			is_some |= fix(f, here);
	}
	if (r != 0)
		return r < 0 ? r : r + 1;
	return is_some;
}

/* One of the calls that led to region @wrong does not return, if what follows it proves to be a
 * function by itself. 1, then that is known; 0 for none, or a negative errno. */
static int64_t find_next_function(struct code_flow *f, uint32_t wrong, uint16_t entry)
{
	uint32_t chain[CHAIN_MAX], n = 0;
	int64_t r = 0;

	for (uint32_t k = wrong; f->regions.items[k].parent != NO_PARENT && n < CHAIN_MAX;
	     k = f->regions.items[k].parent)
		chain[n++] = skip_padding(f, f->regions.items[k].at);
	for (uint32_t k = 0; k < n && r == 0; k++) {
		if (chain[k] < f->code.n && !f->marks[chain[k]])
			r = try_once(f, chain[k], entry, TRY_PROOF);
		if (r > 0)
			code_flow_add_start(f, chain[k]);
	}
	return r;
}

/* Follows the function at @at: 1 if it came to something, 0, or a negative errno. */
static int try_function(struct code_flow *f, uint32_t at, uint16_t state, unsigned flags)
{
	int64_t entry = number_of(f, &code_state_entry), r = 0;

	for (unsigned n = 0; n < TRIES_MAX; n++) {
		r = try_once(f, at, state, flags | TRY_ALL);
		if (r <= 1)
			return (int)r;
		r = find_next_function(f, (uint32_t)(r - 2), (uint16_t)entry);
		if (r <= 0)
			break;
		if (f->marks[at]) /* it was part of that */
			return 1;
	}
	return r < 0 ? (int)r : (int)try_once(f, at, state, flags);
}

/* --- all of it ------------------------------------------------------------------------------- */

/* Which functions are called, or asked for. Bytes that are no instructions are passed over one by
 * one. */
static void find_functions(struct code_flow *f)
{
	for (uint32_t at = 0; at < f->code.n;) {
		struct x86_insn i;

		if (!read_at(f, at, &i)) {
			at++;
			continue;
		}
		if (code_next_of(&i) == CODE_NEXT_CALL && i.imm != 0)
			code_flow_add_start(f, target_of(&i, at));
		if (x86_takes_address(&i) && (f->vaddr + at + i.len + (uint64_t)i.disp) %
						 FUNCTION_ALIGN == 0)
			code_flow_add_pointer(f, (uint64_t)at + i.len + (uint64_t)i.disp);
		at += i.len;
	}
}

/* Jumps by tables that were passed last, without equal ones. */
struct last_jumps {
	uint16_t states[JUMPS_BEFORE];
	unsigned n;
};

static void note_jump(struct last_jumps *l, uint16_t state)
{
	for (unsigned k = 0; k < l->n; k++)
		if (l->states[k] == state)
			return;
	if (l->n == JUMPS_BEFORE)
		memmove(l->states, l->states + 1, sizeof(l->states) - sizeof(*l->states));
	else
		l->n++;
	l->states[l->n - 1] = state;
}

/* Code that nothing known leads to: a case of a jump by a table, else a function by itself. One that
 * never returns has no proof of it; but something points to it. */
static int try_alone(struct code_flow *f, uint32_t at, const struct last_jumps *l, uint16_t entry)
{
	int r = 0;

	for (unsigned k = l->n; k > 0 && r == 0; k--)
		r = try_function(f, at, l->states[k - 1], TRY_PROOF);
	if (r == 0)
		r = try_function(f, at, entry, TRY_PROOF);
	return r == 0 && code_flow_takes(f, at) ? try_function(f, at, entry, TRY_DOUBT) : r;
}

/* All such code; what is not of a compiler's kind fails at every instruction and is left soon. */
static int try_all_alone(struct code_flow *f, uint16_t entry)
{
	struct last_jumps l = { .n = 0 };
	size_t failed = 0, worked = 0;
	int r = 0;

	for (uint32_t at = 0; r >= 0 && at < f->code.n;) {
		struct x86_insn i;

		if (code_flow_starts(f, at))
			l.n = 0;
		if (!read_at(f, at, &i)) {
			at++;
			continue;
		}
		if (!f->marks[at] && !is_padding(&i) && !code_flow_starts(f, at)) {
			r = try_alone(f, at, &l, entry);
			worked += r > 0;
			failed += r == 0;
		}
		if (failed > FAILED_MAX && failed / FAILED_SHARE > worked)
			break;
		if (f->marks[at] && code_next_of(&i) == CODE_NEXT_JUMP_ANY)
			note_jump(&l, (f->marks[at] & CODE_MARK_STATE) - 1);
		at += i.len;
	}
	return r;
}

static int run(struct code_flow *f, uint16_t entry, uint16_t root)
{
	int r = 0;

	if (f->root_at < f->code.n)
		r = try_function(f, f->root_at, root, 0);
	for (uint32_t at = 0; r >= 0 && at < f->code.n; at++)
		if (code_flow_starts(f, at) && !f->marks[at])
			r = try_function(f, at, entry, 0);
	return r >= 0 ? try_all_alone(f, entry) : r;
}

int code_flow_run(struct code_flow *f)
{
	_cleanup_(code_returns_done) struct code_returns returns = { 0 };
	int64_t entry = number_of(f, &code_state_entry), root = number_of(f, &code_state_root);
	int r = code_returns_init(&returns, f);

	if (r < 0 || entry < 0 || root < 0)
		return -ENOMEM;
	f->returns = &returns;
	find_functions(f);
	code_flow_add_start(f, f->root_at);
	r = run(f, (uint16_t)entry, (uint16_t)root);
	f->returns = NULL;
	return r < 0 && r != -E2BIG ? r : 0;
}
