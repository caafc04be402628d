/* SPDX-License-Identifier: Apache-2.0 */
#include "funcmap.h"

#include <errno.h>
#include <stdlib.h>

#include "hash.h"
#include "profile.h"

static int find_or_add(struct funcmap *m, const struct func *f, uint32_t *ret)
{
	uint64_t hash =
		hash_add(hash_add(hash_u64(f->kind), (uint64_t)f->name << 32 | f->file), f->off);

	hindex_each(&m->index, hash, i) {
		struct func *have = &m->funcs.items[i];

		if (have->kind == f->kind && have->name == f->name && have->file == f->file &&
		    have->off == f->off) {
			if (!have->source)
				have->source = f->source;
			*ret = i;
			return 0;
		}
	}
	if (array_push(&m->funcs, *f) < 0)
		return -ENOMEM;
	*ret = (uint32_t)(m->funcs.n - 1);
	return hindex_add(&m->index, hash, *ret);
}

static int push_func(struct funcmap *m, const struct func *f)
{
	uint32_t i;

	if (find_or_add(m, f, &i) < 0)
		return -ENOMEM;
	return array_push(&m->lists, i);
}

/* A location that has no named line is a place of its own. */
static int push_place(struct funcmap *m, const struct profile_location *l)
{
	struct func f = { .kind = FUNC_UNKNOWN };

	if (l->mapping != PROFILE_NONE) {
		const struct profile_mapping *mapping = &m->p->mappings.items[l->mapping];

		f = (struct func){
			.kind = FUNC_OFFSET,
			.file = mapping->file,
			.off = l->address - mapping->start + mapping->file_offset,
		};
	}
	return push_func(m, &f);
}

static int list_location(struct funcmap *m, const struct profile_location *l)
{
	uint32_t file = l->mapping == PROFILE_NONE ? 0 : m->p->mappings.items[l->mapping].file;
	size_t before = m->lists.n;

	for (uint32_t i = 0; i < l->line_n; i++) {
		const struct profile_line *line = &m->p->lines.items[l->line_first + i];
		const struct profile_function *fn = &m->p->functions.items[line->function];
		struct func f = { .kind = FUNC_NAMED, .file = file, .source = fn->file };

		f.name = fn->name ? fn->name : fn->system_name;
		if (f.name && push_func(m, &f) < 0)
			return -ENOMEM;
	}
	return m->lists.n > before ? 0 : push_place(m, l);
}

int funcmap_make(struct funcmap *ret, const struct profile *p)
{
	*ret = (struct funcmap){ .p = p };
	/* First of all, so that it is number `no_stack`. */
	if (array_push(&ret->funcs, (struct func){ .kind = FUNC_NO_STACK }) < 0)
		return -ENOMEM;
	ret->starts = calloc(p->locations.n + 1, sizeof(*ret->starts));
	if (!ret->starts)
		return -ENOMEM;
	for (size_t i = 0; i < p->locations.n; i++) {
		if (list_location(ret, &p->locations.items[i]) < 0 || ret->lists.n > UINT32_MAX)
			return -ENOMEM;
		ret->starts[i + 1] = (uint32_t)ret->lists.n;
	}
	return 0;
}

void funcmap_done(struct funcmap *m)
{
	hindex_free(&m->index);
	array_free(&m->funcs);
	array_free(&m->lists);
	free(m->starts);
	m->starts = NULL;
}
