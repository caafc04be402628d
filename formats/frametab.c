/* SPDX-License-Identifier: Apache-2.0 */
#include "frametab.h"

#include <errno.h>
#include <string.h>

#include "profile.h"

#define ANNOTATION 4 /* bytes of "_[k]" */

void frametab_init(struct frametab *t, struct profile *p, struct profile_builder *b)
{
	*t = (struct frametab){ .p = p, .b = b };
	memset(t->mappings, 0xff, sizeof(t->mappings)); /* PROFILE_NONE */
}

void frametab_done(struct frametab *t)
{
	hindex_free(&t->index);
	array_free(&t->frames);
}

/*
 * What the annotation at the end of a frame says; *@n loses it. async-profiler also marks the tiers
 * of Java methods: _[0] is interpreted, _[1] compiled by C1. They are one function nevertheless.
 */
static enum frame_kind take_annotation(const char *text, size_t *n, bool outermost)
{
	enum frame_kind kind;

	if (*n <= ANNOTATION || text[*n - 1] != ']' || text[*n - 3] != '[' || text[*n - 4] != '_')
		return FRAME_PLAIN;
	switch (text[*n - 2]) {
	case 'k':
		kind = FRAME_KERNEL;
		break;
	case 'j':
	case '1':
		kind = FRAME_JIT;
		break;
	case '0':
		kind = FRAME_PLAIN;
		break;
	case 'i':
		if (outermost)
			return FRAME_PLAIN;
		kind = FRAME_INLINED;
		break;
	default:
		return FRAME_PLAIN;
	}
	*n -= ANNOTATION;
	return kind;
}

static int64_t add_frame(struct frametab *t, const char *name, size_t n, enum frame_kind kind,
			 uint64_t hash)
{
	struct frame frame = { .n = (uint32_t)n, .location = PROFILE_NONE, .kind = kind };
	struct profile_function function = { 0 };
	int64_t at;
	int r = n ? strtab_add(&t->p->strings, name, n, &function.name)
		  : strtab_adds(&t->p->strings, "[unknown]", &function.name);

	if (r < 0)
		return r;
	at = profile_builder_function(t->b, &function);
	if (at < 0)
		return at;
	frame.off = t->p->strings.ents[function.name].off;
	frame.function = (uint32_t)at;
	if (array_push(&t->frames, frame) < 0 ||
	    hindex_add(&t->index, hash, (uint32_t)(t->frames.n - 1)) < 0)
		return -ENOMEM;
	return (int64_t)(t->frames.n - 1);
}

static bool is_frame(const struct frametab *t, uint32_t i, const char *name, size_t n,
		     enum frame_kind kind)
{
	const struct frame *f = &t->frames.items[i];

	return f->n == n && f->kind == kind && memcmp(t->p->strings.bytes + f->off, name, n) == 0;
}

int64_t frametab_get(struct frametab *t, const char *text, size_t n, uint64_t hash, bool outermost)
{
	enum frame_kind kind = take_annotation(text, &n, outermost);

	hindex_each(&t->index, hash, i)
		if (is_frame(t, i, text, n, kind))
			return i;
	return add_frame(t, text, n, kind, hash);
}

bool frametab_is(const struct frametab *t, uint32_t i, const char *text, size_t n, bool outermost)
{
	enum frame_kind kind = take_annotation(text, &n, outermost);

	return is_frame(t, i, text, n, kind);
}

void frametab_expect_name(const struct frametab *t, uint32_t i)
{
	const char *name = t->p->strings.bytes + t->frames.items[i].off;

	__builtin_prefetch(name);
	__builtin_prefetch(name + 64);
}

int frametab_mapping(struct frametab *t, enum frame_kind kind, uint32_t *ret)
{
	/* Frames have no addresses. All lie at 0, which must be inside. */
	struct profile_mapping m = { .limit = 1, .has_functions = true };
	int64_t at;
	int r;

	if (kind == FRAME_PLAIN || kind == FRAME_INLINED) {
		*ret = PROFILE_NONE;
		return 0;
	}
	if (t->mappings[kind] == PROFILE_NONE) {
		r = strtab_adds(&t->p->strings, kind == FRAME_JIT ? "//anon" : "[kernel.kallsyms]",
				&m.file);
		if (r < 0)
			return r;
		at = profile_builder_mapping(t->b, &m);
		if (at < 0)
			return (int)at;
		t->mappings[kind] = (uint32_t)at;
	}
	*ret = t->mappings[kind];
	return 0;
}

int64_t frametab_location(struct frametab *t, uint32_t i)
{
	struct frame *f = &t->frames.items[i];
	struct profile_line line = { .function = f->function };
	struct profile_location l = { .line_n = 1 };
	int64_t at;
	int r;

	if (f->location != PROFILE_NONE)
		return f->location;
	r = frametab_mapping(t, f->kind, &l.mapping);
	if (r < 0)
		return r;
	at = profile_builder_location(t->b, &l, &line);
	if (at >= 0)
		f->location = (uint32_t)at;
	return at;
}
