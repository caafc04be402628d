/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever wick writes a profile as: the formats of formats.h and the pictures of flamegraph.h. */
#pragma once

#include "flamegraph.h"
#include "formats.h"

struct err;
struct profile;

/* Outputs that are no formats of profiles, beyond the numbers of enum format. */
enum {
	OUTPUT_SVG = 0x100,
	OUTPUT_HTML,
};

/* For a command's usage: where -o writes to. */
#define OUTPUT_USAGE                                                                     \
	"  -o, --output FILE       where to; the ending tells the format: .html .svg\n"  \
	"                          (flame graphs), .pb.gz .pprof .pb .pb.zst, .folded\n" \
	"                          .txt .collapsed, .speedscope.json, .firefox.json,\n"  \
	"                          .callgrind; - is standard output"

/* The output that a name ("pprof", "svg", …) means, or -EINVAL with a sentence. */
int output_by_name(const char *name, struct err *e);

/* The output that the ending of @path asks for, or -EINVAL with a sentence that lists the endings.
 */
int output_by_path(const char *path, struct err *e);

/* What a file of that output is called when nobody named it: "wick.pb.gz", "wick.html". */
const char *output_default_path(int output);

/* How pictures are to look; zero, but for sample_type -1, is good. */
struct output_opts {
	int sample_type;     /* index into sample_types, -1 = what suits the output */
	struct svg_opts svg; /* its sample_type is not looked at, nor that of html */
	struct html_opts html;
};

/*
 * Writes @p to @path ("-" = standard output) as @output; the file appears whole or not at all. With
 * @base, which only pictures can show, the difference to it. 0, or -errno with a sentence that
 * names the path.
 */
int output_write(const struct profile *p, const struct profile *base, const char *path, int output,
		 const struct output_opts *o, struct err *e);
