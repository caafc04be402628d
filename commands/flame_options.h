/* SPDX-License-Identifier: Apache-2.0 */
/* The options of wick flame. */
#pragma once

#include <stdbool.h>

#include "output.h"
#include "viewopts.h"

struct err;

struct flame_options {
	const char *output; /* NULL = by the input's name */
	const char *base;   /* --diff, NULL = none */
	int format;	    /* -1 = by the output's name */
	struct viewopts view;
	struct output_opts look;
	const char *svg_only; /* an option that only SVG knows; NULL = none was given */
	bool help;
};

extern const char flame_usage[];

/* Reads the command line: 0 with optind at the first file, -EINVAL with a sentence, -ENOMEM.
 * flame_options_done() in every case. */
int flame_options_parse(int argc, char **argv, struct flame_options *o, struct err *e);
void flame_options_done(struct flame_options *o);
