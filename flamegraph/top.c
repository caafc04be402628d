/* SPDX-License-Identifier: Apache-2.0 */
/* The text view of a profile: what was measured, the functions that cost most, the account. */
#include "flamegraph.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "codekind.h"
#include "err.h"
#include "funcname.h"
#include "functable.h"
#include "profile.h"
#include "shortname.h"
#include "termtext.h"
#include "ticks.h"
#include "units.h"

#define DEFAULT_ROWS	30
#define DEFAULT_COLUMNS 80
#define MIN_COLUMNS	50 /* below this the numbers leave no room for a name */
#define MAX_COLUMNS	4096
#define PERCENT_COLUMNS 6 /* "100.0%" */
#define MIN_OBJECT	10
#define KERNEL_MARK	" [k]"

#define SGR_HEADING	"\033[1m"
#define SGR_HOT		"\033[31m"
#define SGR_WARM	"\033[33m"
#define SGR_END		"\033[0m"

struct view {
	const struct profile *p;
	FILE *out;
	size_t type;
	size_t columns;
	size_t rows;
	bool color;
	struct functable table;
	size_t value_columns, name_columns, object_columns;
	char *shorter; /* room for the short form of any of the names */
};

static const char *str(const struct view *v, uint32_t id)
{
	return strtab_get(&v->p->strings, id);
}

static const char *func_mark(const struct view *v, const struct func *f)
{
	return file_is_kernel(str(v, f->file)) ? KERNEL_MARK : "";
}

static size_t max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* --- the table ------------------------------------------------------------------------------- */

static const char *value_text(const struct view *v, char buf[UNITS_TEXT_MAX], int64_t value)
{
	return units_value(buf, value, str(v, v->p->sample_types.items[v->type].unit));
}

/* The columns of a function's name with its mark. */
static size_t name_width(const struct view *v, const struct func *f, struct text name)
{
	return term_columns(name.s, name.n) + strlen(func_mark(v, f));
}

/* The name of @f, its short form where the name does not fit into @columns. */
static struct text fitting_name(const struct view *v, const struct func *f, size_t columns,
				char place[FUNC_NAME_MAX])
{
	struct text name = func_name(v->p, f, place);

	if (f->kind != FUNC_NAMED || name_width(v, f, name) <= columns)
		return name;
	name.n = short_name(name.s, name.n, v->shorter);
	name.s = v->shorter;
	return name;
}

static int make_room_for_names(struct view *v)
{
	size_t longest = 0;

	for (size_t i = 0; i < v->rows; i++)
		longest = max_size(longest, strtab_len(&v->p->strings, v->table.funcs[i].name));
	v->shorter = malloc(longest + 1);
	return v->shorter ? 0 : -ENOMEM;
}

/* Gives each column what the shown rows need; where that is too much, names take their short form,
 * then the object's name yields to the function's before that is elided. */
static void fit_columns(struct view *v)
{
	size_t name = strlen("function"), object = 0, left, room;
	char buf[UNITS_TEXT_MAX], place[FUNC_NAME_MAX];

	v->value_columns = strlen("flat");
	for (size_t i = 0; i < v->rows; i++) {
		const struct func *f = &v->table.funcs[i];
		struct text o = object_name(str(v, f->file));

		v->value_columns = max_size(v->value_columns, strlen(value_text(v, buf, f->flat)));
		v->value_columns = max_size(v->value_columns, strlen(value_text(v, buf, f->cum)));
		object = max_size(object, term_columns(o.s, o.n));
	}
	left = 2 * (PERCENT_COLUMNS + 1 + v->value_columns + 2);
	left = v->columns > left + 16 ? v->columns - left : 16;
	if (object)
		object = max_size(object, strlen("object"));
	room = object && left > object + 2 ? left - object - 2 : left;
	for (size_t i = 0; i < v->rows; i++) {
		const struct func *f = &v->table.funcs[i];

		name = max_size(name, name_width(v, f, fitting_name(v, f, room, place)));
	}
	if (object && left > name + 2 + MIN_OBJECT)
		object = min_size(object, left - name - 2);
	else if (left >= 3 * MIN_OBJECT)
		object = min_size(object, MIN_OBJECT);
	else
		object = 0;
	v->object_columns = object;
	v->name_columns = min_size(name, left - (object ? object + 2 : 0));
}

