/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "allocfail.h"
#include "calltree.h"
#include "err.h"
#include "treetext.h"

/* --- differences ------------------------------------------------------------------------------ */

static struct calltree *diff_of(const struct profile *p, const struct profile *base,
				const struct calltree_opts *o, enum calltree_scale scale)
{
	struct calltree *t = NULL;
	struct err e = { 0 };

	cr_assert_eq(calltree_diff(&t, p, base, o, scale, &e), 0, "%s", e.text);
	return t;
}

Test(calltree_diff, shows_what_only_one_side_has)
{
	struct maker now, was;
	struct calltree *t;
	char *text;

	begin_letters(&now);
	add_letters(&now, "ab", 6);
	add_letters(&now, "an", 4);
	begin_letters(&was);
	add_letters(&was, "ag", 8);
	add_letters(&was, "ab", 12);
	t = diff_of(now.p, was.p, &(struct calltree_opts){ 0 }, SCALE_NONE);
	text = tree_text(t);
	cr_expect_str_eq(text,
			 "a 10/0 was 20/0\na;b 6/6 was 12/12\na;g 0/0 was 8/8\na;n 4/4 was 0/0\n");
	cr_expect_eq(t->base_total[0], 20);
	cr_expect_eq(t->base_weight, 20);
	free(text);
	calltree_free(t);
	t = diff_of(now.p, was.p, &(struct calltree_opts){ 0 }, SCALE_TOTAL);
	text = tree_text(t);
	cr_expect_str_eq(text,
			 "a 10/0 was 10/0\na;b 6/6 was 6/6\na;g 0/0 was 4/4\na;n 4/4 was 0/0\n");
	cr_expect_eq(t->base_weight, 20);
	free(text);
	calltree_free(t);
	make_end(&now);
	make_end(&was);
}

Test(calltree_diff, leaves_out_what_is_light_on_both_sides)
{
	struct maker now, was;
	struct calltree *t;
	char *text;

	begin_letters(&now);
	add_letters(&now, "a", 90);
	add_letters(&now, "b", 1);
	add_letters(&now, "c", 9);
	begin_letters(&was);
	add_letters(&was, "a", 800);
	add_letters(&was, "b", 150);
	add_letters(&was, "c", 50);
	t = diff_of(now.p, was.p, &(struct calltree_opts){ .min_share = 0.1 }, SCALE_TOTAL);
	text = tree_text(t);
	cr_expect_str_eq(text, "a 90/90 was 80/80\nb 1/1 was 15/15\n");
	cr_expect_eq(t->pruned_self, 9);
	free(text);
	calltree_free(t);
	make_end(&now);
	make_end(&was);
}

/* Of two files that both profiles' program, their first mapping, maps. */
static void expect_matched(const char *now_file, const char *was_file, bool same)
{
	struct maker now, was;
	struct calltree *t;
	uint32_t loc;

	begin_letters(&now);
	if (now_file)
		make_loc(&now, "/bin/program", 16, "main");
	loc = make_loc(&now, now_file, 16, "f");
	make_stack(&now, (const int64_t[]){ 1 }, &loc, 1);
	begin_letters(&was);
	if (was_file)
		make_loc(&was, "/bin/program", 16, "main");
	loc = make_loc(&was, was_file, 64, "f");
	make_stack(&was, (const int64_t[]){ 1 }, &loc, 1);
	t = diff_of(now.p, was.p, &(struct calltree_opts){ 0 }, SCALE_NONE);
	cr_expect_eq(t->n, same ? 2 : 3, "%s and %s", now_file, was_file);
	calltree_free(t);
	make_end(&now);
	make_end(&was);
}

static size_t nodes_of_renamed(const char *library_of_base)
{
	struct maker now, was;
	struct calltree *t;
	uint32_t loc;
	size_t n;

	begin_letters(&now);
	loc = make_loc(&now, "/tmp/after", 16, "f");
	make_stack(&now, (const int64_t[]){ 1 }, &loc, 1);
	begin_letters(&was);
	loc = make_loc(&was, "/tmp/before", 64, "f.isra.0");
	make_stack(&was, (const int64_t[]){ 1 }, &loc, 1);
	make_loc(&was, library_of_base, 64, "g");
	t = diff_of(now.p, was.p, &(struct calltree_opts){ 0 }, SCALE_NONE);
	n = t->n;
	calltree_free(t);
	make_end(&now);
	make_end(&was);
	return n;
}

Test(calltree_diff, matches_a_program_that_was_renamed)
{
	cr_expect_eq(nodes_of_renamed("/lib/libc.so.6"), 2);
	cr_expect_eq(nodes_of_renamed("/tmp/after"), 3, "that is another program");
}

Test(calltree_diff, matches_versions_of_an_object)
{
	expect_matched("/lib/libssl.so.3", "/opt/libssl.so.1.1", true);
	expect_matched("/lib/libc.so.6", "/lib/libc-2.31.so", true);
	expect_matched("/usr/bin/python3.11", "/usr/bin/python3.12", true);
	expect_matched("/boot/vmlinux-6.1.0-13-amd64", "[kernel.kallsyms]", true);
	expect_matched("/bin/server", "/bin/server (deleted)", true);
	expect_matched("/bin/server", NULL, true);
	expect_matched("/bin/server", "/bin/client", false);
	expect_matched("/bin/sha256", "/bin/sha512", false);
	expect_matched("/lib/liba.so.1", "/lib/libb.so.1", false);
}

Test(calltree_diff, takes_the_sample_type_by_its_name)
{
	struct maker now, was;
	struct calltree *t = NULL;
	struct err e = { 0 };
	uint32_t loc;

	make_begin_cpu(&now);
	loc = letter(&now, 'a');
	make_cpu_stack(&now, 1, loc);
	make_begin(&was);
	make_type(&was, "cpu", "nanoseconds");
	loc = letter(&was, 'a');
	make_stack(&was, (const int64_t[]){ 77 }, &loc, 1);
	t = diff_of(now.p, was.p, &(struct calltree_opts){ .sample_type = 1 }, SCALE_NONE);
	cr_expect_eq(t->base_total[1], 77);
	calltree_free(t);
	cr_expect_eq(calltree_diff(&t, now.p, was.p, &(struct calltree_opts){ 0 }, SCALE_NONE, &e),
		     -EINVAL);
	cr_expect(strstr(e.text, "'samples'"), "%s", e.text);
	make_end(&now);
	make_end(&was);
}

/* --- memory ----------------------------------------------------------------------------------- */

static struct maker shared;

static int attempt_diff(void)
{
	struct calltree *t;
	int r = calltree_diff(&t, shared.p, shared.p, &(struct calltree_opts){ 0 }, SCALE_TOTAL,
			      NULL);

	if (r == 0)
		calltree_free(t);
	return r;
}

Test(calltree, survives_every_failure_of_memory)
{
	begin_letters(&shared);
	add_letters(&shared, "mab", 3);
	add_letters(&shared, "ma", 1);
	for (int i = 0; i < 40; i++) { /* past FEW, by counting */
		char stack[] = { 'm', (char)('A' + i), 'z', '\0' };

		add_letters(&shared, stack, 1);
	}
	allocfail_each_tolerant(attempt_diff); /* storage that cannot be given back is kept */
	make_end(&shared);
}
