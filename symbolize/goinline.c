/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An item of a tree, by version:
 *
 *	to 1.19	u16 parent, u8 kind, u8 0, u32 file, u32 line, u32 name, u32 at
 *	1.20 on	u8 kind, u8 0 [3], u32 name, u32 at, u32 start_line
 */
#include "goinline.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

enum {
	ITEM_OLD = 20,
	ITEM_NEW = 16,
	SAMPLES = 64,	    /* functions whose trees are looked at to tell trees from chance */
	TREE_MAX = 4 << 20, /* bytes of the last tree: how far to read behind its start */
};

static unsigned item_size(const struct go_table *t)
{
	return t->layout >= GO_120 ? ITEM_NEW : ITEM_OLD;
}

/* @ret_zeros: the bytes that are 0 in every item. */
static int read_item(const struct go_table *t, struct bytes b, struct go_call *ret,
		     uint32_t *ret_zeros)
{
	uint32_t words[ITEM_OLD / 4] = { 0 };

	if (bytes_copy(&b, words, item_size(t)) < 0)
		return -EBADMSG;
	if (t->layout >= GO_120) {
		*ret = (struct go_call){ words[1], words[3] <= INT32_MAX ? words[3] : 0, words[2] };
		*ret_zeros = words[0] >> 8;
	} else {
		*ret = (struct go_call){ words[3], 0, words[4] };
		*ret_zeros = words[0] >> 24;
	}
	return 0;
}

/* --- finding them --- */

/* The first item at the tree of @f is one: a whole name, and an address inside the function. */
static bool is_tree(const struct go_image *img, const struct go_table *t, const struct go_func *f,
		    uint32_t *ret_name)
{
	const struct bytes *names = &t->names;
	uint8_t buf[ITEM_OLD];
	struct go_call call;
	uint32_t zeros;

	if (goimage_read(img, f->tree, buf, item_size(t)) < 0 ||
	    read_item(t, bytes_of(buf, item_size(t)), &call, &zeros) < 0)
		return false;
	*ret_name = call.name;
	return zeros == 0 && call.at < f->hi - f->lo && call.name < names->n &&
	       names->p[call.name] != 0 && (call.name == 0 || names->p[call.name - 1] == 0);
}

/* Functions with trees, from all over the table. */
static unsigned pick_samples(const struct go_table *t, uint32_t ret[SAMPLES])
{
	size_t step = t->n_funcs / 4096 + 1;
	struct go_func f;
	unsigned n = 0;

	for (size_t i = 0; i < t->n_funcs && n < SAMPLES; i += step)
		if (gotable_func(t, i, &f) == 0 && f.v_inl != 0 && f.tree != UINT64_MAX)
			ret[n++] = (uint32_t)i;
	return n;
}

static bool all_trees(const struct go_image *img, const struct go_table *t, const uint32_t *samples,
		      unsigned n)
{
	unsigned named = 0;
	struct go_func f;
	uint32_t name;

	for (unsigned i = 0; i < n; i++) {
		if (gotable_func(t, samples[i], &f) < 0 || !is_tree(img, t, &f, &name))
			return false;
		named += name != 0;
	}
	/* An item of zeros is one too: it has the first name. Where most are so there is just
	 * nothing. */
	return named > n / 2;
}

int goinline_detect(const struct go_image *img, struct go_table *t, const uint64_t *bases,
		    unsigned n)
{
	/* Go 1.16 on; 1.13 to 1.15; 1.12. */
	static const struct {
		uint8_t values, tree;
	} numbers[] = { { 2, 3 }, { 2, 4 }, { 1, 2 } };
	uint32_t samples[SAMPLES];
	unsigned n_samples;

	if (t->layout >= GO_118) {
		n_samples = pick_samples(t, samples);
		for (unsigned i = 0; i < n; i++) {
			t->gofunc = bases[i];
			if (bases[i] && all_trees(img, t, samples, n_samples))
				return 0;
		}
	} else {
		for (unsigned i = 0; i < ARRAY_LEN(numbers); i++) {
			t->inl_values = numbers[i].values;
			t->inl_tree = numbers[i].tree;
			n_samples = pick_samples(t, samples);
			if (all_trees(img, t, samples, n_samples))
				return 0;
		}
	}
	t->inl_tree = UINT32_MAX;
	return 0;
}

/* --- reading them --- */

int goinline_open(const struct go_image *img, const struct go_table *t, size_t max_bytes,
		  struct go_trees *ret)
{
	uint64_t lo = UINT64_MAX, hi = 0, room, n;
	struct go_trees trees = { 0 };
	struct go_func f;
	int r;

	for (size_t i = 0; i < t->n_funcs; i++)
		if (gotable_func(t, i, &f) == 0 && f.v_inl != 0 && f.tree != UINT64_MAX &&
		    goimage_room(img, f.tree) > 0) {
			lo = f.tree < lo ? f.tree : lo;
			hi = f.tree > hi ? f.tree : hi;
		}
	if (lo > hi) {
		*ret = trees;
		return 0;
	}
	room = goimage_room(img, lo);
	n = hi - lo < room && room - (hi - lo) > TREE_MAX ? hi - lo + TREE_MAX : room;
	if (n > max_bytes)
		return -EFBIG;
	trees.mem = malloc((size_t)n);
	if (!trees.mem)
		return -ENOMEM;
	r = goimage_read(img, lo, trees.mem, (size_t)n);
	if (r < 0) {
		free(trees.mem);
		return r;
	}
	trees.bytes = bytes_of(trees.mem, (size_t)n);
	trees.addr = lo;
	*ret = trees;
	return 0;
}

void goinline_close(struct go_trees *trees)
{
	free(trees->mem);
	*trees = (struct go_trees){ 0 };
}

int goinline_call(const struct go_trees *trees, const struct go_table *t, const struct go_func *f,
		  uint32_t i, struct go_call *ret)
{
	struct go_call call;
	struct bytes item;
	uint32_t zeros;

	if (f->tree == UINT64_MAX || f->tree < trees->addr || i >= GO_CALLS_MAX ||
	    bytes_part(&trees->bytes, f->tree - trees->addr + (uint64_t)i * item_size(t),
		       item_size(t), &item) < 0 ||
	    read_item(t, item, &call, &zeros) < 0)
		return -EBADMSG;
	*ret = call;
	return 0;
}
