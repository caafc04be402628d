/* SPDX-License-Identifier: Apache-2.0 */
/* The flame graph as SVG: options, the page around the frames, the script. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "outfile.h"
#include "profile.h"
#include "saturate.h"
#include "svg.js.h"
#include "svgpage.h"
#include "svgtext.h"
#include "ticks.h"
#include "units.h"

#define GUESSED_WIDTH 1200 /* of a window */
#define FRAMES_MAX    10000
#define MIN_WIDTH     0.5  /* px */
#define DEPTH_MAX     5000 /* a picture of 80,000 pixels */
#define WIDTH_MIN     100
#define WIDTH_MAX     100000

/* --- options ---------------------------------------------------------------------------------- */

const char *svg_palettes(void)
{
	return palette_names();
}

/* A width in pixels, or in percent of the whole: as a share of a picture @width pixels wide. */
static bool parse_min_width(const char *text, double width, double *ret_share)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || !(v >= 0) || !isfinite(v))
		return false;
	if (strcmp(end, "%") == 0) {
		*ret_share = v / 100;
		return v <= 100;
	}
	*ret_share = v / (width * (100 - 2 * SVG_MARGIN_PERCENT) / 100);
	return !*end || strcmp(end, "px") == 0;
}

/* What may stand in a style sheet: the names of fonts. */
static bool is_font(const char *s)
{
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr(" ,-_'", *s))
			return false;
	return true;
}

int svg_check(const struct svg_opts *o, struct err *e)
{
	struct rgb top, bottom;
	double share;

	if (o->colors && !palette_by_name(o->colors))
		return err_set(e, -EINVAL, "there are no colors '%s'; there are %s", o->colors,
			       palette_names());
	if (o->bgcolors && !background_by_name(o->bgcolors, &top, &bottom))
		return err_set(e, -EINVAL,
			       "'%s' is no background; there are yellow, blue, green, grey, white "
			       "and colors such as #f8f8f8",
			       o->bgcolors);
	if (o->min_width && !parse_min_width(o->min_width, GUESSED_WIDTH, &share))
		return err_set(
			e, -EINVAL,
			"'%s' is no width of a frame; give pixels, such as 0.5, or a part of "
			"the whole, such as 0.1%%",
			o->min_width);
	if (o->width && (o->width < WIDTH_MIN || o->width > WIDTH_MAX))
		return err_set(e, -EINVAL, "a picture can be %d to %d pixels wide, not %u",
			       WIDTH_MIN, WIDTH_MAX, o->width);
	if (o->frame_height > 200 || (o->frame_height && o->frame_height < 3))
		return err_set(e, -EINVAL, "a frame can be 3 to 200 pixels high, not %u",
			       o->frame_height);
	if (o->fonttype && !is_font(o->fonttype))
		return err_set(e, -EINVAL,
			       "'%s' is no name of a font; letters, digits, spaces, commas and "
			       "hyphens make one",
			       o->fonttype);
	if (o->fontsize < 0 || o->fontsize > 100 || (o->fontsize > 0 && o->fontsize < 1))
		return err_set(e, -EINVAL, "a font can be 1 to 100 pixels high, not %g",
			       o->fontsize);
	return 0;
}

/* --- the page --------------------------------------------------------------------------------- */

static bool is_given(const char *s)
{
	return s && *s;
}

static const char *default_title(const struct svg_page *g)
{
	return g->t->base_total || g->is_change ? "Differential Flame Graph"
	       : g->o->inverted			? "Icicle Graph"
						: "Flame Graph";
}

static double line_height(const struct svg_page *g)
{
	return g->font * 1.6;
}

static bool has_legend(const struct svg_page *g)
{
	return g->t->base_total || g->is_change || palette_has_legend(g->palette);
}

static void lay_out(struct svg_page *g)
{
	const struct svg_opts *o = g->o;

	g->font = o->fontsize > 0 ? o->fontsize : 12;
	g->char_width = g->font * (o->fontwidth > 0 ? o->fontwidth : 0.6);
	g->width = o->width ? o->width : GUESSED_WIDTH;
	g->row = o->frame_height ? o->frame_height : 16;
	g->top = g->font * 3.2 + (is_given(o->subtitle) ? line_height(g) : 0);
	g->height = g->top + (double)g->row * (g->depth + 1) + line_height(g) + g->font;
	g->height += has_legend(g) ? line_height(g) : 0;
	g->height += g->hidden ? line_height(g) : 0;
	g->height += g->gone ? line_height(g) : 0;
	g->height += g->has_account ? line_height(g) : 0;
}

