/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calltree.h"
#include "err.h"
#include "treetext.h"

static void expect_tree(const struct profile *p, const struct calltree_opts *o,
			const char *expected)
{
	struct calltree *t = tree_of(p, o);
	char *text = tree_text(t);

	cr_expect_str_eq(text, expected);
	free(text);
	calltree_free(t);
}

static void make_letters(struct maker *m)
{
	begin_letters(m);
	add_letters(m, "mab", 3);
	add_letters(m, "mac", 4);
	add_letters(m, "ma", 1);
	add_letters(m, "mx", 10);
	add_letters(m, "q", 2);
	add_letters(m, "maba", 5);
}

Test(calltree, merges_stacks_that_begin_alike)
{
	struct maker m;

	make_letters(&m);
	expect_tree(m.p, &(struct calltree_opts){ 0 },
		    "m 23/0\nm;a 13/1\nm;a;b 8/3\nm;a;b;a 5/5\nm;a;c 4/4\nm;x 10/10\nq 2/2\n");
	make_end(&m);
}

Test(calltree, orders_siblings_by_weight)
{
	struct maker m;

	make_letters(&m);
	add_letters(&m, "mz", 20);
	add_letters(&m, "r", 2);
	expect_tree(m.p, &(struct calltree_opts){ .order = ORDER_WEIGHT },
		    "m 43/0\nm;z 20/20\nm;a 13/1\nm;a;b 8/3\nm;a;b;a 5/5\nm;a;c 4/4\nm;x 10/10\n"
		    "q 2/2\nr 2/2\n");
	make_end(&m);
}

Test(calltree, merges_from_the_leaf)
{
	struct maker m;

	make_letters(&m);
	expect_tree(m.p, &(struct calltree_opts){ .by_leaf = true },
		    "a 6/0\na;b 5/0\na;b;a 5/0\na;b;a;m 5/5\na;m 1/1\n"
		    "b 3/0\nb;a 3/0\nb;a;m 3/3\nc 4/0\nc;a 4/0\nc;a;m 4/4\nq 2/2\n"
		    "x 10/0\nx;m 10/10\n");
	make_end(&m);
}

Test(calltree, leaves_out_what_is_light_and_says_how_much)
{
	struct maker m;
	struct calltree *t;
	char *text;

	make_letters(&m); /* 25 in all */
	t = tree_of(m.p, &(struct calltree_opts){ .min_share = 0.2 });
	text = tree_text(t);
	cr_expect_str_eq(text, "m 23/0\nm;a 13/1\nm;a;b 8/3\nm;a;b;a 5/5\nm;x 10/10\n");
	cr_expect_eq(t->pruned_self, 6);
	cr_expect_eq(t->pruned_stacks, 2);
	cr_expect_eq(t->weight, 25);
	cr_expect_eq(t->nodes[0].total, 25);
	cr_expect_eq(t->n_frames, 4, "m a b x, and no others");
	free(text);
	calltree_free(t);
	make_end(&m);
}

Test(calltree, cuts_at_a_depth)
{
	struct maker m;
	struct calltree *t;
	char *text;

	make_letters(&m);
	t = tree_of(m.p, &(struct calltree_opts){ .max_depth = 2 });
	text = tree_text(t);
	cr_expect_str_eq(text, "m 23/0\nm;a 13/1\nm;x 10/10\nq 2/2\n");
	cr_expect_eq(t->pruned_self, 12);
	cr_expect_eq(t->pruned_stacks, 3);
	cr_expect_eq(t->max_depth, 2);
	free(text);
	calltree_free(t);
	make_end(&m);
}

static const struct calltree_frame *frame_called(const struct calltree *t, const char *name)
{
	for (size_t i = 0; i < t->n_frames; i++)
		if (strcmp(name_of(t, (uint32_t)i), name) == 0)
			return &t->frames[i];
	cr_assert_fail("no frame '%s'", name);
	return NULL;
}

Test(calltree, knows_what_kind_a_frame_is)
{
	struct maker m;
	struct calltree *t;

	make_begin_cpu(&m);
	make_cpu_stack(&m, 1, make_loc(&m, "[kernel.kallsyms]", 1, "vfs_read"),
		       make_loc(&m, "/lib/libc.so.6", 2, "memcpy|copy_all"),
		       make_loc(&m, "//anon", 3, "jitted"), make_loc(&m, "/bin/a", 4, ""),
		       make_loc(&m, NULL, 0, "[truncated: no unwind info]"));
	make_stack(&m, (const int64_t[]){ 1, 1 }, NULL, 0);
	t = tree_of(m.p, &(struct calltree_opts){ .sample_type = 1 });
	cr_expect_eq(frame_called(t, "vfs_read")->kind, FRAME_KERNEL);
	cr_expect_str_eq(strtab_get(t->strings, frame_called(t, "vfs_read")->object), "kernel");
	cr_expect_eq(frame_called(t, "memcpy")->kind, FRAME_INLINED);
	cr_expect_eq(frame_called(t, "copy_all")->kind, FRAME_NATIVE);
	cr_expect_str_eq(strtab_get(t->strings, frame_called(t, "copy_all")->object), "libc.so.6");
	cr_expect_eq(frame_called(t, "jitted")->kind, FRAME_JIT);
	cr_expect_eq(frame_called(t, "[a+0x4]")->kind, FRAME_NATIVE);
	cr_expect_eq(frame_called(t, "[truncated: no unwind info]")->kind, FRAME_NOTE);
	cr_expect_eq(frame_called(t, "[no stack]")->kind, FRAME_NOTE);
	calltree_free(t);
	make_end(&m);
}

