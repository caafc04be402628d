/* SPDX-License-Identifier: Apache-2.0 */
#include "callgrind.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "frames.h"
#include "hash.h"
#include "sinkfile.h"

/* What a line of a function costs, or a call from it. */
struct cost {
	uint32_t function, callee; /* callee PROFILE_NONE: the line itself */
	int64_t line;
	int64_t calls; /* samples that were in it: nobody counted calls */
};

struct callgrind_writer {
	const struct profile *p;
	size_t types, samples; /* how many there are; the one that counts samples, or the first */
	struct frames frames;
	ARRAY(struct cost) costs;
	ARRAY(int64_t) values; /* types of each cost */
	struct hindex index;   /* of costs */
	uint32_t *last; /* of each function: the sample, and one, that was charged to it last */
	ARRAY(struct frame) stack;
	uint32_t *order; /* costs, as they are written */
	bool *named[3];	 /* of each string: it was written with its number */
	FILE *out;
};

enum space { OBJECTS, FILES, FUNCTIONS };

/* --- adding up -------------------------------------------------------------------------------- */

static void add(int64_t *to, int64_t v)
{
	if (__builtin_add_overflow(*to, v, to))
		*to = INT64_MAX;
}

static int charge(struct callgrind_writer *w, const struct frame *at, uint32_t callee,
		  size_t sample)
{
	struct cost c = { .function = at->function,
			  .callee = callee,
			  .line = at->line > 0 ? at->line : 0 };
	uint64_t h = hash_add(hash_u64((uint64_t)c.function << 32 | callee), (uint64_t)c.line);
	uint32_t i = PROFILE_NONE;

	hindex_each(&w->index, h, k) {
		const struct cost *own = &w->costs.items[k];

		if (own->function == c.function && own->callee == callee && own->line == c.line) {
			i = k;
			break;
		}
	}
	if (i == PROFILE_NONE) {
		if (w->costs.n >= PROFILE_NONE)
			return -E2BIG;
		i = (uint32_t)w->costs.n;
		if (hindex_add(&w->index, h, i) < 0 || array_push(&w->costs, c) < 0 ||
		    array_reserve(&w->values, w->types) < 0)
			return -ENOMEM;
		memset(w->values.items + w->values.n, 0, w->types * sizeof(int64_t));
		w->values.n += w->types;
	}
	add(&w->costs.items[i].calls, profile_value(w->p, sample, w->samples));
	for (size_t t = 0; t < w->types; t++)
		add(&w->values.items[i * w->types + t], profile_value(w->p, sample, t));
	return 0;
}

/* The frames of a sample from the root on. */
static int unfold(struct callgrind_writer *w, const struct profile_sample *s)
{
	w->stack.n = 0;
	for (uint32_t i = s->loc_n; i-- > 0;) {
		uint32_t l = w->p->stacks.items[s->loc_first + i];

		for (uint32_t k = w->frames.first.items[l]; k < w->frames.first.items[l + 1]; k++)
			if (array_push(&w->stack, w->frames.list.items[k]) < 0)
				return -ENOMEM;
	}
	return 0;
}

static int add_sample(struct callgrind_writer *w, size_t i)
{
	const struct frame *leaf;
	int r = unfold(w, &w->p->samples.items[i]);

	if (r < 0)
		return r;
	if (!w->stack.n) {
		struct frame unknown = { 0 };

		r = frames_text(&w->frames, "", 0, &unknown.function);
		return r < 0 ? r : charge(w, &unknown, PROFILE_NONE, i);
	}
	leaf = &w->stack.items[w->stack.n - 1];
	for (size_t k = 0; k + 1 < w->stack.n && r == 0; k++) {
		const struct frame *f = &w->stack.items[k];

		if (f->function == leaf->function || w->last[f->function] == i + 1)
			continue;
		w->last[f->function] = (uint32_t)i + 1;
		r = charge(w, f, f[1].function, i);
	}
	return r < 0 ? r : charge(w, leaf, PROFILE_NONE, i);
}

static bool is_zero(const struct callgrind_writer *w, size_t i)
{
	for (size_t t = 0; t < w->types; t++)
		if (profile_value(w->p, i, t) != 0)
			return false;
	return true;
}

static int compare_costs(const void *x, const void *y, void *ctx)
{
	const struct callgrind_writer *w = ctx;
	const struct cost *a = &w->costs.items[*(const uint32_t *)x];
	const struct cost *b = &w->costs.items[*(const uint32_t *)y];
	/* The line itself comes before the calls. */
	uint32_t to_a = a->callee + 1, to_b = b->callee + 1;

	if (a->function != b->function)
		return a->function < b->function ? -1 : 1;
	if ((to_a == 0) != (to_b == 0))
		return to_a == 0 ? -1 : 1;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return (to_a > to_b) - (to_a < to_b);
}

