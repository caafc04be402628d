/* SPDX-License-Identifier: Apache-2.0 */
#include "speedscope.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "frames.h"
#include "jsontext.h"
#include "sinkfile.h"

struct speedscope_writer {
	const struct profile *p;
	size_t type;
	struct frames frames;
	uint32_t comm, time;   /* keys of labels, PROFILE_NONE = none has it */
	uint32_t *comms;       /* of each string: the function that stands for that comm */
	ARRAY(uint32_t) order; /* samples */
	FILE *out;
};

static void put_text(const struct speedscope_writer *w, const struct strtab *t, uint32_t id)
{
	json_write_string(w->out, strtab_get(t, id), strtab_len(t, id));
}

/* --- what is written -------------------------------------------------------------------------- */

static int64_t time_of(const struct speedscope_writer *w, uint32_t i)
{
	const struct profile_label *l = sample_label(w->p, &w->p->samples.items[i], w->time);

	return l ? l->num : INT64_MIN;
}

static int compare_times(const void *x, const void *y, void *ctx)
{
	uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
	int64_t s = time_of(ctx, a), t = time_of(ctx, b);

	return s != t ? (s > t) - (s < t) : (a > b) - (a < b);
}

/* Samples that count something, by time; the frames of their comms. */
static int collect(struct speedscope_writer *w)
{
	const struct profile *p = w->p;
	int r;

	w->comms = reallocarray(NULL, p->strings.n + 1, sizeof(*w->comms));
	if (!w->comms || array_reserve(&w->order, p->samples.n) < 0)
		return -ENOMEM;
	memset(w->comms, 0xff, (p->strings.n + 1) * sizeof(*w->comms));
	for (uint32_t i = 0; i < p->samples.n; i++) {
		const struct profile_label *l = sample_label(p, &p->samples.items[i], w->comm);

		if (profile_value(p, i, w->type) == 0)
			continue;
		w->order.items[w->order.n++] = i;
		if (!l || !l->str || w->comms[l->str] != PROFILE_NONE)
			continue;
		r = frames_text(&w->frames, strtab_get(&p->strings, l->str),
				strtab_len(&p->strings, l->str), &w->comms[l->str]);
		if (r < 0)
			return r;
	}
	if (w->time != PROFILE_NONE && w->order.n > 1)
		qsort_r(w->order.items, w->order.n, sizeof(*w->order.items), compare_times, w);
	return 0;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* One frame a function, at the line where it begins, or the only one where it was seen. */
static void put_frame(const struct speedscope_writer *w, const struct frame_function *fn)
{
	int64_t line = fn->start_line > 0 ? fn->start_line : fn->only_line;

	fputs("{\"name\":", w->out);
	put_text(w, &w->frames.text, fn->name);
	if (fn->file) {
		fputs(",\"file\":", w->out);
		put_text(w, &w->frames.text, fn->file);
	}
	if (line > 0) {
		fputs(",\"line\":", w->out);
		put_number(w->out, line);
	}
	if (fn->only_column > 0 && line == fn->only_line) {
		fputs(",\"col\":", w->out);
		put_number(w->out, fn->only_column);
	}
	putc_unlocked('}', w->out);
}

static void put_stack(const struct speedscope_writer *w, const struct profile_sample *s)
{
	const struct profile_label *comm = sample_label(w->p, s, w->comm);
	const char *separator = "";

	putc_unlocked('[', w->out);
	if (comm && comm->str) {
		put_number(w->out, w->comms[comm->str]);
		separator = ",";
	}
	for (uint32_t i = s->loc_n; i-- > 0;) {
		uint32_t l = w->p->stacks.items[s->loc_first + i];

		for (uint32_t k = w->frames.first.items[l]; k < w->frames.first.items[l + 1]; k++) {
			fputs(separator, w->out);
			put_number(w->out, w->frames.list.items[k].function);
			separator = ",";
		}
	}
	putc_unlocked(']', w->out);
}

/* speedscope shows numbers of these units as such, and all others plain. */
static const char *unit_name(const char *unit)
{
	static const char *const known[] = { "nanoseconds", "microseconds", "milliseconds",
					     "seconds", "bytes" };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(unit, known[i]) == 0)
			return known[i];
	return "none";
}

static void put_name(const struct speedscope_writer *w, const struct profile_value_type *t)
{
	const struct strtab *s = &w->p->strings;
	char name[300];

	snprintf(name, sizeof(name), "%s/%s", strtab_get(s, t->type), strtab_get(s, t->unit));
	json_write_string(w->out, name, strlen(name));
}

static void put_profile(const struct speedscope_writer *w)
{
	static const struct profile_value_type none;
	const struct profile *p = w->p;
	const struct profile_value_type *t =
		p->sample_types.n ? &p->sample_types.items[w->type] : &none;
	int64_t sum = 0;

	array_each(&w->order, i)
		if (__builtin_add_overflow(sum, profile_value(p, *i, w->type), &sum))
			sum = INT64_MAX;
	fputs("{\"type\":\"sampled\",\"name\":", w->out);
	put_name(w, t);
	fprintf(w->out,
		",\"unit\":\"%s\",\"startValue\":0,\"endValue\":%" PRId64 ",\n\"samples\":[",
		unit_name(strtab_get(&p->strings, t->unit)), sum);
	array_each(&w->order, i) {
		fputs(i == w->order.items ? "\n" : ",\n", w->out);
		put_stack(w, &p->samples.items[*i]);
	}
	fputs("],\n\"weights\":[", w->out);
	array_each(&w->order, i) {
		fputs(i == w->order.items ? "" : ",", w->out);
		put_number(w->out, profile_value(p, *i, w->type));
	}
	fputs("]}", w->out);
}

static void put_file(const struct speedscope_writer *w)
{
	fputs("{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n"
	      "\"exporter\":\"wick@" WICK_VERSION "\",\n\"shared\":{\"frames\":[",
	      w->out);
	array_each(&w->frames.functions, fn) {
		fputs(fn == w->frames.functions.items ? "\n" : ",\n", w->out);
		put_frame(w, fn);
	}
	fputs("]},\n\"profiles\":[", w->out);
	put_profile(w);
	fputs("]}\n", w->out);
}

int speedscope_write(const struct profile *p, size_t type, const struct sink *out, struct err *e)
{
	struct speedscope_writer w = { .p = p, .type = type };
	struct sinkfile file;
	int r = check_values(p, type, "speedscope's JSON", e);

	if (r < 0)
		return r;
	w.comm = profile_find_string(p, "comm");
	w.time = profile_find_string(p, "time");
	r = frames_init(&w.frames, p);
	if (r == 0)
		r = collect(&w);
	if (r == 0)
		r = sinkfile_open(&file, out);
	if (r == 0) {
		w.out = file.f;
		put_file(&w);
		r = sinkfile_close(&file);
	}
	frames_done(&w.frames);
	free(w.comms);
	array_free(&w.order);
	return r;
}
