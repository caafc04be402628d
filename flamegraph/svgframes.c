/* SPDX-License-Identifier: Apache-2.0 */
/* The frames of the picture: which, where, what colour, what is written on them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "outfile.h"
#include "saturate.h"
#include "shortname.h"
#include "strtab.h"
#include "svgpage.h"
#include "svgtext.h"
#include "units.h"

#define SHARE_TEXT_MAX 40

/* --- which ------------------------------------------------------------------------------------ */

static int compare_weights(const void *va, const void *vb)
{
	const uint64_t *a = va, *b = vb;

	return (*a < *b) - (*a > *b);
}

/* The weight of the @nth heaviest node. */
static int nth_weight(const struct svg_page *g, size_t nth, uint64_t *ret)
{
	uint64_t *all = malloc(g->t->n * sizeof(*all));

	if (!all)
		return -ENOMEM;
	for (uint32_t i = 0; i < g->t->n; i++)
		all[i] = svg_weight(g, i);
	qsort(all, g->t->n, sizeof(*all), compare_weights);
	*ret = all[nth];
	free(all);
	return 0;
}

static double share_of(const struct svg_page *g, double v)
{
	return g->t->weight ? v / (double)g->t->weight : 0;
}

/* How the node's share changed, or of a profile that is a difference itself, its value. */
static double change_of(const struct svg_page *g, uint32_t i)
{
	const struct calltree_node *n = &g->t->nodes[i];
	double change = (double)n->total;

	if (g->t->base_total)
		change -= (double)g->t->base_total[i];
	return share_of(g, change);
}

/* Takes note of node @i, which is drawn. */
static void choose(struct svg_page *g, uint32_t i, uint32_t depth, uint64_t at)
{
	double change = change_of(g, i);

	g->frames[g->n_frames++] = (struct svg_frame){ .node = i, .depth = depth, .at = at };
	g->depth = depth > g->depth ? depth : g->depth;
	if (i == 0)
		return;
	change = change < 0 ? -change : change;
	g->most = change > g->most ? change : g->most;
	g->kinds[g->t->frames[g->t->nodes[i].frame].kind] = true;
}

/* The nodes on the way from the root to the last one. */
struct way {
	uint32_t *ends; /* node after the subtree */
	uint64_t *next; /* where the next child begins */
	uint32_t depth;
};

static void walk(struct svg_page *g, struct way *w, uint64_t least, size_t ties)
{
	uint64_t shown = 0;

	for (uint32_t i = 0; i < g->t->n;) {
		const struct calltree_node *n = &g->t->nodes[i];
		uint64_t weight = svg_weight(g, i);

		while (w->depth && w->ends[w->depth - 1] == i)
			w->depth--;
		if (weight < least || weight == 0 || (weight == least && least && ties == 0)) {
			if (g->t->base_total && n->total == 0)
				g->gone = saturate_add_u64(g->gone, magnitude(g->t->base_total[i]));
			w->next[w->depth] += weight;
			i += n->size;
			continue;
		}
		ties -= least && weight == least;
		choose(g, i, w->depth, w->next[w->depth]);
		shown = saturate_add_u64(shown, magnitude(n->self));
		w->next[w->depth + 1] = w->next[w->depth];
		w->next[w->depth] += weight;
		w->ends[w->depth++] = i + n->size;
		i++;
	}
	g->hidden = svg_weight(g, 0) > shown ? svg_weight(g, 0) - shown : 0;
	if (g->weights)
		g->hidden = saturate_add_u64(g->hidden, magnitude(g->t->pruned_self));
}

int svg_choose_frames(struct svg_page *g, size_t at_most)
{
	struct way w = { 0 };
	uint64_t least = 0;
	size_t ties = 0;
	int r = 0;

	if (at_most && g->t->n > at_most) {
		r = nth_weight(g, at_most - 1, &least);
		for (uint32_t i = 0; i < g->t->n; i++)
			ties += svg_weight(g, i) > least;
		ties = at_most - ties;
	}
	w.ends = calloc((size_t)g->t->max_depth + 2, sizeof(*w.ends));
	w.next = calloc((size_t)g->t->max_depth + 2, sizeof(*w.next));
	g->frames = malloc((least ? at_most : g->t->n) * sizeof(*g->frames));
	if (!w.ends || !w.next || !g->frames)
		r = -ENOMEM;
	if (r == 0)
		walk(g, &w, least, ties);
	free(w.ends);
	free(w.next);
	return r;
}

