/* SPDX-License-Identifier: Apache-2.0 */
#include "made_profile.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <criterion/criterion.h>

#include "err.h"
#include "folded.h"
#include "pprof.h"

/* --- buffers ---------------------------------------------------------------------------------- */

void buffer_add(struct buffer *b, const void *data, size_t n)
{
	cr_assert_eq(array_reserve(b, n + 1), 0);
	if (n)
		memcpy(b->items + b->n, data, n);
	b->n += n;
}

static int buffer_write(void *ctx, const void *data, size_t n)
{
	struct buffer *b = ctx;

	if (b->fail_at && --b->fail_at == 0)
		return -EIO;
	buffer_add(b, data, n);
	return 0;
}

static ssize_t buffer_read(void *ctx, void *buf, size_t n)
{
	struct buffer *b = ctx;

	if (b->fail_at && --b->fail_at == 0)
		return -EIO;
	if (b->chunk && n > b->chunk)
		n = b->chunk;
	if (n > b->n - b->pos)
		n = b->n - b->pos;
	if (n)
		memcpy(buf, b->items + b->pos, n);
	b->pos += n;
	return (ssize_t)n;
}

struct sink buffer_sink(struct buffer *b)
{
	return (struct sink){ .write = buffer_write, .ctx = b };
}

struct source buffer_source(struct buffer *b)
{
	return (struct source){ .read = buffer_read, .ctx = b };
}

const char *buffer_text(struct buffer *b)
{
	buffer_add(b, "", 1);
	b->n--;
	return (const char *)b->items;
}

/* --- profiles --------------------------------------------------------------------------------- */

uint32_t str(struct profile *p, const char *s)
{
	uint32_t id = 0;

	cr_assert_eq(strtab_adds(&p->strings, s, &id), 0);
	return id;
}

static uint32_t demo_mapping(struct profile_builder *b, struct profile *p, uint64_t start,
			     const char *file, const char *build_id, bool named)
{
	struct profile_mapping m = { .start = start,
				     .limit = start + 0x10000,
				     .file_offset = 0x1000,
				     .file = str(p, file),
				     .build_id = str(p, build_id),
				     .has_functions = named };

	return (uint32_t)profile_builder_mapping(b, &m);
}

/* A location with up to two lines; @names is "innermost<outermost" or NULL. */
static uint32_t demo_location(struct profile_builder *b, struct profile *p, uint32_t mapping,
			      uint64_t address, const char *names)
{
	struct profile_location l = { .address = address, .mapping = mapping };
	struct profile_line lines[2] = { 0 };
	char copy[200];

	snprintf(copy, sizeof(copy), "%s", names ? names : "");
	for (char *name = strtok(copy, "<"); name; name = strtok(NULL, "<")) {
		struct profile_function f = { .name = str(p, name),
					      .file = str(p, "demo.c"),
					      .start_line = 10 };

		lines[l.line_n].function = (uint32_t)profile_builder_function(b, &f);
		lines[l.line_n].line = 12;
		l.line_n++;
	}
	return (uint32_t)profile_builder_location(b, &l, lines);
}

static void demo_samples(struct profile_builder *b, struct profile *p)
{
	uint32_t exe = demo_mapping(b, p, 0x400000, "/usr/bin/demo", "0123abcd", true);
	uint32_t kernel = demo_mapping(b, p, 0xffffffff81000000, "[kernel.kallsyms]", "", true);
	uint32_t jit = demo_mapping(b, p, 0x7f0000000000, "//anon", "", true);
	uint32_t lib = demo_mapping(b, p, 0x7f1000000000, "/lib/libstripped.so.1", "ff00", false);
	uint32_t main_ = demo_location(b, p, exe, 0x400100, "main");
	uint32_t loop = demo_location(b, p, exe, 0x400200, "step<loop");
	uint32_t read_ = demo_location(b, p, kernel, 0xffffffff81000100, "ksys_read");
	uint32_t js = demo_location(b, p, jit, 0x7f0000000010, "LazyCompile:~run app.js:7");
	uint32_t bare = demo_location(b, p, lib, 0x7f1000000020, NULL);
	struct profile_label labels[] = {
		{ .key = str(p, "comm"), .str = str(p, "demo app") },
		{ .key = str(p, "tid"), .is_num = true, .num = 4711 },
		{ .key = str(p, "cpu"), .is_num = true, .num = 0 },
	};

	profile_builder_sample(b, (uint32_t[]){ read_, loop, main_ }, 3, labels, 3,
			       (int64_t[]){ 4, 40 });
	profile_builder_sample(b, (uint32_t[]){ loop, main_ }, 2, labels, 2, (int64_t[]){ 3, 30 });
	profile_builder_sample(b, (uint32_t[]){ js, main_ }, 2, labels, 1, (int64_t[]){ 2, 20 });
	profile_builder_sample(b, (uint32_t[]){ bare, main_ }, 2, NULL, 0, (int64_t[]){ 1, 10 });
}

