/* SPDX-License-Identifier: Apache-2.0 */
#include "callframes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "buildname.h"
#include "codekind.h"
#include "funcname.h"
#include "functable.h"
#include "hash.h"
#include "profile.h"

#define NOT_YET UINT32_MAX

/* Adding one profile: what was found out about its strings and mappings already. */
struct adding {
	struct callframes *c;
	const struct profile *p;
	struct framelists *to;
	uint32_t *strings; /* of the profile -> of the frames, NOT_YET */
	struct object {
		uint32_t shown, key; /* strings of the frames */
		enum frame_kind kind;
	} * objects; /* by mapping, and one more for what has no mapping */
};

int callframes_init(struct callframes *c, const struct callframes_opts *o)
{
	struct calltree_frame f = { .kind = FRAME_NOTE };
	int r;

	*c = (struct callframes){ .opts = *o };
	r = strtab_init(&c->strings);
	if (r == 0)
		r = strtab_adds(&c->strings, "[no stack]", &f.name);
	if (r == 0)
		r = array_push(&c->frames, f);
	return r == 0 ? array_push(&c->keys, (struct frame_key){ 0 }) : r;
}

void callframes_done(struct callframes *c)
{
	strtab_done(&c->strings);
	array_free(&c->frames);
	array_free(&c->keys);
	hindex_free(&c->index);
}

void framelists_done(struct framelists *l)
{
	free(l->starts);
	array_free(&l->frames);
}

/* --- objects ---------------------------------------------------------------------------------- */

static int find_object(struct adding *a, uint32_t mapping, struct object *ret)
{
	const char *file = strtab_get(&a->p->strings, a->p->mappings.items[mapping].file);
	struct text t = object_name(file);
	char *buf;
	int r = strtab_add(&a->c->strings, t.s, t.n, &ret->shown);

	ret->kind = file_is_kernel(file) ? FRAME_KERNEL
		    : file_is_jit(file)	 ? FRAME_JIT
					 : FRAME_NATIVE;
	ret->key = a->c->opts.any_object ? 0 : ret->shown;
	if (r < 0 || a->c->opts.any_object || !a->c->opts.any_version)
		return r;
	if (a->c->opts.one_program &&
	    a->p->mappings.items[mapping].file == a->p->mappings.items[0].file)
		return strtab_adds(&a->c->strings, "/", &ret->key); /* what no object is called */
	buf = malloc(t.n + 4);
	if (!buf)
		return -ENOMEM;
	r = strtab_add(&a->c->strings, buf, object_any_version(t, buf), &ret->key);
	free(buf);
	return r;
}

static const struct object *object_of(const struct adding *a, const struct profile_location *l)
{
	return &a->objects[l->mapping == PROFILE_NONE ? a->p->mappings.n : l->mapping];
}

bool callframes_has_objects(const struct profile *p)
{
	for (size_t i = 0; i < p->mappings.n; i++) {
		const char *file = strtab_get(&p->strings, p->mappings.items[i].file);

		if (*file && *file != '[' && strcmp(file, "//anon") != 0)
			return true;
	}
	return false;
}

/* Whether some mapping of @p has the object that is called @key in any version. */
static bool has_object(const struct profile *p, const char *key)
{
	char *buf = NULL;
	bool found = false;

	for (size_t i = 0; i < p->mappings.n && !found; i++) {
		struct text t = object_name(strtab_get(&p->strings, p->mappings.items[i].file));

		buf = malloc(t.n + 4);
		if (!buf)
			return true; /* who has no memory for this will have none for more */
		object_any_version(t, buf);
		found = strcmp(buf, key) == 0;
		free(buf);
	}
	return found;
}

/* Whether @other has nothing that is called like the program of @p, which is its first mapping. */
static bool has_not_program(const struct profile *p, const struct profile *other)
{
	const char *file = p->mappings.n ? strtab_get(&p->strings, p->mappings.items[0].file) : "";
	struct text t = object_name(file);
	char *key = malloc(t.n + 4);
	bool missing = false;

	if (key && t.n && !file_is_kernel(file) && !file_is_jit(file)) {
		object_any_version(t, key);
		missing = !has_object(other, key);
	}
	free(key);
	return missing;
}

bool callframes_program_renamed(const struct profile *p, const struct profile *base)
{
	return has_not_program(p, base) && has_not_program(base, p);
}

/* --- frames ----------------------------------------------------------------------------------- */

static int take_string(struct adding *a, uint32_t id, uint32_t *ret)
{
	int r = 0;

	if (a->strings[id] == NOT_YET)
		r = strtab_add(&a->c->strings, strtab_get(&a->p->strings, id),
			       strtab_len(&a->p->strings, id), &a->strings[id]);
	*ret = a->strings[id];
	return r;
}

static bool same_frame(const struct callframes *c, uint32_t i, const struct calltree_frame *f,
		       struct frame_key key)
{
	const struct calltree_frame *have = &c->frames.items[i];

	return c->keys.items[i].name == key.name && have->kind == f->kind &&
	       c->keys.items[i].object == key.object &&
	       (!c->opts.by_line || (have->source == f->source && have->line == f->line));
}

