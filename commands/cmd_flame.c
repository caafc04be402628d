/* SPDX-License-Identifier: Apache-2.0 */
/* wick flame: a profile as a picture. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "array.h"
#include "cleanup.h"
#include "commands.h"
#include "err.h"
#include "flame_options.h"
#include "inputs.h"
#include "log.h"
#include "output.h"
#include "profile.h"

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static bool cut_ending(char *name, const char *ending)
{
	size_t n = strlen(name), k = strlen(ending);

	if (n <= k || strcmp(name + n - k, ending) != 0)
		return false;
	name[n - k] = '\0';
	return true;
}

/* What to call the picture of @input: its name with another ending, in this folder. */
static char *name_after(const char *input, const char *ending)
{
	static const char *const packed[] = { ".gz", ".zst" };
	static const char *const known[] = {
		".pb",	 ".pprof", ".prof", ".folded", ".collapsed", ".txt", ".speedscope.json",
		".json", ".perf",  ".html", ".svg"
	};
	_cleanup_free_ char *name = strdup(strcmp(input, "-") == 0 ? "flame" : base_name(input));
	char *r;

	if (!name)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(packed); i++)
		if (cut_ending(name, packed[i]))
			break;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (cut_ending(name, known[i]))
			break;
	return asprintf(&r, "%s%s", name, ending) < 0 ? NULL : r;
}

static int choose_format(struct flame_options *o, struct err *e)
{
	if (o->format < 0 && o->output && strcmp(o->output, "-") != 0)
		o->format = output_by_path(o->output, e);
	else if (o->format < 0)
		o->format = o->output || o->svg_only ? OUTPUT_SVG : OUTPUT_HTML;
	if (o->format < 0)
		return o->format;
	if (o->format != OUTPUT_SVG && o->format != OUTPUT_HTML)
		return err_set(
			e, -EINVAL,
			"flame draws pictures, which end in .html or .svg; other formats are "
			"written by 'wick convert'");
	if (o->format == OUTPUT_HTML && o->svg_only)
		return err_set(
			e, -EINVAL,
			"--%s is an option of SVG alone; end the output's name in .svg, or leave "
			"it out and choose in the page",
			o->svg_only);
	return 0;
}

/* Of a difference both or none: else no stack of the one would be one of the other. */
static int part_programs(const struct flame_options *o, struct profile *p, struct profile *base,
			 struct err *e)
{
	int r;

	if (base && !(view_has_programs(p) && view_has_programs(base)))
		return 0;
	r = viewopts_part_programs(&o->view, p, e);
	return r == 0 && base ? viewopts_part_programs(&o->view, base, e) : r;
}

static int flame(struct flame_options *o, char *const *files, struct err *e)
{
	_cleanup_(profile_freep) struct profile *p = NULL, *base = NULL;
	_cleanup_free_ char *name = NULL;
	int r = o->format == OUTPUT_HTML ? inputs_read_timed(files, &p, e)
					 : inputs_read(files, &p, e);

	if (r == 0)
		r = viewopts_apply(&o->view, p, &o->look.sample_type, e);
	if (r == 0 && o->base)
		r = viewopts_read_base(&o->view, o->base, &base, e);
	if (r == 0)
		r = part_programs(o, p, base, e);
	if (r < 0)
		return r;
	if (!o->look.html.title && strcmp(files[0], "-") != 0)
		o->look.html.title = base_name(files[0]);
	if (o->base)
		o->look.html.base_title = base_name(o->base);
	if (!o->output) {
		name = name_after(files[0], o->format == OUTPUT_HTML ? ".html" : ".svg");
		if (!name)
			return -ENOMEM;
	}
	r = output_write(p, base, name ? name : o->output, o->format, &o->look, e);
	if (r == 0 && (name || strcmp(o->output, "-") != 0))
		log_info("wrote %s", name ? name : o->output);
	return r;
}

int cmd_flame(int argc, char **argv)
{
	char name[] = "wick.pb.gz", *const standard[] = { name, NULL };
	struct flame_options o;
	struct err e = { 0 };
	int r = flame_options_parse(argc, argv, &o, &e), status;

	if (r == 0 && o.help) {
		status = fputs(flame_usage, stdout) < 0;
	} else {
		if (r == 0)
			r = choose_format(&o, &e);
		status = r == -EINVAL ? 2 : 1;
		if (r == 0 && (r = flame(&o, optind < argc ? argv + optind : standard, &e)) == 0)
			status = 0;
		if (r < 0)
			log_error("%s", e.text[0] ? e.text : strerror(-r));
	}
	flame_options_done(&o);
	return status;
}