Test(calltree, shows_inlined_functions_inside_of_those_that_were_called)
{
	struct maker m;
	uint32_t inner, outer;

	begin_letters(&m);
	inner = make_loc(&m, "/bin/a", 1, "i|j|f");
	outer = make_loc(&m, "/bin/a", 2, "k|main");
	make_stack(&m, (const int64_t[]){ 5 }, (const uint32_t[]){ inner, outer }, 2);
	expect_tree(m.p, &(struct calltree_opts){ 0 },
		    "main 5/0\nmain;k 5/0\nmain;k;f 5/0\nmain;k;f;j 5/0\nmain;k;f;j;i 5/5\n");
	expect_tree(m.p, &(struct calltree_opts){ .by_leaf = true },
		    "i 5/0\ni;j 5/0\ni;j;f 5/0\ni;j;f;k 5/0\ni;j;f;k;main 5/5\n");
	expect_tree(m.p, &(struct calltree_opts){ .no_inlines = true }, "main 5/0\nmain;f 5/5\n");
	make_end(&m);
}

Test(calltree, tells_functions_of_one_name_apart_by_their_object)
{
	struct maker m;

	begin_letters(&m);
	make_stack(&m, (const int64_t[]){ 1 },
		   (const uint32_t[]){ make_loc(&m, "/lib/b.so", 1, "init") }, 1);
	make_stack(&m, (const int64_t[]){ 2 },
		   (const uint32_t[]){ make_loc(&m, "/lib/a.so", 9, "init") }, 1);
	make_stack(&m, (const int64_t[]){ 4 },
		   (const uint32_t[]){ make_loc(&m, "/lib/a.so", 8, "init") }, 1);
	expect_tree(m.p, &(struct calltree_opts){ 0 }, "init 6/6\ninit 1/1\n");
	make_end(&m);
}

Test(calltree, tells_lines_apart_when_asked)
{
	struct maker m;
	struct profile_function f = { .start_line = 10 };
	struct profile_location l = { .mapping = PROFILE_NONE, .line_n = 1 };
	struct profile_line line = { 0 };
	struct calltree *t;

	begin_letters(&m);
	f.name = make_string(&m, "f");
	f.file = make_string(&m, "f.c");
	line.function = (uint32_t)profile_builder_function(m.b, &f);
	for (int64_t n = 11; n <= 12; n++) {
		uint32_t loc;

		line.line = n;
		loc = (uint32_t)profile_builder_location(m.b, &l, &line);
		make_stack(&m, &n, &loc, 1);
	}
	expect_tree(m.p, &(struct calltree_opts){ 0 }, "f 23/23\n");
	expect_tree(m.p, &(struct calltree_opts){ .by_line = true }, "f 11/11\nf 12/12\n");
	t = tree_of(m.p, &(struct calltree_opts){ 0 });
	cr_expect_eq(t->frames[0].line, 10);
	cr_expect_str_eq(strtab_get(t->strings, t->frames[0].source), "f.c");
	calltree_free(t);
	t = tree_of(m.p, &(struct calltree_opts){ .by_line = true });
	cr_expect_eq(t->frames[1].line, 12);
	calltree_free(t);
	make_end(&m);
}

Test(calltree, of_nothing_is_a_root)
{
	struct maker m;

	make_begin(&m);
	expect_tree(m.p, &(struct calltree_opts){ 0 }, "");
	make_type(&m, "samples", "count");
	expect_tree(m.p, &(struct calltree_opts){ .min_share = 0.1 }, "");
	make_end(&m);
}

Test(calltree, refuses_a_sample_type_that_is_not_there)
{
	struct maker m;
	struct calltree *t = NULL;
	struct err e = { 0 };

	make_letters(&m);
	cr_expect_eq(calltree_new(&t, m.p, &(struct calltree_opts){ .sample_type = 1 }, &e),
		     -EINVAL);
	cr_expect_str_eq(e.text, "the profile has no sample type 1; it has 1 of them");
	cr_expect_null(t);
	make_end(&m);
}

Test(calltree, keeps_differences_that_cancel_out)
{
	struct maker m;
	struct calltree *t;

	begin_letters(&m);
	add_letters(&m, "ab", 10);
	add_letters(&m, "ac", -10);
	t = tree_of(m.p, &(struct calltree_opts){ .min_share = 0.4 });
	cr_expect_eq(t->n, 4);
	cr_expect_eq(t->nodes[1].total, 0);
	cr_expect_eq(t->weight, 20);
	calltree_free(t);
	make_end(&m);
}

