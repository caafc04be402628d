/* SPDX-License-Identifier: Apache-2.0 */
#include "perfscript.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "cleanup.h"
#include "err.h"
#include "kinds.h"
#include "linereader.h"
#include "perfline.h"
#include "profile.h"

#define LINE_MAX_BYTES ((size_t)1 << 20)
#define EVENTS_MAX     32
#define TIMES_MAX      256		    /* different times in the end */
#define TIME_STEP_NS   ((uint64_t)10000000) /* at least; a power of two of it in the end */

struct event {
	uint32_t name;	/* as perf has it */
	int64_t period; /* the last one */
};

struct perf_reader {
	struct linereader lines;
	struct profile *p;
	struct profile_builder *b;
	struct err *e;
	ARRAY(struct event) events; /* the last one of EVENTS_MAX stands for all others, too */
	uint32_t others;	    /* that it stands for */
	/* Of the string with that number, PROFILE_NONE until it is one. */
	ARRAY(uint32_t) kinds; /* events */
	ARRAY(uint32_t) mappings;
	uint32_t key_comm, key_pid, key_tid, key_time, unit_ns;
	bool has_periods, same_periods;
	uint64_t first_ns, last_ns, step_ns;
	size_t preamble; /* the line where it begins, while it is read */
	/* The sample that is being read. */
	bool open;
	bool beside;		 /* its only frame is the one behind the event */
	struct perf_header head; /* numbers only; its texts are gone */
	uint32_t comm, kind;
	ARRAY(struct profile_line) pending; /* of the location, innermost first */
	ARRAY(uint32_t) stack;
	struct profile_location last; /* the location that was added last, whose line may follow */
	uint32_t last_first;
};

static int add_string(struct perf_reader *f, const char *s, size_t n, uint32_t *ret)
{
	*ret = 0;
	return n ? strtab_add(&f->p->strings, s, n, ret) : 0;
}

/* --- frames ----------------------------------------------------------------------------------- */

/* Whose code it is must be told the same way whoever recorded it. */
static struct perf_text usual_name(struct perf_text dso)
{
	static const char kcore[] = "/proc/kcore", kernel[] = "[kernel.kallsyms]";

	if (dso.n == sizeof(kcore) - 1 && memcmp(dso.s, kcore, dso.n) == 0)
		return (struct perf_text){ kernel, sizeof(kernel) - 1 };
	return dso;
}

static int get_mapping(struct perf_reader *f, struct perf_text dso, uint32_t *ret)
{
	/* All lie at 0, which must be inside; nobody is to look for symbols again. */
	struct profile_mapping m = { .limit = 1, .has_functions = true };
	int64_t at;
	int r;

	*ret = PROFILE_NONE;
	if (!dso.n)
		return 0;
	dso = usual_name(dso);
	r = add_string(f, dso.s, dso.n, &m.file);
	if (r < 0)
		return r;
	while (f->mappings.n <= m.file)
		if (array_push(&f->mappings, PROFILE_NONE) < 0)
			return -ENOMEM;
	if (f->mappings.items[m.file] == PROFILE_NONE) {
		at = profile_builder_mapping(f->b, &m);
		if (at < 0)
			return (int)at;
		f->mappings.items[m.file] = (uint32_t)at;
	}
	*ret = f->mappings.items[m.file];
	return 0;
}

/* "[libc.so.6]" or "[libc.so.6+0x12]" for what has no name: perf's addresses say no more. */
static int unnamed(struct perf_reader *f, const struct perf_frame *frame, uint32_t *ret)
{
	_cleanup_free_ char *text = NULL;
	const char *base = frame->dso.s, *slash;
	size_t n, off = frame->dso_off.n;

	if (!frame->dso.n)
		return add_string(f, "[unknown]", strlen("[unknown]"), ret);
	slash = memrchr(base, '/', frame->dso.n);
	base = slash ? slash + 1 : base;
	n = (size_t)(frame->dso.s + frame->dso.n - base);
	if (n > 1 && base[0] == '[' && base[n - 1] == ']') {
		base++;
		n -= 2;
	}
	text = malloc(n + off + 3);
	if (!text)
		return -ENOMEM;
	text[0] = '[';
	memcpy(text + 1, base, n);
	if (off) {
		text[1 + n] = '+';
		memcpy(text + 2 + n, frame->dso_off.s, off++);
	}
	text[1 + n + off] = ']';
	return add_string(f, text, n + off + 2, ret);
}

