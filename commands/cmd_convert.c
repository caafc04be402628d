/* SPDX-License-Identifier: Apache-2.0 */
/* wick convert: any format to any other, several files to one. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "commands.h"
#include "err.h"
#include "inputs.h"
#include "log.h"
#include "optword.h"
#include "output.h"
#include "profile.h"
#include "viewopts.h"

static const char usage[] =
	"usage: wick convert FILE... -o FILE\n"
	"\n"
	"Reads profiles (pprof, folded stacks with one count or two, the text of perf\n"
	"script, speedscope's JSON; plain, gzip or zstd; - is standard input), merges\n"
	"them when there are several, and writes one.\n"
	"\n" OUTPUT_USAGE "\n"
	"      --format NAME       the format, whatever the file is called\n"
	"\n" VIEWOPTS_USAGE "\n"
	"Formats of one value (folded, speedscope, firefox) take samples by default.\n";

enum { OPT_FORMAT = 256 };

static const struct option long_options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "format", required_argument, NULL, OPT_FORMAT },
	VIEWOPTS_LONG,
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

struct convert_options {
	const char *output;
	struct viewopts view;
	int format;	  /* -1 = by the output's name */
	bool help, usage; /* usage: the words make no sense, nothing was tried */
};

static int parse(int argc, char **argv, struct convert_options *o, struct err *e)
{
	const char *word;
	int opt, r;

	optind = 0;
	opterr = 0;
	while (word = option_word(argc, argv),
	       (opt = getopt_long(argc, argv, ":o:h", long_options, NULL)) != -1)
		switch (opt) {
		case 'o':
			if (o->output)
				return err_set(e, -EINVAL, "convert writes one file; give -o once");
			o->output = optarg;
			break;
		case OPT_FORMAT:
			o->format = output_by_name(optarg, e);
			if (o->format < 0)
				return o->format;
			break;
		case 'h':
			o->help = true;
			return 0;
		default:
			r = viewopts_take(&o->view, opt, optarg, e);
			if (r == 0)
				return option_wrong(e, opt, word, "convert");
			if (r < 0)
				return r;
		}
	if (optind == argc)
		return err_set(e, -EINVAL, "convert wants at least one file to read");
	if (!o->output)
		return err_set(e, -EINVAL, "convert wants a file to write; give -o FILE");
	if (o->format < 0)
		o->format = output_by_path(o->output, e);
	return o->format < 0 ? o->format : 0;
}

static int convert(int argc, char **argv, struct convert_options *o, struct err *e)
{
	_cleanup_(profile_freep) struct profile *p = NULL;
	struct output_opts oo = { .sample_type = -1 };
	int r = parse(argc, argv, o, e);

	o->usage = r == -EINVAL;
	if (r < 0 || o->help)
		return r;
	r = o->format == OUTPUT_HTML ? inputs_read_timed(argv + optind, &p, e)
				     : inputs_read(argv + optind, &p, e);
	if (r == 0)
		r = viewopts_apply(&o->view, p, &oo.sample_type, e);
	if (r == 0 && (o->format == OUTPUT_HTML || o->format == OUTPUT_SVG))
		r = viewopts_part_programs(&o->view, p, e);
	if (r == 0 && o->view.steps.n)
		r = profile_tidy(&p);
	if (r < 0)
		return r;
	return output_write(p, NULL, o->output, o->format, &oo, e);
}

int cmd_convert(int argc, char **argv)
{
	struct convert_options o = { .format = -1 };
	struct err e = { 0 };
	int r = convert(argc, argv, &o, &e);

	viewopts_done(&o.view);
	if (o.help)
		return fputs(usage, stdout) < 0;
	if (r < 0)
		log_error("%s", e.text[0] ? e.text : strerror(-r));
	return r == 0 ? 0 : o.usage ? 2 : 1;
}
