/* SPDX-License-Identifier: Apache-2.0 */
/* Call trees as text, and profiles of functions that are called by letters. */
#pragma once

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calltree.h"
#include "err.h"
#include "maker.h"

static inline const char *name_of(const struct calltree *t, uint32_t frame)
{
	return strtab_get(t->strings, t->frames[frame].name);
}

/* Whether sizes, depth and sums of @t agree with each other. */
static inline void expect_sound(const struct calltree *t)
{
	uint32_t ends[512];
	uint32_t depth = 0, deepest = 0;

	cr_assert_geq(t->n, 1);
	cr_expect_eq(t->nodes[0].frame, CALLTREE_ROOT);
	cr_expect_eq(t->nodes[0].size, t->n);
	for (uint32_t i = 0; i < t->n; i++) {
		const struct calltree_node *node = &t->nodes[i];

		while (depth && ends[depth - 1] == i)
			depth--;
		deepest = depth > deepest ? depth : deepest;
		cr_assert_geq(node->size, 1);
		cr_assert_leq(i + node->size, depth ? ends[depth - 1] : t->n);
		cr_assert_lt(depth, 512);
		ends[depth++] = i + node->size;
		if (i)
			cr_assert_lt(node->frame, t->n_frames);
	}
	cr_expect_eq(t->max_depth, deepest);
}

/* "a;b 3/1" for each node but the root: its path, total and self, in preorder. */
static inline char *tree_text(const struct calltree *t)
{
	uint32_t ends[512], at[512], depth = 0;
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	expect_sound(t);
	for (uint32_t i = 1; i < t->n; i++) {
		while (depth && ends[depth - 1] == i)
			depth--;
		at[depth] = t->nodes[i].frame;
		ends[depth++] = i + t->nodes[i].size;
		for (uint32_t k = 0; k < depth; k++)
			fprintf(f, "%s%s", k ? ";" : "", name_of(t, at[k]));
		fprintf(f, " %lld/%lld", (long long)t->nodes[i].total, (long long)t->nodes[i].self);
		if (t->base_total)
			fprintf(f, " was %lld/%lld", (long long)t->base_total[i],
				(long long)t->base_self[i]);
		fputc('\n', f);
	}
	fclose(f);
	return text;
}

static inline struct calltree *tree_of(const struct profile *p, const struct calltree_opts *o)
{
	struct calltree *t = NULL;
	struct err e = { 0 };

	cr_assert_eq(profile_check(p), 0);
	cr_assert_eq(calltree_new(&t, p, o, &e), 0, "%s", e.text);
	return t;
}

/* Functions without objects, one location each, called "a", "b", … */
static inline uint32_t letter(struct maker *m, char c)
{
	return make_loc(m, NULL, 0, (const char[]){ c, '\0' });
}

/* A stack written root first. */
static inline void add_letters(struct maker *m, const char *stack, int64_t value)
{
	uint32_t locs[64];
	size_t n = strlen(stack);

	for (size_t i = 0; i < n; i++)
		locs[n - 1 - i] = letter(m, stack[i]);
	make_stack(m, &value, locs, n);
}

static inline void begin_letters(struct maker *m)
{
	make_begin(m);
	make_type(m, "samples", "count");
}