static int add_frame(struct perf_reader *f, const struct perf_frame *frame)
{
	struct profile_function fn = { 0 };
	struct profile_line line = { 0 };
	int64_t at;
	int r = frame->symbol.n ? add_string(f, frame->symbol.s, frame->symbol.n, &fn.name)
				: unnamed(f, frame, &fn.name);

	if (r < 0)
		return r;
	at = profile_builder_function(f->b, &fn);
	if (at < 0)
		return (int)at;
	line.function = (uint32_t)at;
	return array_push(&f->pending, line);
}

/* The lines that are pending are one location. */
static int end_location(struct perf_reader *f, struct perf_text dso)
{
	struct profile_location l = { .line_n = (uint32_t)f->pending.n };
	int64_t at;
	int r = get_mapping(f, dso, &l.mapping);

	if (r < 0)
		return r;
	at = profile_builder_location(f->b, &l, f->pending.items);
	if (at < 0)
		return (int)at;
	f->last = l;
	return array_push(&f->stack, (uint32_t)at);
}

static int read_frame(struct perf_reader *f, const struct perf_frame *frame)
{
	int r;

	if (f->beside) { /* perf prints one address or a chain: that one was of data */
		f->beside = false;
		f->stack.n = f->pending.n = f->last.line_n = 0;
	}
	if (f->last.line_n) { /* its lines were kept until here, for what may follow */
		f->pending.n = 0;
		f->last.line_n = 0;
	}
	r = add_frame(f, frame);
	if (r < 0 || frame->inlined)
		return r;
	return end_location(f, frame->dso);
}

/* "file:line" below a frame tells more of it. */
static int read_srcline(struct perf_reader *f, struct perf_text file, int64_t number)
{
	struct profile_line *line;
	struct profile_function fn;
	int64_t at;
	int r;

	if (!f->pending.n || (file.n == 2 && memcmp(file.s, "??", 2) == 0))
		return 0;
	line = &f->pending.items[f->pending.n - 1];
	fn = f->p->functions.items[line->function];
	r = add_string(f, file.s, file.n, &fn.file);
	if (r < 0)
		return r;
	at = profile_builder_function(f->b, &fn);
	if (at < 0)
		return (int)at;
	line->function = (uint32_t)at;
	line->line = number;
	if (!f->last.line_n)
		return 0;
	at = profile_builder_location(f->b, &f->last, f->pending.items);
	if (at < 0)
		return (int)at;
	f->stack.items[f->stack.n - 1] = (uint32_t)at;
	return 0;
}

/* --- samples ---------------------------------------------------------------------------------- */

/* The recording may be long: when there are too many times, they become coarser. */
static uint64_t note_time(struct perf_reader *f, uint64_t ns)
{
	if (!f->last_ns && !f->first_ns)
		f->first_ns = f->last_ns = ns;
	if (ns < f->first_ns)
		f->first_ns = ns;
	if (ns > f->last_ns)
		f->last_ns = ns;
	while (f->last_ns / f->step_ns - f->first_ns / f->step_ns >= TIMES_MAX)
		f->step_ns *= 2;
	return ns - ns % f->step_ns;
}

static size_t make_labels(struct perf_reader *f, struct profile_label *l)
{
	const struct perf_header *h = &f->head;
	size_t n = 0;

	if (f->comm)
		l[n++] = (struct profile_label){ .key = f->key_comm, .str = f->comm };
	if (h->pid >= 0)
		l[n++] = (struct profile_label){
			.key = f->key_pid, .is_num = true, .num = h->pid, .num_unit = f->key_pid
		};
	if (h->tid >= 0)
		l[n++] = (struct profile_label){
			.key = f->key_tid, .is_num = true, .num = h->tid, .num_unit = f->key_tid
		};
	if (h->has_time)
		l[n++] = (struct profile_label){ .key = f->key_time,
						 .is_num = true,
						 .num = (int64_t)note_time(f, h->time_ns),
						 .num_unit = f->unit_ns };
	return n;
}

static int end_sample(struct perf_reader *f)
{
	int64_t values[2] = { 1, f->head.has_period ? f->head.period : 1 }, at;
	struct profile_label labels[5];
	size_t n;
	int r;

	if (!f->open)
		return 0;
	f->open = false;
	if (f->pending.n && !f->last.line_n) { /* inlined into what was not printed */
		r = end_location(f, (struct perf_text){ 0 });
		if (r < 0)
			return r;
	}
	n = make_labels(f, labels);
	if (f->kind) {
		r = kinds_label(f->p, f->kind, &labels[n++]);
		if (r < 0)
			return r;
	}
	at = profile_builder_sample(f->b, f->stack.items, f->stack.n, labels, n, values);
	return at < 0 ? (int)at : 0;
}

