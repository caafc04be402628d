/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize_options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "addrreader.h"
#include "err.h"
#include "optword.h"

#define THREADS_MAX 256

enum {
	OPT_JSON = 256,
	OPT_ADDR2LINE,
	OPT_NO_INLINES,
	OPT_OFFSETS,
	OPT_THREADS,
	OPT_CACHE,
	OPT_DEBUG_DIR,
	OPT_DEBUGINFOD,
};

static const struct option long_options[] = {
	{ "json", no_argument, NULL, OPT_JSON },
	{ "addr2line", no_argument, NULL, OPT_ADDR2LINE },
	{ "no-inlines", no_argument, NULL, OPT_NO_INLINES },
	{ "no-inline", no_argument, NULL, OPT_NO_INLINES },
	{ "offsets", no_argument, NULL, OPT_OFFSETS },
	{ "threads", required_argument, NULL, OPT_THREADS },
	{ "cache", required_argument, NULL, OPT_CACHE },
	{ "debug-dir", required_argument, NULL, OPT_DEBUG_DIR },
	{ "debuginfod", no_argument, NULL, OPT_DEBUGINFOD },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int set_form(struct symbolize_options *o, enum symprint_form form, struct err *e)
{
	if (o->form != SYMPRINT_TEXT && o->form != form)
		return err_set(e, -EINVAL,
			       "--json and --addr2line exclude each other; give one of them");
	o->form = form;
	return 0;
}

static int set_threads(struct symbolize_options *o, const char *text, struct err *e)
{
	char *end;
	unsigned long n = isdigit((unsigned char)*text) ? strtoul(text, &end, 10) : 0;

	if (n < 1 || n > THREADS_MAX || *end)
		return err_set(e, -EINVAL, "--threads wants a number from 1 to %d, not '%s'",
			       THREADS_MAX, text);
	o->threads = (unsigned)n;
	return 0;
}

static int parse_option(int opt, const char *arg, struct symbolize_options *o, struct err *e)
{
	switch (opt) {
	case OPT_JSON:
		return set_form(o, SYMPRINT_JSON, e);
	case OPT_ADDR2LINE:
		return set_form(o, SYMPRINT_ADDR2LINE, e);
	case OPT_NO_INLINES:
		o->no_inlines = true;
		return 0;
	case OPT_OFFSETS:
		o->offsets = true;
		return 0;
	case OPT_THREADS:
		return set_threads(o, arg, e);
	case OPT_CACHE:
		if (!*arg)
			return err_set(e, -EINVAL, "--cache wants a folder, or off");
		o->no_cache = strcmp(arg, "off") == 0;
		o->cache = o->no_cache ? NULL : arg;
		return 0;
	case OPT_DEBUG_DIR:
		if (!*arg)
			return err_set(e, -EINVAL, "--debug-dir wants a folder");
		return array_push(&o->debug_dirs, arg);
	case OPT_DEBUGINFOD:
		o->debuginfod = true;
		return 0;
	default:
		o->help = true;
		return 0;
	}
}

/* The file, then the addresses. */
static int parse_words(int argc, char **argv, struct symbolize_options *o, struct err *e)
{
	if (optind == argc)
		return err_set(e, -EINVAL,
			       "symbolize wants an ELF file, then addresses; give a program or a "
			       "shared library");
	o->elf = argv[optind];
	for (int i = optind + 1; i < argc; i++) {
		uint64_t addr = 0;

		if (o->form == SYMPRINT_ADDR2LINE)
			addr = addr_guess(argv[i]);
		else if (addr_parse(argv[i], strlen(argv[i]), &addr) < 0)
			return err_set(e, -EINVAL,
				       "'%s' is not an address; write it in hexadecimal, such as "
				       "0x401136",
				       argv[i]);
		if (array_push(&o->addrs, addr) < 0)
			return -ENOMEM;
	}
	return 0;
}

int symbolize_options_parse(int argc, char **argv, struct symbolize_options *ret, struct err *e)
{
	struct symbolize_options *o = ret;
	int r;

	*o = (struct symbolize_options){ 0 };
	optind = 0;
	opterr = 0;
	for (;;) {
		const char *word = option_word(argc, argv);
		int opt = getopt_long(argc, argv, ":h", long_options, NULL);

		if (opt == -1)
			break;
		if (opt == '?' || opt == ':')
			return option_wrong(e, opt, word, "symbolize");
		r = parse_option(opt, optarg, o, e);
		if (r < 0)
			return r;
	}
	if (o->help)
		return 0;
	/* Those that were asked for come first. */
	if (o->debug_dirs.n && (array_push(&o->debug_dirs, "/usr/lib/debug") < 0 ||
				array_push(&o->debug_dirs, NULL) < 0))
		return -ENOMEM;
	return parse_words(argc, argv, o, e);
}

void symbolize_options_done(struct symbolize_options *o)
{
	array_free(&o->debug_dirs);
	array_free(&o->addrs);
}
