/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page is constant but for one block, which holds the data in letters that mean nothing to
 * HTML. So the hashes of its script and style in its content security policy are known when wick is
 * built, and nothing that a profile says can become part of either.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "calltree.h"
#include "cleanup.h"
#include "compress.h"
#include "err.h"
#include "flamegraph.h"
#include "htmldata.h"
#include "othertypes.h"
#include "outfile.h"
#include "profile.h"
#include "timeline.h"
#include "viewer.h"

#define MAX_NODES 3000000
/* From so many bytes on a page is compressed fast, and some percent less well: it is written once and looked
 * at for longer, but nobody waits for a large one. */
#define LARGE	  (1 << 20)

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

/* What turns bytes into base64 on their way to @out. */
struct base64 {
	struct outfile *out;
	uint8_t rest[3]; /* that wait for the others of their group */
	size_t n_rest;
};

static size_t put_group(char *to, const uint8_t *s)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t v = (uint32_t)s[0] << 16 | (uint32_t)s[1] << 8 | s[2];

	for (int i = 0; i < 4; i++)
		to[i] = letters[v >> (18 - 6 * i) & 63];
	return 4;
}

/* As a sink takes bytes. */
static int base64_write(void *ctx, const void *data, size_t n)
{
	struct base64 *b = ctx;
	const uint8_t *s = data;
	char text[16384];
	size_t k = 0;
	int r = 0;

	while (r == 0 && b->n_rest + n >= sizeof(b->rest)) {
		size_t more = sizeof(b->rest) - b->n_rest;

		memcpy(b->rest + b->n_rest, s, more);
		b->n_rest = 0;
		s += more;
		n -= more;
		k += put_group(text + k, b->rest);
		if (k == sizeof(text)) {
			r = outfile_write(b->out, text, k);
			k = 0;
		}
	}
	memcpy(b->rest + b->n_rest, s, n);
	b->n_rest += n;
	return r == 0 ? outfile_write(b->out, text, k) : r;
}

/* Nothing is written after it. */
static int base64_end(struct base64 *b)
{
	char text[4];

	if (!b->n_rest)
		return 0;
	memset(b->rest + b->n_rest, 0, sizeof(b->rest) - b->n_rest);
	put_group(text, b->rest);
	memset(text + 1 + b->n_rest, '=', 3 - b->n_rest);
	return outfile_write(b->out, text, sizeof(text));
}

static int write_data(const struct bytebuf *data, struct outfile *out)
{
	_cleanup_(compressor_freep) struct compressor *c = NULL;
	struct base64 letters = { .out = out };
	const struct sink sink = { base64_write, &letters };
	int r = compressor_new(&c, data->n < LARGE ? COMPRESSION_GZIP : COMPRESSION_GZIP_SOON,
			       &sink);

	if (r == 0)
		r = compressor_write(c, data->items, data->n);
	if (r == 0)
		r = compressor_finish(c);
	return r == 0 ? base64_end(&letters) : r;
}

static int write_page(const struct htmldata *d, struct outfile *out)
{
	struct bytebuf plain = { 0 };
	int r = htmldata_make(d, &plain);

	if (r == 0)
		r = outfile_write(out, viewer_head, sizeof(viewer_head));
	if (r == 0)
		r = write_data(&plain, out);
	if (r == 0)
		r = outfile_write(out, viewer_tail, sizeof(viewer_tail));
	array_free(&plain);
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
