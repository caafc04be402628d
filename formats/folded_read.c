/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each frame becomes a function, each annotation what it stands for in a profile: _[k] and _[j] a
 * mapping, _[i] a further line of the location before. So writing the profile again gives the same
 * text.
 */
#include "folded.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "err.h"
#include "foldedscan.h"
#include "framescan.h"
#include "frametab.h"
#include "profile.h"

#define AHEAD	16 /* frames between two steps of a lookup */
#define NOT_YET UINT32_MAX

struct folded_reader {
	struct profile *p;
	struct profile_builder *b;
	struct foldedscan *scan;
	struct frametab frames;
	ARRAY(uint32_t) numbers; /* of frames, by the id of a piece; NOT_YET */
	/* Of the line that is being read. */
	ARRAY(uint32_t) line;		    /* frames, root first */
	ARRAY(struct profile_line) inlined; /* of one location */
	ARRAY(uint32_t) stack;		    /* locations, leaf first */
};

/* --- frames ----------------------------------------------------------------------------------- */

/* Makes room for the numbers of all ids that @b has. */
static int reserve_numbers(struct folded_reader *f, const struct folded_batch *b)
{
	size_t more = b->ids - f->numbers.n;

	if (array_reserve(&f->numbers, more) < 0)
		return -ENOMEM;
	if (more)
		memset(f->numbers.items + f->numbers.n, 0xff, more * sizeof(*f->numbers.items));
	f->numbers.n = b->ids;
	return 0;
}

/* The number of the frame of piece @p, which is at @text and may stand between spaces. */
static int64_t get_frame(struct folded_reader *f, const char *text, const struct folded_piece *p)
{
	uint32_t *number = &f->numbers.items[p->id];
	bool outermost = f->line.n == 0;
	size_t n = p->n;
	int64_t at;

	if (n && (*text == ' ' || text[n - 1] == ' ')) {
		for (; n && *text == ' '; text++)
			n--;
		while (n && text[n - 1] == ' ')
			n--;
	}
	if (*number != NOT_YET && frametab_is(&f->frames, *number, text, n, outermost))
		return *number;
	at = frametab_get(&f->frames, text, n, frame_hash(text, n), outermost);
	if (at >= 0)
		*number = (uint32_t)at;
	return at;
}

/* Asks for what pieces to come will need, when number @i of the batch is looked up. */
static void expect_frames(const struct folded_reader *f, const struct folded_batch *b, size_t i)
{
	const struct folded_piece *p = &b->pieces.items[i];
	size_t left = b->pieces.n - i;
	uint32_t number;

	if (left <= 2 * AHEAD)
		return;
	number = f->numbers.items[p[2 * AHEAD].id];
	if (number != NOT_YET)
		frametab_expect(&f->frames, number);
	number = f->numbers.items[p[AHEAD].id];
	if (number != NOT_YET)
		frametab_expect_name(&f->frames, number);
}

/* Looks up the frames of a stack, whose first piece is number @first of the batch. */
static int look_up_frames(struct folded_reader *f, const struct folded_batch *b,
			  const struct folded_stack *s, size_t first)
{
	const char *text = b->text.items + s->off;

	f->line.n = 0;
	if (array_reserve(&f->line, s->n) < 0)
		return -ENOMEM;
	for (size_t i = first; i < first + s->n; i++) {
		const struct folded_piece *p = &b->pieces.items[i];
		int64_t at;

		expect_frames(f, b, i);
		at = get_frame(f, text, p);
		if (at < 0)
			return (int)at;
		f->line.items[f->line.n++] = (uint32_t)at;
		text += p->n + 1;
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

static int add_stacks(struct folded_reader *f, const struct folded_batch *b)
{
	size_t first = 0;
	int r = reserve_numbers(f, b);

	for (size_t i = 0; i < b->stacks.n && r == 0; i++) {
		const struct folded_stack *s = &b->stacks.items[i];

		r = look_up_frames(f, b, s, first);
		if (r == 0)
			r = add_sample(f, s->count);
		first += s->n;
	}
	return r;
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

static int read_all(struct folded_reader *f, struct err *e)
{
	const struct folded_batch *b;
	int r = set_types(f->p);

	if (r == 0)
		r = profile_builder_new(&f->b, f->p);
	if (r < 0)
		return r;
	frametab_init(&f->frames, f->p, f->b);
	do {
		b = foldedscan_next(f->scan);
		r = add_stacks(f, b);
	} while (r == 0 && b->then > 0);
	if (r == 0 && b->why.text[0] && e) /* else the source may have said something */
		*e = b->why;
	return r < 0 ? r : b->then;
}

int folded_read(const struct source *in, struct profile **ret, struct err *e)
{
	struct folded_reader f = { 0 };
	int r = profile_new(&f.p);

	if (r == 0)
		r = foldedscan_new(&f.scan, in);
	if (r == 0)
		r = read_all(&f, e);
	foldedscan_free(f.scan);
	profile_builder_free(f.b);
	frametab_done(&f.frames);
	array_free(&f.numbers);
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
