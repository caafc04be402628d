/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each frame becomes a function, each annotation what it stands for in a profile: _[k] and _[j] a
 * mapping, _[i] a further line of the location before. So writing the profile again gives the same
 * text.
 */
#include "folded.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "err.h"
#include "profile.h"

#define LINE_MAX_BYTES ((size_t)16 << 20) /* 500 frames of 32 KB: no program has them */
#define CHUNK	       ((size_t)64 << 10)

enum kind {
	KIND_NONE,
	KIND_KERNEL,
	KIND_JIT,
	KIND_INLINED,
};

struct folded_reader {
	const struct source *in;
	struct profile *p;
	struct profile_builder *b;
	struct err *e;
	size_t line_no;
	ARRAY(char) buf; /* read and not yet used, from pos on */
	size_t pos;
	bool eof;
	uint32_t mappings[KIND_INLINED]; /* by kind, PROFILE_NONE until one is needed */
	/* Of the line that is being read: root first, a location's lines in their order. */
	ARRAY(struct profile_line) lines;
	ARRAY(struct profile_location) locations;
	ARRAY(uint32_t) stack;
};

/* --- lines ------------------------------------------------------------------------------------ */

static int read_more(struct folded_reader *f)
{
	ssize_t got;

	if (f->pos > 0) {
		memmove(f->buf.items, f->buf.items + f->pos, f->buf.n - f->pos);
		f->buf.n -= f->pos;
		f->pos = 0;
	}
	if (f->buf.n >= LINE_MAX_BYTES)
		return err_set(f->e, -EBADMSG, "line %zu is longer than 16 MiB", f->line_no + 1);
	if (array_reserve(&f->buf, CHUNK) < 0)
		return -ENOMEM;
	got = source_read(f->in, f->buf.items + f->buf.n, CHUNK);
	if (got < 0)
		return (int)got;
	f->buf.n += (size_t)got;
	f->eof = got == 0;
	return 0;
}

/* The next line without its end: 1, 0 at the end of the text, or -errno. */
static int next_line(struct folded_reader *f, const char **ret, size_t *ret_n)
{
	size_t seen = 0; /* bytes of this line that were searched already */

	for (;;) {
		size_t left = f->buf.n - f->pos;
		const char *line = left ? f->buf.items + f->pos : NULL;
		const char *end = left > seen ? memchr(line + seen, '\n', left - seen) : NULL;
		int r;

		if (end || (f->eof && left)) {
			*ret = line;
			*ret_n = end ? (size_t)(end - line) : left;
			f->pos += *ret_n + (end != NULL);
			f->line_no++;
			return 1;
		}
		if (f->eof)
			return 0;
		seen = left;
		r = read_more(f);
		if (r < 0)
			return r;
	}
}

/* Splits the count from the end of a line. */
static int split_count(struct folded_reader *f, const char *line, size_t *n, int64_t *ret)
{
	size_t end = *n, i = end;
	int64_t v = 0;

	while (i > 0 && isdigit((unsigned char)line[i - 1]))
		i--;
	if (i == end || i == 0 || (line[i - 1] != ' ' && line[i - 1] != '\t'))
		return err_set(
			f->e, -EBADMSG,
			"line %zu does not end in a space and a whole number, as folded stacks do",
			f->line_no);
	for (size_t k = i; k < end; k++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, line[k] - '0', &v))
			return err_set(f->e, -EBADMSG, "the count in line %zu is too large",
				       f->line_no);
	*n = i - 1;
	*ret = v;
	return 0;
}

/* --- frames ----------------------------------------------------------------------------------- */

static enum kind split_kind(const char *frame, size_t *n)
{
	enum kind kind = KIND_NONE;

	if (*n <= 4 || memcmp(frame + *n - 4, "_[", 2) != 0 || frame[*n - 1] != ']')
		return KIND_NONE;
	switch (frame[*n - 2]) {
	case 'k':
		kind = KIND_KERNEL;
		break;
	case 'j':
		kind = KIND_JIT;
		break;
	case 'i':
		kind = KIND_INLINED;
		break;
	}
	if (kind != KIND_NONE)
		*n -= 4;
	return kind;
}

static int get_mapping(struct folded_reader *f, enum kind kind, uint32_t *ret)
{
	/* Frames have no addresses. All lie at 0, which must be inside. */
	struct profile_mapping m = { .limit = 1, .has_functions = true };
	int64_t at;
	int r;

	if (kind != KIND_NONE && f->mappings[kind] == PROFILE_NONE) {
		r = strtab_adds(&f->p->strings, kind == KIND_JIT ? "//anon" : "[kernel.kallsyms]",
				&m.file);
		if (r < 0)
			return r;
		at = profile_builder_mapping(f->b, &m);
		if (at < 0)
			return (int)at;
		f->mappings[kind] = (uint32_t)at;
	}
	*ret = kind == KIND_NONE ? PROFILE_NONE : f->mappings[kind];
	return 0;
}