static void write_share(const struct view *v, int64_t value)
{
	double share = v->table.weight ? 100.0 * (double)value / (double)v->table.weight : 0;
	char buf[UNITS_TEXT_MAX];

	fprintf(v->out, "%*.1f%% %*s  ", PERCENT_COLUMNS - 1, share, (int)v->value_columns,
		value_text(v, buf, value));
}

static const char *row_color(const struct view *v, const struct func *f)
{
	double share = v->table.weight ? (double)f->flat / (double)v->table.weight : 0;

	return !v->color ? "" : share >= 0.10 ? SGR_HOT : share >= 0.03 ? SGR_WARM : "";
}

static void write_row(const struct view *v, const struct func *f)
{
	const char *mark = func_mark(v, f), *color = row_color(v, f);
	struct text o = object_name(str(v, f->file)), name;
	char place[FUNC_NAME_MAX];
	size_t used;

	fputs(color, v->out);
	write_share(v, f->flat);
	write_share(v, f->cum);
	name = fitting_name(v, f, v->name_columns, place);
	used = term_write(v->out, name.s, name.n, v->name_columns - strlen(mark),
			  TERM_ELIDE_MIDDLE);
	used += strlen(mark);
	fputs(mark, v->out);
	if (v->object_columns && o.n) {
		fprintf(v->out, "%*s", (int)(v->name_columns - used + 2), "");
		term_write(v->out, o.s, o.n, v->object_columns, TERM_ELIDE_END);
	}
	fprintf(v->out, "%s\n", *color ? SGR_END : "");
}

static void write_rest(const struct view *v)
{
	double flat = 0;
	char count[UNITS_TEXT_MAX], line[160];
	size_t n = v->table.n - v->rows;

	if (n == 0)
		return;
	for (size_t i = v->rows; i < v->table.n; i++)
		flat += (double)v->table.funcs[i].flat;
	snprintf(line, sizeof(line), "… and %s more function%s with %.1f%% flat in all.",
		 units_count(count, n), n == 1 ? "" : "s",
		 v->table.weight ? 100.0 * flat / (double)v->table.weight : 0);
	term_wrap(v->out, line, 0, v->columns, 2);
}

static void write_table(struct view *v)
{
	int width = (int)v->value_columns;

	fprintf(v->out, "\n%s%*s %*s  %*s %*s  ", v->color ? SGR_HEADING : "", PERCENT_COLUMNS,
		"flat%", width, "flat", PERCENT_COLUMNS, "cum%", width, "cum");
	if (v->object_columns)
		fprintf(v->out, "%-*s  object", (int)v->name_columns, "function");
	else
		fputs("function", v->out);
	fprintf(v->out, "%s\n", v->color ? SGR_END : "");
	for (size_t i = 0; i < v->rows; i++)
		write_row(v, &v->table.funcs[i]);
	write_rest(v);
}

/* --- what was measured ----------------------------------------------------------------------- */

