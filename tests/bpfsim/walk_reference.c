/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#include "walk_reference.h"

struct frame {
	uint64_t reg[FAKE_REGS];
	bool is_known[32];
	bool is_leaf, is_exact;
};

static bool word_at(uint64_t addr, uint64_t *ret)
{
	return fake_user_read(addr, ret, sizeof(*ret));
}

static bool is_known(const struct frame *f, uint32_t reg)
{
	return f->is_known[reg];
}

/* The caller's registers; everything that is not named here is lost. */
static unsigned enter_caller(struct frame *f, uint64_t pc, uint64_t sp, uint64_t fp, bool signal,
			     bool is_switch)
{
	bool is_further_up = sp > f->reg[RSP] || (f->is_leaf && sp == f->reg[RSP]);

	if (pc == 0)
		return WIRE_END_ROOT;
	if (!is_further_up && !signal && !is_switch)
		return WIRE_END_LOOP;
	*f = (struct frame){ .is_exact = signal };
	f->reg[RIP] = pc;
	f->reg[RSP] = sp;
	f->reg[RBP] = fp;
	f->is_known[RSP] = f->is_known[RBP] = true;
	return WIRE_END_NOT;
}

static unsigned by_frame_pointer(struct frame *f, bool ends_in_zero)
{
	uint64_t at = f->reg[RBP], pc, fp;

	if (at == 0 && ends_in_zero && !f->is_exact)
		return WIRE_END_ROOT;
	if (at == 0 || at < f->reg[RSP] || at % 8)
		return WIRE_END_NO_INFO;
	if (!word_at(at, &fp) || !word_at(at + 8, &pc))
		return WIRE_END_READ;
	return enter_caller(f, pc, at + 16, fp, false, false);
}

static int64_t offset(uint32_t off)
{
	return (int32_t)off;
}

/* The CFA: WIRE_END_NOT and *@ret, or why there is none. */
static unsigned find_cfa(const struct frame *f, const struct unwind_rule *rule, uint64_t at,
			 uint64_t *ret)
{
	uint32_t kind = UNWIND_RULE_CFA(rule->bits), ra = UNWIND_RULE_RA(rule->bits);
	uint64_t cfa = f->reg[UNWIND_RULE_CFA_REG(rule->bits)] + (uint64_t)offset(rule->cfa_off);

	switch (kind) {
	case UNWIND_CFA_PLT:
		cfa += at % 16 >= UNWIND_RULE_THRESHOLD(rule->bits) ? 8 : 0;
		break;
	case UNWIND_CFA_INDEX:
		cfa += 8 * f->reg[UNWIND_RULE_RA_REG(rule->bits)];
		break;
	default:
		break;
	}
	if (kind == UNWIND_CFA_DEREF || kind == UNWIND_CFA_INDEX) {
		if (!word_at(cfa, &cfa))
			return WIRE_END_READ;
		if (ra == UNWIND_RA_STD || ra == UNWIND_RA_IN)
			cfa += (uint64_t)offset(rule->aux);
	}
	*ret = cfa;
	return WIRE_END_NOT;
}

static bool find_return_address(const struct frame *f, const struct unwind_rule *rule, uint64_t cfa,
				uint64_t *ret)
{
	uint64_t reg = f->reg[UNWIND_RULE_RA_REG(rule->bits) % FAKE_REGS];

	switch (UNWIND_RULE_RA(rule->bits)) {
	case UNWIND_RA_STD:
		return word_at(cfa - 8, ret);
	case UNWIND_RA_CFA:
		return word_at(cfa + (uint64_t)offset(rule->aux), ret);
	case UNWIND_RA_REG:
		return word_at(reg + (uint64_t)offset(rule->aux), ret);
	default:
		*ret = reg;
		return true;
	}
}

