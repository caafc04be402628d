/* SPDX-License-Identifier: Apache-2.0 */
/* Packed rows against the plain list that they were made from. */
#include <criterion/criterion.h>
#include <errno.h>

#include "cleanup.h"
#include "hash.h"
#include "rowpack.h"

/* Rules are told apart by cfa_off. */
static void make_rules(struct ruleset *rules, size_t n)
{
	static const struct cfi_regs regs = { .sp = 7, .fp = 6, .ra = 16 };

	cr_assert_eq(ruleset_init(rules, &regs), 0);
	for (size_t i = rules->rules.n; i < n; i++) {
		struct cfi_state st = { .cfa = UNWIND_CFA_REG,
					.reg = 7,
					.off = (int64_t)i * 3,
					.ra = { .loc = CFI_LOC_CFA, .off = -8 } };

		cr_assert_eq(ruleset_number(rules, &st, false), (int64_t)i);
	}
}

/* @n rows at random distances up to @step, with @n_rules rules, few of which are frequent. */
static void make_rows(struct rowset *s, size_t n, uint32_t start, uint32_t step, size_t n_rules)
{
	uint64_t state = 42 + n + step;
	uint32_t pc = start, last = UINT32_MAX;

	for (size_t i = 0; i < n; i++) {
		uint32_t rule;

		do {
			state = hash_u64(state + 1);
			rule = (uint32_t)(state % (state >> 32 & 3 ? (n_rules < 50 ? n_rules : 50)
								   : n_rules));
		} while (rule == last);
		cr_assert_eq(array_push(&s->rows, (struct row){ pc, rule }), 0);
		last = rule;
		pc += 1 + (uint32_t)(state >> 40) % step;
	}
	s->end = pc;
}

static void check_table(const struct rowset *s, const struct ruleset *rules,
			const struct unwind_table *t)
{
	struct unwind_rule r;
	size_t at = 0;

	unwind_table_find(t, s->rows.items[0].pc - 1, &r);
	cr_assert_eq(r.bits, 0);
	unwind_table_find(t, s->end, &r);
	cr_assert_eq(r.bits, 0);
	for (uint32_t pc = s->rows.items[0].pc; pc < s->end; pc++) {
		const struct unwind_rule *expected;

		if (at + 1 < s->rows.n && s->rows.items[at + 1].pc == pc)
			at++;
		expected = &rules->rules.items[s->rows.items[at].rule];
		unwind_table_find(t, pc, &r);
		cr_assert_eq(memcmp(&r, expected, sizeof(r)), 0, "pc %x row %zu", pc, at);
	}
}

static void check(size_t n, uint32_t start, uint32_t step, size_t n_rules)
{
	_cleanup_(ruleset_done) struct ruleset rules;
	_cleanup_(rowset_done) struct rowset s = { 0 };
	struct unwind_table *t = calloc(1, sizeof(*t));

	make_rules(&rules, n_rules);
	make_rows(&s, n, start, step, n_rules);
	cr_assert_eq(rowpack(&s, &rules, SIZE_MAX, t), 0);
	check_table(&s, &rules, t);
	unwind_table_free(t);
}

Test(rowpack, finds_every_row)
{
	check(1, 0, 1, 3);
	check(2, 511, 1, 3);
	check(5000, 512, 1, 10); /* a row at every byte */
	check(5000, 1000, 40, 126);
	check(5000, 77, 3, 127);
	check(5000, 77, 3, 128);
	check(5000, 77, 3, 2000);   /* long codes */
	check(300, 77, 60000, 200); /* empty buckets and blocks */
	check(100000, 0x1000, 8, 16000);
}

Test(rowpack, ends_with_the_address_space)
{
	_cleanup_(ruleset_done) struct ruleset rules;
	_cleanup_(rowset_done) struct rowset s = { .end = UINT32_MAX };
	struct unwind_table *t = calloc(1, sizeof(*t));
	struct unwind_rule r;

	make_rules(&rules, 4);
	cr_assert_eq(array_push(&s.rows, (struct row){ 0, 2 }), 0);
	cr_assert_eq(array_push(&s.rows, (struct row){ UINT32_MAX - 1, 3 }), 0);
	cr_assert_eq(rowpack(&s, &rules, 1 << 20, t), -EFBIG);
	cr_assert_eq(rowpack(&s, &rules, SIZE_MAX, t), 0);
	unwind_table_find(t, UINT32_MAX - 2, &r);
	cr_expect_eq(r.cfa_off, 6);
	unwind_table_find(t, UINT32_MAX - 1, &r);
	cr_expect_eq(r.cfa_off, 9);
	unwind_table_find(t, UINT32_MAX, &r);
	cr_expect_eq(r.bits, 0);
	unwind_table_free(t);
}

Test(rowpack, has_no_table_without_rows)
{
	_cleanup_(ruleset_done) struct ruleset rules;
	struct rowset s = { 0 };
	struct unwind_table t = { 0 };

	make_rules(&rules, 2);
	cr_expect_eq(rowpack(&s, &rules, SIZE_MAX, &t), -ENODATA);
}

Test(ruleset, stands_in_for_rules_beyond_the_limit)
{
	_cleanup_(ruleset_done) struct ruleset rules;
	struct cfi_state st = { .cfa = UNWIND_CFA_REG,
				.reg = 7,
				.off = 1 << 30,
				.ra = { .loc = CFI_LOC_CFA, .off = -8 } };
	int64_t n;

	make_rules(&rules, UNWIND_MAX_RULES);
	n = ruleset_number(&rules, &st, false);
	cr_assert_geq(n, 0);
	cr_expect_eq(UNWIND_RULE_CFA(rules.rules.items[n].bits), UNWIND_CFA_UNSUPPORTED);
	cr_expect_eq(UNWIND_RULE_WHY(rules.rules.items[n].bits), UNWIND_WHY_RULES);
	st.off = 8 * 3;
	cr_expect_eq(ruleset_number(&rules, &st, false), 8);
}

Test(ruleset, gives_equal_states_one_number)
{
	_cleanup_(ruleset_done) struct ruleset rules;
	struct cfi_state a = { .cfa = UNWIND_CFA_REG,
			       .reg = 6,
			       .off = 16,
			       .fp = { .loc = CFI_LOC_CFA, .off = -16 },
			       .ra = { .loc = CFI_LOC_CFA, .off = -8 } };
	struct cfi_state b = a;
	int64_t n;

	make_rules(&rules, 2);
	n = ruleset_number(&rules, &a, false);
	b.x_off = 99; /* left over from an expression */
	b.add = 99;
	cr_expect_eq(ruleset_number(&rules, &b, false), n);
	cr_expect_neq(ruleset_number(&rules, &b, true), n);
	b.fp.off = 0; /* saved at the CFA itself is not "unchanged" */
	n = ruleset_number(&rules, &b, false);
	b.fp = (struct cfi_where){ 0 };
	cr_expect_neq(ruleset_number(&rules, &b, false), n);
}
