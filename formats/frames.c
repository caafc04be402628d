/* SPDX-License-Identifier: Apache-2.0 */
#include "frames.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "err.h"
#include "hash.h"

static int copy_string(struct frames *f, uint32_t id, uint32_t *ret)
{
	const struct strtab *t = &f->p->strings;

	return strtab_add(&f->text, strtab_get(t, id), strtab_len(t, id), ret);
}

static int find_function(struct frames *f, const struct frame_function *fn, uint32_t *ret)
{
	uint64_t h = hash_add(hash_u64((uint64_t)fn->name << 32 | fn->file),
			      hash_add((uint64_t)fn->start_line, fn->object));

	hindex_each(&f->index, h, i) {
		const struct frame_function *own = &f->functions.items[i];

		if (own->name == fn->name && own->file == fn->file && own->object == fn->object &&
		    own->start_line == fn->start_line) {
			*ret = i;
			return 0;
		}
	}
	if (f->functions.n >= UINT32_MAX)
		return -E2BIG;
	*ret = (uint32_t)f->functions.n;
	if (hindex_add(&f->index, h, *ret) < 0)
		return -ENOMEM;
	return array_push(&f->functions, *fn);
}

int frames_text(struct frames *f, const char *s, size_t n, uint32_t *ret)
{
	struct frame_function fn = { 0 };
	int r = n ? strtab_add(&f->text, s, n, &fn.name)
		  : strtab_adds(&f->text, FRAME_NO_NAME, &fn.name);

	return r < 0 ? r : find_function(f, &fn, ret);
}

int place_name(const struct profile *p, const struct profile_location *l, char **ret)
{
	static const struct profile_mapping none;
	const struct profile_mapping *m =
		l->mapping == PROFILE_NONE ? &none : &p->mappings.items[l->mapping];
	const char *file = strtab_get(&p->strings, m->file), *slash = strrchr(file, '/');
	char *text;
	int n;

	file = slash ? slash + 1 : file;
	n = (int)strlen(file);
	if (n > 2 && file[0] == '[' && file[n - 1] == ']') {
		file++;
		n -= 2;
	}
	if (n == 0)
		text = strdup(FRAME_NO_NAME);
	else if (asprintf(&text, "[%.*s+0x%" PRIx64 "]", n, file,
			  l->address - m->start + m->file_offset) < 0)
		text = NULL;
	if (!text)
		return -ENOMEM;
	*ret = text;
	return 0;
}

static int name_address(struct frames *f, const struct profile_location *l, uint32_t *ret)
{
	_cleanup_free_ char *text = NULL;
	int r = place_name(f->p, l, &text);

	return r < 0 ? r : strtab_adds(&f->text, text, ret);
}

static void note_line(struct frame_function *fn, const struct frame *frame)
{
	if (!fn->seen) {
		fn->only_line = frame->line;
		fn->only_column = frame->column;
	} else if (fn->only_line != frame->line || fn->only_column != frame->column) {
		fn->differs = true;
	}
	fn->seen = true;
}

static int add_frame(struct frames *f, const struct frame_function *fn, struct frame frame)
{
	int r = find_function(f, fn, &frame.function);

	if (r < 0)
		return r;
	note_line(&f->functions.items[frame.function], &frame);
	return f->list.n >= UINT32_MAX ? -E2BIG : array_push(&f->list, frame);
}

static int add_line(struct frames *f, const struct profile_line *line, uint32_t object,
		    bool inlined)
{
	const struct profile_function *from = &f->p->functions.items[line->function];
	struct frame_function fn = { .object = object, .start_line = from->start_line };
	int r = copy_string(f, from->name ? from->name : from->system_name, &fn.name);

	if (r == 0 && !fn.name)
		r = strtab_adds(&f->text, FRAME_NO_NAME, &fn.name);
	if (r == 0)
		r = copy_string(f, from->file, &fn.file);
	return r < 0 ? r
		     : add_frame(f, &fn,
				 (struct frame){ .line = line->line,
						 .column = line->column,
						 .inlined = inlined });
}

static int add_location(struct frames *f, const struct profile_location *l)
{
	struct frame_function fn = { 0 };
	int r = 0;

	if (l->mapping != PROFILE_NONE)
		r = copy_string(f, f->p->mappings.items[l->mapping].file, &fn.object);
	if (r == 0 && l->line_n == 0) {
		r = name_address(f, l, &fn.name);
		return r < 0 ? r : add_frame(f, &fn, (struct frame){ 0 });
	}
	for (uint32_t i = l->line_n; i-- > 0 && r == 0;)
		r = add_line(f, &f->p->lines.items[l->line_first + i], fn.object,
			     i + 1 < l->line_n);
	return r;
}

int frames_init(struct frames *f, const struct profile *p)
{
	int r;

	*f = (struct frames){ .p = p };
	r = strtab_init(&f->text);
	array_each(&p->locations, l) {
		if (r == 0)
			r = array_push(&f->first, (uint32_t)f->list.n);
		if (r == 0)
			r = add_location(f, l);
		if (r < 0)
			return r;
	}
	array_each(&f->functions, fn)
		if (fn->differs)
			fn->only_line = fn->only_column = 0;
	return r < 0 ? r : array_push(&f->first, (uint32_t)f->list.n);
}

void frames_done(struct frames *f)
{
	strtab_done(&f->text);
	array_free(&f->functions);
	hindex_free(&f->index);
	array_free(&f->list);
	array_free(&f->first);
}

const struct profile_label *sample_label(const struct profile *p, const struct profile_sample *s,
					 uint32_t key)
{
	for (uint32_t i = 0; i < s->label_n; i++)
		if (p->labels.items[s->label_first + i].key == key)
			return &p->labels.items[s->label_first + i];
	return NULL;
}

uint32_t profile_find_string(const struct profile *p, const char *s)
{
	for (uint32_t i = 0; i < p->strings.n; i++)
		if (strcmp(strtab_get(&p->strings, i), s) == 0)
			return i;
	return PROFILE_NONE;
}

int check_values(const struct profile *p, size_t type, const char *format, struct err *e)
{
	if (p->samples.n && type >= p->sample_types.n)
		return err_set(e, -EINVAL, "the profile has no sample type %zu; it has %zu of them",
			       type, p->sample_types.n);
	for (size_t i = 0; i < p->samples.n; i++)
		if (profile_value(p, i, type) < 0)
			return err_set(e, -EINVAL,
				       "the profile holds negative values, as a difference does; "
				       "%s cannot: write pprof instead",
				       format);
	return 0;
}
