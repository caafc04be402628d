/* SPDX-License-Identifier: Apache-2.0 */
#include "firefox.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "err.h"
#include "firefox_tables.h"
#include "jsontext.h"
#include "sinkfile.h"

#define NS_PER_MS 1000000

struct firefox_writer {
	const struct firefox_tables *t;
	FILE *out;
};

/* --- columns ---------------------------------------------------------------------------------- */

typedef void put_item(const struct firefox_writer *w, size_t i);

/* "name":[…], of @n items. */
static void put_column(const struct firefox_writer *w, const char *name, size_t n, put_item *put)
{
	fprintf(w->out, ",\n\"%s\":[", name);
	for (size_t i = 0; i < n; i++) {
		if (i)
			putc_unlocked(',', w->out);
		put(w, i);
	}
	putc_unlocked(']', w->out);
}

static void put_null(const struct firefox_writer *w, size_t i)
{
	(void)i;
	fputs("null", w->out);
}

static void put_zero(const struct firefox_writer *w, size_t i)
{
	(void)i;
	putc_unlocked('0', w->out);
}

static void put_one(const struct firefox_writer *w, size_t i)
{
	(void)i;
	putc_unlocked('1', w->out);
}

static void put_minus_one(const struct firefox_writer *w, size_t i)
{
	(void)i;
	fputs("-1", w->out);
}

static void put_false(const struct firefox_writer *w, size_t i)
{
	(void)i;
	fputs("false", w->out);
}

static void put_optional(const struct firefox_writer *w, int64_t v)
{
	if (v > 0)
		put_number(w->out, v);
	else
		fputs("null", w->out);
}

static void put_text(const struct firefox_writer *w, const char *s)
{
	json_write_string(w->out, s, strlen(s));
}

/* A time or a duration in milliseconds. */
static void put_ms(const struct firefox_writer *w, int64_t ns)
{
	put_number(w->out, ns / NS_PER_MS);
	if (ns % NS_PER_MS)
		fprintf(w->out, ".%06" PRId64, ns % NS_PER_MS);
}

/* --- the tables that threads share ------------------------------------------------------------ */

static const struct frame_function *function(const struct firefox_writer *w, size_t i)
{
	return &w->t->frames.functions.items[i];
}

/* The strings of the frames come first in the array, so their numbers are the same. */
static void put_string(const struct firefox_writer *w, size_t i)
{
	const struct strtab *t = &w->t->frames.text;

	json_write_string(w->out, strtab_get(t, (uint32_t)i), strtab_len(t, (uint32_t)i));
}

static void put_function_name(const struct firefox_writer *w, size_t i)
{
	put_number(w->out, function(w, i)->name);
}

static void put_function_resource(const struct firefox_writer *w, size_t i)
{
	uint32_t object = function(w, i)->object;

	put_number(w->out, object ? (int64_t)w->t->object_of[object] : -1);
}

/* Every string is a source, too, so that no numbers of their own are needed. */
static void put_function_source(const struct firefox_writer *w, size_t i)
{
	put_optional(w, function(w, i)->file);
}

static void put_function_line(const struct firefox_writer *w, size_t i)
{
	put_optional(w, function(w, i)->start_line);
}

static void put_functions(const struct firefox_writer *w)
{
	size_t n = w->t->frames.functions.n;

	fprintf(w->out, ",\n\"funcTable\":{\"length\":%zu", n);
	put_column(w, "name", n, put_function_name);
	put_column(w, "isJS", n, put_false);
	put_column(w, "relevantForJS", n, put_false);
	put_column(w, "resource", n, put_function_resource);
	put_column(w, "source", n, put_function_source);
	put_column(w, "lineNumber", n, put_function_line);
	put_column(w, "columnNumber", n, put_null);
	putc_unlocked('}', w->out);
}

static void put_frame_function(const struct firefox_writer *w, size_t i)
{
	put_number(w->out, w->t->list.items[i].function);
}

static void put_frame_depth(const struct firefox_writer *w, size_t i)
{
	put_number(w->out, w->t->list.items[i].inline_depth);
}

static void put_frame_category(const struct firefox_writer *w, size_t i)
{
	put_number(w->out, firefox_category(w->t, w->t->list.items[i].function));
}

static void put_frame_line(const struct firefox_writer *w, size_t i)
{
	put_optional(w, w->t->list.items[i].line);
}

static void put_frame_column(const struct firefox_writer *w, size_t i)
{
	put_optional(w, w->t->list.items[i].column);
}

