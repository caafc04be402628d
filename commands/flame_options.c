/* SPDX-License-Identifier: Apache-2.0 */
#include "flame_options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "array.h"
#include "err.h"
#include "optword.h"

const char flame_usage[] =
	"usage: wick flame [OPTIONS] [FILE...] [-o FILE.html|FILE.svg] [--diff BASE]\n"
	"\n"
	"Draws a profile (default wick.pb.gz; - is standard input; several are merged) as\n"
	"a flame graph: a page with flame graph, table and call tree, or an SVG picture.\n"
	"Without -o, prof.pb.gz becomes prof.html in this folder.\n"
	"\n"
	"  -o, --output FILE       where to: .html, .svg; - is standard output, SVG there\n"
	"      --format NAME       html or svg, whatever the file is called\n"
	"      --diff BASE         colour by the difference to profile BASE: red has\n"
	"                          more, blue less; shares of all are compared\n"
	"      --no-normalize      compare the values as they are\n"
	"      --title TEXT        above the graph\n"
	"      --inverted          root at the top (an icicle graph)\n"
	"      --reverse           merge stacks from the leaf\n"
	"      --order HOW         siblings by weight (the default) or by name, as\n"
	"                          those of differences always are\n"
	"      --no-inline         leave out functions that the compiler inlined\n"
	"\n" VIEWOPTS_USAGE "\n"
	"Of SVG alone, called as those of flamegraph.pl:\n"
	"\n"
	"      --colors PALETTE    kind (of code, the default), hot mem io wakeup chain\n"
	"                          java js perl red green blue aqua yellow purple orange\n"
	"      --bgcolors COLOR    background: white yellow blue green grey #rrggbb\n"
	"      --hash              names always have the same colours: nothing to ask for\n"
	"      --negate            differences: red and blue change places\n"
	"      --subtitle TEXT     below the title\n"
	"      --notes TEXT        kept in the file\n"
	"      --width PIXELS      of the picture (default: as wide as the window)\n"
	"      --height PIXELS     of a frame (default 16)\n"
	"      --minwidth WIDTH    leave out frames narrower than 0.5 (pixels) or 0.1%; 0\n"
	"                          draws all (default half a pixel, at most 10,000);\n"
	"                          in percent, of a page, too\n"
	"      --fonttype NAME     (default monospace)\n"
	"      --fontsize PIXELS   (default 12)\n"
	"      --fontwidth PART    width of characters in parts of their size (0.6)\n"
	"      --countname TEXT    what is counted, such as samples\n"
	"      --nametype TEXT     what a frame is (default Function:)\n"
	"      --factor N          multiply values by N\n"
	"      --encoding NAME     utf-8, which it always is\n"
	"      --no-js             without a script: no zoom, no search\n";

enum {
	OPT_FORMAT = 256,
	OPT_DIFF,
	OPT_NO_NORMALIZE,
	OPT_TITLE,
	OPT_INVERTED,
	OPT_REVERSE,
	OPT_ORDER,
	OPT_NO_INLINE,
	OPT_SVG_ALONE, /* from here on */
	OPT_COLORS,
	OPT_BGCOLORS,
	OPT_HASH,
	OPT_NEGATE,
	OPT_SUBTITLE,
	OPT_NOTES,
	OPT_WIDTH,
	OPT_HEIGHT,
	OPT_MINWIDTH,
	OPT_FONTTYPE,
	OPT_FONTSIZE,
	OPT_FONTWIDTH,
	OPT_COUNTNAME,
	OPT_NAMETYPE,
	OPT_FACTOR,
	OPT_ENCODING,
	OPT_NO_JS,
	OPT_SVG_END,
};

static const struct option long_options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "format", required_argument, NULL, OPT_FORMAT },
	{ "diff", required_argument, NULL, OPT_DIFF },
	{ "no-normalize", no_argument, NULL, OPT_NO_NORMALIZE },
	{ "title", required_argument, NULL, OPT_TITLE },
	{ "inverted", no_argument, NULL, OPT_INVERTED },
	{ "reverse", no_argument, NULL, OPT_REVERSE },
	{ "order", required_argument, NULL, OPT_ORDER },
	{ "no-inline", no_argument, NULL, OPT_NO_INLINE },
	{ "colors", required_argument, NULL, OPT_COLORS },
	{ "bgcolors", required_argument, NULL, OPT_BGCOLORS },
	{ "hash", no_argument, NULL, OPT_HASH },
	{ "negate", no_argument, NULL, OPT_NEGATE },
	{ "subtitle", required_argument, NULL, OPT_SUBTITLE },
	{ "notes", required_argument, NULL, OPT_NOTES },
	{ "width", required_argument, NULL, OPT_WIDTH },
	{ "height", required_argument, NULL, OPT_HEIGHT },
	{ "minwidth", required_argument, NULL, OPT_MINWIDTH },
	{ "fonttype", required_argument, NULL, OPT_FONTTYPE },
	{ "fontsize", required_argument, NULL, OPT_FONTSIZE },
	{ "fontwidth", required_argument, NULL, OPT_FONTWIDTH },
	{ "countname", required_argument, NULL, OPT_COUNTNAME },
	{ "nametype", required_argument, NULL, OPT_NAMETYPE },
	{ "factor", required_argument, NULL, OPT_FACTOR },
	{ "encoding", required_argument, NULL, OPT_ENCODING },
	{ "no-js", no_argument, NULL, OPT_NO_JS },
	VIEWOPTS_LONG,
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int take_number(const char *option, const char *text, double *ret, struct err *e)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end || !isfinite(v) || v <= 0)
		return err_set(e, -EINVAL, "'%s' is no number for --%s", text, option);
	*ret = v;
	return 0;
}

