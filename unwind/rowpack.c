/* SPDX-License-Identifier: Apache-2.0 */
#include "rowpack.h"

#include <stdlib.h>

#include "cleanup.h"

/* How often a rule is used, and the code it gets for that. */
struct use {
	uint32_t n;
	uint32_t rule; /* number in the ruleset */
};

static int compare_uses(const void *a, const void *b)
{
	const struct use *x = a, *y = b;

	if (x->n != y->n)
		return (x->n < y->n) - (x->n > y->n);
	return (x->rule > y->rule) - (x->rule < y->rule);
}

/*
 * Counts the uses of all rules and sorts them, most frequent first, but for rule 0, which keeps its
 * place. Returns how many of them are used, and their numbers in the table in @codes.
 */
static size_t rank(const struct rowset *s, struct use *uses, size_t n, uint32_t *codes)
{
	size_t used = 1;

	for (size_t i = 0; i < n; i++)
		uses[i] = (struct use){ .rule = (uint32_t)i };
	for (size_t i = 0; i < s->rows.n; i++)
		uses[s->rows.items[i].rule].n++;
	qsort(uses + 1, n - 1, sizeof(*uses), compare_uses);
	while (used < n && uses[used].n)
		used++;
	for (size_t i = 0; i < used; i++)
		codes[uses[i].rule] = (uint32_t)i;
	return used;
}

/* Where slots are written. */
struct slots {
	uint32_t *words;
	uint32_t n;
};

static void set_half(uint32_t *words, uint32_t i, uint32_t value)
{
	words[i >> 1] |= value << ((i & 1) * 16);
}

static void put_slot(struct slots *s, uint32_t pc, uint32_t code)
{
	set_half(s->words, s->n++, (pc & UNWIND_PC_MASK) << UNWIND_CODE_BITS | code);
}

static void put_row(struct slots *s, uint32_t pc, uint32_t code)
{
	uint32_t rest = code - UNWIND_CODE_LONG;

	if (code < UNWIND_CODE_LONG) {
		put_slot(s, pc, code);
		return;
	}
	put_slot(s, pc, rest >> UNWIND_CODE_BITS);
	put_slot(s, pc, rest & UNWIND_CODE_MASK);
	put_slot(s, pc, UNWIND_CODE_LONG);
}

static void fill_rows(const struct rowset *s, const uint32_t *codes, struct unwind_table *t)
{
	struct slots slots = { .words = t->words + t->place.rows };
	uint32_t n_buckets = ((t->place.span - 1) >> UNWIND_PC_BITS) + 1, base = 0;
	uint32_t *block = t->words + t->place.index;
	size_t row = 0;

	put_row(&slots, 0, UNWIND_RULE_NONE); /* in force before the first row */
	for (uint32_t bucket = 0, i = 0; bucket < n_buckets; bucket++) {
		uint64_t end = t->place.start + ((uint64_t)bucket + 1) * UNWIND_BUCKET;

		if (i == 0)
			base = block[0] = slots.n;
		for (; row < s->rows.n && s->rows.items[row].pc < end; row++)
			put_row(&slots, s->rows.items[row].pc, codes[s->rows.items[row].rule]);
		set_half(block, i + 2, slots.n - base);
		if (++i == UNWIND_BLOCK_BUCKETS) {
			i = 0;
			block += UNWIND_BLOCK_WORDS;
		}
	}
}

static void fill_rules(const struct ruleset *rules, const struct use *uses, struct unwind_table *t)
{
	for (uint32_t i = 0; i < t->n_rules; i++) {
		const struct unwind_rule *rule = &rules->rules.items[uses[i].rule];

		memcpy(t->words + t->place.rules + i * UNWIND_RULE_WORDS, rule, sizeof(*rule));
		if (UNWIND_RULE_CFA(rule->bits) == UNWIND_CFA_UNSUPPORTED)
			t->stats.unsupported[UNWIND_RULE_WHY(rule->bits)] += uses[i].n;
	}
}

/* Decides where the parts lie. */
static int lay_out(const struct rowset *s, const struct use *uses, size_t max_bytes,
		   struct unwind_table *t)
{
	uint64_t slots = 1 + (uint64_t)s->rows.n, words, blocks;

	for (uint32_t i = UNWIND_CODE_LONG; i < t->n_rules; i++)
		t->stats.long_rows += uses[i].n;
	slots += t->stats.long_rows * (UNWIND_LONG_SLOTS - 1);
	t->place.start = s->rows.items[0].pc & ~UNWIND_PC_MASK;
	t->place.span = s->end - t->place.start;
	blocks = t->place.span / (UNWIND_BLOCK_BUCKETS * UNWIND_BUCKET) + 1;
	t->place.rules = (uint32_t)(blocks * UNWIND_BLOCK_WORDS);
	t->place.rows = t->place.rules + t->n_rules * UNWIND_RULE_WORDS;
	words = t->place.rows + (slots + 1) / 2;
	if (words > max_bytes / sizeof(uint32_t))
		return -EFBIG;
	t->n_words = (size_t)words;
	return 0;
}

int rowpack(const struct rowset *s, const struct ruleset *rules, size_t max_bytes,
	    struct unwind_table *t)
{
	size_t n = rules->rules.n;
	_cleanup_free_ struct use *uses = NULL;
	_cleanup_free_ uint32_t *codes = NULL;
	int r;

	if (s->rows.n == 0)
		return -ENODATA;
	uses = reallocarray(NULL, n, sizeof(*uses));
	codes = reallocarray(NULL, n, sizeof(*codes));
	if (!uses || !codes)
		return -ENOMEM;
	t->n_rules = (uint32_t)rank(s, uses, n, codes);
	r = lay_out(s, uses, max_bytes, t);
	if (r < 0)
		return r;
	t->words = calloc(t->n_words, sizeof(*t->words));
	if (!t->words)
		return -ENOMEM;
	fill_rows(s, codes, t);
	fill_rules(rules, uses, t);
	return 0;
}