static void put_frames(const struct firefox_writer *w)
{
	size_t n = w->t->list.n;

	fprintf(w->out, ",\n\"frameTable\":{\"length\":%zu", n);
	put_column(w, "address", n, put_minus_one);
	put_column(w, "inlineDepth", n, put_frame_depth);
	put_column(w, "category", n, put_frame_category);
	put_column(w, "subcategory", n, put_zero);
	put_column(w, "func", n, put_frame_function);
	put_column(w, "nativeSymbol", n, put_null);
	put_column(w, "innerWindowID", n, put_null);
	put_column(w, "line", n, put_frame_line);
	put_column(w, "column", n, put_frame_column);
	putc_unlocked('}', w->out);
}

static void put_stack_frame(const struct firefox_writer *w, size_t i)
{
	put_number(w->out, w->t->stacks.items[i].frame);
}

static void put_stack_prefix(const struct firefox_writer *w, size_t i)
{
	uint32_t prefix = w->t->stacks.items[i].prefix;

	if (prefix == PROFILE_NONE)
		fputs("null", w->out);
	else
		put_number(w->out, prefix);
}

static void put_stacks(const struct firefox_writer *w)
{
	size_t n = w->t->stacks.n;

	fprintf(w->out, ",\n\"stackTable\":{\"length\":%zu", n);
	put_column(w, "frame", n, put_stack_frame);
	put_column(w, "prefix", n, put_stack_prefix);
	putc_unlocked('}', w->out);
}

static void put_resource_lib(const struct firefox_writer *w, size_t i)
{
	put_number(w->out, (int64_t)i);
}

static void put_resource_name(const struct firefox_writer *w, size_t i)
{
	put_number(w->out, w->t->objects.items[i].name);
}

static void put_resources(const struct firefox_writer *w)
{
	size_t n = w->t->objects.n;

	fprintf(w->out, ",\n\"resourceTable\":{\"length\":%zu", n);
	put_column(w, "lib", n, put_resource_lib);
	put_column(w, "name", n, put_resource_name);
	put_column(w, "host", n, put_null);
	put_column(w, "type", n, put_one);
	putc_unlocked('}', w->out);
}

static void put_shared(const struct firefox_writer *w)
{
	size_t strings = w->t->frames.text.n;

	fputs(",\n\"shared\":{\"nativeSymbols\":{\"length\":0,\"libIndex\":[],\"address\":[],\"name\":[],"
	      "\"functionSize\":[]}",
	      w->out);
	put_column(w, "stringArray", strings, put_string);
	fprintf(w->out, ",\n\"sources\":{\"length\":%zu", strings);
	put_column(w, "uuid", strings, put_null);
	put_column(w, "filename", strings, put_resource_lib);
	putc_unlocked('}', w->out);
	put_functions(w);
	put_resources(w);
	put_frames(w);
	put_stacks(w);
	putc_unlocked('}', w->out);
}

/* --- libraries, meta -------------------------------------------------------------------------- */

/* The build id that a mapping of the file has. */
static const char *build_id(const struct firefox_writer *w, const char *file)
{
	const struct profile *p = w->t->p;

	array_each(&p->mappings, m)
		if (strcmp(strtab_get(&p->strings, m->file), file) == 0)
			return strtab_get(&p->strings, m->build_id);
	return "";
}

static void put_lib(const struct firefox_writer *w, size_t i)
{
	const struct strtab *t = &w->t->frames.text;
	const char *path = strtab_get(t, w->t->objects.items[i].path);
	const char *name = strtab_get(t, w->t->objects.items[i].name);
	const char *id = build_id(w, path);

	fputs("\n{\"arch\":\"\",\"name\":", w->out);
	put_text(w, name);
	fputs(",\"path\":", w->out);
	put_text(w, path);
	fputs(",\"debugName\":", w->out);
	put_text(w, name);
	fputs(",\"debugPath\":", w->out);
	put_text(w, path);
	fputs(",\"breakpadId\":\"\",\"codeId\":", w->out);
	if (*id)
		put_text(w, id);
	else
		fputs("null", w->out);
	putc_unlocked('}', w->out);
}

static void put_meta(const struct firefox_writer *w)
{
	fputs("{\"meta\":{\"version\":24,\"preprocessedProfileVersion\":60,\"interval\":", w->out);
	put_ms(w, w->t->step_ns);
	fputs(",\"startTime\":", w->out);
	put_ms(w, (int64_t)w->t->p->time_ns);
	fputs(",\"processType\":0,\"product\":\"wick " WICK_VERSION "\",\"stackwalk\":1,"
	      "\"symbolicated\":true,\"markerSchema\":[],\n"
	      "\"extensions\":{\"length\":0,\"id\":[],\"name\":[],\"baseURL\":[]},\n"
	      "\"sampleUnits\":{\"time\":\"ms\",\"eventDelay\":\"ms\",\"threadCPUDelta\":\"ns\"},\n"
	      "\"categories\":["
	      "{\"name\":\"Other\",\"color\":\"grey\",\"subcategories\":[\"Other\"]},"
	      "{\"name\":\"User\",\"color\":\"yellow\",\"subcategories\":[\"Other\"]},"
	      "{\"name\":\"Kernel\",\"color\":\"orange\",\"subcategories\":[\"Other\"]},"
	      "{\"name\":\"JIT\",\"color\":\"green\",\"subcategories\":[\"Other\"]}]},\n"
	      "\"pages\":[],\"counters\":[],\"profilerOverhead\":[]",
	      w->out);
	put_column(w, "libs", w->t->objects.n, put_lib);
}

