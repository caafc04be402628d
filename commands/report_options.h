/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `wick report`. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "viewopts.h"

struct err;

enum report_view { REPORT_TOP, REPORT_TREE, REPORT_PEEK, REPORT_JSON };

struct report_options {
	enum report_view view;
	const char *pattern; /* of REPORT_PEEK */
	const char *base;    /* what is compared with; NULL = nothing */
	size_t rows;	     /* 0 = what suits the view */
	double min_percent;  /* of REPORT_TREE; < 0 = the default */
	uint32_t depth;	     /* of REPORT_TREE; 0 = no limit */
	bool invert;	     /* REPORT_TREE, from the leaf */
	bool as_is;	     /* values are compared, not shares */
	struct viewopts of;  /* what of the profile */
	char *const *files;  /* NULL-terminated, never empty */
	bool help;
};

/* Parses: 0, -EINVAL with a sentence, -ENOMEM. Release @ret with report_options_done() in every
 * case; it borrows from @argv. */
int report_options_parse(int argc, char **argv, struct report_options *ret, struct err *e);
void report_options_done(struct report_options *o);