static unsigned find_frame_pointer(const struct frame *f, const struct unwind_rule *rule,
				   uint64_t cfa, uint64_t *ret)
{
	uint32_t kind = UNWIND_RULE_FP(rule->bits), reg = UNWIND_RULE_FP_REG(rule->bits);

	*ret = f->reg[RBP];
	if ((kind == UNWIND_FP_REG || kind == UNWIND_FP_IN) && !is_known(f, reg))
		return WIRE_END_RULE;
	if (kind == UNWIND_FP_IN)
		*ret = f->reg[reg];
	if (kind == UNWIND_FP_CFA && !word_at(cfa + (uint64_t)offset(rule->fp_off), ret))
		return WIRE_END_READ;
	if (kind == UNWIND_FP_REG) {
		uint64_t saved = f->reg[reg] + (uint64_t)offset(rule->fp_off);

		if ((saved < cfa || UNWIND_RULE_SIGNAL(rule->bits)) && !word_at(saved, ret))
			return WIRE_END_READ;
	}
	return WIRE_END_NOT;
}

static unsigned by_rule(struct frame *f, const struct unwind_rule *rule, uint64_t at)
{
	uint32_t ra = UNWIND_RULE_RA(rule->bits);
	bool names_ra_reg = ra == UNWIND_RA_REG || ra == UNWIND_RA_IN ||
			    UNWIND_RULE_CFA(rule->bits) == UNWIND_CFA_INDEX;
	uint64_t cfa, pc, fp;
	unsigned end;

	if (!is_known(f, UNWIND_RULE_CFA_REG(rule->bits)) ||
	    (names_ra_reg && !is_known(f, UNWIND_RULE_RA_REG(rule->bits))))
		return WIRE_END_RULE;
	end = find_cfa(f, rule, at, &cfa);
	if (end)
		return end;
	if (!find_return_address(f, rule, cfa, &pc))
		return WIRE_END_READ;
	end = find_frame_pointer(f, rule, cfa, &fp);
	return end ? end
		   : enter_caller(f, pc, cfa, fp, UNWIND_RULE_SIGNAL(rule->bits),
				  UNWIND_RULE_SWITCH(rule->bits));
}

static unsigned by_rows(struct frame *f, const struct reference_area *a, uint64_t at)
{
	struct unwind_rule rule;

	unwind_table_find(a->table, (uint32_t)(at - a->area.bias), &rule);
	switch (UNWIND_RULE_CFA(rule.bits)) {
	case UNWIND_CFA_NONE:
		return by_frame_pointer(f, false);
	case UNWIND_CFA_ROOT:
		return WIRE_END_ROOT;
	case UNWIND_CFA_UNSUPPORTED:
		return WIRE_END_RULE;
	default:
		return by_rule(f, &rule, at);
	}
}

static const struct reference_area *area_at(const struct reference_area *areas, size_t n,
					    uint64_t addr)
{
	for (size_t i = 0; i < n; i++)
		if (addr >= areas[i].area.start && addr < areas[i].area.end)
			return &areas[i];
	return NULL;
}

/* From one frame to its caller: WIRE_END_NOT, or why there is none. */
static unsigned step(struct frame *f, const struct reference_area *areas, size_t n, uint64_t at)
{
	const struct reference_area *a = area_at(areas, n, at);

	if (!a)
		return WIRE_END_MAPPING;
	switch (a->area.how) {
	case WIRE_HOW_ROWS:
		return by_rows(f, a, at);
	case WIRE_HOW_POINTER:
		return by_frame_pointer(f, true);
	case WIRE_HOW_WAIT:
		return WIRE_END_LOADING;
	default:
		return WIRE_END_NO_INFO;
	}
}

void reference_walk(const struct reference_area *areas, size_t n, uint32_t max, struct walked *ret)
{
	struct frame f = { .is_leaf = true, .is_exact = true };
	unsigned end = WIRE_END_NOT;

	memcpy(f.reg, fake.regs, sizeof(f.reg));
	for (uint32_t i = RAX; i <= R15; i++)
		f.is_known[i] = true;
	ret->n = 0;
	ret->flags = WIRE_CALLS;
	while (!end) {
		uint64_t at = f.reg[RIP] - !f.is_exact;

		if (ret->n == max) {
			end = WIRE_END_DEPTH;
			break;
		}
		ret->addr[ret->n++] = at;
		end = step(&f, areas, n, at);
	}
	ret->end = (uint8_t)end;
}
