/* SPDX-License-Identifier: Apache-2.0 */
#include "firefox_tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "codekind.h"
#include "hash.h"

#define STEP_NS 1000000 /* between samples of which no period of time is known */

enum firefox_category firefox_category(const struct firefox_tables *t, uint32_t function)
{
	const char *object =
		strtab_get(&t->frames.text, t->frames.functions.items[function].object);

	return !*object			? CATEGORY_OTHER
	       : file_is_kernel(object) ? CATEGORY_KERNEL
	       : file_is_jit(object)	? CATEGORY_JIT
					: CATEGORY_USER;
}

/* --- frames and stacks ------------------------------------------------------------------------ */

static int find_frame(struct firefox_tables *t, const struct firefox_frame *f, uint32_t *ret)
{
	uint64_t h = hash_add(hash_u64((uint64_t)f->function << 32 | f->inline_depth),
			      hash_add((uint64_t)f->line, (uint64_t)f->column));

	hindex_each(&t->list_index, h, i) {
		const struct firefox_frame *own = &t->list.items[i];

		if (own->function == f->function && own->inline_depth == f->inline_depth &&
		    own->line == f->line && own->column == f->column) {
			*ret = i;
			return 0;
		}
	}
	*ret = (uint32_t)t->list.n;
	if (hindex_add(&t->list_index, h, *ret) < 0)
		return -ENOMEM;
	return array_push(&t->list, *f);
}

static int find_stack(struct firefox_tables *t, uint32_t prefix, uint32_t frame, uint32_t *ret)
{
	uint64_t h = hash_u64((uint64_t)prefix << 32 | frame);

	hindex_each(&t->stack_index, h, i)
		if (t->stacks.items[i].prefix == prefix && t->stacks.items[i].frame == frame) {
			*ret = i;
			return 0;
		}
	if (t->stacks.n >= PROFILE_NONE)
		return -E2BIG;
	*ret = (uint32_t)t->stacks.n;
	if (hindex_add(&t->stack_index, h, *ret) < 0)
		return -ENOMEM;
	return array_push(&t->stacks, (struct firefox_stack){ .frame = frame, .prefix = prefix });
}

