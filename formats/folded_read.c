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
#include "framescan.h"
#include "frametab.h"
#include "profile.h"

#define LINE_MAX_BYTES ((size_t)16 << 20) /* 500 frames of 32 KB: no program has them */
#define CHUNK	       ((size_t)256 << 10)

/* A frame as it stands in a line. */
struct piece {
	const char *text;
	size_t n;
	uint64_t hash;
	uint32_t guess; /* the number it probably has */
};

struct folded_reader {
	const struct source *in;
	struct profile *p;
	struct profile_builder *b;
	struct err *e;
	size_t line_no;
	ARRAY(char) buf; /* read and not yet used, from pos on; FRAMESCAN_SLACK bytes more */
	size_t pos;
	bool eof;
	struct frametab frames;
	/* Of the line that is being read. */
	ARRAY(struct piece) pieces;
	ARRAY(uint32_t) line;		    /* frames, root first */
	ARRAY(struct profile_line) inlined; /* of one location */
	ARRAY(uint32_t) stack;		    /* locations, leaf first */
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
	if (array_reserve(&f->buf, CHUNK + FRAMESCAN_SLACK) < 0)
		return -ENOMEM;
	got = source_read(f->in, f->buf.items + f->buf.n, CHUNK);
	if (got < 0)
		return (int)got;
	f->buf.n += (size_t)got;
	f->eof = got == 0;
	return 0;
}

/* The next line without its end: 1, 0 at the end of the text, or -errno. */
static int next_line(struct folded_reader *f, char **ret, size_t *ret_n)
{
	size_t seen = 0; /* bytes of this line that were searched already */

	for (;;) {
		size_t left = f->buf.n - f->pos;
		char *line = left ? f->buf.items + f->pos : NULL;
		char *end = left > seen ? memchr(line + seen, '\n', left - seen) : NULL;
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

/* The number of the frame of @n bytes at @text, which may stand between spaces. */
static int64_t get_frame(struct folded_reader *f, const char *text, size_t n, uint64_t hash)
{
	if (n && (*text == ' ' || text[n - 1] == ' ')) {
		for (; n && *text == ' '; text++)
			n--;
		while (n && text[n - 1] == ' ')
			n--;
		hash = frame_hash(text, n);
	}
	return frametab_get(&f->frames, text, n, hash, f->line.n == 0);
}

/* The pieces of a line, which ends in ';' where it says @end. */
static int split_pieces(struct folded_reader *f, const char *text, const char *end)
{
	f->pieces.n = 0;
	for (;;) {
		struct piece p = { .text = text };

		p.n = framescan(text, &p.hash);
		frametab_expect(&f->frames, p.hash);
		if (array_push(&f->pieces, p) < 0)
			return -ENOMEM;
		text += p.n;
		if (text == end)
			return 0;
		text++;
	}
}

static int look_up_frames(struct folded_reader *f)
{
	f->line.n = 0;
	if (array_reserve(&f->line, f->pieces.n) < 0)
		return -ENOMEM;
	array_each(&f->pieces, p)
		p->guess = frametab_guess(&f->frames, p->hash);
	array_each(&f->pieces, p)
		frametab_expect_name(&f->frames, p->guess);
	array_each(&f->pieces, p) {
		int64_t at = get_frame(f, p->text, p->n, p->hash);

		if (at < 0)
			return (int)at;
		f->line.items[f->line.n++] = (uint32_t)at;
	}
	return 0;
}

/*
 * The location of the frames that end before number *@i of the line: of one frame, and of those
 * before it, too, as long as they are inlined. Moves *@i to the first of them.
 */
static int64_t take_location(struct folded_reader *f, size_t *i)
{
	const struct frame *frames = f->frames.frames.items;
	struct profile_location l = { 0 };
	const struct frame *outer;
	int r;

	if (frames[f->line.items[--*i]].kind != FRAME_INLINED)
		return frametab_location(&f->frames, f->line.items[*i]);
	f->inlined.n = 0;
	for (;; --*i) {
		struct profile_line line = { 0 };

		outer = &frames[f->line.items[*i]];
		line.function = outer->function;
		if (array_push(&f->inlined, line) < 0)
			return -ENOMEM;
		if (outer->kind != FRAME_INLINED)
			break;
	}
	l.line_n = (uint32_t)f->inlined.n;
	r = frametab_mapping(&f->frames, outer->kind, &l.mapping);
	return r < 0 ? r : profile_builder_location(f->b, &l, f->inlined.items);
}

static int add_sample(struct folded_reader *f, int64_t count)
{
	int64_t at;

	f->stack.n = 0;
	if (array_reserve(&f->stack, f->line.n) < 0)
		return -ENOMEM;
	for (size_t i = f->line.n; i > 0;) {
		at = take_location(f, &i);
		if (at < 0)
			return (int)at;
		f->stack.items[f->stack.n++] = (uint32_t)at;
	}
	at = profile_builder_sample(f->b, f->stack.items, f->stack.n, NULL, 0, &count);
	return at < 0 ? (int)at : 0;
}

/* @line lies in the reader's buffer and is its to change. */
static int read_stack(struct folded_reader *f, char *line, size_t n)
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
	line[n] = ';'; /* where the space before the count is: so every frame ends the same */
	r = split_pieces(f, line, line + n);
	if (r == 0)
		r = look_up_frames(f);
	return r < 0 ? r : add_sample(f, count);
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
	char *line;
	size_t n;
	int r = set_types(f->p);

	if (r == 0)
		r = profile_builder_new(&f->b, f->p);
	if (r == 0)
		frametab_init(&f->frames, f->p, f->b);
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

	if (r == 0)
		r = read_all(&f);
	profile_builder_free(f.b);
	frametab_done(&f.frames);
	array_free(&f.buf);
	array_free(&f.pieces);
	array_free(&f.line);
	array_free(&f.inlined);
	array_free(&f.stack);
	if (r < 0) {
		profile_free(f.p);
		return r;
	}
	*ret = f.p;
	return 0;
}
