/* SPDX-License-Identifier: Apache-2.0 */
#include "naming.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate.h"
#include "cleanup.h"
#include "event.h"
#include "jittab.h"
#include "labelnames.h"
#include "objtab.h"
#include "profile.h"
#include "symbolize.h"
#include "tally.h"

#define NAME_MAX_TEXT 320 /* a file name, an offset, brackets */

/* What became of a mapping of the profile; its flags are set only when they hold for all of it. */
struct coverage {
	size_t locations, named, with_file, with_line;
};

/* The kernel itself (name "") or a module. */
struct kernel_module {
	uint32_t name;	  /* string of the profile */
	uint32_t mapping; /* of the profile */
};

struct run {
	const struct naming *in;
	struct profile *p;
	struct profile_builder *b;
	uint32_t *location;		 /* of each place */
	uint32_t *mapping;		 /* profile mapping of each mapping of the object table */
	ARRAY(struct coverage) coverage; /* of each profile mapping */
	ARRAY(struct kernel_module) modules;
	ARRAY(struct profile_line) lines; /* of the location at work */
	struct label_names labels;
};

static void run_done(struct run *r)
{
	profile_builder_free(r->b);
	profile_free(r->p);
	free(r->location);
	free(r->mapping);
	array_free(&r->coverage);
	array_free(&r->modules);
	array_free(&r->lines);
}

static int add_string(struct run *r, const char *s, uint32_t *ret)
{
	return strtab_adds(&r->p->strings, s, ret);
}

static int64_t add_mapping(struct run *r, const char *file, const char *build_id,
			   struct profile_mapping m)
{
	int64_t i;

	if (add_string(r, file, &m.file) < 0 || add_string(r, build_id, &m.build_id) < 0)
		return -ENOMEM;
	i = profile_builder_mapping(r->b, &m);
	while (i >= 0 && r->coverage.n <= (size_t)i)
		if (array_push(&r->coverage, (struct coverage){ 0 }) < 0)
			return -ENOMEM;
	return i;
}

/* The profile's mapping for mapping @i of the object table. */
static int64_t file_mapping(struct run *r, uint32_t i)
{
	const struct mapping *m = &r->in->objects->mappings.items[i];
	const struct object *o = &r->in->objects->objects.items[m->object];
	int64_t n;

	if (r->mapping[i] != PROFILE_NONE)
		return r->mapping[i];
	n = add_mapping(r, o->name, o->build_id,
			(struct profile_mapping){
				.start = m->start, .limit = m->limit, .file_offset = m->file_off });
	if (n >= 0)
		r->mapping[i] = (uint32_t)n;
	return n;
}

/* A line with a function that is only a text: "[libfoo.so+0x12]", "[truncated: …]". */
static int text_line(struct run *r, const char *text, struct profile_line *ret)
{
	struct profile_function f = { 0 };
	int64_t i;

	if (add_string(r, text, &f.name) < 0)
		return -ENOMEM;
	i = profile_builder_function(r->b, &f);
	if (i < 0)
		return (int)i;
	*ret = (struct profile_line){ .function = (uint32_t)i };
	return 0;
}

static int add_location(struct run *r, uint32_t place, uint32_t mapping, uint64_t addr,
			const struct profile_line *lines, size_t n)
{
	struct profile_location l = { .address = addr, .mapping = mapping, .line_n = (uint32_t)n };
	int64_t i = profile_builder_location(r->b, &l, lines);

	if (i < 0)
		return (int)i;
	r->location[place] = (uint32_t)i;
	return 0;
}

/* A place that has no name: the line says where it is. */
static int add_unnamed(struct run *r, uint32_t place, uint32_t mapping, uint64_t addr,
		       const char *text)
{
	struct profile_line line;
	int n = text_line(r, text, &line);

	if (n < 0)
		return n;
	if (mapping != PROFILE_NONE)
		r->coverage.items[mapping].locations++;
	return add_location(r, place, mapping, addr, &line, 1);
}

/* The line of a frame, with its function. */
static int frame_line(struct run *r, const struct sym_batch *b, const struct sym_frame *s,
		      struct profile_line *ret)
{
	struct profile_function f = { .start_line = s->start_line };
	int64_t fn;

