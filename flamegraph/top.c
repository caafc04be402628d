/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that cost most. */
#include <string.h>

#include "err.h"
#include "functable.h"
#include "profile.h"
#include "report.h"
#include "termtext.h"
#include "textview.h"

#define DEFAULT_ROWS 30
#define MIN_OBJECT   10

struct top {
	struct textview v;
	struct functable table;
	size_t rows;
	size_t value_columns, name_columns, object_columns;
};

static struct text name_of(const struct top *t, const struct func *f, char place[FUNC_NAME_MAX])
{
	return func_name(t->v.p, f, place);
}

static const char *mark_of(const struct top *t, const struct func *f)
{
	return textview_mark(&t->v, f->file);
}

static struct text object_of(const struct top *t, const struct func *f)
{
	return object_name(textview_string(&t->v, f->file));
}

/* Gives each column what the shown rows need; where that is too much, names take their short form,
 * then the object's name yields to the function's before that is elided. */
static void fit_columns(struct top *t)
{
	size_t name = strlen("function"), object = 0, left, room;
	char buf[UNITS_TEXT_MAX], place[FUNC_NAME_MAX];

	t->value_columns = strlen("flat");
	for (size_t i = 0; i < t->rows; i++) {
		const struct func *f = &t->table.funcs[i];
		struct text o = object_of(t, f);

		t->value_columns =
			max_size(t->value_columns, strlen(textview_value(&t->v, buf, f->flat)));
		t->value_columns =
			max_size(t->value_columns, strlen(textview_value(&t->v, buf, f->cum)));
		object = max_size(object, term_columns(o.s, o.n));
	}
	left = 2 * (TEXT_PERCENT_COLUMNS + 1 + t->value_columns + 2);
	left = t->v.columns > left + 16 ? t->v.columns - left : 16;
	if (object)
		object = max_size(object, strlen("object"));
	room = object && left > object + 2 ? left - object - 2 : left;
	for (size_t i = 0; i < t->rows; i++) {
		const struct func *f = &t->table.funcs[i];
		struct text n = name_of(t, f, place), fits;

		fits = textview_fitting(&t->v, n, room - strlen(mark_of(t, f)));
		name = max_size(name, term_columns(fits.s, fits.n) + strlen(mark_of(t, f)));
	}
	if (object && left > name + 2 + MIN_OBJECT)
		object = min_size(object, left - name - 2);
	else if (left >= 3 * MIN_OBJECT)
		object = min_size(object, MIN_OBJECT);
	else
		object = 0;
	t->object_columns = object;
	t->name_columns = min_size(name, left - (object ? object + 2 : 0));
}

static void write_share(const struct top *t, int64_t value)
{
	char buf[UNITS_TEXT_MAX];

	fprintf(t->v.out, "%*.1f%% %*s  ", TEXT_PERCENT_COLUMNS - 1, textview_percent(&t->v, value),
		(int)t->value_columns, textview_value(&t->v, buf, value));
}

static void write_row(struct top *t, const struct func *f)
{
	const char *color = textview_row_color(&t->v, textview_percent(&t->v, f->flat) / 100);
	struct text o = object_of(t, f);
	char place[FUNC_NAME_MAX];
	size_t used;

	fputs(color, t->v.out);
	write_share(t, f->flat);
	write_share(t, f->cum);
	used = textview_write_name(&t->v, name_of(t, f, place), mark_of(t, f), t->name_columns);
	if (t->object_columns && o.n) {
		fprintf(t->v.out, "%*s", (int)(t->name_columns - used + 2), "");
		term_write(t->v.out, o.s, o.n, t->object_columns, TERM_ELIDE_END);
	}
	fprintf(t->v.out, "%s\n", *color ? SGR_END : "");
}

static void write_rest(const struct top *t)
{
	double flat = 0;
	char count[UNITS_TEXT_MAX];
	size_t n = t->table.n - t->rows;

	if (n == 0)
		return;
	for (size_t i = t->rows; i < t->table.n; i++)
		flat += (double)t->table.funcs[i].flat;
	textview_say(&t->v, "… and %s more function%s with %.1f%% flat in all.",
		     units_count(count, n), n == 1 ? "" : "s",
		     t->table.weight ? 100.0 * flat / (double)t->table.weight : 0);
}

static void write_table(struct top *t)
{
	int width = (int)t->value_columns;

	fprintf(t->v.out, "\n%s%*s %*s  %*s %*s  ", t->v.color ? SGR_HEADING : "",
		TEXT_PERCENT_COLUMNS, "flat%", width, "flat", TEXT_PERCENT_COLUMNS, "cum%", width,
		"cum");
	if (t->object_columns)
		fprintf(t->v.out, "%-*s  object", (int)t->name_columns, "function");
	else
		fputs("function", t->v.out);
	fprintf(t->v.out, "%s\n", t->v.color ? SGR_END : "");
	for (size_t i = 0; i < t->rows; i++)
		write_row(t, &t->table.funcs[i]);
	write_rest(t);
}

static int write_view(struct top *t, struct err *e)
{
	int r;

	if (textview_head(&t->v, "")) {
		r = functable_make(&t->table, t->v.p, t->v.type);
		if (r < 0)
			return err_set(e, r, "there is not enough memory to add up the profile");
		functable_sort(&t->table, t->v.p, t->v.rows);
		t->rows = min_size(t->v.rows, t->table.n);
		fit_columns(t);
		write_table(t);
	}
	textview_account(&t->v);
	return textview_flush(&t->v, e);
}

int top_write(const struct profile *p, const struct report_opts *opts, FILE *out, struct err *e)
{
	struct top t = { 0 };
	int r = textview_begin(&t.v, p, opts, DEFAULT_ROWS, out, e);

	if (r == 0)
		r = write_view(&t, e);
	functable_done(&t.table);
	textview_done(&t.v);
	return r;
}
