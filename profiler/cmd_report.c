/* SPDX-License-Identifier: Apache-2.0 */
/* wick report: a profile as text. */
#include <errno.h>
#include <getopt.h>
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
#include "optword.h"
#include "profile.h"
#include "report.h"
#include "viewopts.h"

static const char usage[] =
	"usage: wick report [--top] [OPTIONS] [FILE...]\n"
	"\n"
	"Prints the functions that cost most in a profile (default wick.pb.gz; - is\n"
	"standard input; several are merged).\n"
	"\n"
	"      --top               functions by their own share (the default)\n"
	"  -n, --rows N            at most N rows (default 30)\n"
	"\n" VIEWOPTS_USAGE;

enum { OPT_TOP = 256 };

static const struct option long_options[] = {
	{ "top", no_argument, NULL, OPT_TOP },
	{ "rows", required_argument, NULL, 'n' },
	VIEWOPTS_LONG,
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

struct report_options {
	size_t rows;
	struct viewopts view;
	bool help, usage; /* usage: the words make no sense, nothing was tried */
};

static int parse(int argc, char **argv, struct report_options *o, struct err *e)
{
	unsigned long rows;
	char *end;
	const char *word;
	int opt, r;

	optind = 0;
	opterr = 0;
	while (word = option_word(argc, argv),
	       (opt = getopt_long(argc, argv, ":n:h", long_options, NULL)) != -1)
		switch (opt) {
		case OPT_TOP:
			break;
		case 'n':
			rows = strtoul(optarg, &end, 10);
			if (*end || !rows || rows > 1000000)
				return err_set(e, -EINVAL, "'%s' is not a number of rows", optarg);
			o->rows = rows;
			break;
		case 'h':
			o->help = true;
			break;
		default:
			r = viewopts_take(&o->view, opt, optarg, e);
			if (r == 0)
				return option_wrong(e, opt, word, "report");
			if (r < 0)
				return r;
		}
	return 0;
}

static int report(int argc, char **argv, struct report_options *o, struct err *e)
{
	char name[] = "wick.pb.gz", *const standard[] = { name, NULL };
	char *const *files;
	_cleanup_(profile_freep) struct profile *p = NULL;
	struct report_opts to = { .sample_type = -1, .columns = 80 };
	struct winsize w;
	int r = parse(argc, argv, o, e);

	o->usage = r == -EINVAL;
	if (r < 0 || o->help)
		return r;
	files = optind < argc ? argv + optind : standard;
	r = inputs_read(files, &p, e);
	if (r == 0)
		r = viewopts_apply(&o->view, p, &to.sample_type, e);
	if (r < 0)
		return r;
	to.max_rows = o->rows;
	to.color = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col)
		to.columns = w.ws_col;
	r = top_write(p, &to, stdout, e);
	if (r == 0 && fflush(stdout) != 0)
		r = err_set(e, -errno, "cannot write to standard output: %m");
	return r;
}

int cmd_report(int argc, char **argv)
{
	struct report_options o = { 0 };
	struct err e = { 0 };
	int r = report(argc, argv, &o, &e);

	viewopts_done(&o.view);
	if (o.help)
		return fputs(usage, stdout) < 0;
	if (r < 0)
		log_error("%s", e.text[0] ? e.text : strerror(-r));
	return r == 0 ? 0 : o.usage ? 2 : 1;
}
