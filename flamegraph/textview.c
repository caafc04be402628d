/* SPDX-License-Identifier: Apache-2.0 */
#include "textview.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "codekind.h"
#include "err.h"
#include "funcdiff.h"
#include "functable.h"
#include "profile.h"
#include "report.h"
#include "saturate.h"
#include "shortname.h"
#include "termtext.h"

#define DEFAULT_COLUMNS 80
#define MIN_COLUMNS	50 /* below this the numbers leave no room for a name */
#define MAX_COLUMNS	4096

/* --- sentences ------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 0))) static void say_list(struct sentence *t, const char *fmt,
							   va_list ap)
{
	int n = vsnprintf(t->s + t->n, sizeof(t->s) - t->n, fmt, ap);

	if (n > 0)
		t->n = min_size(t->n + (size_t)n, sizeof(t->s) - 1);
}

void say(struct sentence *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_list(t, fmt, ap);
	va_end(ap);
}

void textview_sentence(const struct textview *v, const struct sentence *t)
{
	if (t->n)
		term_wrap(v->out, t->s, 0, v->columns, 2);
}

void textview_say(const struct textview *v, const char *fmt, ...)
{
	struct sentence t = { 0 };
	va_list ap;

	va_start(ap, fmt);
	say_list(&t, fmt, ap);
	va_end(ap);
	textview_sentence(v, &t);
}

/* --- what it is of --------------------------------------------------------------------------- */

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

static void add_up(struct textview *v)
{
	const struct profile *p = v->p;

	for (size_t i = 0; i < p->samples.n && p->sample_types.n; i++) {
		int64_t value = profile_value(p, i, v->type);
		uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;

		v->total = functable_add(v->total, value);
		v->weight = size > UINT64_MAX - v->weight ? UINT64_MAX : v->weight + size;
		v->n_stacks += value != 0;
	}
}

int textview_begin(struct textview *ret, const struct profile *p, const struct report_opts *opts,
		   size_t default_rows, FILE *out, struct err *e)
{
	size_t columns = opts->columns ? opts->columns : DEFAULT_COLUMNS;
	int r;

	*ret = (struct textview){
		.p = p,
		.out = out,
		.columns = min_size(max_size(columns, MIN_COLUMNS), MAX_COLUMNS),
		.rows = opts->max_rows ? opts->max_rows : default_rows,
		.color = opts->color,
	};
	r = choose_type(p, opts->sample_type, &ret->type, e);
	if (r == 0)
		add_up(ret);
	return r;
}

void textview_done(struct textview *v)
{
	free(v->shorter);
	v->shorter = NULL;
	v->shorter_cap = 0;
}

int textview_flush(const struct textview *v, struct err *e)
{
	int r;

	errno = 0;
	if (fflush(v->out) == 0 && !ferror(v->out))
		return 0;
	r = errno ? -errno : -EIO;
	return err_set(e, r, "cannot write the report: %m");
}

const char *textview_string(const struct textview *v, uint32_t id)
{
	return strtab_get(&v->p->strings, id);
}

const char *textview_value(const struct textview *v, char buf[UNITS_TEXT_MAX], int64_t value)
{
	return units_value(buf, value, textview_string(v, v->p->sample_types.items[v->type].unit));
}

double textview_percent(const struct textview *v, int64_t value)
{
	return v->weight ? 100.0 * (double)value / (double)v->weight : 0;
}

/* --- names and colours ----------------------------------------------------------------------- */

const char *textview_row_color(const struct textview *v, double share)
{
	return !v->color ? "" : share >= 0.10 ? SGR_HOT : share >= 0.03 ? SGR_WARM : "";
}

void textview_colored(const struct textview *v, const char *color, const char *text)
{
	fprintf(v->out, "%s%s%s", v->color ? color : "", text, v->color ? SGR_END : "");
}

const char *textview_mark(const struct textview *v, uint32_t file)
{
	return file_is_kernel(textview_string(v, file)) ? TEXT_KERNEL_MARK : "";
}

struct text textview_fitting(struct textview *v, struct text name, size_t columns)
{
	if (name.n == 0 || name.s[0] == '[' || term_columns(name.s, name.n) <= columns)
		return name;
	if (name.n >= v->shorter_cap) {
		char *room = realloc(v->shorter, name.n + 1);

		if (!room)
			return name; /* as it is, elided */
		v->shorter = room;
		v->shorter_cap = name.n + 1;
	}
	name.n = short_name(name.s, name.n, v->shorter);
	name.s = v->shorter;
	return name;
}

