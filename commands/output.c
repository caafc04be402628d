/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "array.h"
#include "err.h"
#include "outfile.h"

static const struct {
	const char *ending, *name;
	int output;
} pictures[] = {
	{ ".svg", "svg", OUTPUT_SVG },
	{ ".html", "html", OUTPUT_HTML },
	{ ".htm", "html", OUTPUT_HTML },
};

int output_by_name(const char *name, struct err *e)
{
	int format;

	for (size_t i = 0; i < ARRAY_LEN(pictures); i++)
		if (strcmp(name, pictures[i].name) == 0)
			return pictures[i].output;
	format = format_by_name(name);
	if (format >= 0)
		return format;
	return err_set(e, -EINVAL, "there is no format '%s'; there are html, svg, %s", name,
		       format_names());
}

int output_by_path(const char *path, struct err *e)
{
	size_t n = strlen(path);
	struct err why = { 0 };
	int format;

	for (size_t i = 0; i < ARRAY_LEN(pictures); i++) {
		size_t k = strlen(pictures[i].ending);

		if (n > k && strcmp(path + n - k, pictures[i].ending) == 0)
			return pictures[i].output;
	}
	format = format_by_path(path, &why);
	if (format >= 0)
		return format;
	return err_set(e, format, "%s; flame graphs end in .html or .svg", why.text);
}

const char *output_default_path(int output)
{
	switch (output) {
	case OUTPUT_SVG:
		return "wick.svg";
	case OUTPUT_HTML:
		return "wick.html";
	case FORMAT_PPROF_RAW:
		return "wick.pb";
	case FORMAT_PPROF_ZSTD:
		return "wick.pb.zst";
	case FORMAT_FOLDED:
		return "wick.folded";
	case FORMAT_SPEEDSCOPE:
		return "wick.speedscope.json";
	case FORMAT_FIREFOX:
		return "wick.firefox.json";
	case FORMAT_CALLGRIND:
		return "wick.callgrind";
	default:
		return "wick.pb.gz";
	}
}

static int draw(const struct profile *p, const struct profile *base, int output,
		const struct output_opts *o, struct outfile *f, struct err *e)
{
	struct html_opts html = o->html;
	struct svg_opts svg = o->svg;

	html.sample_type = svg.sample_type = o->sample_type;
	return output == OUTPUT_HTML ? html_write(p, base, &html, f, e)
				     : svg_write(p, base, &svg, f, e);
}

static int write_picture(const struct profile *p, const struct profile *base, const char *path,
			 int output, const struct output_opts *o, struct err *e)
{
	struct err why = { 0 };
	struct outfile *f;
	int r = outfile_open(path, &f, e);

	if (r < 0)
		return r;
	r = draw(p, base, output, o, f, &why);
	if (r == 0)
		return outfile_commit(f, e);
	outfile_abort(f);
	return why.text[0] ? err_set(e, r, "cannot write '%s': %s", path, why.text)
			   : err_set(e, r, "cannot write '%s': %s", path, strerror(-r));
}

int output_write(const struct profile *p, const struct profile *base, const char *path, int output,
		 const struct output_opts *o, struct err *e)
{
	const struct format_opts fo = { .sample_type = o->sample_type };

	if (output == OUTPUT_SVG || output == OUTPUT_HTML)
		return write_picture(p, base, path, output, o, e);
	if (base)
		return err_set(e, -EINVAL,
			       "cannot write '%s': only flame graphs show a difference; end the "
			       "name in .html or .svg",
			       path);
	return format_write(p, path, (enum format)output, &fo, e);
}