static int walk_stack(struct firefox_tables *t, const struct profile_sample *s, uint32_t *ret)
{
	struct firefox_frame f = { 0 };
	int r = 0;

	*ret = PROFILE_NONE;
	for (uint32_t i = s->loc_n; i-- > 0;) {
		uint32_t l = t->p->stacks.items[s->loc_first + i], frame = 0;

		for (uint32_t k = t->frames.first.items[l];
		     k < t->frames.first.items[l + 1] && r == 0; k++) {
			const struct frame *from = &t->frames.list.items[k];

			f = (struct firefox_frame){
				.function = from->function,
				.line = from->line,
				.column = from->column,
				.inline_depth = from->inlined ? f.inline_depth + 1 : 0,
			};
			r = find_frame(t, &f, &frame);
			if (r == 0)
				r = find_stack(t, *ret, frame, ret);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- threads ---------------------------------------------------------------------------------- */

struct keys {
	uint32_t pid, tid, comm, thread_comm, time;
};

static int64_t label_number(const struct profile *p, const struct profile_sample *s, uint32_t key)
{
	const struct profile_label *l = sample_label(p, s, key);

	return l && l->is_num ? l->num : 0;
}

static uint32_t label_string(const struct profile *p, const struct profile_sample *s, uint32_t key)
{
	const struct profile_label *l = sample_label(p, s, key);

	return l && !l->is_num ? l->str : 0;
}

static int find_thread(struct firefox_tables *t, const struct firefox_thread *want, uint32_t *ret)
{
	uint64_t h = hash_add(
		hash_u64((uint64_t)want->pid),
		hash_add((uint64_t)want->tid, (uint64_t)want->comm << 32 | want->thread_comm));

	hindex_each(&t->thread_index, h, i) {
		const struct firefox_thread *own = &t->threads.items[i];

		if (own->pid == want->pid && own->tid == want->tid && own->comm == want->comm &&
		    own->thread_comm == want->thread_comm) {
			*ret = i;
			return 0;
		}
	}
	*ret = (uint32_t)t->threads.n;
	if (hindex_add(&t->thread_index, h, *ret) < 0)
		return -ENOMEM;
	return array_push(&t->threads, *want);
}

static int add_row(struct firefox_tables *t, const struct keys *keys, uint32_t i)
{
	const struct profile *p = t->p;
	const struct profile_sample *s = &p->samples.items[i];
	struct firefox_thread thread = { .pid = label_number(p, s, keys->pid),
					 .tid = label_number(p, s, keys->tid),
					 .comm = label_string(p, s, keys->comm),
					 .thread_comm = label_string(p, s, keys->thread_comm) };
	struct firefox_row row = { .sample = i, .time_ns = label_number(p, s, keys->time) };
	int r;

	if (!thread.pid) /* perf script does not tell it unless asked: nobody's process, then */
		thread.pid = thread.tid;
	r = find_thread(t, &thread, &row.thread);
	if (r == 0)
		r = walk_stack(t, s, &row.stack);
	return r < 0 ? r : array_push(&t->rows, row);
}

/* --- order ------------------------------------------------------------------------------------ */

static int compare_rows(const void *x, const void *y)
{
	const struct firefox_row *a = x, *b = y;

	if (a->thread != b->thread)
		return a->thread < b->thread ? -1 : 1;
	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns ? -1 : 1;
	return (a->sample > b->sample) - (a->sample < b->sample);
}

/* Each thread knows its rows, and each row its time: since the first, or as many steps behind the
 * row before it as that one stands for. */
static void place_rows(struct firefox_tables *t, bool timed)
{
	int64_t first = INT64_MAX, at = 0;

	array_each(&t->rows, row)
		if (row->time_ns < first)
			first = row->time_ns;
	for (size_t i = 0; i < t->rows.n; i++) {
		struct firefox_row *row = &t->rows.items[i];
		struct firefox_thread *thread = &t->threads.items[row->thread];

		if (thread->n++ == 0) {
			thread->first = i;
			at = 0;
		}
		row->time_ns = timed ? row->time_ns - first : at;
		if (__builtin_add_overflow(at, t->step_ns, &at))
			at = INT64_MAX;
	}
}

static int64_t step_of(const struct profile *p)
{
	const char *unit = strtab_get(&p->strings, p->period_type.unit);

	return strcmp(unit, "nanoseconds") == 0 && p->period > 0 ? p->period : STEP_NS;
}

static size_t find_cpu_type(const struct profile *p)
{
	for (size_t i = 0; i < p->sample_types.n; i++) {
		const struct profile_value_type *t = &p->sample_types.items[i];

		if (strcmp(strtab_get(&p->strings, t->type), "cpu") == 0 &&
		    strcmp(strtab_get(&p->strings, t->unit), "nanoseconds") == 0)
			return i;
	}
	return SIZE_MAX;
}

static int number_objects(struct firefox_tables *t)
{
	t->object_of = reallocarray(NULL, t->frames.text.n + 1, sizeof(*t->object_of));
	if (!t->object_of)
		return -ENOMEM;
	memset(t->object_of, 0xff, (t->frames.text.n + 1) * sizeof(*t->object_of));
	array_each(&t->frames.functions, fn) {
		struct firefox_object o = { .path = fn->object };
		const char *path = strtab_get(&t->frames.text, o.path), *slash;
		_cleanup_free_ char *name = NULL;

		if (!o.path || t->object_of[o.path] != PROFILE_NONE)
			continue;
		slash = strrchr(path, '/');
		name = strdup(slash && slash[1] ? slash + 1 : path);
		if (!name || strtab_adds(&t->frames.text, name, &o.name) < 0)
			return -ENOMEM;
		t->object_of[o.path] = (uint32_t)t->objects.n;
		if (array_push(&t->objects, o) < 0)
			return -ENOMEM;
	}
	return 0;
}

int firefox_tables_init(struct firefox_tables *t, const struct profile *p, size_t type)
{
	struct keys keys = { profile_find_string(p, "pid"), profile_find_string(p, "tid"),
			     profile_find_string(p, "comm"), profile_find_string(p, "thread_comm"),
			     profile_find_string(p, "time") };
	bool timed = false;
	int r;

	*t = (struct firefox_tables){
		.p = p, .type = type, .step_ns = step_of(p), .cpu_type = find_cpu_type(p)
	};
	r = frames_init(&t->frames, p);
	if (r == 0)
		r = number_objects(t);
	for (uint32_t i = 0; i < p->samples.n && r == 0; i++) {
		if (profile_value(p, i, type) == 0)
			continue;
		timed |= sample_label(p, &p->samples.items[i], keys.time) != NULL;
		r = add_row(t, &keys, i);
	}
	if (r < 0)
		return r;
	if (t->rows.n > 1)
		qsort(t->rows.items, t->rows.n, sizeof(*t->rows.items), compare_rows);
	place_rows(t, timed);
	return 0;
}

void firefox_tables_done(struct firefox_tables *t)
{
	frames_done(&t->frames);
	array_free(&t->list);
	hindex_free(&t->list_index);
	array_free(&t->stacks);
	hindex_free(&t->stack_index);
	array_free(&t->threads);
	hindex_free(&t->thread_index);
	array_free(&t->rows);
	array_free(&t->objects);
	free(t->object_of);
}