static int add_up(struct callgrind_writer *w)
{
	int r = 0;

	w->last = calloc(w->frames.functions.n + 1, sizeof(*w->last));
	if (!w->last)
		return -ENOMEM;
	for (size_t i = 0; i < w->p->samples.n && r == 0; i++)
		r = is_zero(w, i) ? 0 : add_sample(w, i);
	if (r < 0)
		return r;
	w->order = reallocarray(NULL, w->costs.n + 1, sizeof(*w->order));
	for (size_t i = 0; i < ARRAY_LEN(w->named); i++)
		w->named[i] = calloc(w->frames.text.n + w->frames.functions.n + 1, 1);
	if (!w->order || !w->named[OBJECTS] || !w->named[FILES] || !w->named[FUNCTIONS])
		return -ENOMEM;
	for (size_t i = 0; i < w->costs.n; i++)
		w->order[i] = (uint32_t)i;
	if (w->costs.n > 1)
		qsort_r(w->order, w->costs.n, sizeof(*w->order), compare_costs, w);
	return 0;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* "fn=(12) name", and "fn=(12)" when it was named before. */
static void put_name(const struct callgrind_writer *w, const char *key, enum space space,
		     uint32_t number, uint32_t string)
{
	const char *s = strtab_get(&w->frames.text, string);
	size_t n = strtab_len(&w->frames.text, string);

	fprintf(w->out, "%s=(%" PRIu32 ")", key, number + 1);
	if (!w->named[space][number]) {
		putc_unlocked(' ', w->out);
		if (!n)
			fputs("???", w->out); /* as valgrind calls what it does not know */
		for (size_t i = 0; i < n; i++)
			putc_unlocked((unsigned char)s[i] < ' ' || s[i] == 0x7f ? '?' : s[i],
				      w->out);
		w->named[space][number] = true;
	}
	putc_unlocked('\n', w->out);
}

/* Functions of one name in two objects are two: they are numbered by themselves. */
static void put_function(const struct callgrind_writer *w, uint32_t i, bool called)
{
	const struct frame_function *fn = &w->frames.functions.items[i];

	put_name(w, called ? "cob" : "ob", OBJECTS, fn->object, fn->object);
	put_name(w, called ? "cfi" : "fl", FILES, fn->file, fn->file);
	put_name(w, called ? "cfn" : "fn", FUNCTIONS, i, fn->name);
}

static void put_values(const struct callgrind_writer *w, uint32_t i, int64_t line)
{
	put_number(w->out, line);
	for (size_t t = 0; t < w->types; t++) {
		putc_unlocked(' ', w->out);
		put_number(w->out, w->values.items[i * w->types + t]);
	}
	putc_unlocked('\n', w->out);
}

static void put_cost(const struct callgrind_writer *w, uint32_t i)
{
	const struct cost *c = &w->costs.items[i];

	if (c->callee != PROFILE_NONE) {
		int64_t start = w->frames.functions.items[c->callee].start_line;

		put_function(w, c->callee, true);
		fprintf(w->out, "calls=%" PRId64 " %" PRId64 "\n", c->calls, start > 0 ? start : 0);
	}
	put_values(w, i, c->line);
}

static void put_event(const struct callgrind_writer *w, const struct profile_value_type *t)
{
	const char *type = strtab_get(&w->p->strings, t->type);

	putc_unlocked(' ', w->out);
	if (!*type)
		fputs("events", w->out);
	for (; *type; type++)
		putc_unlocked((unsigned char)*type > ' ' && *type != 0x7f ? *type : '_', w->out);
}

static void put_head(const struct callgrind_writer *w)
{
	fputs("# callgrind format\nversion: 1\ncreator: wick " WICK_VERSION
	      "\npositions: line\nevents:",
	      w->out);
	array_each(&w->p->sample_types, t)
		put_event(w, t);
	fputs("\nsummary:", w->out);
	for (size_t t = 0; t < w->types; t++) {
		int64_t sum = 0;

		for (size_t i = 0; i < w->p->samples.n; i++)
			add(&sum, profile_value(w->p, i, t));
		fprintf(w->out, " %" PRId64, sum);
	}
	putc_unlocked('\n', w->out);
}

static void put_file(const struct callgrind_writer *w)
{
	uint32_t function = PROFILE_NONE;

	put_head(w);
	for (size_t i = 0; i < w->costs.n; i++) {
		const struct cost *c = &w->costs.items[w->order[i]];

		if (c->function != function) {
			putc_unlocked('\n', w->out);
			put_function(w, c->function, false);
			function = c->function;
		}
		put_cost(w, w->order[i]);
	}
}

static void writer_done(struct callgrind_writer *w)
{
	frames_done(&w->frames);
	array_free(&w->costs);
	array_free(&w->values);
	hindex_free(&w->index);
	free(w->last);
	array_free(&w->stack);
	free(w->order);
	for (size_t i = 0; i < ARRAY_LEN(w->named); i++)
		free(w->named[i]);
}

int callgrind_write(const struct profile *p, const struct sink *out, struct err *e)
{
	struct callgrind_writer w = { .p = p, .types = p->sample_types.n };
	struct sinkfile file;
	int r = 0;

	for (size_t t = w.types; t-- > 0;)
		if (t == 0 ||
		    strcmp(strtab_get(&p->strings, p->sample_types.items[t].type), "samples") == 0)
			w.samples = t;
	for (size_t t = 0; t < w.types && r == 0; t++)
		r = check_values(p, t, "callgrind's format", e);
	if (r < 0)
		return r;
	r = frames_init(&w.frames, p);
	if (r == 0)
		r = add_up(&w);
	if (r == 0)
		r = sinkfile_open(&file, out);
	if (r == 0) {
		w.out = file.f;
		put_file(&w);
		r = sinkfile_close(&file);
	}
	writer_done(&w);
	return r;
}
