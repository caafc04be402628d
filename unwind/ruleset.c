/* SPDX-License-Identifier: Apache-2.0 */
#include "ruleset.h"

#include <string.h>
#include <sys/auxv.h>

#include "hash.h"

static struct unwind_rule unsupported(unsigned why)
{
	return (struct unwind_rule){
		.bits = UNWIND_RULE_BITS(UNWIND_CFA_UNSUPPORTED, 0, 0, 0, 0, 0, 0, why),
	};
}

static uint64_t hash_rule(const struct ruleset *s, const struct unwind_rule *rule)
{
	uint64_t words[2];

	memcpy(words, rule, sizeof(words));
	return hash_add(hash_mix(words[0] ^ s->secret[0], words[1] ^ s->secret[1]), words[0]);
}

static int64_t add(struct ruleset *s, const struct unwind_rule *rule)
{
	uint64_t hash = hash_rule(s, rule);
	uint32_t n = (uint32_t)s->rules.n;

	hindex_each(&s->index, hash, i) {
		if (memcmp(&s->rules.items[i], rule, sizeof(*rule)) == 0)
			return i;
	}
	if (n == UNWIND_MAX_RULES)
		return s->overflow;
	if (array_push(&s->rules, *rule) < 0 || hindex_add(&s->index, hash, n) < 0)
		return -ENOMEM;
	return n;
}

int ruleset_init(struct ruleset *s, const struct cfi_regs *regs)
{
	struct unwind_rule none = { 0 }, over = unsupported(UNWIND_WHY_RULES);
	const void *random = (const void *)getauxval(AT_RANDOM); /* 16 bytes from the kernel */
	int64_t r;

	memset(s, 0, sizeof(*s));
	if (random)
		memcpy(s->secret, random, sizeof(s->secret));
	s->regs = regs;
	r = add(s, &none);
	if (r == 0)
		r = add(s, &over);
	if (r < 0)
		return (int)r;
	s->overflow = (uint32_t)r;
	return 0;
}

void ruleset_done(struct ruleset *s)
{
	array_free(&s->rules);
	hindex_free(&s->index);
}

/* How the return address is found: false when that does not fit. */
static bool encode_ra(const struct cfi_regs *regs, const struct cfi_state *st, unsigned *ret,
		      unsigned *ret_reg, uint32_t *ret_aux)
{
	*ret_reg = 0;
	*ret_aux =
		st->cfa == UNWIND_CFA_DEREF || st->cfa == UNWIND_CFA_INDEX ? (uint32_t)st->add : 0;
	switch (st->ra.loc) {
	case CFI_LOC_CFA:
		*ret = st->ra.off == -8 ? UNWIND_RA_STD : UNWIND_RA_CFA;
		break;
	case CFI_LOC_REG:
		*ret = UNWIND_RA_REG;
		*ret_reg = st->ra.reg;
		break;
	case CFI_LOC_IN:
		*ret = UNWIND_RA_IN;
		*ret_reg = st->ra.reg;
		return true;
	case CFI_LOC_SAME:
		*ret = UNWIND_RA_IN;
		*ret_reg = regs->ra;
		return regs->ra <= CFI_MAX_REG && regs->has_link;
	default:
		return false;
	}
	if (*ret == UNWIND_RA_STD)
		return true;
	if (*ret_aux) /* the word is taken */
		return false;
	*ret_aux = (uint32_t)st->ra.off;
	return true;
}

static struct unwind_rule encode(const struct cfi_regs *regs, const struct cfi_state *st,
				 bool is_signal)
{
	static const uint8_t fps[] = { [CFI_LOC_SAME] = UNWIND_FP_SAME,
				       [CFI_LOC_CFA] = UNWIND_FP_CFA,
				       [CFI_LOC_REG] = UNWIND_FP_REG,
				       [CFI_LOC_IN] = UNWIND_FP_IN,
				       [CFI_LOC_UNDEF] = UNWIND_FP_UNDEF };
	bool has_fp_off = st->fp.loc == CFI_LOC_CFA || st->fp.loc == CFI_LOC_REG;
	bool has_fp_reg = st->fp.loc == CFI_LOC_REG || st->fp.loc == CFI_LOC_IN;
	bool is_reg = st->cfa == UNWIND_CFA_REG, is_index = st->cfa == UNWIND_CFA_INDEX;
	unsigned ra, ra_reg, extra = is_reg ? st->changes_stack : 0;
	uint32_t aux;

	if (st->cfa == UNWIND_CFA_PLT)
		extra = st->threshold;
	if (st->ra.loc == CFI_LOC_UNDEF)
		return (struct unwind_rule){ .bits = UNWIND_CFA_ROOT };
	if (st->cfa == UNWIND_CFA_UNSUPPORTED)
		return unsupported(st->why);
	if (is_reg && st->reg == CFI_NO_REG)
		return unsupported(UNWIND_WHY_CFA_REG);
	if (is_reg && st->off != (int32_t)st->off)
		return unsupported(UNWIND_WHY_OFFSET);
	if (st->fp.loc == CFI_LOC_BAD)
		return unsupported(st->fp.reg);
	if (is_index && (st->ra.loc != CFI_LOC_CFA || st->ra.off != -8))
		return unsupported(UNWIND_WHY_RA); /* the field is taken */
	if (!encode_ra(regs, st, &ra, &ra_reg, &aux))
		return unsupported(st->ra.loc == CFI_LOC_BAD ? st->ra.reg : UNWIND_WHY_RA);
	return (struct unwind_rule){
		.bits = UNWIND_RULE_BITS(st->cfa, is_reg ? st->reg : st->x_reg, fps[st->fp.loc],
					 has_fp_reg ? st->fp.reg : 0, ra,
					 is_index ? st->index : ra_reg, is_signal, extra),
		.cfa_off = (uint32_t)(is_reg ? st->off : st->x_off),
		.fp_off = has_fp_off ? (uint32_t)st->fp.off : 0,
		.aux = aux,
	};
}

/* The cell of a common rule, or NULL. */
static uint32_t *quick(struct ruleset *s, const struct cfi_state *st)
{
	uint32_t b = st->fp.loc == CFI_LOC_CFA ? -(uint32_t)st->fp.off : 0;
	bool is_fp = st->reg == s->regs->fp;
	uint64_t a = (uint64_t)st->off;

	if (st->cfa != UNWIND_CFA_REG || st->changes_stack || st->fp.loc > CFI_LOC_CFA ||
	    st->ra.loc != CFI_LOC_CFA || st->ra.off != -8)
		return NULL;
	if (!is_fp && st->reg != s->regs->sp)
		return NULL;
	if ((a | b) & 7 || a / 8 >= RULESET_QUICK_CFA || b / 8 >= RULESET_QUICK_FP)
		return NULL;
	if (b == 0 && st->fp.loc == CFI_LOC_CFA) /* its cell is that of "unchanged" */
		return NULL;
	return &s->quick[is_fp][a / 8][b / 8];
}

int64_t ruleset_number(struct ruleset *s, const struct cfi_state *state, bool is_signal)
{
	uint32_t *cell = is_signal ? NULL : quick(s, state);
	struct unwind_rule rule;
	int64_t r;

	if (cell && *cell)
		return *cell - 1;
	rule = encode(s->regs, state, is_signal);
	r = add(s, &rule);
	if (r >= 0 && cell)
		*cell = (uint32_t)r + 1;
	return r;
}