static int add_function(struct folded_reader *f, const char *name, size_t n, uint32_t *ret)
{
	struct profile_function fn = { 0 };
	int64_t at;
	int r = n ? strtab_add(&f->p->strings, name, n, &fn.name)
		  : strtab_adds(&f->p->strings, "[unknown]", &fn.name);

	if (r < 0)
		return r;
	at = profile_builder_function(f->b, &fn);
	if (at < 0)
		return (int)at;
	*ret = (uint32_t)at;
	return 0;
}

static int add_frame(struct folded_reader *f, const char *frame, size_t n)
{
	struct profile_location l = { .line_first = (uint32_t)f->lines.n, .line_n = 1 };
	struct profile_line line = { 0 };
	enum kind kind;
	size_t name_n;
	int r;

	for (; n && *frame == ' '; frame++)
		n--;
	for (; n && frame[n - 1] == ' ';)
		n--;
	name_n = n;
	kind = split_kind(frame, &name_n);
	if (kind == KIND_INLINED && f->locations.n == 0) {
		kind = KIND_NONE; /* inlined into nothing: part of the name, then */
		name_n = n;
	}
	r = add_function(f, frame, name_n, &line.function);
	if (r < 0 || array_push(&f->lines, line) < 0)
		return r < 0 ? r : -ENOMEM;
	if (kind == KIND_INLINED) {
		f->locations.items[f->locations.n - 1].line_n++;
		return 0;
	}
	r = get_mapping(f, kind, &l.mapping);
	return r < 0 ? r : array_push(&f->locations, l);
}

static void reverse_lines(struct profile_line *lines, uint32_t n)
{
	for (uint32_t i = 0; i < n / 2; i++) {
		struct profile_line l = lines[i];

		lines[i] = lines[n - 1 - i];
		lines[n - 1 - i] = l;
	}
}

/* The locations that add_frame() collected, leaf first, as one sample. */
static int add_sample(struct folded_reader *f, int64_t count)
{
	int64_t at;

	f->stack.n = 0;
	for (size_t i = f->locations.n; i-- > 0;) {
		const struct profile_location *l = &f->locations.items[i];
		struct profile_line *lines = f->lines.items + l->line_first;

		reverse_lines(lines, l->line_n);
		at = profile_builder_location(f->b, l, lines);
		if (at < 0)
			return (int)at;
		if (array_push(&f->stack, (uint32_t)at) < 0)
			return -ENOMEM;
	}
	at = profile_builder_sample(f->b, f->stack.items, f->stack.n, NULL, 0, &count);
	return at < 0 ? (int)at : 0;
}

static int read_stack(struct folded_reader *f, const char *line, size_t n)
{
	int64_t count = 0;
	int r;

	while (n && strchr(" \t\r", line[n - 1]) && line[n - 1])
		n--;
	if (n == 0 || line[0] == '#')
		return 0;
	r = split_count(f, line, &n, &count);
	if (r < 0 || count == 0)
		return r;
	f->lines.n = f->locations.n = 0;
	for (const char *end = line + n;; line++) {
		const char *semicolon = memchr(line, ';', (size_t)(end - line));
		const char *stop = semicolon ? semicolon : end;

		r = add_frame(f, line, (size_t)(stop - line));
		if (r < 0)
			return r;
		if (!semicolon)
			return add_sample(f, count);
		line = semicolon;
	}
}

/* --- the profile ------------------------------------------------------------------------------ */

static int set_types(struct profile *p)
{
	struct profile_value_type t;
	int r = strtab_adds(&p->strings, "samples", &t.type);

	if (r == 0)
		r = strtab_adds(&p->strings, "count", &t.unit);
	if (r == 0)
		r = array_push(&p->sample_types, t);
	if (r == 0)
		p->default_sample_type = t.type;
	return r;
}

static int read_all(struct folded_reader *f)
{
	static const char bom[3] = "\xef\xbb\xbf";
	const char *line;
	size_t n;
	int r = set_types(f->p);

	if (r == 0)
		r = profile_builder_new(&f->b, f->p);
	while (r == 0 && (r = next_line(f, &line, &n)) > 0) {
		if (f->line_no == 1 && n >= sizeof(bom) && memcmp(line, bom, sizeof(bom)) == 0) {
			line += sizeof(bom);
			n -= sizeof(bom);
		}
		r = read_stack(f, line, n);
	}
	return r;
}

int folded_read(const struct source *in, struct profile **ret, struct err *e)
{
	struct folded_reader f = { .in = in, .e = e };
	int r = profile_new(&f.p);

	memset(f.mappings, 0xff, sizeof(f.mappings));
	if (r == 0)
		r = read_all(&f);
	profile_builder_free(f.b);
	array_free(&f.buf);
	array_free(&f.lines);
	array_free(&f.locations);
	array_free(&f.stack);
	if (r < 0) {
		profile_free(f.p);
		return r;
	}
	*ret = f.p;
	return 0;
}
