/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "calltree.h"
#include "maker.h"
#include "othertypes.h"
#include "treetext.h"

static void add(struct maker *m, const char *stack, const int64_t *values)
{
	uint32_t locs[16];
	size_t n = strlen(stack);

	for (size_t i = 0; i < n; i++)
		locs[n - 1 - i] = letter(m, stack[i]);
	make_stack(m, values, locs, n);
}

Test(othertypes, a_multiple_is_told_as_a_factor)
{
	struct maker m;
	struct othertypes o;

	make_begin(&m);
	make_type(&m, "samples", "count");
	make_type(&m, "cpu", "nanoseconds");
	add(&m, "ab", (const int64_t[]){ 2, 20202020 });
	add(&m, "a", (const int64_t[]){ 3, 30303030 });
	othertypes_find(&o, m.p, 1, false);
	cr_assert_eq(o.n, 1);
	cr_expect_not(o.by_node);
	cr_expect_eq(o.items[0].type, 0);
	cr_expect_eq(o.items[0].mul, 1);
	cr_expect_eq(o.items[0].div, 10101010);
	cr_expect_eq(o.items[0].weight, 5);
	othertypes_done(&o);
	make_end(&m);
}

Test(othertypes, others_have_values_by_node_also_where_the_tree_has_none)
{
	struct maker m;
	struct calltree *t;
	struct othertypes o;
	int64_t sum = 0;

	make_begin(&m);
	make_type(&m, "alloc", "bytes");
	make_type(&m, "free", "bytes");
	make_type(&m, "nothing", "count");
	make_type(&m, "inuse", "bytes");
	add(&m, "ab", (const int64_t[]){ 50, 50, 0, 0 });
	add(&m, "ac", (const int64_t[]){ 70, 0, 0, 70 });
	add(&m, "a", (const int64_t[]){ 9, 8, 0, 1 });
	othertypes_find(&o, m.p, 3, false);
	cr_assert_eq(o.n, 2, "what is nowhere but 0 is left out");
	cr_assert(o.by_node);
	t = tree_of(m.p, &(struct calltree_opts){
				 .sample_type = 3, .all_types = true, .want_ends = true });
	cr_assert_eq(t->n, 4, "root, a, c and b, which is 0 in this type");
	cr_assert_eq(othertypes_add(&o, m.p, t), 0);
	for (size_t i = 0; i < t->n; i++)
		sum += o.items[0].self[i];
	cr_expect_eq(sum, 129);
	cr_expect_eq(o.items[0].self[1], 9);
	cr_expect_eq(o.items[0].weight, 129);
	cr_expect_eq(o.items[1].weight, 58);
	othertypes_done(&o);
	othertypes_find(&o, m.p, 3, true);
	cr_expect_eq(o.n, 0, "none is a multiple");
	calltree_free(t);
	make_end(&m);
}

Test(othertypes, what_was_cut_counts_where_it_was_cut)
{
	struct maker m;
	struct calltree *t;
	struct othertypes o;

	make_begin(&m);
	make_type(&m, "alloc", "bytes");
	make_type(&m, "inuse", "bytes");
	add(&m, "ab", (const int64_t[]){ 5, 1 });
	add(&m, "ac", (const int64_t[]){ 7, 99 });
	othertypes_find(&o, m.p, 1, false);
	t = tree_of(m.p, &(struct calltree_opts){ .sample_type = 1,
						  .all_types = true,
						  .want_ends = true,
						  .min_share = 0.1 });
	cr_assert_eq(othertypes_add(&o, m.p, t), 0);
	cr_expect_eq(o.items[0].rest[1], 5);
	cr_expect_eq(o.items[0].self[2], 7);
	othertypes_done(&o);
	calltree_free(t);
	make_end(&m);
}