	if (add_string(r, b->strings + s->name, &f.name) < 0 ||
	    add_string(r, b->strings + s->system_name, &f.system_name) < 0 ||
	    add_string(r, b->strings + s->file, &f.file) < 0)
		return -ENOMEM;
	fn = profile_builder_function(r->b, &f);
	if (fn < 0)
		return (int)fn;
	*ret = (struct profile_line){ .function = (uint32_t)fn, .line = s->line };
	return 0;
}

/* A place with the frames that the symbolizer gave it, from the innermost inlined one outwards. */
static int add_named(struct run *r, uint32_t place, uint32_t mapping, uint64_t addr,
		     const struct sym_batch *b, const struct sym_answer *a)
{
	struct coverage none = { 0 },
			*c = mapping == PROFILE_NONE ? &none : &r->coverage.items[mapping];
	bool files = true, numbers = true;

	r->lines.n = 0;
	for (size_t i = 0; i < a->frame_n; i++) {
		const struct sym_frame *s = &b->frames[a->frame_first + i];
		struct profile_line line;
		int res = frame_line(r, b, s, &line);

		if (res == 0)
			res = array_push(&r->lines, line);
		if (res < 0)
			return res;
		files &= s->file != 0;
		numbers &= s->line != 0;
	}
	c->locations++;
	c->named++;
	c->with_file += files;
	c->with_line += numbers;
	return add_location(r, place, mapping, addr, r->lines.items, r->lines.n);
}

/* --- kernel ---------------------------------------------------------------------------------- */

/* The index in run.modules of the module called @name; "" is the kernel itself. */
static int64_t module_index(struct run *r, const char *name)
{
	struct kernel_module m = { .mapping = PROFILE_NONE };

	if (add_string(r, name, &m.name) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < r->modules.n; i++)
		if (r->modules.items[i].name == m.name)
			return (int64_t)i;
	if (array_push(&r->modules, m) < 0)
		return -ENOMEM;
	return (int64_t)r->modules.n - 1;
}

static const char *module_name(const struct sym_batch *b, const struct sym_answer *a)
{
	return a->frame_n ? b->strings + b->frames[a->frame_first].module : "";
}

/*
 * One mapping for the kernel and each module, from the lowest to the highest page that was sampled:
 * kallsyms has no ranges of modules. The kernel's own covers its text if that is known.
 */
static int map_kernel(struct run *r, const struct sym_batch *b, const uint64_t *addrs, size_t n)
{
	struct range {
		uint64_t start, limit;
	} *ranges = calloc(n + 1, sizeof(*ranges));
	char file[128], build_id[BUILD_ID_HEX_MAX];
	int64_t m = 0;

	if (!ranges)
		return -ENOMEM;
	for (size_t i = 0; i < n && m >= 0; i++) {
		m = module_index(r, module_name(b, &b->answers[i]));
		if (m < 0)
			break;
		if (!ranges[m].limit)
			ranges[m].start = UINT64_MAX;
		if (addrs[i] < ranges[m].start)
			ranges[m].start = addrs[i] & ~0xfffull;
		if (addrs[i] >= ranges[m].limit)
			ranges[m].limit = (addrs[i] | 0xfff) + 1;
	}
	for (size_t i = 0; i < r->modules.n && m >= 0; i++) {
		const char *name = strtab_get(&r->p->strings, r->modules.items[i].name);
		struct range text;

		build_id[0] = '\0';
		snprintf(file, sizeof(file), "[%s]", *name ? name : "kernel.kallsyms");
		if (!*name &&
		    symbolizer_kernel_range(r->in->symbolizer, &text.start, &text.limit) == 0) {
			if (text.start < ranges[i].start)
				ranges[i].start = text.start;
			if (text.limit > ranges[i].limit)
				ranges[i].limit = text.limit;
		}
		if (!*name && kernel_build_id(build_id) < 0)
			build_id[0] = '\0';
		m = add_mapping(r, file, build_id,
				(struct profile_mapping){ .start = ranges[i].start,
							  .limit = ranges[i].limit });
		if (m >= 0)
			r->modules.items[i].mapping = (uint32_t)m;
	}
	free(ranges);
	return m < 0 ? (int)m : 0;
}