/* --- what is said of them --------------------------------------------------------------------- */

/* What is written many times over, made once: the clean names of frames and their short forms. */
struct names {
	struct name {
		char *full, *shorter; /* shorter is NULL where it is not */
		size_t full_n, shorter_n;
	} * items;
	struct clean buf;
	char *label;
	size_t label_room;
};

static int keep(char **to, size_t *to_n, const char *s, size_t n)
{
	*to = malloc(n + 1);
	if (!*to)
		return -ENOMEM;
	memcpy(*to, s, n);
	(*to)[n] = '\0';
	*to_n = n;
	return 0;
}

static int make_shorter(struct name *to, const char *name, size_t n, struct clean *buf)
{
	char *s = malloc(n + 1);
	size_t k;
	int r;

	if (!s)
		return -ENOMEM;
	k = short_name(name, n, s);
	r = k < n ? svg_clean(buf, s, k) : 0;
	if (r == 0 && k < n)
		r = keep(&to->shorter, &to->shorter_n, buf->text.items, buf->text.n);
	free(s);
	return r;
}

static int find_name(const struct svg_page *g, struct names *names, uint32_t frame,
		     struct name **ret)
{
	struct name *to = &names->items[frame];
	const struct calltree_frame *f = &g->t->frames[frame];
	const char *name = strtab_get(g->t->strings, f->name);
	size_t n = strtab_len(g->t->strings, f->name);
	int r = 0;

	*ret = to;
	if (to->full)
		return 0;
	r = svg_clean(&names->buf, name, n);
	if (r == 0)
		r = keep(&to->full, &to->full_n, names->buf.text.items, names->buf.text.n);
	if (r == 0 && n <= SVG_NAME_MAX)
		r = make_shorter(to, name, n, &names->buf);
	if (to->full_n + 4 > names->label_room) {
		char *more = realloc(names->label, to->full_n + 4);

		if (!more)
			return -ENOMEM;
		names->label = more;
		names->label_room = to->full_n + 4;
	}
	return r;
}

static void names_done(struct names *names, size_t n)
{
	for (size_t i = 0; names->items && i < n; i++) {
		free(names->items[i].full);
		free(names->items[i].shorter);
	}
	free(names->items);
	svg_clean_done(&names->buf);
	free(names->label);
}