static void demo_header(struct profile *p)
{
	struct profile_value_type samples = { str(p, "samples"), str(p, "count") };
	struct profile_value_type cpu = { str(p, "cpu"), str(p, "nanoseconds") };

	cr_assert_eq(array_push(&p->sample_types, samples), 0);
	cr_assert_eq(array_push(&p->sample_types, cpu), 0);
	p->period_type = cpu;
	p->period = 10;
	p->default_sample_type = cpu.type;
	p->time_ns = 1700000000000000000;
	p->duration_ns = 2000000000;
	cr_assert_eq(array_push(&p->comments,
				str(p, "wick: ticks=20 recorded=10 idle=7 filtered=1 lost=2 "
				       "lost.ring_full=2 truncated=1 truncated.depth=1")),
		     0);
	cr_assert_eq(array_push(&p->comments, str(p, "recorded by a test")), 0);
}

struct profile *demo_profile(void)
{
	struct profile_builder *b = NULL;
	struct profile *p = NULL;

	cr_assert_eq(profile_new(&p), 0);
	demo_header(p);
	cr_assert_eq(profile_builder_new(&b, p), 0);
	demo_samples(b, p);
	profile_builder_free(b);
	cr_assert_eq(profile_check(p), 0);
	return p;
}

uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

uint32_t pick(uint64_t *state, uint32_t n)
{
	return (uint32_t)(next_random(state) >> 32) % n;
}

/* One of @n strings; number 0 is "". */
static uint32_t random_string(struct profile *p, uint64_t *state, uint32_t n)
{
	char s[64];
	uint32_t i = pick(state, n);

	snprintf(s, sizeof(s), "naïve_%u::<%x>", i, i * 2654435761u);
	return i ? str(p, s) : 0;
}

#define push(a, ...) cr_assert_eq(array_push(a, __VA_ARGS__), 0)

static void random_tables(struct profile *p, uint64_t *state, size_t n)
{
	for (int i = 0; i < 5; i++) {
		uint64_t start = next_random(state) >> 1, bits = next_random(state);

		push(&p->mappings, (struct profile_mapping){
					   start, start + pick(state, 1u << 20), bits >> 32,
					   random_string(p, state, 10), random_string(p, state, 10),
					   bits & 1, bits & 2, bits & 4, bits & 8 });
	}
	for (size_t i = 0; i < n / 3 + 2; i++)
		push(&p->functions,
		     (struct profile_function){ random_string(p, state, 5000),
						random_string(p, state, 50),
						random_string(p, state, 100), pick(state, 3000) });
	for (size_t i = 0; i < n / 2 + 2; i++) {
		uint32_t lines = pick(state, 4), map = pick(state, 6);

		push(&p->locations,
		     (struct profile_location){ next_random(state), map < 5 ? map : PROFILE_NONE,
						(uint32_t)p->lines.n, lines, pick(state, 9) == 0 });
		for (; lines; lines--)
			push(&p->lines, (struct profile_line){
						pick(state, (uint32_t)p->functions.n),
						(int64_t)next_random(state), pick(state, 200) });
	}
}

static void random_labels(struct profile *p, uint64_t *state, uint32_t n)
{
	for (; n; n--) {
		struct profile_label l = { .key = 1 + pick(state, 5), .is_num = pick(state, 2) };

		if (l.is_num) {
			l.num = (int64_t)next_random(state) >> pick(state, 63);
			l.num_unit = l.num ? random_string(p, state, 4) : 1 + pick(state, 5);
		} else {
			l.str = 1 + pick(state, 6);
		}
		push(&p->labels, l);
	}
}

struct profile *random_profile(uint64_t seed, size_t n)
{
	uint64_t state = seed * 0x9e3779b97f4a7c15ull + 1;
	struct profile *p = NULL;