static void put_style(const struct svg_page *g)
{
	const char *font = is_given(g->o->fonttype) ? g->o->fonttype : "monospace";
	struct rgb found = found_fill(), text = ink();

	svg_puts(g->out, "<style>\n");
	svg_puts(g->out, ".wick text{font-family:");
	svg_puts(g->out, font);
	svg_putf(g->out, ";font-size:%gpx;fill:#%02x%02x%02x;white-space:pre}\n", g->font, text.r,
		 text.g, text.b);
	svg_putf(g->out, ".wick .title{font-size:%gpx;text-anchor:middle}\n", g->font * 1.4);
	svg_puts(g->out, ".wick .subtitle{text-anchor:middle}\n"
			 ".wick .soft{fill:#5a534a}\n"
			 ".wick .end{text-anchor:end}\n"
			 ".wick .frames text{pointer-events:none}\n");
	if (!g->o->no_script) {
		svg_puts(g->out, ".wick .frames g{cursor:pointer}\n"
				 ".wick .frames g:hover rect{stroke:#1a1714;stroke-width:.7}\n"
				 ".wick .around rect{opacity:.55}\n"
				 ".wick .button{cursor:pointer;text-decoration:underline}\n"
				 ".wick .bad{fill:#b3240f}\n"
				 ".wick .off{display:none}\n");
		svg_putf(g->out, ".wick .found rect{fill:#%02x%02x%02x}\n", found.r, found.g,
			 found.b);
	}
	svg_puts(g->out, "</style>\n");
}

static void put_ground(const struct svg_page *g)
{
	const char *name = g->o->bgcolors		      ? g->o->bgcolors
			   : g->t->base_total || g->is_change ? "white"
							      : palette_background(g->palette);
	struct rgb top = { 255, 255, 255 }, bottom = top;

	background_by_name(name, &top, &bottom);
	svg_putf(g->out,
		 "<defs><linearGradient id=\"wick-ground\" x2=\"0\" y2=\"1\">"
		 "<stop offset=\"5%%\" stop-color=\"#%02x%02x%02x\"/>"
		 "<stop offset=\"95%%\" stop-color=\"#%02x%02x%02x\"/></linearGradient></defs>\n",
		 top.r, top.g, top.b, bottom.r, bottom.g, bottom.b);
	svg_puts(g->out, "<rect width=\"100%\" height=\"100%\" fill=\"url(#wick-ground)\"/>\n");
}