/* --- threads ---------------------------------------------------------------------------------- */

static const struct firefox_row *rows(const struct firefox_writer *w,
				      const struct firefox_thread *thread)
{
	return w->t->rows.items + thread->first;
}

/* What weights count: milliseconds where the value is a time. */
static bool is_time(const struct firefox_writer *w, const char **ret_type)
{
	const struct profile *p = w->t->p;
	const char *unit = p->sample_types.n
				   ? strtab_get(&p->strings, p->sample_types.items[w->t->type].unit)
				   : "";

	*ret_type = strcmp(unit, "nanoseconds") == 0 ? "tracing-ms"
		    : strcmp(unit, "bytes") == 0     ? "bytes"
						     : "samples";
	return strcmp(unit, "nanoseconds") == 0;
}

static void put_weights(const struct firefox_writer *w, const struct firefox_thread *thread,
			size_t type, bool ms)
{
	for (size_t i = 0; i < thread->n; i++) {
		int64_t v = profile_value(w->t->p, rows(w, thread)[i].sample, type);

		fputs(i ? "," : "", w->out);
		if (ms)
			put_ms(w, v);
		else
			put_number(w->out, v);
	}
}

static void put_samples(const struct firefox_writer *w, const struct firefox_thread *thread)
{
	const struct firefox_row *row = rows(w, thread);
	const char *type;
	bool time = is_time(w, &type);

	fprintf(w->out, "\"samples\":{\"length\":%zu,\"weightType\":\"%s\",\n\"stack\":[",
		thread->n, type);
	for (size_t i = 0; i < thread->n; i++) {
		fputs(i ? "," : "", w->out);
		if (row[i].stack == PROFILE_NONE)
			fputs("null", w->out);
		else
			put_number(w->out, row[i].stack);
	}
	fputs("],\n\"time\":[", w->out);
	for (size_t i = 0; i < thread->n; i++) {
		fputs(i ? "," : "", w->out);
		put_ms(w, row[i].time_ns);
	}
	fputs("],\n\"weight\":[", w->out);
	put_weights(w, thread, w->t->type, time);
	if (w->t->cpu_type != SIZE_MAX) { /* draws how busy the thread was */
		fputs("],\n\"threadCPUDelta\":[", w->out);
		put_weights(w, thread, w->t->cpu_type, false);
	}
	fputs("]}", w->out);
}

static void put_thread(const struct firefox_writer *w, size_t i)
{
	const struct firefox_thread *thread = &w->t->threads.items[i];
	const struct strtab *t = &w->t->p->strings;
	const char *comm = thread->comm ? strtab_get(t, thread->comm) : "all";

	fputs("\n{\"processType\":\"default\",\"processName\":", w->out);
	put_text(w, comm);
	fputs(",\"name\":", w->out);
	put_text(w, thread->thread_comm ? strtab_get(t, thread->thread_comm) : comm);
	fprintf(w->out, ",\"isMainThread\":%s,\"pid\":\"%" PRId64 "\",\"tid\":%" PRId64,
		thread->pid == thread->tid ? "true" : "false", thread->pid, thread->tid);
	fputs(",\"registerTime\":0,\"unregisterTime\":null,\"processStartupTime\":0,"
	      "\"processShutdownTime\":null,\"pausedRanges\":[],\n"
	      "\"markers\":{\"length\":0,\"data\":[],\"name\":[],\"startTime\":[],\"endTime\":[],"
	      "\"phase\":[],\"category\":[]},\n",
	      w->out);
	put_samples(w, thread);
	putc_unlocked('}', w->out);
}

int firefox_write(const struct profile *p, size_t type, const struct sink *out, struct err *e)
{
	struct firefox_tables t;
	struct firefox_writer w = { .t = &t };
	struct sinkfile file;
	int r = check_values(p, type, "Firefox's JSON", e);

	if (r < 0)
		return r;
	r = firefox_tables_init(&t, p, type);
	if (r == 0)
		r = sinkfile_open(&file, out);
	if (r == 0) {
		w.out = file.f;
		put_meta(&w);
		put_shared(&w);
		put_column(&w, "threads", t.threads.n, put_thread);
		fputs("}\n", w.out);
		r = sinkfile_close(&file);
	}
	firefox_tables_done(&t);
	return r;
}
