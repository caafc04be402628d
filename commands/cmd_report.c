/* SPDX-License-Identifier: Apache-2.0 */
/* wick report: a profile as text. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cleanup.h"
#include "commands.h"
#include "err.h"
#include "inputs.h"
#include "log.h"
#include "profile.h"
#include "report.h"
#include "report_options.h"

static const char usage[] =
	"usage: wick report [--top | --tree | --peek RE | --json] [OPTIONS] [FILE...]\n"
	"\n"
	"Prints a profile as text (default wick.pb.gz; - is standard input; several are\n"
	"merged).\n"
	"\n"
	"      --top               the functions that cost most, alone (flat) and with what\n"
	"                          they called (cum); the default\n"
	"      --tree              who called whom, from the root\n"
	"      --peek RE           callers and callees of the functions that match RE\n"
	"      --json              for programs: see wick-report(1)\n"
	"  -n, --rows N            at most N rows\n"
	"\n"
	"Trees:\n"
	"      --min-percent P     leave out what is below P % of all (default 1)\n"
	"      --depth N           at most N frames from the root\n"
	"      --invert            from the functions that ran up to their callers\n"
	"\n"
	"Differences, of --top, --tree and --json:\n"
	"      --diff BASE         what changed since the profile BASE, as shares of all\n"
	"      --no-normalize      changes of the values themselves\n"
	"\n" VIEWOPTS_USAGE;

/* Reads what is compared with, and does with it what was asked for the profile. */

static int write_view(const struct report_options *o, const struct profile *p,
		      const struct profile *base, const struct report_opts *to, struct err *e)
{
	const struct tree_opts tree = { .min_percent = o->min_percent,
					.max_depth = o->depth,
					.invert = o->invert };

	switch (o->view) {
	case REPORT_TREE:
		return tree_write(p, base, to, &tree, stdout, e);
	case REPORT_PEEK:
		return peek_write(p, o->pattern, to, stdout, e);
	case REPORT_JSON:
		return base ? json_diff_write(p, base, to, stdout, e)
			    : json_write(p, to, stdout, e);
	case REPORT_TOP:
		break;
	}
	return base ? diff_write(p, base, to, stdout, e) : top_write(p, to, stdout, e);
}

static int report(int argc, char **argv, struct report_options *o, bool *ret_usage, struct err *e)
{
	_cleanup_(profile_freep) struct profile *p = NULL, *base = NULL;
	struct report_opts to = { .sample_type = -1, .columns = 80 };
	struct winsize w;
	int r = report_options_parse(argc, argv, o, e);

	*ret_usage = r == -EINVAL;
	if (r < 0 || o->help)
		return r;
	r = inputs_read(o->files, &p, e);
	if (r == 0)
		r = viewopts_apply(&o->of, p, &to.sample_type, e);
	if (r == 0 && o->base)
		r = viewopts_read_base(&o->of, o->base, &base, e);
	if (r < 0)
		return r;
	to.max_rows = o->rows;
	to.as_is = o->as_is;
	to.color = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col)
		to.columns = w.ws_col;
	return write_view(o, p, base, &to, e);
}

int cmd_report(int argc, char **argv)
{
	struct report_options o = { 0 };
	struct err e = { 0 };
	bool is_usage = false;
	int r = report(argc, argv, &o, &is_usage, &e);

	report_options_done(&o);
	if (o.help)
		return fputs(usage, stdout) < 0;
	if (r < 0)
		log_error("%s", e.text[0] ? e.text : strerror(-r));
	return r == 0 ? 0 : is_usage ? 2 : 1;
}