static int add_kernel_place(struct run *r, uint32_t place, uint64_t addr, const struct sym_batch *b,
			    const struct sym_answer *a)
{
	int64_t m = module_index(r, module_name(b, a));
	char text[64];

	if (m < 0)
		return (int)m;
	m = r->modules.items[m].mapping;
	if (a->frame_n)
		return add_named(r, place, (uint32_t)m, addr, b, a);
	snprintf(text, sizeof(text), "[kernel+0x%" PRIx64 "]", addr);
	return add_unnamed(r, place, (uint32_t)m, addr, text);
}

/* --- batches --------------------------------------------------------------------------------- */

/* Places that are asked for together: those of one object, or of the kernel. */
struct batch {
	const uint32_t *places;
	size_t n;
};

/* The offset in its object's file that a place shows. */
static uint64_t file_offset(const struct objtab *t, const struct place *p)
{
	const struct mapping *m = &t->mappings.items[p->mapping];

	return p->addr - m->start + m->file_off;
}

static int add_file_place(struct run *r, uint32_t place, const struct sym_batch *b,
			  const struct sym_answer *a)
{
	const struct place *p = &r->in->counts->places.items[place];
	const struct mapping *m = &r->in->objects->mappings.items[p->mapping];
	const char *name = r->in->objects->objects.items[m->object].name,
		   *base = strrchr(name, '/');
	int64_t mapping = file_mapping(r, (uint32_t)p->mapping);
	char text[NAME_MAX_TEXT];
	uint64_t addr;

	if (mapping < 0)
		return (int)mapping;
	/* Equal files are one mapping of the profile, at the address of the first of them. */
	addr = p->addr - m->start + r->p->mappings.items[mapping].start;
	if (a->frame_n)
		return add_named(r, place, (uint32_t)mapping, addr, b, a);
	base = base ? base + 1 : name;
	snprintf(text, sizeof(text), "[%.*s+0x%" PRIx64 "]", (int)strcspn(base, "[]"),
		 base + strspn(base, "["), file_offset(r->in->objects, p));
	return add_unnamed(r, place, (uint32_t)mapping, addr, text);
}

static int name_batch(struct run *r, const struct batch *batch, bool kernel)
{
	const struct place *places = r->in->counts->places.items;
	struct sym_request req = { .kind = kernel ? SYM_KERNEL : SYM_ELF,
				   .fd = -1,
				   .no_inlines = r->in->no_inlines,
				   .n = batch->n };
	_cleanup_free_ uint64_t *offs = calloc(batch->n, sizeof(*offs));
	struct sym_batch answer = { 0 };
	int n = 0;

	if (!offs)
		return -ENOMEM;
	for (size_t i = 0; i < batch->n; i++) {
		const struct place *p = &places[batch->places[i]];

		offs[i] = kernel ? p->addr : file_offset(r->in->objects, p);
	}
	req.offs = offs;
	req.build_id = "";
	if (!kernel) {
		uint32_t m = (uint32_t)places[batch->places[0]].mapping;
		const struct object *o =
			&r->in->objects->objects.items[r->in->objects->mappings.items[m].object];

		req.fd = o->fd;
		req.build_id = o->build_id;
		req.path = o->kind == OBJECT_FILE ? o->name : NULL;
		req.root_fd_plus1 = o->root_fd + 1;
	}
	n = symbolizer_run(r->in->symbolizer, &req, &answer);
	if (n < 0)
		return n;
	if (kernel)
		n = map_kernel(r, &answer, offs, batch->n);
	for (size_t i = 0; i < batch->n && n >= 0; i++)
		n = kernel ? add_kernel_place(r, batch->places[i], offs[i], &answer,
					      &answer.answers[i])
			   : add_file_place(r, batch->places[i], &answer, &answer.answers[i]);
	sym_batch_done(&answer);
	return n;
}