static int put_head(const struct svg_page *g)
{
	const struct svg_opts *o = g->o;
	const char *title = o->title ? o->title : default_title(g);
	int r = 0;

	svg_puts(g->out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	svg_puts(
		g->out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" class=\"wick\" width=\"");
	if (o->width)
		svg_putf(g->out, "%u\" height=\"%.0f\" viewBox=\"0 0 %u %.0f\"", o->width,
			 g->height, o->width, g->height);
	else
		svg_putf(g->out, "100%%\" height=\"%.0f\"", g->height);
	svg_puts(g->out, ">\n");
	if (is_given(o->notes)) {
		svg_puts(g->out, "<desc>");
		r = svg_put_foreign(g->out, o->notes);
		svg_puts(g->out, "</desc>\n");
	}
	put_style(g);
	put_ground(g);
	svg_putf(g->out, "<text class=\"title\" x=\"50%%\" y=\"%.1f\">", g->font * 2);
	if (r == 0)
		r = svg_put_foreign(g->out, title);
	svg_puts(g->out, "</text>\n");
	if (r == 0 && is_given(o->subtitle)) {
		svg_putf(g->out, "<text class=\"subtitle soft\" x=\"50%%\" y=\"%.1f\">",
			 g->font * 2 + line_height(g));
		r = svg_put_foreign(g->out, o->subtitle);
		svg_puts(g->out, "</text>\n");
	}
	return r;
}

static void put_swatch(const struct svg_page *g, double *x, double y, struct rgb c,
		       const char *text)
{
	svg_putf(
		g->out,
		"<rect x=\"%.0f\" y=\"%.1f\" width=\"%.0f\" height=\"%.0f\" fill=\"#%02x%02x%02x\"/>"
		"<text class=\"soft\" x=\"%.0f\" y=\"%.1f\">%s</text>\n",
		*x, y - g->font * 0.8, g->font, g->font, c.r, c.g, c.b, *x + g->font * 1.4, y,
		text);
	*x += g->font * 2.6 + g->char_width * (double)strlen(text);
}

static void put_legend(const struct svg_page *g, double y)
{
	static const char *const kinds[FRAME_KINDS] = {
		[FRAME_NATIVE] = "native", [FRAME_INLINED] = "inlined",
		[FRAME_KERNEL] = "kernel", [FRAME_JIT] = "JIT-compiled",
		[FRAME_NOTE] = "no code",
	};
	double x = g->font;

	if (g->t->base_total || g->is_change) {
		put_swatch(g, &x, y, change_fill(g->o->negate ? -1 : 1), "more than in the base");
		put_swatch(g, &x, y, change_fill(g->o->negate ? 1 : -1), "less");
		return;
	}
	for (int k = 0; k < FRAME_KINDS; k++)
		if (g->kinds[k])
			put_swatch(g, &x, y, palette_fill(g->palette, (enum frame_kind)k, "", 0),
				   kinds[k]);
}

static void begin_line(const struct svg_page *g, double *y, const char *class)
{
	*y += line_height(g);
	svg_putf(g->out, "<text class=\"soft%s\" x=\"%.0f\" y=\"%.1f\"", class, g->font, *y);
}

static void put_percent(const struct svg_page *g, double share)
{
	svg_putf(g->out, share > 0 && share < 0.0001 ? "&lt;0.01%%" : "%.2f%%", 100 * share);
}

/* The share for the script, which tells after a search what it has not seen. */
static void put_hidden(const struct svg_page *g, double *y)
{
	double share = (double)g->hidden / (double)svg_weight(g, 0);

	begin_line(g, y, " unseen");
	svg_putf(g->out, " data-share=\"%.6f\">", share);
	put_percent(g, share);
	svg_puts(g->out, g->t->max_depth < DEPTH_MAX
				 ? " of all ends in frames too narrow to be drawn.</text>\n"
				 : " of all ends in frames too narrow or too deep to be "
				   "drawn.</text>\n");
}

/* Values of the base are scaled to the weight of the profile, or are shares of that anyway. */
static void put_gone(const struct svg_page *g, double *y)
{
	begin_line(g, y, "");
	svg_puts(g->out, ">");
	put_percent(g, (double)g->gone / (double)g->t->weight);
	svg_puts(g->out, " was in calls that are in the base alone: they are not drawn.</text>\n");
}

static double part_of(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : 0;
}

/* What became of all samples. */
static void put_account(const struct svg_page *g, double *y)
{
	const struct ticks *a = &g->account;
	char n[UNITS_TEXT_MAX];

	begin_line(g, y, " account");
	svg_putf(g->out, ">%s samples recorded, ", units_count(n, a->recorded));
	put_percent(g, part_of(a->lost, saturate_add_u64(a->recorded, a->lost)));
	svg_puts(g->out, " lost; ");
	put_percent(g, part_of(a->truncated, a->recorded));
	svg_puts(g->out, " of the stacks are incomplete.</text>\n");
}

/* The lines below the frames, and what the script writes to. */
static int put_foot(const struct svg_page *g)
{
	double y = g->top + (double)g->row * (g->depth + 1) + line_height(g), x = g->font;
	const char *of = is_given(g->o->nametype) ? g->o->nametype : "Function:";
	int r = 0;

	if (!g->o->no_script) {
		svg_puts(g->out, "<text class=\"details\" data-of=\"");
		r = svg_put_foreign(g->out, of);
		svg_putf(g->out, "\" x=\"%.0f\" y=\"%.1f\"> </text>\n", x, y);
		svg_putf(g->out, "<text class=\"matched end\" x=\"%g%%\" y=\"%.1f\"> </text>\n",
			 100 - SVG_MARGIN_PERCENT, y);
		svg_putf(
			g->out,
			"<text class=\"reset button off\" x=\"%.0f\" y=\"%.1f\">Reset Zoom</text>\n",
			x, g->font * 2);
		svg_putf(
			g->out,
			"<text class=\"search button end off\" x=\"%g%%\" y=\"%.1f\">Search</text>\n",
			100 - SVG_MARGIN_PERCENT, g->font * 2);
	}
	if (has_legend(g)) {
		y += line_height(g);
		put_legend(g, y);
	}
	if (g->hidden)
		put_hidden(g, &y);
	if (g->gone)
		put_gone(g, &y);
	if (g->has_account)
		put_account(g, &y);
	return r;
}

static int put_empty(const struct svg_page *g)
{
	svg_putf(
		g->out,
		"<text x=\"50%%\" y=\"%.1f\" class=\"subtitle\">The profile has no samples of this "
		"kind.</text>\n",
		g->top + g->row * 0.8);
	return 0;
}

static int put_page(const struct svg_page *g)
{
	int r = put_head(g);

	if (r < 0)
		return r;
	if (svg_weight(g, 0) == 0) {
		r = put_empty(g);
	} else {
		r = put_foot(g);
		svg_putf(g->out, "<svg class=\"window\" x=\"%g%%\" width=\"%g%%\">\n",
			 SVG_MARGIN_PERCENT, 100 - 2 * SVG_MARGIN_PERCENT);
		svg_puts(g->out, "<svg class=\"frames\" x=\"0%\" width=\"100%\">\n");
		if (r == 0)
			r = svg_write_frames(g);
		svg_puts(g->out, "</svg>\n</svg>\n");
	}
	if (!g->o->no_script && svg_weight(g, 0)) {
		svg_puts(g->out, "<script><![CDATA[\n");
		svg_put(g->out, (const char *)svg_js, sizeof(svg_js));
		svg_puts(g->out, "]]></script>\n");
	}
	svg_puts(g->out, "</svg>\n");
	return r;
}

/* --- the tree --------------------------------------------------------------------------------- */

/* Of a profile with values below zero widths are sums without signs. */
static int sum_weights(struct svg_page *g)
{
	const struct calltree *t = g->t;

	for (size_t i = 0; i < t->n && !g->is_change; i++)
		g->is_change = t->nodes[i].self < 0;
	if (!g->is_change)
		return 0;
	g->weights = calloc(t->n + 1, sizeof(*g->weights));
	if (!g->weights)
		return -ENOMEM;
	for (size_t i = 0; i < t->n; i++)
		g->weights[i + 1] = saturate_add_u64(g->weights[i], magnitude(t->nodes[i].self));
	return 0;
}

/* What is said after values. */
static int set_words(struct svg_page *g, const struct profile *p, size_t type)
{
	const struct profile_value_type *vt;
	const char *word = g->o->countname, *name;
	int r;

	g->unit = "";
	if (!is_given(word) && type < p->sample_types.n) {
		vt = &p->sample_types.items[type];
		name = strtab_get(&p->strings, vt->type);
		g->unit = strtab_get(&p->strings, vt->unit);
		word = strcmp(g->unit, "count") == 0 || !*g->unit	    ? name
		       : units_ns(g->unit) || strcmp(g->unit, "bytes") == 0 ? ""
									    : g->unit;
	}
	r = svg_clean(&g->word, word ? word : "", word ? strlen(word) : 0);
	/* Scripts and readers look for the last " (" of a title. */
	for (size_t i = 0; i < g->word.text.n && r == 0; i++)
		if (g->word.text.items[i] == '(')
			g->word.text.items[i] = '[';
		else if (g->word.text.items[i] == ')')
			g->word.text.items[i] = ']';
	return r;
}

static int draw(struct svg_page *g, const struct profile *p, size_t type)
{
	int r = set_words(g, p, type);

	if (r == 0)
		r = sum_weights(g);
	if (r == 0)
		r = svg_choose_frames(g, g->o->min_width ? 0 : FRAMES_MAX);
	if (r == 0) {
		lay_out(g);
		r = put_page(g);
	}
	free(g->frames);
	free(g->weights);
	svg_clean_done(&g->word);
	return r;
}

int svg_write(const struct profile *p, const struct profile *base, const struct svg_opts *o,
	      struct outfile *out, struct err *e)
{
	struct calltree_opts to = {
		.sample_type =
			o->sample_type < 0 ? profile_default_type(p) : (size_t)o->sample_type,
		.order = o->by_name || base ? ORDER_NAME : ORDER_WEIGHT,
		.max_depth = DEPTH_MAX,
		.by_leaf = o->by_leaf,
		.no_inlines = o->no_inlines,
	};
	double width = o->width ? o->width : GUESSED_WIDTH;
	struct svg_page g = { .o = o, .out = out };
	struct calltree *t;
	int r = svg_check(o, e);

	if (r < 0)
		return r;
	g.has_account = ticks_read(&g.account, p);
	if (!o->min_width || !parse_min_width(o->min_width, width, &to.min_share))
		to.min_share = MIN_WIDTH / width;
	r = base ? calltree_diff(&t, p, base, &to, o->as_is ? SCALE_NONE : SCALE_TOTAL, e)
		 : calltree_new(&t, p, &to, e);
	if (r < 0)
		return r;
	g.t = t;
	g.palette = palette_by_name(o->colors ? o->colors : "kind");
	r = draw(&g, p, to.sample_type);
	calltree_free(t);
	return r;
}
