/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `wick record`. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "cpuset.h"
#include "event.h"
#include "formats.h"
#include "targets.h"

struct err;

struct record_options {
	unsigned freq_hz; /* 0 = period is used */
	uint64_t period;
	bool has_period;
	struct event_list events; /* n == 0 = nobody asked */
	ARRAY(uint32_t) tgids;
	ARRAY(uint32_t) tids;
	ARRAY(const char *) cgroups;
	ARRAY(const char *) label_env; /* environment variables that become labels */
	uint32_t split_mask; /* by what samples are counted apart (labels.h); 0 = the default */
	bool timed; /* and by time as finely as memory allows: a page shows when samples were taken
		     */
	struct targets targets;	     /* by name, user and container */
	bool no_inherit;	     /* children are not recorded */
	ARRAY(const char *) outputs; /* paths, one at least */
	bool is_default_output;	     /* nobody asked for that one */
	struct cpuset cpus;
	bool has_cpus, all, kernel_only, user_only, verbose, help;
	bool no_inlines;
	bool debuginfod;
	bool by_pointer, by_snapshot; /* how user stacks are taken; neither = auto */
	unsigned max_stack;	      /* 0 = default */
	uint64_t duration_ns;	      /* 0 = until something ends the recording */
	int format;		      /* of output.h, FORMAT_AUTO = by the file's name */
	char **command;		      /* NULL-terminated part of argv; NULL = none */
};

#define RECORD_DEFAULT_HZ 99

/*
 * Parses and checks everything that can be checked without privilege: numbers, names, that
 * processes exist, that options go together. 0, or -EINVAL (usage) or another -errno, with a
 * sentence. Release
 * @ret with record_options_done() in every case; it borrows from @argv.
 */
int record_options_parse(int argc, char **argv, struct record_options *ret, struct err *e);
void record_options_done(struct record_options *o);

/* "90", "1.5s", "500ms", "2m", "1h" in nanoseconds: 0, or -EINVAL for anything else or nothing. */
int parse_duration(const char *text, uint64_t *ret_ns);