/* A place that belongs to no object. */
static int add_odd_place(struct run *r, uint32_t place)
{
	const struct place *p = &r->in->counts->places.items[place];
	char text[NAME_MAX_TEXT];

	switch (p->mapping) {
	case PLACE_NOTE:
		snprintf(text, sizeof(text), "[truncated: %s]",
			 counter_help((enum counter)p->addr));
		return add_unnamed(r, place, PROFILE_NONE, 0, text);
	case PLACE_EXITED:
		return add_unnamed(r, place, PROFILE_NONE, p->addr, "[unknown: process exited]");
	default:
		return add_unnamed(r, place, PROFILE_NONE, p->addr, "[unknown]");
	}
}

/* --- code made at run time ------------------------------------------------------------------- */

static int add_jit_place(struct run *r, uint32_t place, const struct sym_batch *b,
			 const struct sym_answer *a)
{
	const struct place *p = &r->in->counts->places.items[place];
	int64_t mapping = PROFILE_NONE;

	if (p->mapping < 0 && !a->frame_n)
		return add_odd_place(r, place);
	if (p->mapping >= 0 && !a->frame_n)
		return add_file_place(r, place, b, a);
	if (p->mapping >= 0 && (mapping = file_mapping(r, (uint32_t)p->mapping)) < 0)
		return (int)mapping;
	return add_named(r, place, (uint32_t)mapping, p->addr, b, a);
}

/* Names the places of one process in code that it made. */
static int name_jit_batch(struct run *r, const struct batch *batch)
{
	const struct place *places = r->in->counts->places.items;
	uint32_t process = places[batch->places[0]].jit - 1;
	const struct jit_process *j = &r->in->jits->procs.items[process];
	_cleanup_free_ uint64_t *offs = calloc(batch->n, sizeof(*offs));
	_cleanup_free_ struct sym_jit_when *when = calloc(batch->n, sizeof(*when));
	struct sym_jit jit = { .when = when };
	struct sym_request req = { .kind = SYM_JIT, .fd = -1, .jit = &jit, .n = batch->n };
	enum jit_source sources[SYM_JIT_FILES];
	struct sym_batch answer = { 0 };
	int n;

	if (!offs || !when)
		return -ENOMEM;
	jittab_files(r->in->jits, process, &jit, sources);
	for (size_t i = 0; i < batch->n; i++) {
		const struct place *p = &places[batch->places[i]];
		const struct sym_jit_when *epoch = &j->epochs.items[p->epoch];

		offs[i] = p->addr;
		when[i].time_ns = epoch->time_ns;
		for (size_t k = 0; k < jit.n_files; k++)
			when[i].bytes[k] = epoch->bytes[sources[k]];
	}
	req.offs = offs;
	n = symbolizer_run(r->in->symbolizer, &req, &answer);
	for (size_t i = 0; i < batch->n && n >= 0; i++)
		n = add_jit_place(r, batch->places[i], &answer, &answer.answers[i]);
	sym_batch_done(&answer);
	return n;
}

/* Where a place sorts: made code process by process, odd ones, kernel, then object by object. */
#define JIT_BATCH(jit) (-1 - INT64_C(0x100000000) - (int64_t)(jit))

static int64_t batch_of(const struct naming *in, uint32_t place)
{
	const struct place *p = &in->counts->places.items[place];
	int64_t m = p->mapping;

	if (p->jit)
		return JIT_BATCH(p->jit);
	return m >= 0 ? (int64_t)in->objects->mappings.items[m].object : m;
}

static int by_batch(const void *a, const void *b, void *ctx)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int64_t bx = batch_of(ctx, x), by = batch_of(ctx, y);

	return bx != by ? (bx > by) - (bx < by) : (x > y) - (x < y);
}

static int name_places(struct run *r)
{
	size_t n = r->in->counts->places.n, end;
	_cleanup_free_ uint32_t *order = calloc(n + 1, sizeof(*order));
	int res = 0;

	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		order[i] = (uint32_t)i;
	qsort_r(order, n, sizeof(*order), by_batch, (void *)(uintptr_t)r->in);
	for (size_t i = 0; i < n && res >= 0; i = end) {
		int64_t which = batch_of(r->in, order[i]);

		for (end = i + 1; end < n && batch_of(r->in, order[end]) == which; end++)
			;
		if (which >= 0 || which == PLACE_KERNEL) {
			res = name_batch(r, &(struct batch){ order + i, end - i },
					 which == PLACE_KERNEL);
			continue;
		}
		if (which <= JIT_BATCH(0)) {
			res = name_jit_batch(r, &(struct batch){ order + i, end - i });
			continue;
		}
		for (size_t k = i; k < end && res >= 0; k++)
			res = add_odd_place(r, order[k]);
	}
	return res;
}

