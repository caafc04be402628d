/* SPDX-License-Identifier: Apache-2.0 */
/* What changed between two profiles, for people and for programs. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "codekind.h"
#include "err.h"
#include "funcdiff.h"
#include "jsonreport.h"
#include "profile.h"
#include "report.h"
#include "termtext.h"
#include "textview.h"

#define TEXT_ROWS     30
#define JSON_ROWS     15
#define POINTS_SHOWN  0.05 /* what is less is shown as 0.0 */
#define MIN_OBJECT    10
#define MIN_NAME      20
#define OTHER_COLUMNS 25 /* of a row without its values and name */

struct diffview {
	struct textview v;
	const struct profile *base;
	size_t base_type;
	bool as_is;
	struct funcdiff d;
	size_t value_columns;
	bool narrow; /* there is no room for what the two profiles have */
	size_t rows;
};

/* @change in percent of all; of the base, where values are compared as they are. */
static double points(const struct diffview *w, int64_t change)
{
	uint64_t all = w->as_is ? w->d.base_all.weight : w->d.all.weight;

	return all ? 100.0 * (double)change / (double)all : 0;
}

static double share(int64_t value, uint64_t weight)
{
	return weight ? 100.0 * (double)value / (double)weight : 0;
}

/* The base's values are scaled to the weight of the other profile, if at all. */
static uint64_t base_weight(const struct diffview *w)
{
	return w->as_is ? w->d.base_all.weight : w->d.all.weight;
}

static int64_t change_of(int64_t now, int64_t base)
{
	return functable_add(now, base == INT64_MIN ? INT64_MAX : -base);
}

static bool is_new(const struct funcchange *c)
{
	return !c->base.flat && !c->base.cum;
}

static bool is_gone(const struct funcchange *c)
{
	return !c->now.flat && !c->now.cum;
}

static bool is_significant(const struct funcchange *c)
{
	return c->flat_significant || c->cum_significant;
}

static bool is_visible(const struct diffview *w, const struct funcchange *c)
{
	return fabs(points(w, change_of(c->now.flat, c->base.flat))) >= POINTS_SHOWN ||
	       fabs(points(w, change_of(c->now.cum, c->base.cum))) >= POINTS_SHOWN;
}

static int prepare(struct diffview *w, struct err *e)
{
	int r = funcdiff_base_type(w->v.p, w->v.type, w->base, &w->base_type, e);

	if (r < 0)
		return r;
	r = funcdiff_make(&w->d, w->v.p, w->v.type, w->base, w->base_type, w->as_is);
	return r < 0 ? err_set(e, r, "there is not enough memory to compare the profiles") : 0;
}

/* --- text ------------------------------------------------------------------------------------ */

static const char *signed_value(const struct diffview *w, char buf[UNITS_TEXT_MAX + 1], int64_t v)
{
	buf[0] = '+';
	textview_value(&w->v, buf + (v > 0), v);
	return buf;
}

static void write_verdict(const struct diffview *w)
{
	const struct funcdiff *d = &w->d;
	const char *what = w->as_is ? "time" : "share";
	char buf[UNITS_TEXT_MAX];

	fputc('\n', w->v.out);
	if (!d->judged)
		textview_say(
			&w->v,
			"The profiles do not count samples of one rate, so that chance cannot be told from "
			"change.");
	else if (!d->n_significant)
		textview_say(
			&w->v,
			"No function's %s changed by more than chance explains: the two differ only "
			"by statistics.",
			what);
	else
		textview_say(
			&w->v,
			"%s function%s changed by more than chance explains; ~ marks what did not.",
			units_count(buf, d->n_significant), d->n_significant == 1 ? "" : "s");
}

static const char *mark_of(const struct diffview *w, const struct funcchange *c)
{
	if (w->d.judged && !is_significant(c))
		return "~";
	return is_new(c) ? "new" : is_gone(c) ? "gone" : "";
}