static int add_event(struct perf_reader *f, uint32_t name)
{
	struct event event = { .name = name };

	f->others += f->events.n >= EVENTS_MAX - 1;
	if (f->events.n < EVENTS_MAX && array_push(&f->events, event) < 0)
		return -ENOMEM;
	f->kinds.items[name] = (uint32_t)f->events.n - 1;
	return 0;
}

static int find_event(struct perf_reader *f, struct perf_text text)
{
	uint32_t name;
	int r = add_string(f, text.s, text.n, &name);

	while (r == 0 && f->kinds.n <= name)
		r = array_push(&f->kinds, PROFILE_NONE);
	if (r == 0 && f->kinds.items[name] == PROFILE_NONE)
		r = add_event(f, name);
	if (r == 0)
		f->kind = f->kinds.items[name];
	return r;
}

static int begin_sample(struct perf_reader *f, const struct perf_header *h)
{
	struct perf_frame frame;
	int r = end_sample(f);

	if (r == 0)
		r = add_string(f, h->comm.s, h->comm.n, &f->comm);
	if (r == 0)
		r = find_event(f, h->event);
	if (r < 0)
		return r;
	if (h->has_period) {
		int64_t *period = &f->events.items[f->kind].period;

		f->same_periods &= !*period || *period == h->period;
		*period = h->period;
		f->has_periods = true;
	}
	f->head = *h;
	f->open = true;
	f->pending.n = f->stack.n = 0;
	f->last.line_n = 0;
	f->beside = false;
	if (!perf_frame_find(h->rest, &frame))
		return 0;
	r = read_frame(f, &frame); /* without -g */
	f->beside = true;
	return r;
}

/* --- lines ------------------------------------------------------------------------------------ */

static bool is_side_record(const char *s, size_t n)
{
	static const char record[] = " PERF_RECORD_";

	return memmem(s, n, record, sizeof(record) - 1) != NULL;
}

static bool is_blank(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] != ' ' && s[i] != '\t')
			return false;
	return true;
}

/* A header may begin with spaces, and with a name that looks like an address: "  dd  7220  1260.5:
 * …". */
static bool is_sure(const struct perf_header *h)
{
	return h->has_time || h->event.n || h->rest.n;
}

/* What --header says of the recording: the command may have lines of its own. */
static int read_preamble(struct perf_reader *f, const char *s, size_t n)
{
	if (!f->preamble)
		f->preamble = f->lines.line_no;
	else if (perf_preamble_ends(s, n))
		f->preamble = 0;
	return 0;
}

static int read_line(struct perf_reader *f, const char *s, size_t n)
{
	struct perf_header h;
	struct perf_frame frame;
	struct perf_text file;
	int64_t number;
	bool header;

	if (f->preamble || perf_preamble_begins(s, n))
		return read_preamble(f, s, n);
	if (is_blank(s, n))
		return end_sample(f);
	if (*s == '#' || is_side_record(s, n))
		return 0;
	if (f->open && *s == '\t' && perf_frame_parse(s, n, false, &frame))
		return read_frame(f, &frame);
	header = perf_header_parse(s, n, &h);
	if (header && is_sure(&h))
		return begin_sample(f, &h);
	if (f->open && *s == ' ' && perf_frame_parse(s, n, true, &frame) &&
	    (frame.symbol.n || frame.dso.n))
		return read_frame(f, &frame);
	if (header)
		return begin_sample(f, &h);
	if (f->open && *s == ' ' && !perf_line_has_time(s, n))
		return perf_srcline_parse(s, n, &file, &number) ? read_srcline(f, file, number) : 0;
	return err_set(f->e, -EBADMSG,
		       "line %zu is neither a sample nor a frame; write the text with 'perf script "
		       "-F comm,pid,tid,time,event,period,ip,sym,dso'",
		       f->lines.line_no);
}

/* --- the profile ------------------------------------------------------------------------------ */

/* Events are called as wick's own: "cpu" for cpu-clock, and no '-', which some readers refuse. */
static int event_type(struct perf_reader *f, uint32_t event, struct profile_value_type *ret)
{
	const char *name = strtab_get(&f->p->strings, event);
	bool is_time = strcmp(name, "cpu-clock") == 0 || strcmp(name, "task-clock") == 0;
	_cleanup_free_ char *type = strdup(strcmp(name, "cpu-clock") == 0 ? "cpu"
					   : *name			  ? name
									  : "events");
	int r;

	if (!type)
		return -ENOMEM;
	for (char *c = type; *c; c++)
		if (*c == '-')
			*c = '_';
	r = strtab_adds(&f->p->strings, type, &ret->type);
	return r < 0 ? r
		     : strtab_adds(&f->p->strings, is_time ? "nanoseconds" : "count", &ret->unit);
}