/* The string by which the name of a frame is found in another build. */
static int name_key(struct callframes *c, uint32_t name, uint32_t *ret)
{
	struct text t = { strtab_get(&c->strings, name), strtab_len(&c->strings, name) };
	size_t n = c->opts.any_version ? func_any_build(t).n : t.n;
	char *copy;
	int r;

	*ret = name;
	if (n == 0 || n == t.n)
		return 0;
	copy = strndup(t.s, n); /* adding moves the strings */
	r = copy ? strtab_add(&c->strings, copy, n, ret) : -ENOMEM;
	free(copy);
	return r;
}

static int push_frame(struct adding *a, const struct calltree_frame *f, uint32_t object_key)
{
	struct callframes *c = a->c;
	struct frame_key key = { .object = object_key };
	uint32_t number = (uint32_t)c->frames.n;
	int r = name_key(c, f->name, &key.name);
	uint64_t hash = hash_add(hash_u64((uint64_t)key.name << 32 | key.object), f->kind);

	if (r < 0)
		return r;
	if (c->opts.by_line)
		hash = hash_add(hash, (uint64_t)f->source << 32 | f->line);
	hindex_each(&c->index, hash, i)
		if (same_frame(c, i, f, key))
			return array_push(&a->to->frames, i);
	if (number == NOT_YET - 1)
		return -E2BIG;
	if (array_push(&c->frames, *f) < 0 || array_push(&c->keys, key) < 0 ||
	    hindex_add(&c->index, hash, number) < 0)
		return -ENOMEM;
	return array_push(&a->to->frames, number);
}

/* "[truncated: …]", "[unknown]": said of a stack, not found in it. */
static bool is_note(const char *name, size_t n)
{
	return n > 2 && name[0] == '[' && name[n - 1] == ']' && !strstr(name, "+0x");
}

static uint32_t clamp_line(int64_t line)
{
	return line < 0 || line > UINT32_MAX ? 0 : (uint32_t)line;
}

static int push_line(struct adding *a, const struct profile_location *l, uint32_t i)
{
	const struct profile_line *line = &a->p->lines.items[l->line_first + i];
	const struct profile_function *fn = &a->p->functions.items[line->function];
	uint32_t name = fn->name ? fn->name : fn->system_name;
	const struct object *o = object_of(a, l);
	struct calltree_frame f = {
		.object = o->shown,
		.line = clamp_line(a->c->opts.by_line ? line->line : fn->start_line),
		.kind = i + 1 < l->line_n ? FRAME_INLINED : o->kind,
	};
	int r;

	if (!name)
		return 0;
	if (l->mapping == PROFILE_NONE && f.kind == FRAME_NATIVE &&
	    is_note(strtab_get(&a->p->strings, name), strtab_len(&a->p->strings, name)))
		f.kind = FRAME_NOTE;
	r = take_string(a, name, &f.name);
	if (r == 0)
		r = take_string(a, fn->file, &f.source);
	return r < 0 ? r : push_frame(a, &f, o->key);
}

/* A place that has no named function. */
static int push_place(struct adding *a, const struct profile_location *l)
{
	const struct object *o = object_of(a, l);
	struct calltree_frame f = { .object = o->shown, .kind = o->kind };
	struct func place = { .kind = FUNC_UNKNOWN };
	char buf[FUNC_NAME_MAX];
	struct text name;
	int r;

	if (l->mapping != PROFILE_NONE) {
		const struct profile_mapping *m = &a->p->mappings.items[l->mapping];

		place.kind = FUNC_OFFSET;
		place.file = m->file;
		place.off = l->address - m->start + m->file_offset;
	} else {
		f.kind = FRAME_NOTE;
	}
	name = func_name(a->p, &place, buf);
	r = strtab_add(&a->c->strings, name.s, name.n, &f.name);
	return r < 0 ? r : push_frame(a, &f, o->key);
}

static int push_location(struct adding *a, const struct profile_location *l)
{
	size_t before = a->to->frames.n;
	uint32_t n = l->line_n;
	int r = 0;

	for (uint32_t k = 0; k < n && r == 0; k++) {
		uint32_t i = a->c->opts.by_leaf ? k : n - 1 - k;

		if (!a->c->opts.no_inlines || i == n - 1)
			r = push_line(a, l, i);
	}
	return r < 0 || a->to->frames.n > before ? r : push_place(a, l);
}

static int push_locations(struct adding *a)
{
	const struct profile *p = a->p;
	int r = 0;

	memset(a->strings, 0xff, p->strings.n * sizeof(*a->strings)); /* NOT_YET */
	a->objects[p->mappings.n] = (struct object){ .kind = FRAME_NATIVE };
	for (uint32_t i = 0; i < p->mappings.n && r == 0; i++)
		r = find_object(a, i, &a->objects[i]);
	a->to->starts[0] = 0;
	for (size_t i = 0; i < p->locations.n && r == 0; i++) {
		r = push_location(a, &p->locations.items[i]);
		if (a->to->frames.n >= UINT32_MAX)
			return -E2BIG;
		a->to->starts[i + 1] = (uint32_t)a->to->frames.n;
	}
	return r;
}

