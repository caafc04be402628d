/* SPDX-License-Identifier: Apache-2.0 */
#include "codereturn.h"

#include <stdlib.h>

#define DEPTH_MAX    24 /* calls in calls */
#define STEPS_A_BYTE 4	/* in the mean, for all of it */

int code_returns_init(struct code_returns *r, const struct code_flow *f)
{
	size_t bits = f->code.n / 8 + 1;

	*r = (struct code_returns){ .flow = f };
	r->asked = calloc(bits, 1);
	r->never = calloc(bits, 1);
	r->seen = calloc(f->code.n + 1, sizeof(*r->seen));
	return r->asked && r->never && r->seen ? 0 : -ENOMEM;
}

void code_returns_done(struct code_returns *r)
{
	free(r->asked);
	free(r->never);
	free(r->seen);
}

static bool bit(const uint8_t *bits, uint32_t at)
{
	return bits[at / 8] >> at % 8 & 1;
}

static void set(uint8_t *bits, uint32_t at)
{
	bits[at / 8] |= (uint8_t)(1 << at % 8);
}

/* A function that is looked at. */
struct look {
	struct code_returns *r;
	ARRAY(uint32_t) ways;
	uint32_t start;
	uint16_t number;
	unsigned depth;
};

static bool never(struct code_returns *r, uint64_t at, unsigned depth);

/* Goes on at @to as well. Whether the function may return by that. */
static bool add_way(struct look *l, uint64_t to)
{
	const struct code_flow *f = l->r->flow;

	if (to >= f->code.n)
		return true;
	if (code_flow_starts(f, (uint32_t)to) && to != l->start)
		return !never(l->r, to, l->depth + 1);
	return array_push(&l->ways, (uint32_t)to) < 0;
}

/* Follows one way. Whether the function may return by that. */
static bool follow(struct look *l, uint32_t at)
{
	struct code_returns *r = l->r;
	const struct code_flow *f = r->flow;

	while (r->seen[at] != l->number) {
		uint64_t to;
		struct x86_insn i;

		if (!x86_insn_read(bytes_of(f->code.p + at, f->code.n - at), &i) ||
		    ++r->steps > STEPS_A_BYTE * (uint64_t)f->code.n)
			return true;
		r->seen[at] = l->number;
		to = (uint64_t)at + i.len + (uint64_t)i.imm;
		switch (code_next_of(&i)) {
		case CODE_NEXT_JUMP:
			return add_way(l, to);
		case CODE_NEXT_STOP:
			return false;
		case CODE_NEXT_RETURN:
		case CODE_NEXT_JUMP_ANY:
			return true;
		case CODE_NEXT_BRANCH:
			if (add_way(l, to))
				return true;
			break;
		case CODE_NEXT_CALL:
			if (never(r, to, l->depth + 1))
				return false;
			break;
		default:
			break;
		}
		at += i.len;
		if (at >= f->code.n || (code_flow_starts(f, at) && at != l->start))
			return true;
	}
	return false;
}

static bool never(struct code_returns *r, uint64_t at, unsigned depth)
{
	struct look l = { .r = r, .start = (uint32_t)at, .depth = depth };
	bool returns = false;

	if (at >= r->flow->code.n || depth > DEPTH_MAX)
		return false;
	/* One that is being looked at may return: what calls itself may have other ways. */
	if (bit(r->asked, l.start) || r->number == UINT16_MAX)
		return bit(r->never, l.start);
	set(r->asked, l.start);
	l.number = ++r->number;
	returns = array_push(&l.ways, l.start) < 0;
	while (!returns && l.ways.n > 0)
		returns = follow(&l, l.ways.items[--l.ways.n]);
	array_free(&l.ways);
	if (!returns)
		set(r->never, l.start);
	return !returns;
}

bool code_returns_never(struct code_returns *r, uint64_t at)
{
	return never(r, at, 0);
}
