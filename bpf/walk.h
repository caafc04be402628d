/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The user stack, frame by frame, without frame pointers.
 *
 * The state of a walk lies in memory of its CPU, and WALK_RUN frames are one call of walk_frames(),
 * a global function without arguments: the verifier checks it once, by itself, instead of once a
 * call and path, so a plain loop of calls goes as deep as one likes on every kernel, with neither
 * bpf_loop() nor tail calls.
 *
 * The stack's memory is read in blocks: most of the time of a walk would otherwise be spent in
 * bpf_probe_read_user(), twice a frame.
 */
#pragma once

#include "leafcode.h"
#include "replaced.h"
#include "wire_unwind.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, struct wire_space);
	__uint(max_entries, 1);
} spaces SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct wire_begun);
	__uint(max_entries, WIRE_BEGUN);
} begun SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wire_area);
	__uint(max_entries, 1);
} areas SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wire_table);
	__uint(max_entries, 1);
} tables SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wire_page);
	__uint(max_entries, 1);
} rows SEC(".maps");

#define WALK_RUN 32 /* frames of one call of walk_frames() */

/* DWARF numbers of x86-64 registers (System V ABI, figure 3.36). */
#define REG_FP	 6
#define REG_SP	 7

static __always_inline __u32 row_word(__u32 i)
{
	__u32 page = i / WIRE_PAGE_WORDS;
	struct wire_page *p = bpf_map_lookup_elem(&rows, &page);

	return p ? p->word[i % WIRE_PAGE_WORDS] : 0;
}

/* The number of the rule for @pc in the table that the scalars place: see unwind_find(). */
__noinline __u32 find_rule(__u32 start, __u32 span, __u32 index, __u32 rows_at, __u32 pc)
{
	return unwind_find(NULL, start, span, index, rows_at, pc);
}

