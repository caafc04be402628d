/* SPDX-License-Identifier: Apache-2.0 */
#include "codemap.h"

#include <errno.h>
#include <stdlib.h>

void codemap_done(struct codemap *m)
{
	for (size_t i = 0; i < m->n_layers; i++)
		free(m->layers[i].ranges);
	m->n_layers = m->n_fresh = 0;
}

static void emit(struct codemap_layer *to, struct codemap_range r)
{
	struct codemap_range *last = to->n ? &to->ranges[to->n - 1] : NULL;

	if (r.start >= r.end)
		return;
	if (last && last->end == r.start && last->code == r.code)
		last->end = r.end;
	else
		to->ranges[to->n++] = r;
}

/* Makes one layer of two: all of @over, and of @under what it leaves in sight. */
static int overlay(const struct codemap_layer *under, const struct codemap_layer *over,
		   struct codemap_layer *ret)
{
	/* Each range of @over cuts at most one of @under in two. */
	struct codemap_layer to = { calloc(under->n + 2 * over->n + 1, sizeof(*to.ranges)), 0 };
	uint64_t from = 0;
	size_t u = 0;

	if (!to.ranges)
		return -ENOMEM;
	for (size_t o = 0; o <= over->n; o++) {
		uint64_t limit = o < over->n ? over->ranges[o].start : UINT64_MAX;

		for (; u < under->n && under->ranges[u].start < limit; u++) {
			struct codemap_range r = under->ranges[u];
			bool goes_on = r.end > limit;

			r.start = r.start < from ? from : r.start;
			r.end = goes_on ? limit : r.end;
			emit(&to, r);
			if (goes_on)
				break;
		}
		if (o < over->n) {
			emit(&to, over->ranges[o]);
			from = over->ranges[o].end;
		}
	}
	*ret = to;
	return 0;
}

/* Makes a layer of @n pieces, the later ones over the earlier ones. */
static int flatten(const struct codemap_range *pieces, size_t n, struct codemap_layer *ret)
{
	struct codemap_layer under = { 0 }, over = { 0 };
	int r;

	if (n == 1) {
		under.ranges = malloc(sizeof(*under.ranges));
		if (!under.ranges)
			return -ENOMEM;
		under.ranges[0] = pieces[0];
		under.n = 1;
		*ret = under;
		return 0;
	}
	r = flatten(pieces, n / 2, &under);
	if (r == 0)
		r = flatten(pieces + n / 2, n - n / 2, &over);
	if (r == 0)
		r = overlay(&under, &over, ret);
	free(under.ranges);
	free(over.ranges);
	return r;
}

/* Joins the two topmost layers. */
static int join_top(struct codemap *m)
{
	struct codemap_layer *under = &m->layers[m->n_layers - 2], *over = under + 1, both;
	struct codemap_range *fit;
	int r = overlay(under, over, &both);

	if (r < 0)
		return r;
	fit = realloc(both.ranges, both.n * sizeof(*both.ranges));
	if (fit)
		both.ranges = fit;
	free(under->ranges);
	free(over->ranges);
	*under = both;
	m->n_layers--;
	return 0;
}

/* Makes a layer of what is fresh. */
static int settle(struct codemap *m)
{
	struct codemap_layer top;
	int r;

	/* First, so that a failure leaves a map that is only less tidy. */
	while (m->n_layers >= 2 &&
	       (m->layers[m->n_layers - 2].n <= 2 * m->layers[m->n_layers - 1].n ||
		m->n_layers == CODEMAP_LAYERS)) {
		r = join_top(m);
		if (r < 0)
			return r;
	}
	r = flatten(m->fresh, m->n_fresh, &top);
	if (r < 0)
		return r;
	m->layers[m->n_layers++] = top;
	m->n_fresh = 0;
	return 0;
}

int codemap_put(struct codemap *m, uint64_t start, uint64_t end, uint32_t code)
{
	int r = m->n_fresh == CODEMAP_FRESH ? settle(m) : 0;

	if (r == 0)
		m->fresh[m->n_fresh++] = (struct codemap_range){ start, end, code };
	return r;
}

static const struct codemap_range *find_in_layer(const struct codemap_layer *l, uint64_t addr)
{
	size_t lo = 0, hi = l->n; /* ranges[lo - 1].start <= addr < ranges[hi].start */

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (l->ranges[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && addr < l->ranges[lo - 1].end ? &l->ranges[lo - 1] : NULL;
}

bool codemap_find(const struct codemap *m, uint64_t addr, uint32_t *ret)
{
	for (size_t i = m->n_fresh; i-- > 0;)
		if (m->fresh[i].start <= addr && addr < m->fresh[i].end) {
			*ret = m->fresh[i].code;
			return true;
		}
	for (size_t i = m->n_layers; i-- > 0;) {
		const struct codemap_range *r = find_in_layer(&m->layers[i], addr);

		if (r) {
			*ret = r->code;
			return true;
		}
	}
	return false;
}

size_t codemap_bytes(const struct codemap *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_layers; i++)
		n += m->layers[i].n * sizeof(*m->layers[i].ranges);
	return n;
}