size_t textview_name_width(struct textview *v, struct text name, const char *mark, size_t columns)
{
	size_t room = columns > strlen(mark) ? columns - strlen(mark) : 0;
	struct text fits = textview_fitting(v, name, room);

	return min_size(term_columns(fits.s, fits.n), room) + strlen(mark);
}

size_t textview_write_name(struct textview *v, struct text name, const char *mark, size_t columns)
{
	size_t room = columns > strlen(mark) ? columns - strlen(mark) : 0;
	struct text fits = textview_fitting(v, name, room);
	size_t used = term_write(v->out, fits.s, fits.n, room, TERM_ELIDE_MIDDLE);

	fputs(mark, v->out);
	return used + strlen(mark);
}

/* --- what was measured ----------------------------------------------------------------------- */

/* How often the profile was sampled: the sum of its values that count samples, 0 when it has none.
 */
static uint64_t count_samples(const struct profile *p)
{
	int t = functable_count_type(p);
	uint64_t n = 0;

	for (size_t i = 0; i < p->samples.n && t >= 0; i++)
		if (profile_value(p, i, (size_t)t) > 0)
			n = saturate_add_u64(n, (uint64_t)profile_value(p, i, (size_t)t));
	return n;
}

static void write_total(const struct textview *v, const char *label)
{
	const struct profile_value_type *vt = &v->p->sample_types.items[v->type];
	const char *type = textview_string(v, vt->type), *unit = textview_string(v, vt->unit);
	uint64_t ns = units_ns(unit);
	char buf[UNITS_TEXT_MAX];
	struct sentence t = { 0 };

	say(&t, "%s%.100s: %s", label, *type ? type : "value", textview_value(v, buf, v->total));
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
			    (double)v->total * (double)ns / (double)NSEC_PER_SEC / seconds);
	}
	textview_sentence(v, &t);
}

static void say_rate(const struct textview *v, struct sentence *t)
{
	const char *type = textview_string(v, v->p->period_type.type),
		   *unit = textview_string(v, v->p->period_type.unit);
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

static void write_rate(const struct textview *v, const char *label)
{
	uint64_t samples = count_samples(v->p);
	char buf[UNITS_TEXT_MAX];
	struct sentence t = { 0 };

	say(&t, "%s", label);
	if (samples)
		say(&t, "%s sample%s in ", units_count(buf, samples), samples == 1 ? "" : "s");
	say(&t, "%s stack%s", units_count(buf, v->n_stacks), v->n_stacks == 1 ? "" : "s");
	say_rate(v, &t);
	textview_sentence(v, &t);
}

static void write_start(const struct textview *v, const char *label)
{
	time_t seconds = (time_t)(v->p->time_ns / NSEC_PER_SEC);
	char date[64];
	struct tm tm;

	if (v->p->time_ns && gmtime_r(&seconds, &tm) &&
	    strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm))
		fprintf(v->out, "%sstarted %s UTC\n", label, date);
}

static void write_empty(const struct textview *v)
{
	const char *why =
		"The profile has no samples: nothing that was asked for ran on a CPU while it "
		"was taken. Take a longer one, or one of more processes.";

	if (v->p->samples.n)
		why = "No sample of the profile has a value of this type. Choose another sample type.";
	term_wrap(v->out, why, 0, v->columns, 0);
}

bool textview_head(const struct textview *v, const char *label)
{
	if (v->p->sample_types.n == 0) {
		write_empty(v);
		return false;
	}
	write_total(v, label);
	if (v->n_stacks)
		write_rate(v, label);
	write_start(v, label);
	if (v->n_stacks)
		return true;
	fputc('\n', v->out);
	write_empty(v);
	return false;
}

bool textview_heads(const struct textview *v, const struct profile *base)
{
	struct textview b = { .p = base, .out = v->out, .columns = v->columns };
	bool any = textview_head(v, "now: ");

	if (!any || funcdiff_base_type(v->p, v->type, base, &b.type, NULL) < 0)
		return any;
	add_up(&b);
	return textview_head(&b, "base: ");
}