/* The index of the area of [@first, @first + @n) that ends after @addr, else @first + @n. */
__noinline __u32 find_area(__u32 first, __u32 n, __u64 addr)
{
	__u32 lo = first, hi = first + n;

	for (int i = 0; i < WIRE_SPACE_STEPS && lo < hi; i++) {
		__u32 mid = (lo + hi) >> 1;
		struct wire_area *a = bpf_map_lookup_elem(&areas, &mid);

		if (!a)
			break;
		if (a->end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Makes the area that holds @addr a known one of its space. NULL: there is none. */
static __noinline struct known_area *learn_area(struct work *w, __u64 addr)
{
	__u32 i = find_area(w->space.first, w->space.n, addr);
	struct known_area *known;
	struct wire_area *a;

	if (i - w->space.first >= w->space.n)
		return NULL;
	a = bpf_map_lookup_elem(&areas, &i);
	if (!a || addr < a->start || addr >= a->end)
		return NULL;
	known = &w->areas[w->new_area++ & (WORK_AREAS - 1)];
	known->start = a->start;
	known->size = a->end - a->start;
	known->bias = a->bias;
	known->table = a->table;
	known->tag = a->tag;
	known->how = a->how;
	return known;
}

/* Makes the area that holds @addr the current one. 0, or why the walk is over. */
__noinline int change_area(__u64 addr)
{
	struct work *w = this_work();
	struct known_area *known;

	if (!w)
		return WIRE_END_NO_INFO;
	for (int i = 0; i < WORK_AREAS; i++) {
		known = &w->areas[i];
		if (addr - known->start < known->size) {
			w->area = *known;
			return 0;
		}
	}
	known = learn_area(w, addr);
	if (!known)
		return WIRE_END_MAPPING;
	w->area = *known;
	return 0;
}

/* How much of the stack a walk is going to want, as far as those of the same thread tell: a read
 * costs as much as 4 KiB of stack. */
static __always_inline __u16 *span_of(struct work *w)
{
	return &w->spans[w->key.tid * 0x9e3779b1u >> 27];
}
_Static_assert(WORK_SPANS == 1 << (32 - 27), "the hash takes 5 bits");

/* Learns what the walk that is over did want: at once when that is more than before. */
static __always_inline void note_span(struct work *w)
{
	__u64 wanted = w->sp - w->bottom;
	__u16 *span = span_of(w);

	if (wanted > 0xffff)
		wanted = 0xffff;
	*span = wanted > *span ? wanted : *span - ((*span - wanted) >> 3);
}

/* Bytes to read from @at on: what is expected, and beyond that as much again each time. */
static __always_inline __u32 block_size(const struct work *w, __u64 at)
{
	__u64 walked = at - w->bottom;
	__u32 size = WORK_BLOCK;

	if (walked < w->span)
		size = w->span - walked;
	else if (walked - w->span < WORK_BLOCK)
		size = walked - w->span;
	if (size < WORK_LEAST)
		size = WORK_LEAST;
	size = (size + CACHE_LINE - 1) & -CACHE_LINE;
	return size < WORK_BLOCK ? size : WORK_BLOCK;
}

/* Reads the block that begins a little below @addr. 0 or -1. */
__noinline int read_block(__u64 addr)
{
	struct work *w = this_work();
	__u64 at = addr - 64;
	__u32 size;

	if (!w)
		return -1;
	/* What a frame saved lies below its return address: begin where that is likely to be. */
	if (addr - w->sp < 64)
		at = w->sp;
	else if (addr < w->sp)
		at = addr;
	/* But not on the page below: that one may not be there. */
	if ((addr ^ at) >= STACK_PAGE)
		at = addr & -(__u64)STACK_PAGE;
	/* From whole cache lines to whole cache lines: there are CPUs that copy at a tenth of their
	 * speed when what they write lies a few bytes further in its page than what they read. */
	at &= -(__u64)CACHE_LINE;
	w->block_at = at;
	w->block_len = 0;
	size = block_size(w, at);
	barrier_var(size); /* else the verifier learns the bounds of another register */
	if (size > WORK_BLOCK)
		return -1;
	if (bpf_probe_read_user(w->block, size, (void *)at)) {
		/* The next page may not be there: the rest of this one is. */
		size = STACK_PAGE - (at & (STACK_PAGE - 1));
		if (size > STACK_PAGE || (bpf_probe_read_user(w->block, size, (void *)at) &&
					  read_replaced(w, w->block, size, at)))
			return -1;
	}
	w->block_len = size;
	return 0;
}

/* The word at @addr of the user's stack. 0 or -1. */
static __always_inline int read_word(struct work *w, __u64 addr, __u64 *ret)
{
	__u64 off = addr - w->block_at;
	const __u8 *word;

	if (off > WORK_BLOCK - 8 || off + 8 > w->block_len) {
		if (read_block(addr))
			return -1;
		off = addr - w->block_at;
		if (off > WORK_BLOCK - 8 || off + 8 > w->block_len)
			return -1;
	}
	word = &w->block[off]; /* by a variable, or the compiler takes it byte by byte */
	*ret = *(const __u64 *)word;
	return 0;
}

/* The value of register @reg in this frame: 0, or -1 when only the leaf would know. */
static __always_inline int register_value(const struct work *w, __u32 reg, __u64 *ret)
{
	if (reg == REG_SP)
		*ret = w->sp;
	else if (reg == REG_FP)
		*ret = w->fp;
	else if (w->leaf && reg < WORK_REGS)
		*ret = w->regs[reg];
	else
		return -1;
	return 0;
}

/* Goes to the caller. @sp must be above the present one, but where a signal came in or the stack
 * was changed: @jumps. */
static __always_inline int climb(struct work *w, __u64 pc, __u64 sp, __u64 fp, __u8 exact,
				 __u32 jumps)
{
	if (!pc)
		return WIRE_END_ROOT;
	if (!jumps && sp <= w->sp && !(w->leaf && sp == w->sp))
		return WIRE_END_LOOP;
	w->pc = pc;
	w->sp = sp;
	w->fp = fp;
	w->exact = exact;
	w->leaf = 0;
	return 0;
}

/* Reads the code around @pc, or as much as is there. */
static __always_inline void read_code(__u64 pc, struct leaf_code *ret)
{
	if (!bpf_probe_read_user(ret, sizeof(*ret), (void *)(pc - sizeof(ret->before))))
		return;
	/* Code that begins with its page, often: the push before it is all that matters then. */
	ret->before = 0;
	if (bpf_probe_read_user((char *)&ret->before + 3, 1, (void *)(pc - 1)))
		ret->before = 0;
	if (bpf_probe_read_user(ret->at, sizeof(ret->at), (void *)pc))
		ret->at[0] = ret->at[1] = 0;
}

/* One step by the frame pointer, if it makes sense: [fp] = caller's fp, [fp + 8] = return address.
 */
static __always_inline int step_by_pointer(struct work *w)
{
	__u64 pc, fp;

	if (w->leaf) {
		struct leaf_code code;
		int above;

		read_code(w->pc, &code);
		above = leaf_return(&code);
		if (above >= 0 && read_word(w, w->sp + above, &pc))
			return WIRE_END_READ;
		if (above >= 0)
			return climb(w, pc, w->sp + above + 8, w->fp, 0, 0);
	}
	/* JIT code and Go end their chains so. Where rows were expected rbp may just hold a zero; and a
	 * function that was interrupted with one keeps no frame pointer. */
	if (!w->fp)
		return w->area.how == WIRE_HOW_POINTER && !w->exact ? WIRE_END_ROOT
								    : WIRE_END_NO_INFO;
	if (w->fp < w->sp || w->fp & 7)
		return WIRE_END_NO_INFO;
	if (read_word(w, w->fp, &fp) || read_word(w, w->fp + 8, &pc))
		return WIRE_END_READ;
	return climb(w, pc, w->fp + 16, fp, 0, 0);
}

/* One step by a rule, in the order of unwind_row.h. */
static __always_inline int step_by_rule(struct work *w, const struct unwind_rule *rule, __u64 at)
{
	__u32 bits = rule->bits, cfa_kind = UNWIND_RULE_CFA(bits), where = UNWIND_RULE_RA(bits);
	__u64 cfa, reg, ra_reg = 0, pc, fp = w->fp;

	if (register_value(w, UNWIND_RULE_CFA_REG(bits), &reg))
		return WIRE_END_RULE;
	if ((where == UNWIND_RA_REG || where == UNWIND_RA_IN || cfa_kind == UNWIND_CFA_INDEX) &&
	    register_value(w, UNWIND_RULE_RA_REG(bits), &ra_reg))
		return WIRE_END_RULE;
	cfa = unwind_cfa_value(bits, rule->cfa_off, reg, ra_reg, at);
	if (unwind_cfa_is_read(bits)) {
		if (read_word(w, cfa, &cfa))
			return WIRE_END_READ;
		cfa += unwind_cfa_added(bits, rule->aux);
	}
	pc = ra_reg;
	if (where != UNWIND_RA_IN &&
	    read_word(w, unwind_ra_address(bits, rule->aux, cfa, ra_reg), &pc))
		return WIRE_END_READ;
	where = UNWIND_RULE_FP(bits);
	reg = 0;
	if (where == UNWIND_FP_REG || where == UNWIND_FP_IN) {
		if (register_value(w, UNWIND_RULE_FP_REG(bits), &reg))
			return WIRE_END_RULE;
		if (where == UNWIND_FP_IN)
			fp = reg;
	}
	reg = unwind_fp_address(bits, rule->fp_off, cfa, reg);
	if (unwind_fp_is_read(bits, reg, cfa) && read_word(w, reg, &fp))
		return WIRE_END_READ;
	return climb(w, pc, cfa, fp, UNWIND_RULE_SIGNAL(bits),
		     UNWIND_RULE_SIGNAL(bits) || UNWIND_RULE_SWITCH(bits));
}

/* How a known rule is applied. */
enum step_kind {
	STEP_ANY,   /* by step_by_rule() and what else walk_rare() knows */
	STEP_BY_SP, /* CFA = sp + cfa_off, return address at CFA - 8, caller's fp at … */
	STEP_BY_FP, /* CFA = fp + cfa_off                           … CFA + fp_off, or kept: 0 */
};

/* All that a rule of STEP_BY_SP may have, but for where the frame pointer is and its offsets. */
#define PLAIN_RULE(reg) UNWIND_RULE_BITS(UNWIND_CFA_REG, reg, 0, 0, UNWIND_RA_STD, 0, 0, 0)
#define PLAIN_MASK	UNWIND_RULE_BITS(15, 31, 0, 0, 3, 0, 1, 1)

/* Looks the rule for @pc up in the current table. 0, or why the walk is over. */
static __always_inline int look_up_rule(const struct work *w, __u32 pc, struct unwind_rule *ret)
{
	__u32 table = w->area.table, number, page;
	struct wire_table *t = bpf_map_lookup_elem(&tables, &table);
	struct wire_page *p;

	if (!t || (__u16)t->tag != w->area.tag)
		return WIRE_END_LOADING; /* it was evicted */
	number = find_rule(t->place.start, t->place.span, t->place.index, t->place.rows, pc);
	number = t->place.rules + number * UNWIND_RULE_WORDS;
	page = number / WIRE_PAGE_WORDS;
	p = bpf_map_lookup_elem(&rows, &page);
	if (!p)
		return WIRE_END_NO_INFO;
	/* Rules are aligned to their size, so none lies across two pages. */
	number &= WIRE_PAGE_WORDS - UNWIND_RULE_WORDS;
	__builtin_memcpy(ret, &p->word[number], sizeof(*ret));
	return 0;
}

/* Whether an offset is what 16 bits make of it. */
#define FITS_U16(off) ((off) == (__u16)(off))
#define FITS_S16(off) ((off) == (__u32)(__s32)(__s16)(off))

/* The rule as the common frame takes it, if it is of that form. */
static __always_inline void make_known(struct known_rule *k, const struct unwind_rule *rule)
{
	__u32 fp = UNWIND_RULE_FP(rule->bits), fp_off = fp == UNWIND_FP_SAME ? 0 : rule->fp_off;

	k->kind = STEP_ANY;
	if (fp != UNWIND_FP_SAME && (fp != UNWIND_FP_CFA || !fp_off))
		return;
	if (!FITS_U16(rule->cfa_off) || !FITS_S16(fp_off))
		return;
	k->cfa_off = (__u16)rule->cfa_off;
	k->fp_off = (__s16)fp_off;
	if ((rule->bits & PLAIN_MASK) == PLAIN_RULE(REG_SP))
		k->kind = STEP_BY_SP;
	else if ((rule->bits & PLAIN_MASK) == PLAIN_RULE(REG_FP))
		k->kind = STEP_BY_FP;
}

/* Never 0, the key of what was never filled: no table has the number 65535. */
static __always_inline __u64 rule_key(const struct work *w, __u64 at)
{
	return ((__u64)w->area.tag << 16 | (w->area.table ^ 0xffff)) << 32 |
	       (__u32)(at - w->area.bias);
}

/* Puts the rule of @key, to be found by its @hash, among those that are known, in *@ret_i. 0, or
 * why the walk is over. */
static __noinline int learn_rule(struct work *w, __u64 key, __u32 hash, __u32 *ret_i)
{
	struct known_rule found = { .key = key };
	struct unwind_rule rule;
	int end = look_up_rule(w, (__u32)key, &rule);
	__u32 i;

	if (end)
		return end;
	make_known(&found, &rule);
	i = w->new_rule & (WORK_RULES - 1);
	i += !i; /* rule 0 is no rule: what is wanted after it is wanted first */
	w->new_rule = i + 1;
	w->rules[i] = found;
	w->whole[i] = rule;
	w->rule_at[hash & (WORK_RULES - 1)] = i;
	*ret_i = i;
	return 0;
}

/*
 * Puts the rule of @key, which was not wanted after the last one, behind it: from those that are
 * known or the current table. 0, or why the walk is over.
 */
__noinline int find_known_rule(__u64 key)
{
	struct work *w = this_work();
	__u32 hash, i;
	int end;

	if (!w)
		return WIRE_END_NO_INFO;
	hash = (__u32)((key ^ key >> 32) * 0x9e3779b97f4a7c15ull >> 32) & (WORK_RULES - 1);
	i = w->rule_at[hash] & (WORK_RULES - 1);
	if (w->rules[i].key != key) {
		end = learn_rule(w, key, hash, &i);
		if (end)
			return end;
	}
	w->rules[w->last_rule & (WORK_RULES - 1)].next = i;
	return 0;
}

/* The frames that are not of the common form, or not in the block. As walk_frame(). */
__noinline int walk_rare(__u64 at)
{
	struct work *w = this_work();
	struct unwind_rule *rule;

	if (!w)
		return WIRE_END_NO_INFO;
	switch (w->area.how) {
	case WIRE_HOW_ROWS:
		break;
	case WIRE_HOW_POINTER:
		return step_by_pointer(w);
	case WIRE_HOW_WAIT:
		return WIRE_END_LOADING;
	default:
		return WIRE_END_NO_INFO;
	}
	rule = &w->whole[w->last_rule & (WORK_RULES - 1)];
	switch (UNWIND_RULE_CFA(rule->bits)) {
	case UNWIND_CFA_NONE:
		return step_by_pointer(w);
	case UNWIND_CFA_ROOT:
		return WIRE_END_ROOT;
	case UNWIND_CFA_UNSUPPORTED:
		return WIRE_END_RULE;
	default:
		return step_by_rule(w, rule, at);
	}
}

/* The word at @addr of the user's stack if it is in the block: 0 or -1. */
static __always_inline int peek_word(const struct work *w, __u64 addr, __u64 *ret)
{
	__u64 off = addr - w->block_at;
	const __u8 *word;

	if (off > WORK_BLOCK - 8 || off + 8 > w->block_len)
		return -1;
	word = &w->block[off];
	*ret = *(const __u64 *)word;
	return 0;
}

/* One step by a rule of the common form, all of it in the block: 0 or -1. */
static __always_inline int step_plain(struct work *w, const struct known_rule *known)
{
	__u64 cfa, pc, fp = w->fp;

	if (known->kind == STEP_BY_SP)
		cfa = w->sp;
	else if (known->kind == STEP_BY_FP)
		cfa = w->fp;
	else
		return -1;
	cfa += known->cfa_off;
	if (cfa <= w->sp || peek_word(w, cfa - 8, &pc) || !pc)
		return -1;
	if (known->fp_off && peek_word(w, cfa + (__s64)known->fp_off, &fp))
		return -1;
	w->pc = pc;
	w->sp = cfa;
	w->fp = fp;
	w->exact = w->leaf = 0;
	return 0;
}

/*
 * Notes the present frame and finds the one that called it. WIRE_END_NOT, or why the walk is over.
 * Nearly all frames take the short way through it: when ticks are rare, the code, too, comes from
 * memory far away, so what is rare is a call away.
 */
static __always_inline int walk_frame(struct work *w)
{
	__u64 at, key;
	__u32 i;
	int r;

	if (w->n_user >= WIRE_USER_FRAMES || w->n_user >= config.max_user_frames)
		return WIRE_END_DEPTH;
	/* A return address points behind its call: the frame is where the call is. */
	at = w->exact ? w->pc : w->pc - 1;
	w->addr[w->n_user++] = at;
	w->hash = (w->hash ^ at) * 0xd6e8feb86659fd93ull;
	w->hash ^= w->hash >> 32;
	if (at - w->area.start >= w->area.size) {
		r = change_area(at);
		if (r)
			return r;
	}
	if (w->area.how != WIRE_HOW_ROWS)
		return walk_rare(at);
	key = rule_key(w, at);
	i = w->rules[w->last_rule & (WORK_RULES - 1)].next & (WORK_RULES - 1);
	if (w->rules[i].key != key) {
		r = find_known_rule(key);
		if (r)
			return r;
		i = w->rules[w->last_rule & (WORK_RULES - 1)].next & (WORK_RULES - 1);
	}
	w->last_rule = i;
	if (step_plain(w, &w->rules[i]))
		return walk_rare(at);
	return 0;
}

/*
 * Goes some frames up, as walk_frame() does one: a return from a function costs as much as half a
 * frame on CPUs that are kept from predicting it.
 */
__noinline int walk_frames(void)
{
	struct work *w = this_work();
	int r;

	if (!w)
		return WIRE_END_NO_INFO;
	for (int i = 0; i < WALK_RUN; i++) {
		r = walk_frame(w);
		if (r)
			return r;
	}
	return 0;
}

/* Walks from the registers in @w. Leaves the user stack, its hash and how it ends there. */
static __always_inline void walk_stack(struct work *w)
{
	int end = WIRE_END_DEPTH;

	w->n_user = 0;
	w->hash = 0x9e3779b97f4a7c15ull;
	w->leaf = w->exact = 1;
	w->block_len = 0;
	w->bottom = w->sp & -(__u64)CACHE_LINE;
	w->span = *span_of(w);
	w->last_rule = 0;
	for (int i = 0; i <= WIRE_USER_FRAMES / WALK_RUN; i++) {
		barrier_var(i); /* unrolled, these calls were most of the code of a tick */
		end = walk_frames();
		if (end)
			break;
	}
	w->key.end = end;
	note_span(w);
}
