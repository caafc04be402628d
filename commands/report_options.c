/* SPDX-License-Identifier: Apache-2.0 */
#include "report_options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>

#include "err.h"
#include "optword.h"
#include "report.h"

#define ROWS_MAX  1000000
#define DEPTH_MAX 1000000

enum {
	OPT_TOP = 256,
	OPT_TREE,
	OPT_PEEK,
	OPT_JSON,
	OPT_DIFF,
	OPT_NO_NORMALIZE,
	OPT_MIN_PERCENT,
	OPT_DEPTH,
	OPT_INVERT,
};

static const struct option long_options[] = {
	{ "top", no_argument, NULL, OPT_TOP },
	{ "tree", no_argument, NULL, OPT_TREE },
	{ "peek", required_argument, NULL, OPT_PEEK },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "rows", required_argument, NULL, 'n' },
	{ "min-percent", required_argument, NULL, OPT_MIN_PERCENT },
	{ "depth", required_argument, NULL, OPT_DEPTH },
	{ "invert", no_argument, NULL, OPT_INVERT },
	{ "diff", required_argument, NULL, OPT_DIFF },
	{ "no-normalize", no_argument, NULL, OPT_NO_NORMALIZE },
	VIEWOPTS_LONG,
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int parse_count(const char *option, const char *text, unsigned long max, size_t *ret,
		       struct err *e)
{
	char *end;
	unsigned long n = isdigit((unsigned char)*text) ? strtoul(text, &end, 10) : 0;

	if (n < 1 || n > max || *end)
		return err_set(e, -EINVAL, "%s wants a number from 1 to %lu, not '%s'", option, max,
			       text);
	*ret = n;
	return 0;
}

static int parse_percent(const char *text, double *ret, struct err *e)
{
	char *end;
	double v = isdigit((unsigned char)*text) || *text == '.' ? strtod(text, &end) : -1;

	if (!(v >= 0 && v <= 100) || (*end && (*end != '%' || end[1])))
		return err_set(e, -EINVAL, "--min-percent wants a number from 0 to 100, not '%s'",
			       text);
	*ret = v;
	return 0;
}

static int set_view(struct report_options *o, bool *chosen, enum report_view view, struct err *e)
{
	if (*chosen && o->view != view)
		return err_set(
			e, -EINVAL,
			"--top, --tree, --peek and --json exclude each other; give one of them");
	*chosen = true;
	o->view = view;
	return 0;
}

static int parse_option(int opt, const char *arg, struct report_options *o, bool *chosen,
			struct err *e)
{
	size_t n = 0;
	int r;

	switch (opt) {
	case OPT_PEEK:
		o->pattern = arg;
		/* fallthrough */
	case OPT_TOP:
	case OPT_TREE:
	case OPT_JSON:
		return set_view(o, chosen,
				opt == OPT_PEEK	  ? REPORT_PEEK
				: opt == OPT_TREE ? REPORT_TREE
				: opt == OPT_JSON ? REPORT_JSON
						  : REPORT_TOP,
				e);
	case 'n':
		return parse_count("--rows", arg, ROWS_MAX, &o->rows, e);
	case OPT_DEPTH:
		r = parse_count("--depth", arg, DEPTH_MAX, &n, e);
		o->depth = (uint32_t)n;
		return r;
	case OPT_MIN_PERCENT:
		return parse_percent(arg, &o->min_percent, e);
	case OPT_INVERT:
		o->invert = true;
		return 0;
	case OPT_DIFF:
		o->base = arg;
		return 0;
	case OPT_NO_NORMALIZE:
		o->as_is = true;
		return 0;
	default:
		o->help = true;
		return 0;
	}
}

/* What does not go together. */
static int check(const struct report_options *o, struct err *e)
{
	if (o->view != REPORT_TREE && (o->min_percent >= 0 || o->depth || o->invert))
		return err_set(e, -EINVAL, "%s is about trees; give --tree, too",
			       o->invert  ? "--invert"
			       : o->depth ? "--depth"
					  : "--min-percent");
	if (o->as_is && !o->base)
		return err_set(e, -EINVAL,
			       "--no-normalize is about differences; give --diff BASE, "
			       "too");
	if (o->base && o->view == REPORT_PEEK)
		return err_set(
			e, -EINVAL,
			"--peek shows one profile; give --diff with --top, --tree or --json");
	return o->view == REPORT_PEEK ? peek_check(o->pattern, e) : 0;
}

int report_options_parse(int argc, char **argv, struct report_options *ret, struct err *e)
{
	static char *const standard[] = { (char *)"wick.pb.gz", NULL };
	struct report_options *o = ret;
	bool chosen = false;
	int r;

	*o = (struct report_options){ .min_percent = -1 };
	optind = 0;
	opterr = 0;
	for (;;) {
		const char *word = option_word(argc, argv);
		int opt = getopt_long(argc, argv, ":n:h", long_options, NULL);

		if (opt == -1)
			break;
		if (opt == '?' || opt == ':')
			return option_wrong(e, opt, word, "report");
		r = viewopts_take(&o->of, opt, optarg, e);
		if (r == 0)
			r = parse_option(opt, optarg, o, &chosen, e);
		if (r < 0)
			return r;
	}
	o->files = optind < argc ? argv + optind : standard;
	return o->help ? 0 : check(o, e);
}

void report_options_done(struct report_options *o)
{
	viewopts_done(&o->of);
}