	cr_assert_eq(profile_new(&p), 0);
	for (int i = 0; i < 9; i++)
		str(p, (char[]){ 'k', (char)('0' + i), 0 });
	for (int i = 0; i < 3; i++)
		push(&p->sample_types,
		     (struct profile_value_type){ 1 + pick(&state, 9), pick(&state, 9) });
	random_tables(p, &state, n);
	for (size_t i = 0; i < n; i++) {
		struct profile_sample s = { (uint32_t)p->stacks.n, pick(&state, 40),
					    (uint32_t)p->labels.n, pick(&state, 4) };

		for (uint32_t k = 0; k < s.loc_n; k++)
			push(&p->stacks, pick(&state, (uint32_t)p->locations.n));
		random_labels(p, &state, s.label_n);
		for (size_t t = 0; t < p->sample_types.n; t++)
			push(&p->values, (int64_t)next_random(&state) >> pick(&state, 63));
		push(&p->samples, s);
	}
	for (int i = 0; i < 3; i++)
		push(&p->comments, random_string(p, &state, 100));
	p->time_ns = next_random(&state) >> 1;
	p->duration_ns = next_random(&state) >> 1;
	p->period_type = p->sample_types.items[1];
	p->period = (int64_t)next_random(&state);
	p->default_sample_type = p->sample_types.items[0].type;
	p->drop_frames = random_string(p, &state, 9);
	p->keep_frames = random_string(p, &state, 9);
	p->doc_url = random_string(p, &state, 9);
	cr_assert_eq(profile_check(p), 0);
	return p;
}

/* --- comparing -------------------------------------------------------------------------------- */

#define same_text(x, y)                                                                      \
	cr_assert(strtab_len(&a->strings, (x)) == strtab_len(&b->strings, (y)) &&            \
			  memcmp(strtab_get(&a->strings, (x)), strtab_get(&b->strings, (y)), \
				 strtab_len(&a->strings, (x))) == 0,                         \
		  #x " is '%s', not '%s'", strtab_get(&a->strings, (x)),                     \
		  strtab_get(&b->strings, (y)))

static void assert_same_header(const struct profile *a, const struct profile *b)
{
	cr_assert_eq(a->sample_types.n, b->sample_types.n);
	for (size_t i = 0; i < a->sample_types.n; i++) {
		same_text(a->sample_types.items[i].type, b->sample_types.items[i].type);
		same_text(a->sample_types.items[i].unit, b->sample_types.items[i].unit);
	}
	cr_assert_eq(a->comments.n, b->comments.n);
	for (size_t i = 0; i < a->comments.n; i++)
		same_text(a->comments.items[i], b->comments.items[i]);
	cr_assert_eq(a->time_ns, b->time_ns);
	cr_assert_eq(a->duration_ns, b->duration_ns);
	cr_assert_eq(a->period, b->period);
	same_text(a->period_type.type, b->period_type.type);
	same_text(a->period_type.unit, b->period_type.unit);
	same_text(a->default_sample_type, b->default_sample_type);
	same_text(a->drop_frames, b->drop_frames);
	same_text(a->keep_frames, b->keep_frames);
	same_text(a->doc_url, b->doc_url);
}

static void assert_same_mappings(const struct profile *a, const struct profile *b)
{
	cr_assert_eq(a->mappings.n, b->mappings.n);
	for (size_t i = 0; i < a->mappings.n; i++) {
		const struct profile_mapping *x = &a->mappings.items[i], *y = &b->mappings.items[i];

		cr_assert(x->start == y->start && x->limit == y->limit &&
			  x->file_offset == y->file_offset &&
			  x->has_functions == y->has_functions &&
			  x->has_filenames == y->has_filenames &&
			  x->has_line_numbers == y->has_line_numbers &&
			  x->has_inline_frames == y->has_inline_frames);
		same_text(x->file, y->file);
		same_text(x->build_id, y->build_id);
	}
}