Test(calltree, stops_at_the_ends_of_numbers)
{
	struct maker m;
	struct calltree *t;

	begin_letters(&m);
	add_letters(&m, "ab", INT64_MAX);
	add_letters(&m, "ac", INT64_MAX);
	add_letters(&m, "ad", INT64_MAX);
	add_letters(&m, "n", INT64_MIN);
	t = tree_of(m.p, &(struct calltree_opts){ 0 });
	cr_expect_eq(t->nodes[1].total, INT64_MAX);
	cr_expect_eq(t->weight, UINT64_MAX);
	calltree_free(t);
	make_end(&m);
}

/* A stack as deep as no program has, but a file may. */
Test(calltree, takes_stacks_of_any_depth)
{
	enum { DEEP = 200000 };
	struct maker m;
	struct calltree *t;
	uint32_t *locs = malloc(DEEP * sizeof(*locs));

	begin_letters(&m);
	for (size_t i = 0; i < DEEP; i++)
		locs[i] = letter(&m, "ab"[i % 2]);
	make_stack(&m, (const int64_t[]){ 2 }, locs, DEEP);
	locs[0] = letter(&m, 'c');
	make_stack(&m, (const int64_t[]){ 1 }, locs, DEEP);
	t = tree_of(m.p, &(struct calltree_opts){ 0 });
	cr_expect_eq(t->max_depth, DEEP);
	cr_expect_eq(t->n, DEEP + 2);
	cr_expect_eq(t->nodes[DEEP - 1].total, 3);
	cr_expect_eq(t->nodes[1].size, DEEP + 1);
	calltree_free(t);
	free(locs);
	make_end(&m);
}

/* --- by another path: the sums of all prefixes, looked up by their text ----------------------- */

#define PATHS 4096

struct sums {
	char path[PATHS][24];
	int64_t total[PATHS], self[PATHS];
	size_t n;
};

static void add_path(struct sums *s, const char *path, size_t n, int64_t value, bool is_whole)
{
	size_t i = 0;

	for (; i < s->n; i++)
		if (strlen(s->path[i]) == n && memcmp(s->path[i], path, n) == 0)
			break;
	cr_assert_lt(i, PATHS);
	if (i == s->n) {
		memcpy(s->path[i], path, n);
		s->path[s->n++][n] = '\0';
	}
	s->total[i] += value;
	s->self[i] += is_whole ? value : 0;
}

static void expect_sums(const struct calltree *t, const struct sums *s)
{
	uint32_t ends[32], depth = 0;
	char path[32], last[32][32] = { "" };

	expect_sound(t);
	cr_expect_eq(t->n, s->n + 1);
	for (uint32_t i = 1; i < t->n; i++) {
		size_t k = 0;

		while (depth && ends[depth - 1] == i)
			last[depth--][0] = '\0';
		path[depth] = name_of(t, t->nodes[i].frame)[0];
		path[depth + 1] = '\0';
		cr_expect_lt(strcmp(last[depth], path), 0, "siblings are in order");
		memcpy(last[depth], path, sizeof(path));
		ends[depth++] = i + t->nodes[i].size;
		last[depth][0] = '\0';
		while (k < s->n && strcmp(s->path[k], path) != 0)
			k++;
		cr_assert_lt(k, s->n, "%s", path);
		cr_expect_eq(t->nodes[i].total, s->total[k], "%s", path);
		cr_expect_eq(t->nodes[i].self, s->self[k], "%s", path);
	}
}

static void try_random(unsigned seed, size_t stacks, unsigned letters, bool by_leaf)
{
	static struct sums s;
	struct maker m;
	struct calltree *t;

	srand(seed);
	s = (struct sums){ 0 };
	begin_letters(&m);
	for (size_t i = 0; i < stacks; i++) {
		char stack[16] = "", shown[16] = "";
		size_t n = 1 + (size_t)rand() % 9;
		int64_t value = 1 + rand() % 1000;

		for (size_t k = 0; k < n; k++)
			stack[k] = (char)('a' + (unsigned)rand() % letters);
		for (size_t k = 0; k < n; k++)
			shown[k] = by_leaf ? stack[n - 1 - k] : stack[k];
		add_letters(&m, stack, value);
		for (size_t k = 1; k <= n; k++)
			add_path(&s, shown, k, value, k == n);
	}
	t = tree_of(m.p, &(struct calltree_opts){ .by_leaf = by_leaf });
	expect_sums(t, &s);
	calltree_free(t);
	make_end(&m);
}

Test(calltree, agrees_with_sums_over_all_prefixes)
{
	for (unsigned seed = 1; seed < 40; seed++) {
		try_random(seed, seed < 4 ? seed : 10 * seed, 1 + seed % 26, false);
		try_random(seed, 100, 3, true);
	}
}