/* A sentence in the making: text past the end is cut, which no sentence of ours reaches. */
struct sentence {
	char s[4096];
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void say(struct sentence *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->s + t->n, sizeof(t->s) - t->n, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->n = min_size(t->n + (size_t)n, sizeof(t->s) - 1);
}

static void write_sentence(const struct view *v, const struct sentence *t)
{
	if (t->n)
		term_wrap(v->out, t->s, 0, v->columns, 2);
}

/* How often the profile was sampled: the sum of its values that count samples, 0 when it has none.
 */
static uint64_t count_samples(const struct profile *p)
{
	uint64_t n = 0;

	for (size_t t = 0; t < p->sample_types.n; t++) {
		const struct profile_value_type *vt = &p->sample_types.items[t];

		if (strcmp(strtab_get(&p->strings, vt->type), "samples") != 0 ||
		    strcmp(strtab_get(&p->strings, vt->unit), "count") != 0)
			continue;
		for (size_t i = 0; i < p->samples.n; i++)
			if (profile_value(p, i, t) > 0)
				n += (uint64_t)profile_value(p, i, t);
		break;
	}
	return n;
}

static void write_total(const struct view *v)
{
	const struct profile_value_type *vt = &v->p->sample_types.items[v->type];
	const char *type = str(v, vt->type), *unit = str(v, vt->unit);
	uint64_t ns = units_ns(unit);
	char buf[UNITS_TEXT_MAX];
	struct sentence t = { 0 };

	say(&t, "%.100s: %s", *type ? type : "value", value_text(v, buf, v->table.total));
	if (!ns && *unit && strcmp(unit, "count") != 0 && strcmp(unit, "bytes") != 0 &&
	    strcmp(unit, type) != 0)
		say(&t, " %.100s", unit);
	if (v->p->duration_ns) {
		double seconds = (double)v->p->duration_ns / (double)NSEC_PER_SEC;

		say(&t, " in %s",
		    units_value(buf, (int64_t)min_size(v->p->duration_ns, INT64_MAX),
				"nanoseconds"));
		if (ns && strcmp(type, "cpu") == 0)
			say(&t, ", %.2f CPUs busy on average",
			    (double)v->table.total * (double)ns / (double)NSEC_PER_SEC / seconds);
	}
	write_sentence(v, &t);
}

static void say_rate(const struct view *v, struct sentence *t)
{
	const char *type = str(v, v->p->period_type.type), *unit = str(v, v->p->period_type.unit);
	uint64_t ns = units_ns(unit);
	char buf[UNITS_TEXT_MAX];

	if (v->p->period <= 0)
		return;
	if (ns)
		say(t, "%sone per %s of %.100s time (%.4g Hz)", t->n ? ", " : "",
		    units_value(buf, v->p->period, unit), *type ? type : "run",
		    (double)NSEC_PER_SEC / ((double)v->p->period * (double)ns));
	else
		say(t, "%sone per %s %.100s", t->n ? ", " : "",
		    units_count(buf, (uint64_t)v->p->period), *type ? type : unit);
}

static void write_rate(const struct view *v)
{
	uint64_t samples = count_samples(v->p);
	char buf[UNITS_TEXT_MAX];
	struct sentence t = { 0 };

	if (samples)
		say(&t, "%s sample%s in ", units_count(buf, samples), samples == 1 ? "" : "s");
	say(&t, "%s stack%s", units_count(buf, v->table.n_stacks),
	    v->table.n_stacks == 1 ? "" : "s");
	say_rate(v, &t);
	write_sentence(v, &t);
}

static void write_start(const struct view *v)
{
	time_t seconds = (time_t)(v->p->time_ns / NSEC_PER_SEC);
	char date[64];
	struct tm tm;

	if (v->p->time_ns && gmtime_r(&seconds, &tm) &&
	    strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm))
		fprintf(v->out, "started %s UTC\n", date);
}

/* --- the account ----------------------------------------------------------------------------- */