int callframes_add(struct callframes *c, const struct profile *p, struct framelists *ret)
{
	struct adding a = { .c = c, .p = p, .to = ret };
	int r = -ENOMEM;

	*ret = (struct framelists){ 0 };
	ret->starts = malloc((p->locations.n + 1) * sizeof(*ret->starts));
	a.strings = malloc(p->strings.n * sizeof(*a.strings));
	a.objects = calloc(p->mappings.n + 1, sizeof(*a.objects));
	if (ret->starts && a.strings && a.objects)
		r = push_locations(&a);
	free(a.strings);
	free(a.objects);
	return r;
}

/* --- order ------------------------------------------------------------------------------------ */

/* Some bytes of a name as a number: most comparisons need no look at the name. */
struct sort_key {
	uint64_t head;
	uint32_t frame;
	bool is_last; /* the name ends within them */
};

#define HEADS_MAX 512 /* bytes of names; what agrees in them is compared as it is */

/* Makes @k by the bytes of its name from byte @at on. */
static void take_head(const struct callframes *c, struct sort_key *k, size_t at)
{
	uint32_t name = c->frames.items[k->frame].name;
	size_t n = strtab_len(&c->strings, name);
	unsigned char b[sizeof(k->head)] = { 0 };

	n = at < n ? n - at : 0;
	k->is_last = n <= sizeof(b);
	if (n)
		memcpy(b, strtab_get(&c->strings, name) + at, k->is_last ? n : sizeof(b));
	k->head = 0;
	for (size_t i = 0; i < sizeof(b); i++)
		k->head = k->head << 8 | b[i];
}

static int compare_strings(const struct strtab *t, uint32_t a, uint32_t b)
{
	size_t n = strtab_len(t, a), m = strtab_len(t, b);
	int r = memcmp(strtab_get(t, a), strtab_get(t, b), n < m ? n : m);

	return r ? r : (n > m) - (n < m);
}

static int compare_frames(const void *va, const void *vb, void *ctx)
{
	const struct sort_key *ka = va, *kb = vb;
	const struct callframes *c = ctx;
	const struct calltree_frame *a = &c->frames.items[ka->frame];
	const struct calltree_frame *b = &c->frames.items[kb->frame];
	int r;

	if ((r = compare_strings(&c->strings, a->name, b->name)) != 0 ||
	    (r = compare_strings(&c->strings, a->object, b->object)) != 0)
		return r;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if ((r = compare_strings(&c->strings, a->source, b->source)) != 0)
		return r;
	return (a->line > b->line) - (a->line < b->line);
}

static int compare_heads(const void *va, const void *vb)
{
	const struct sort_key *a = va, *b = vb;

	return (a->head > b->head) - (a->head < b->head);
}

/* Sorts @keys, whose names are the same up to byte @at. */
static void sort_keys(struct callframes *c, struct sort_key *keys, size_t n, size_t at)
{
	size_t end;

	for (size_t i = 0; i < n; i++)
		take_head(c, &keys[i], at);
	qsort(keys, n, sizeof(*keys), compare_heads);
	for (size_t i = 0; i < n; i = end) {
		bool is_last = keys[i].is_last;

		for (end = i + 1; end < n && keys[end].head == keys[i].head; end++)
			is_last |= keys[end].is_last;
		if (end - i > 1 && (is_last || at >= HEADS_MAX))
			qsort_r(keys + i, end - i, sizeof(*keys), compare_frames, c);
		else if (end - i > 1)
			sort_keys(c, keys + i, end - i, at + sizeof(keys->head));
	}
}

static void renumber(struct callframes *c, const struct sort_key *keys, uint32_t *numbers,
		     struct calltree_frame *sorted)
{
	for (size_t i = 0; i < c->frames.n; i++) {
		numbers[keys[i].frame] = (uint32_t)i;
		sorted[i] = c->frames.items[keys[i].frame];
	}
	memcpy(c->frames.items, sorted, c->frames.n * sizeof(*sorted));
	c->no_stack = numbers[c->no_stack];
}

int callframes_sort(struct callframes *c, struct framelists *lists, size_t n_lists)
{
	struct sort_key *keys = malloc(c->frames.n * sizeof(*keys));
	uint32_t *numbers = malloc(c->frames.n * sizeof(*numbers));
	struct calltree_frame *sorted = malloc(c->frames.n * sizeof(*sorted));
	int r = keys && numbers && sorted ? 0 : -ENOMEM;

	if (r == 0) {
		for (uint32_t i = 0; i < c->frames.n; i++)
			keys[i].frame = i;
		sort_keys(c, keys, c->frames.n, 0);
		renumber(c, keys, numbers, sorted);
		for (size_t k = 0; k < n_lists; k++)
			array_each(&lists[k].frames, f)
				*f = numbers[*f];
	}
	free(keys);
	free(numbers);
	free(sorted);
	return r;
}