/* Says that events are counted together, where they are. */
static int name_others(struct perf_reader *f)
{
	_cleanup_free_ char *text = NULL;
	uint32_t id;
	int r;

	if (f->others < 2)
		return 0;
	if (asprintf(&text, "wick: events: %u of %u are counted together, as 'other'", f->others,
		     EVENTS_MAX - 1 + f->others) < 0) {
		text = NULL;
		return -ENOMEM;
	}
	r = strtab_adds(&f->p->strings, text, &id);
	if (r == 0)
		r = array_push(&f->p->comments, id);
	return r < 0 ? r
		     : strtab_adds(&f->p->strings, "other", &f->events.items[EVENTS_MAX - 1].name);
}

/* samples/count, and what every event counts; that is the same where there is one without periods.
 */
static int set_types(struct perf_reader *f)
{
	struct profile_value_type types[1 + EVENTS_MAX];
	uint32_t column[2 * EVENTS_MAX] = { 0 };
	size_t n = f->events.n;
	bool several = n > 1 || f->has_periods;
	int r = name_others(f);

	if (r == 0)
		r = strtab_adds(&f->p->strings, "samples", &types[0].type);
	if (r == 0)
		r = strtab_adds(&f->p->strings, "count", &types[0].unit);
	for (size_t i = 0; i < n && r == 0; i++) {
		r = event_type(f, f->events.items[i].name, &types[1 + i]);
		column[2 * i + 1] = (uint32_t)i + 1;
	}
	if (r < 0)
		return r;
	f->p->default_sample_type = types[several].type;
	if (n == 1 && several) {
		f->p->period_type = types[1];
		f->p->period = f->same_periods ? f->events.items[0].period : 0;
	}
	if (!several)
		column[1] = 0;
	return kinds_spread(&f->p, column, types, several ? n + 1 : 1);
}

/* Times that were noted when steps were shorter. */
static void round_times(struct perf_reader *f)
{
	array_each(&f->p->labels, l)
		if (l->key == f->key_time)
			l->num -= l->num % (int64_t)f->step_ns;
}

static int add_keys(struct perf_reader *f)
{
	int r = strtab_adds(&f->p->strings, "comm", &f->key_comm);

	if (r == 0)
		r = strtab_adds(&f->p->strings, "pid", &f->key_pid);
	if (r == 0)
		r = strtab_adds(&f->p->strings, "tid", &f->key_tid);
	if (r == 0)
		r = strtab_adds(&f->p->strings, "time", &f->key_time);
	return r < 0 ? r : strtab_adds(&f->p->strings, "nanoseconds", &f->unit_ns);
}

static int read_all(struct perf_reader *f)
{
	struct profile_value_type two = { 0 };
	const char *line;
	size_t n;
	int r = add_keys(f);

	if (r == 0 &&
	    (array_push(&f->p->sample_types, two) < 0 || array_push(&f->p->sample_types, two) < 0))
		r = -ENOMEM;
	if (r == 0)
		r = profile_builder_new(&f->b, f->p);
	while (r == 0 && (r = linereader_next(&f->lines, &line, &n, f->e)) > 0)
		r = read_line(f, line, n);
	if (r == 0)
		r = end_sample(f);
	if (r == 0 && f->preamble)
		r = err_set(f->e, -EBADMSG,
			    "line %zu begins what perf says of the recording, which does not end",
			    f->preamble);
	if (r < 0)
		return r;
	round_times(f);
	f->p->duration_ns = f->last_ns - f->first_ns;
	return set_types(f);
}

int perf_script_read(const struct source *in, struct profile **ret, struct err *e)
{
	struct perf_reader f = { .lines = linereader_of(in, LINE_MAX_BYTES),
				 .e = e,
				 .same_periods = true,
				 .step_ns = TIME_STEP_NS };
	int r = profile_new(&f.p);

	if (r == 0)
		r = read_all(&f);
	profile_builder_free(f.b);
	linereader_done(&f.lines);
	array_free(&f.events);
	array_free(&f.kinds);
	array_free(&f.mappings);
	array_free(&f.pending);
	array_free(&f.stack);
	if (r < 0) {
		profile_free(f.p);
		return r;
	}
	*ret = f.p;
	return 0;
}