static void assert_same_code(const struct profile *a, const struct profile *b)
{
	cr_assert_eq(a->functions.n, b->functions.n);
	for (size_t i = 0; i < a->functions.n; i++) {
		const struct profile_function *x = &a->functions.items[i],
					      *y = &b->functions.items[i];

		same_text(x->name, y->name);
		same_text(x->system_name, y->system_name);
		same_text(x->file, y->file);
		cr_assert_eq(x->start_line, y->start_line);
	}
	cr_assert_eq(a->locations.n, b->locations.n);
	for (size_t i = 0; i < a->locations.n; i++) {
		const struct profile_location *x = &a->locations.items[i],
					      *y = &b->locations.items[i];

		cr_assert(x->address == y->address && x->mapping == y->mapping &&
			  x->line_n == y->line_n && x->is_folded == y->is_folded);
		for (uint32_t k = 0; k < x->line_n; k++) {
			const struct profile_line *l = &a->lines.items[x->line_first + k];
			const struct profile_line *m = &b->lines.items[y->line_first + k];

			cr_assert(l->function == m->function && l->line == m->line &&
				  l->column == m->column);
		}
	}
}

static void assert_same_labels(const struct profile *a, const struct profile *b,
			       const struct profile_sample *x, const struct profile_sample *y)
{
	cr_assert_eq(x->label_n, y->label_n);
	for (uint32_t k = 0; k < x->label_n; k++) {
		const struct profile_label *l = &a->labels.items[x->label_first + k];
		const struct profile_label *m = &b->labels.items[y->label_first + k];

		cr_assert_eq(l->is_num, m->is_num);
		same_text(l->key, m->key);
		if (l->is_num) {
			cr_assert_eq(l->num, m->num);
			same_text(l->num_unit, m->num_unit);
		} else {
			same_text(l->str, m->str);
		}
	}
}

void assert_same_profile(const struct profile *a, const struct profile *b)
{
	assert_same_header(a, b);
	assert_same_mappings(a, b);
	assert_same_code(a, b);
	cr_assert_eq(a->samples.n, b->samples.n);
	for (size_t i = 0; i < a->samples.n; i++) {
		const struct profile_sample *x = &a->samples.items[i], *y = &b->samples.items[i];

		cr_assert_eq(x->loc_n, y->loc_n);
		for (uint32_t k = 0; k < x->loc_n; k++)
			cr_assert_eq(a->stacks.items[x->loc_first + k],
				     b->stacks.items[y->loc_first + k]);
		assert_same_labels(a, b, x, y);
		for (size_t t = 0; t < a->sample_types.n; t++)
			cr_assert_eq(profile_value(a, i, t), profile_value(b, i, t));
	}
}

/* --- codecs ----------------------------------------------------------------------------------- */

struct profile *recode_profile(const struct profile *p)
{
	struct buffer buf = { 0 };
	struct sink out = buffer_sink(&buf);
	struct profile *back = NULL;
	struct err e = { 0 };

	cr_assert_eq(pprof_encode(p, &out), 0);
	cr_assert_eq(pprof_decode(buf.items, buf.n, &back, &e), 0, "%s", e.text);
	cr_assert_eq(profile_check(back), 0);
	array_free(&buf);
	return back;
}

struct profile *read_folded(const char *text)
{
	struct buffer buf = { .chunk = 7 };
	struct source in = buffer_source(&buf);
	struct profile *p = NULL;
	struct err e = { 0 };

	buffer_add(&buf, text, strlen(text));
	cr_assert_eq(folded_read(&in, &p, &e), 0, "%s", e.text);
	cr_assert_eq(profile_check(p), 0);
	array_free(&buf);
	return p;
}

char *write_folded(const struct profile *p)
{
	struct buffer buf = { 0 };
	struct sink out = buffer_sink(&buf);
	struct err e = { 0 };

	cr_assert_eq(folded_write(p, 0, true, &out, &e), 0, "%s", e.text);
	buffer_text(&buf);
	return (char *)buf.items;
}

/* --- commands --------------------------------------------------------------------------------- */

int run_command(char **ret, const char *fmt, ...)
{
	struct buffer out = { 0 };
	char command[4096], chunk[4096];
	va_list ap;
	size_t n;
	FILE *f;
	int status;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	f = popen(command, "r");
	cr_assert_not_null(f);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buffer_add(&out, chunk, n);
	status = pclose(f);
	buffer_text(&out);
	*ret = (char *)out.items;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

char *new_scratch(void)
{
	char path[] = "/tmp/wick-formats.XXXXXX";

	cr_assert_not_null(mkdtemp(path));
	return strdup(path);
}

void remove_scratch(char *path)
{
	char *out;

	cr_assert_eq(run_command(&out, "rm -rf '%s'", path), 0);
	free(out);
	free(path);
}