static void fit_values(struct diffview *w)
{
	char buf[UNITS_TEXT_MAX + 1];
	size_t width = strlen("change"), sides;

	for (size_t i = 0; i < w->rows; i++) {
		const struct funcchange *c = &w->d.changes[i];
		int64_t change = change_of(c->now.flat, c->base.flat);

		width = max_size(width, strlen(signed_value(w, buf, change)));
		if (!w->as_is)
			continue;
		width = max_size(width, strlen(textview_value(&w->v, buf, c->now.flat)));
		width = max_size(width, strlen(textview_value(&w->v, buf, c->base.flat)));
	}
	w->value_columns = width;
	sides = 2 * (w->as_is ? width : TEXT_PERCENT_COLUMNS);
	w->narrow = OTHER_COLUMNS + width + sides + MIN_NAME > w->v.columns;
}

static void write_heading(const struct diffview *w)
{
	int width = w->as_is ? (int)w->value_columns : 6;

	fprintf(w->v.out, "\n%s%6s %*s  ", w->v.color ? SGR_HEADING : "", "flat",
		(int)w->value_columns, "change");
	if (!w->narrow)
		fprintf(w->v.out, "%*s %*s  ", width, "base", width, "now");
	fprintf(w->v.out, "%6s  %4s function%s\n", "cum", "", w->v.color ? SGR_END : "");
}

/* The base's share and the new one, or the values. */
static int write_sides(const struct diffview *w, const struct funcchange *c)
{
	char base[UNITS_TEXT_MAX], now[UNITS_TEXT_MAX];
	int width = (int)w->value_columns;

	if (w->narrow)
		return 0;
	if (w->as_is)
		return fprintf(w->v.out, "%*s %*s  ", width,
			       textview_value(&w->v, base, c->base.flat), width,
			       textview_value(&w->v, now, c->now.flat));
	return fprintf(w->v.out, "%5.1f%% %5.1f%%  ", share(c->base.flat, base_weight(w)),
		       share(c->now.flat, w->d.all.weight));
}

static void write_row(struct diffview *w, const struct funcchange *c)
{
	int64_t change = change_of(c->now.flat, c->base.flat);
	double p = points(w, change);
	const char *file = funcdiff_file(&w->d, c), *mark = mark_of(w, c);
	const char *color = c->flat_significant ? textview_row_color(&w->v, fabs(p) / 100) : "";
	struct text object = object_name(file);
	char buf[UNITS_TEXT_MAX + 1], place[FUNC_NAME_MAX];
	size_t used, room, beside;
	int n;

	fputs(color, w->v.out);
	n = fprintf(w->v.out, "%+6.1f %*s  ", p, (int)w->value_columns,
		    signed_value(w, buf, change));
	n += write_sides(w, c);
	n += fprintf(w->v.out, "%+6.1f  %-4s ", points(w, change_of(c->now.cum, c->base.cum)),
		     mark);
	room = w->v.columns > (size_t)n + 16 ? w->v.columns - (size_t)n : 16;
	beside = object.n && !file_is_kernel(file) && room >= 3 * MIN_OBJECT
			 ? min_size(term_columns(object.s, object.n), MIN_OBJECT) + 2
			 : 0;
	used = textview_write_name(&w->v, funcdiff_name(&w->d, c, place),
				   file_is_kernel(file) ? TEXT_KERNEL_MARK : "", room - beside);
	if (beside) {
		fputs("  ", w->v.out);
		term_write(w->v.out, object.s, object.n, room - used - 2, TERM_ELIDE_END);
	}
	fprintf(w->v.out, "%s\n", *color ? SGR_END : "");
}

static void write_rest(const struct diffview *w)
{
	char buf[UNITS_TEXT_MAX];
	size_t n = w->d.n - w->rows, changed = 0;

	for (size_t i = w->rows; i < w->d.n; i++)
		changed += is_significant(&w->d.changes[i]);
	if (n)
		textview_say(&w->v,
			     "… and %s more function%s, %s of which changed by more than chance "
			     "explains.",
			     units_count(buf, n), n == 1 ? "" : "s", changed ? "some" : "none");
}

static void write_table(struct diffview *w)
{
	/* What hardly changed tells nothing, though it may have changed for certain. */
	while (w->rows < w->d.n && w->rows < w->v.rows && is_visible(w, &w->d.changes[w->rows]))
		w->rows++;
	write_verdict(w);
	if (w->rows) {
		fit_values(w);
		write_heading(w);
		for (size_t i = 0; i < w->rows; i++)
			write_row(w, &w->d.changes[i]);
	}
	write_rest(w);
}