static int take_pixels(const char *option, const char *text, unsigned *ret, struct err *e)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (end == text || *text == '-' || *end || !v || v > INT_MAX)
		return err_set(e, -EINVAL, "'%s' is no number of pixels for --%s", text, option);
	*ret = (unsigned)v;
	return 0;
}

static int take_order(const char *text, struct output_opts *o, struct err *e)
{
	if (strcmp(text, "name") != 0 && strcmp(text, "weight") != 0)
		return err_set(e, -EINVAL, "there is no order '%s'; there are weight and name",
			       text);
	o->svg.by_name = o->html.by_name = strcmp(text, "name") == 0;
	return 0;
}

/* Options that both kinds of picture have. */
static int take_common(struct flame_options *o, int opt, const char *arg, struct err *e)
{
	struct output_opts *look = &o->look;

	switch (opt) {
	case 'o':
		if (o->output)
			return err_set(e, -EINVAL, "flame writes one file; give -o once");
		o->output = arg;
		return 0;
	case OPT_FORMAT:
		o->format = output_by_name(arg, e);
		return o->format < 0 ? o->format : 0;
	case OPT_DIFF:
		if (o->base)
			return err_set(e, -EINVAL, "a difference has one base; give --diff once");
		o->base = arg;
		return 0;
	case OPT_NO_NORMALIZE:
		look->svg.as_is = look->html.as_is = true;
		return 0;
	case OPT_TITLE:
		look->svg.title = look->html.title = arg;
		return 0;
	case OPT_INVERTED:
		look->svg.inverted = look->html.icicle = true;
		return 0;
	case OPT_REVERSE:
		look->svg.by_leaf = look->html.by_leaf = true;
		return 0;
	case OPT_ORDER:
		return take_order(arg, look, e);
	default: /* OPT_NO_INLINE */
		look->svg.no_inlines = look->html.no_inlines = true;
		return 0;
	}
}

static int take_svg(struct svg_opts *s, int opt, const char *arg, struct err *e)
{
	switch (opt) {
	case OPT_COLORS:
		s->colors = arg;
		return 0;
	case OPT_BGCOLORS:
		s->bgcolors = arg;
		return 0;
	case OPT_NEGATE:
		s->negate = true;
		return 0;
	case OPT_SUBTITLE:
		s->subtitle = arg;
		return 0;
	case OPT_NOTES:
		s->notes = arg;
		return 0;
	case OPT_WIDTH:
		return take_pixels("width", arg, &s->width, e);
	case OPT_HEIGHT:
		return take_pixels("height", arg, &s->frame_height, e);
	case OPT_MINWIDTH:
		s->min_width = arg;
		return 0;
	case OPT_FONTTYPE:
		s->fonttype = arg;
		return 0;
	case OPT_FONTSIZE:
		return take_number("fontsize", arg, &s->fontsize, e);
	case OPT_FONTWIDTH:
		return take_number("fontwidth", arg, &s->fontwidth, e);
	case OPT_COUNTNAME:
		s->countname = arg;
		return 0;
	case OPT_NAMETYPE:
		s->nametype = arg;
		return 0;
	case OPT_FACTOR:
		return take_number("factor", arg, &s->factor, e);
	case OPT_ENCODING:
		return strcasecmp(arg, "utf-8") == 0 || strcasecmp(arg, "utf8") == 0
			       ? 0
			       : err_set(e, -EINVAL, "pictures are written in utf-8, not '%s'",
					 arg);
	case OPT_NO_JS:
		s->no_script = true;
		return 0;
	default: /* OPT_HASH */
		return 0;
	}
}

static const char *long_name(int opt)
{
	for (size_t i = 0; i + 1 < ARRAY_LEN(long_options); i++)
		if (long_options[i].val == opt)
			return long_options[i].name;
	return "";
}

/* A width in percent is one of pages, too: they have no pixels yet. */
static bool take_share(const char *arg, double *ret)
{
	char *end;
	double percent = strtod(arg, &end);

	if (end == arg || strcmp(end, "%") != 0 || !(percent >= 0 && percent <= 100))
		return false;
	*ret = percent / 100;
	return true;
}

static int take(struct flame_options *o, int opt, const char *word, struct err *e)
{
	int r;

	if (opt > OPT_SVG_ALONE && opt < OPT_SVG_END) {
		if (opt != OPT_MINWIDTH || !take_share(optarg, &o->look.html.min_share))
			o->svg_only = long_name(opt);
		return take_svg(&o->look.svg, opt, optarg, e);
	}
	if (opt == 'o' || (opt >= OPT_FORMAT && opt < OPT_SVG_ALONE))
		return take_common(o, opt, optarg, e);
	r = viewopts_take(&o->view, opt, optarg, e);
	return r == 0 ? option_wrong(e, opt, word, "flame") : r < 0 ? r : 0;
}

int flame_options_parse(int argc, char **argv, struct flame_options *o, struct err *e)
{
	const char *word;
	int opt, r;

	*o = (struct flame_options){ .format = -1 };
	optind = 0;
	opterr = 0;
	while (word = option_word(argc, argv),
	       (opt = getopt_long(argc, argv, ":o:h", long_options, NULL)) != -1) {
		if (opt == 'h') {
			o->help = true;
			return 0;
		}
		r = take(o, opt, word, e);
		if (r < 0)
			return r;
	}
	return svg_check(&o->look.svg, e);
}

void flame_options_done(struct flame_options *o)
{
	viewopts_done(&o->view);
}