static void say_reasons(struct sentence *t, const struct ticks_reasons *why)
{
	char buf[UNITS_TEXT_MAX];

	for (size_t i = 0; i < why->n; i++) {
		const struct ticks_reason *r = &why->items[i];

		say(t, "%s", i ? ", " : ": ");
		for (size_t k = 0; k < min_size(r->name_n, 60); k++)
			say(t, "%c", r->name[k] == '_' ? ' ' : r->name[k]);
		say(t, " %s", units_count(buf, r->n));
	}
	say(t, ".");
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

/* "12%", but never "0%" of what is there: half a per mille deserves its digits. */
static const char *percent_text(char buf[UNITS_TEXT_MAX], uint64_t part, uint64_t whole)
{
	double p = percent(part, whole);

	if (part && p < 0.01)
		snprintf(buf, UNITS_TEXT_MAX, "<0.01%%");
	else
		snprintf(buf, UNITS_TEXT_MAX, p < 1 ? "%.2f%%" : "%.1f%%", p);
	return buf;
}

static void write_warning(const struct view *v, struct sentence *t)
{
	fputs(v->color ? SGR_WARM : "", v->out);
	write_sentence(v, t);
	fputs(v->color ? SGR_END : "", v->out);
}

static void write_losses(const struct view *v, const struct ticks *a)
{
	char n[UNITS_TEXT_MAX], whole[UNITS_TEXT_MAX], share[UNITS_TEXT_MAX];
	uint64_t wanted = a->lost > UINT64_MAX - a->recorded ? UINT64_MAX : a->recorded + a->lost;
	uint64_t missing = ticks_missing(a);
	struct sentence t = { 0 };

	if (a->lost) {
		say(&t, "warning: %s of %s samples (%s) were lost", units_count(n, a->lost),
		    units_count(whole, wanted), percent_text(share, a->lost, wanted));
		say_reasons(&t, &a->why_lost);
		write_warning(v, &t);
	}
	if (missing) {
		t = (struct sentence){ 0 };
		say(&t,
		    "warning: the account does not add up: nothing is known of %s of %s ticks (%s).",
		    units_count(n, missing), units_count(whole, a->ticks),
		    percent_text(share, missing, a->ticks));
		write_warning(v, &t);
	}
	if (a->truncated) {
		t = (struct sentence){ 0 };
		say(&t, "warning: %s of %s stacks (%s) are incomplete",
		    units_count(n, a->truncated), units_count(whole, a->recorded),
		    percent_text(share, a->truncated, a->recorded));
		say_reasons(&t, &a->why_truncated);
		write_warning(v, &t);
	}
}

static void write_account(const struct view *v)
{
	char n[UNITS_TEXT_MAX];
	struct sentence t = { 0 };
	struct ticks a;

	if (!ticks_read(&a, v->p))
		return;
	say(&t, "%s ticks: ", units_count(n, a.ticks));
	say(&t, "%s recorded, ", units_count(n, a.recorded));
	say(&t, "%s idle, ", units_count(n, a.idle));
	say(&t, "%s filtered, ", units_count(n, a.filtered));
	if (a.lost)
		say(&t, "%s lost.", units_count(n, a.lost));
	else
		say(&t, "none lost%s.", a.truncated || !a.recorded ? "" : ", every stack complete");
	fputc('\n', v->out);
	write_sentence(v, &t);
	write_losses(v, &a);
}

/* --------------------------------------------------------------------------------------------- */

static void write_empty(const struct view *v)
{
	const char *why =
		"The profile has no samples: nothing that was asked for ran on a CPU while it "
		"was taken. Take a longer one, or one of more processes.";

	if (v->p->samples.n)
		why = "No sample of the profile has a value of this type. Choose another sample type.";
	term_wrap(v->out, why, 0, v->columns, 0);
}

static int choose_type(const struct profile *p, int wanted, size_t *ret, struct err *e)
{
	struct sentence names = { 0 };

	if (wanted < 0) {
		*ret = profile_default_type(p);
		return 0;
	}
	if ((size_t)wanted < p->sample_types.n) {
		*ret = (size_t)wanted;
		return 0;
	}
	for (size_t i = 0; i < p->sample_types.n && i < 8; i++)
		say(&names, "%s%zu %.60s", i ? ", " : "", i,
		    strtab_get(&p->strings, p->sample_types.items[i].type));
	return err_set(e, -EINVAL, "the profile has no sample type %d; it has: %s", wanted,
		       names.n ? names.s : "none");
}

static int write_view(struct view *v, struct err *e)
{
	int r = functable_make(&v->table, v->p, v->type);

	if (r == 0) {
		functable_sort(&v->table, v->p);
		v->rows = min_size(v->rows, v->table.n);
		r = make_room_for_names(v);
	}
	if (r < 0) {
		functable_done(&v->table);
		return err_set(e, r, "there is not enough memory to add up the profile");
	}
	write_total(v);
	if (v->table.n_stacks)
		write_rate(v);
	write_start(v);
	if (v->table.n_stacks) {
		fit_columns(v);
		write_table(v);
	} else {
		fputc('\n', v->out);
		write_empty(v);
	}
	write_account(v);
	free(v->shorter);
	functable_done(&v->table);
	return 0;
}

int top_write(const struct profile *p, const struct top_opts *opts, FILE *out, struct err *e)
{
	struct view v = {
		.p = p,
		.out = out,
		.columns = opts->columns ? opts->columns : DEFAULT_COLUMNS,
		.rows = opts->max_rows ? opts->max_rows : DEFAULT_ROWS,
		.color = opts->color,
	};
	int r = choose_type(p, opts->sample_type, &v.type, e);

	if (r < 0)
		return r;
	v.columns = min_size(max_size(v.columns, MIN_COLUMNS), MAX_COLUMNS);
	if (p->sample_types.n == 0) {
		write_empty(&v);
		write_account(&v);
	} else {
		r = write_view(&v, e);
		if (r < 0)
			return r;
	}
	errno = 0;
	if (fflush(out) == 0 && !ferror(out))
		return 0;
	r = errno ? -errno : -EIO;
	return err_set(e, r, "cannot write the report: %m");
}
