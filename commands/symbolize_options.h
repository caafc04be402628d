/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `wick symbolize`. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "array.h"
#include "symprint.h"

struct err;

struct symbolize_options {
	enum symprint_form form;
	bool no_inlines, offsets, debuginfod, help;
	unsigned threads;  /* 0 = the symbolizer's default */
	const char *cache; /* folder; NULL = the default one */
	bool no_cache;	   /* --cache off */
	const char *elf;
	ARRAY(const char *)
	debug_dirs;	       /* of --debug-dir, and the standard one; NULL-terminated; none
				  given = empty */
	ARRAY(uint64_t) addrs; /* none = they come on standard input */
};

/*
 * 0, -EINVAL (usage) with a sentence, -ENOMEM. Release @ret with symbolize_options_done() in every
 * case; it borrows from @argv.
 */
int symbolize_options_parse(int argc, char **argv, struct symbolize_options *ret, struct err *e);
void symbolize_options_done(struct symbolize_options *o);