int diff_write(const struct profile *p, const struct profile *base, const struct report_opts *opts,
	       FILE *out, struct err *e)
{
	struct diffview w = { .base = base, .as_is = opts->as_is };
	int r = textview_begin(&w.v, p, opts, TEXT_ROWS, out, e);

	if (r == 0)
		r = prepare(&w, e);
	if (r == 0) {
		if (textview_heads(&w.v, base))
			write_table(&w);
		textview_account(&w.v);
		r = textview_flush(&w.v, e);
	}
	funcdiff_done(&w.d);
	textview_done(&w.v);
	return r;
}

/* --- for programs ---------------------------------------------------------------------------- */

static void write_json_side(const struct diffview *w, const char *key, const struct funcside *s,
			    uint64_t weight)
{
	fprintf(w->v.out,
		",\"%s\":{\"flat\":%" PRId64 ",\"cum\":%" PRId64 ",\"flat_percent\":", key, s->flat,
		s->cum);
	json_write_percent(w->v.out, s->flat, weight);
	fputs(",\"cum_percent\":", w->v.out);
	json_write_percent(w->v.out, s->cum, weight);
	fputs("}", w->v.out);
}

static void write_json_change(const struct diffview *w, const struct funcchange *c)
{
	char place[FUNC_NAME_MAX];
	struct text name = funcdiff_name(&w->d, c, place);

	fputs("{", w->v.out);
	json_write_function(w->v.out, c->now.f ? w->d.map.p : w->d.base_map.p,
			    c->now.f ? c->now.f : c->base.f, name);
	fprintf(w->v.out, ",\"change\":\"%s\"", is_new(c) ? "new" : is_gone(c) ? "gone" : "both");
	if (w->d.judged)
		fprintf(w->v.out, ",\"flat_significant\":%s,\"cum_significant\":%s",
			c->flat_significant ? "true" : "false",
			c->cum_significant ? "true" : "false");
	fprintf(w->v.out, ",\"flat_points\":%.2f,\"cum_points\":%.2f",
		points(w, change_of(c->now.flat, c->base.flat)),
		points(w, change_of(c->now.cum, c->base.cum)));
	write_json_side(w, "now", &c->now, w->d.all.weight);
	write_json_side(w, "base", &c->base, base_weight(w));
	fputs("}", w->v.out);
}

static void write_json(const struct diffview *w)
{
	const struct funcdiff *d = &w->d;
	const struct json_total now = { w->v.type, d->all.total, d->all.weight, d->all.n_stacks };
	const struct json_total base = { w->base_type, d->base_all.total, d->base_all.weight,
					 d->base_all.n_stacks };
	size_t n = min_size(w->v.rows, d->n);

	fputs("{\"schema\":\"" JSON_SCHEMA "\",\n", w->v.out);
	json_write_measured(w->v.out, "profile", w->v.p, &now);
	fputs(",\n", w->v.out);
	json_write_measured(w->v.out, "base", w->base, &base);
	fprintf(w->v.out, ",\n\"diff\":{\"normalized\":%s,\"base_scale\":%.6g,\"significant\":",
		w->as_is ? "false" : "true", d->scale);
	if (d->judged)
		fprintf(w->v.out, "%zu", d->n_significant);
	else
		fputs("null", w->v.out);
	fputs("},\n\"changes\":[", w->v.out);
	for (size_t i = 0; i < n; i++) {
		fputs(i ? ",\n  " : "\n  ", w->v.out);
		write_json_change(w, &d->changes[i]);
	}
	fprintf(w->v.out, "],\n\"changes_left_out\":{\"count\":%zu}}\n", d->n - n);
}

int json_diff_write(const struct profile *p, const struct profile *base,
		    const struct report_opts *opts, FILE *out, struct err *e)
{
	struct diffview w = { .base = base, .as_is = opts->as_is };
	int r = textview_begin(&w.v, p, opts, JSON_ROWS, out, e);

	if (r == 0)
		r = prepare(&w, e);
	if (r == 0) {
		write_json(&w);
		r = textview_flush(&w.v, e);
	}
	funcdiff_done(&w.d);
	textview_done(&w.v);
	return r;
}