/* "1,234 samples": in the words of whoever asked, else those of the profile. */
static void put_value(const struct svg_page *g, int64_t v)
{
	double scaled = (double)v * (g->o->factor > 0 ? g->o->factor : 1);
	char buf[UNITS_TEXT_MAX];

	v = scaled >= 0x1p63	? INT64_MAX
	    : scaled <= -0x1p63 ? INT64_MIN
				: (int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
	svg_puts(g->out, units_value(buf, v, g->unit));
	if (g->word.text.n)
		svg_puts(g->out, " ");
	svg_put_escaped(g->out, g->word.text.items, g->word.text.n);
}

static const char *signed_share(char buf[SHARE_TEXT_MAX], double share)
{
	snprintf(buf, SHARE_TEXT_MAX, "%+.2f%%", 100 * share);
	return buf;
}

static void put_facts(const struct svg_page *g, uint32_t i)
{
	const struct calltree_node *n = &g->t->nodes[i];
	char buf[SHARE_TEXT_MAX];

	svg_puts(g->out, " (");
	put_value(g, n->total);
	svg_putf(g->out, ", %.2f%%", 100 * share_of(g, (double)n->total));
	if (g->t->base_total)
		svg_putf(g->out, ", %s from %.2f%%", signed_share(buf, change_of(g, i)),
			 100 * share_of(g, (double)g->t->base_total[i]));
	svg_puts(g->out, ")");
}

/* --- how they look ---------------------------------------------------------------------------- */

static struct rgb fill_of(const struct svg_page *g, uint32_t i, const struct name *name)
{
	enum frame_kind kind = i ? g->t->frames[g->t->nodes[i].frame].kind : FRAME_NOTE;
	double change;

	if (!g->t->base_total && !g->is_change)
		return palette_fill(g->palette, kind, name->full, name->full_n);
	change = g->most > 0 && i ? change_of(g, i) / g->most : 0;
	return change_fill(g->o->negate ? -change : change);
}

/* A number of percent without zeros at its end; frames are a hundredth of a thousandth wide at
 * least. */
static void put_percent(struct outfile *out, double percent)
{
	char buf[32];
	int n = snprintf(buf, sizeof(buf), "%.5f", percent);

	while (n > 1 && buf[n - 1] == '0')
		n--;
	n -= buf[n - 1] == '.';
	buf[n++] = '%';
	svg_put(out, buf, (size_t)n);
}

static size_t label_of(const struct svg_page *g, const struct names *names, const struct name *name,
		       double width)
{
	double room = (width - 6) / g->char_width;
	size_t columns = room < 3 ? 0 : (size_t)room, n;

	if (!columns)
		return 0;
	n = svg_fit(name->full, name->full_n, columns, names->label);
	if (n == name->full_n || !name->shorter)
		return n;
	return svg_fit(name->shorter, name->shorter_n, columns, names->label);
}

static double row_top(const struct svg_page *g, uint32_t depth)
{
	return g->top + (double)g->row * (g->o->inverted ? depth : g->depth - depth);
}

static void put_frame(const struct svg_page *g, const struct names *names,
		      const struct svg_frame *f, const struct name *name)
{
	uint64_t weight = svg_weight(g, f->node), whole = svg_weight(g, 0);
	double at = 100 * (double)f->at / (double)whole,
	       width = 100 * (double)weight / (double)whole;
	double y = row_top(g, f->depth);
	struct rgb fill = fill_of(g, f->node, name);
	size_t n;

	svg_putf(g->out, "<g data-v=\"%" PRIu64 "\"", weight);
	if (name->shorter) {
		svg_puts(g->out, " data-s=\"");
		svg_put_escaped(g->out, name->shorter, name->shorter_n);
		svg_puts(g->out, "\"");
	}
	svg_puts(g->out, "><title>");
	svg_put_escaped(g->out, name->full, name->full_n);
	put_facts(g, f->node);
	svg_puts(g->out, "</title><rect x=\"");
	put_percent(g->out, at);
	svg_putf(g->out, "\" y=\"%.0f\" width=\"", y);
	put_percent(g->out, width);
	svg_putf(g->out, "\" height=\"%u\" fill=\"#%02x%02x%02x\"/>", g->row - 1, fill.r, fill.g,
		 fill.b);
	n = label_of(g, names, name, width / 100 * g->width * (100 - 2 * SVG_MARGIN_PERCENT) / 100);
	if (n) {
		svg_puts(g->out, "<text x=\"");
		put_percent(g->out, at);
		svg_putf(g->out, "\" dx=\"3\" y=\"%.1f\">", y + (g->row - 1 + g->font * 0.7) / 2);
		svg_put_escaped(g->out, names->label, n);
		svg_puts(g->out, "</text>");
	}
	svg_puts(g->out, "</g>\n");
}

int svg_write_frames(const struct svg_page *g)
{
	struct names names = { .label = malloc(8), .label_room = 8 };
	struct name *root, *name;
	int r = -ENOMEM;

	names.items = calloc(g->t->n_frames + 1, sizeof(*names.items));
	root = names.items + g->t->n_frames;
	if (names.items && names.label)
		r = keep(&root->full, &root->full_n, "all", strlen("all"));
	for (size_t i = 0; i < g->n_frames && r == 0; i++) {
		const struct svg_frame *f = &g->frames[i];

		name = root;
		if (f->node)
			r = find_name(g, &names, g->t->nodes[f->node].frame, &name);
		if (r == 0)
			put_frame(g, &names, f, name);
	}
	names_done(&names, g->t->n_frames + 1);
	return r;
}