/* --- samples --------------------------------------------------------------------------------- */

static int add_row(struct run *r, const struct agg_row *row)
{
	const struct aggregate *a = r->in->counts;
	const struct event *ev = &r->in->events->ev[row->event];
	const struct agg_stack *s = &a->stacks.items[row->stack];
	uint32_t locs[WIRE_USER_FRAMES + WIRE_KERNEL_FRAMES + 2];
	int64_t values[1 + WIRE_MAX_EVENTS] = { (int64_t)row->samples };
	struct profile_label labels[LABEL_NAMES_MAX];
	size_t n_labels;

	for (uint32_t i = 0; i < s->n; i++)
		locs[i] = r->location[a->pool.items[s->first + i]];
	if (label_names_get(&r->labels, row->labels, labels, &n_labels) < 0)
		return -ENOMEM;
	values[1 + row->event] =
		(int64_t)(ev->value_per_sample ? row->samples * ev->value_per_sample : row->value);
	return profile_builder_sample(r->b, locs, s->n, labels, n_labels, values) < 0 ? -ENOMEM : 0;
}

static int add_rows(struct run *r)
{
	int n;

	r->labels = (struct label_names){
		.profile = r->p,
		.counts = r->in->counts,
		.time_ns = r->in->time_ns,
		.window_ns = r->in->window_ns,
		.time_shift = r->in->time_shift,
	};
	if (label_names_init(&r->labels) < 0)
		return -ENOMEM;
	array_each(&r->in->counts->rows, row)
		if ((n = add_row(r, row)) < 0)
			return n;
	return 0;
}

static int add_sample_types(struct run *r)
{
	struct profile_value_type t;

	if (add_string(r, "samples", &t.type) < 0 || add_string(r, "count", &t.unit) < 0 ||
	    array_push(&r->p->sample_types, t) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < r->in->events->n; i++)
		if (add_string(r, r->in->events->ev[i].sample_type, &t.type) < 0 ||
		    add_string(r, r->in->events->ev[i].unit, &t.unit) < 0 ||
		    array_push(&r->p->sample_types, t) < 0)
			return -ENOMEM;
	r->p->default_sample_type = r->p->sample_types.items[1].type;
	return 0;
}

static int run_start(struct run *r)
{
	size_t n = r->in->objects->mappings.n;
	int res;

	r->location = calloc(r->in->counts->places.n + 1, sizeof(*r->location));
	r->mapping = malloc((n + 1) * sizeof(*r->mapping));
	if (!r->location || !r->mapping)
		return -ENOMEM;
	memset(r->mapping, 0xff, (n + 1) * sizeof(*r->mapping));
	if ((res = profile_new(&r->p)) < 0 || (res = add_sample_types(r)) < 0 ||
	    (res = profile_builder_new(&r->b, r->p)) < 0)
		return res;
	if (r->in->main_mapping < n)
		return (int)(file_mapping(r, r->in->main_mapping) < 0 ? -ENOMEM : 0);
	return 0;
}

int naming_run(const struct naming *in, struct profile **ret)
{
	struct run r = { .in = in };
	int res = run_start(&r);

	if (res >= 0)
		res = name_places(&r);
	if (res >= 0)
		res = add_rows(&r);
	for (size_t i = 0; i < r.coverage.n && res >= 0; i++) {
		const struct coverage *c = &r.coverage.items[i];
		struct profile_mapping *m = &r.p->mappings.items[i];

		m->has_functions = c->locations && c->named == c->locations;
		m->has_filenames = m->has_functions && c->with_file == c->locations;
		m->has_line_numbers = m->has_functions && c->with_line == c->locations;
		/* Who has line numbers has debug information, which tells of inlined functions. */
		m->has_inline_frames = m->has_line_numbers && !in->no_inlines;
	}
	if (res >= 0)
		*ret = take_ptr(r.p);
	run_done(&r);
	return res < 0 ? res : 0;
}
