/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page is constant but for one block, which holds the data in letters that mean nothing to
 * HTML. So the hashes of its script and style in its content security policy are known when wick is
 * built, and nothing that a profile says can become part of either.
 */
#include <errno.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "calltree.h"
#include "cleanup.h"
#include "err.h"
#include "flamegraph.h"
#include "htmldata.h"
#include "othertypes.h"
#include "outfile.h"
#include "profile.h"
#include "timeline.h"
#include "viewer.h"

#define MAX_NODES   3000000
/* Half as large as at level 1 is what level 6 gets, in five times the time: a page is written once
 * and looked at for longer, but nobody waits for a large one. */
#define LEVEL_SMALL 6
#define LEVEL_LARGE 1
#define LARGE	    (1 << 20)

/* --- the tree --------------------------------------------------------------------------------- */

static int make_tree(struct calltree **ret, const struct profile *p, const struct profile *base,
		     const struct calltree_opts *o, struct err *e)
{
	return base ? calltree_diff(ret, p, base, o, SCALE_NONE, e) : calltree_new(ret, p, o, e);
}

/* A tree of not more than max_nodes: without those that are lightest. */
static int bounded_tree(struct calltree **ret, const struct profile *p, const struct profile *base,
			const struct html_opts *o, struct calltree_opts *to, struct err *e)
{
	size_t most = o->max_nodes ? o->max_nodes : MAX_NODES;
	int r = make_tree(ret, p, base, to, e);

	while (r == 0 && (*ret)->n > most && to->min_share < 0.5) {
		calltree_free(*ret);
		*ret = NULL;
		to->min_share = to->min_share > 0 ? to->min_share * 4 : 1e-7;
		r = make_tree(ret, p, base, to, e);
	}
	return r;
}

/* --- writing ---------------------------------------------------------------------------------- */

static int compress(const struct bytebuf *from, struct bytebuf *ret)
{
	struct libdeflate_compressor *c =
		libdeflate_alloc_compressor(from->n < LARGE ? LEVEL_SMALL : LEVEL_LARGE);
	int r = -ENOMEM;

	if (!c)
		return r;
	if (array_reserve(ret, libdeflate_gzip_compress_bound(c, from->n)) == 0) {
		ret->n = libdeflate_gzip_compress(c, from->items, from->n, ret->items, ret->cap);
		r = ret->n ? 0 : -ENOMEM;
	}
	libdeflate_free_compressor(c);
	return r;
}

/* Writes @n bytes in base64. */
static int write_base64(struct outfile *out, const uint8_t *s, size_t n)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char text[16384];
	size_t k = 0;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i += 3) {
		size_t left = n - i;
		uint32_t v = (uint32_t)s[i] << 16 | (left > 1 ? (uint32_t)s[i + 1] << 8 : 0) |
			     (left > 2 ? s[i + 2] : 0);

		text[k++] = letters[v >> 18];
		text[k++] = letters[v >> 12 & 63];
		text[k++] = left > 1 ? letters[v >> 6 & 63] : '=';
		text[k++] = left > 2 ? letters[v & 63] : '=';
		if (k == sizeof(text)) {
			r = outfile_write(out, text, k);
			k = 0;
		}
	}
	return r == 0 ? outfile_write(out, text, k) : r;
}

static int write_page(const struct htmldata *d, struct outfile *out)
{
	struct bytebuf plain = { 0 }, packed = { 0 };
	int r = htmldata_make(d, &plain);

	if (r == 0)
		r = compress(&plain, &packed);
	array_free(&plain);
	if (r == 0)
		r = outfile_write(out, viewer_head, sizeof(viewer_head));
	if (r == 0)
		r = write_base64(out, packed.items, packed.n);
	if (r == 0)
		r = outfile_write(out, viewer_tail, sizeof(viewer_tail));
	array_free(&packed);
	return r;
}

/* The other sample types of a profile, which the page can show as well: not of differences, and
 * where a page has ranges of time only those that follow from the one that they are of. */
static void find_types(struct othertypes *ret, const struct profile *p, const struct profile *base,
		       struct calltree_opts *to)
{
	*ret = (struct othertypes){ 0 };
	if (base || to->sample_type >= p->sample_types.n)
		return;
	othertypes_find(ret, p, to->sample_type, to->want_ends);
	to->all_types = ret->by_node;
	to->want_ends |= ret->by_node;
}

int html_write(const struct profile *p, const struct profile *base, const struct html_opts *o,
	       struct outfile *out, struct err *e)
{
	_cleanup_(calltree_freep) struct calltree *t = NULL;
	size_t type = o->sample_type < 0 ? profile_default_type(p) : (size_t)o->sample_type;
	struct calltree_opts to = {
		.sample_type = type,
		.order = o->by_name || base ? ORDER_NAME : ORDER_WEIGHT,
		.min_share = o->min_share,
		.by_line = o->by_line,
		.no_inlines = o->no_inlines,
		.want_ends = !base && timeline_is_known(p),
	};
	struct othertypes others;
	struct timeline time = { 0 };
	int r;

	find_types(&others, p, base, &to);
	r = bounded_tree(&t, p, base, o, &to, e);
	if (r == 0)
		r = othertypes_add(&others, p, t);
	if (r == 0 && !base)
		r = timeline_make(&time, p, type, t);
	if (r == 0)
		r = write_page(&(struct htmldata){ .tree = t,
						   .p = p,
						   .sample_type = type,
						   .time = time.n ? &time : NULL,
						   .others = &others,
						   .opts = o },
			       out);
	timeline_done(&time);
	othertypes_done(&others);
	return r == -ENOMEM ? err_set(e, r, "there is not enough memory for the page") : r;
}
