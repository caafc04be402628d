/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the locations and samples of a pprof file. There are so many of them that making
 * protobuf-c's form of each first would be most of the work: they are read field by field, to where
 * they stay. As in any protobuf message, fields come in any order, lists in several parts, and of a
 * number that is there twice the last one counts.
 */
#include "pages.h"
#include "pprof_decoder.h"

#include <inttypes.h>
#include <stdbool.h>

#include "profile.h"

static int malformed(struct pprof_decoder *d, const char *what)
{
	return pprof_bad(d, "a %s in it is malformed", what);
}

/* Field N of a message of numbers alone goes to @to[N], if N is below @n. */
static int read_numbers(struct pprof_decoder *d, const char *what, struct bytes b, uint64_t *to,
			size_t n)
{
	while (bytes_left(&b)) {
		struct pbfield f;

		if (pbwire_field(&b, &f) < 0)
			return malformed(d, what);
		if (f.number >= n)
			continue;
		if (f.wire != PBWIRE_VARINT)
			return malformed(d, what);
		to[f.number] = f.value;
	}
	return 0;
}

enum { LINE_FUNCTION = 1, LINE_LINE, LINE_COLUMN, LINE_END };
enum {
	LOCATION_ID = 1,
	LOCATION_MAPPING,
	LOCATION_ADDRESS,
	LOCATION_LINE,
	LOCATION_FOLDED,
	LOCATION_END
};

/* Adds a line; the id of its function, if there is no such function, goes to @ret_unknown. */
static int read_line(struct pprof_decoder *d, const struct pbfield *f, uint64_t *ret_unknown)
{
	uint64_t n[LINE_END] = { 0 };
	struct profile_line l;
	int r = read_numbers(d, "Line", f->bytes, n, LINE_END);

	if (r < 0)
		return r;
	l.function = idmap_get(&d->functions, n[LINE_FUNCTION]);
	if (l.function == IDMAP_NONE) {
		*ret_unknown = n[LINE_FUNCTION];
		return -ENOENT;
	}
	if (d->p->lines.n + 1 >= UINT32_MAX)
		return -E2BIG;
	l.line = (int64_t)n[LINE_LINE];
	l.column = (int64_t)n[LINE_COLUMN];
	return array_push(&d->p->lines, l);
}

static int read_location_fields(struct pprof_decoder *d, struct bytes b, uint64_t *n)
{
	uint64_t unknown = 0;
	bool is_complete = true;

	while (bytes_left(&b)) {
		struct pbfield f;
		int r = 0;

		if (pbwire_field(&b, &f) < 0)
			return malformed(d, "Location");
		if (f.number >= LOCATION_END)
			continue;
		if (f.wire != (f.number == LOCATION_LINE ? PBWIRE_BYTES : PBWIRE_VARINT))
			return malformed(d, "Location");
		if (f.number != LOCATION_LINE)
			n[f.number] = f.value;
		else if (is_complete)
			r = read_line(d, &f, &unknown);
		if (r < 0 && r != -ENOENT)
			return r;
		is_complete &= r == 0;
	}
	return is_complete ? 0
			   : pprof_bad(d,
				       "location %" PRIu64 " refers to function %" PRIu64
				       ", which is not there",
				       n[LOCATION_ID], unknown);
}

int pprof_read_location(struct pprof_decoder *d, const struct pbfield *f)
{
	struct profile_location l = { .line_first = (uint32_t)d->p->lines.n };
	uint64_t n[LOCATION_END] = { 0 };
	int r = pprof_need_wire(d, f, PBWIRE_BYTES);

	if (r == 0)
		r = read_location_fields(d, f->bytes, n);
	if (r == 0)
		r = pprof_add_id(d, &d->locations, "location", n[LOCATION_ID], d->p->locations.n);
	if (r < 0)
		return r;
	_Static_assert(IDMAP_NONE == PROFILE_NONE, "an unknown mapping is none, as pprof has it");
	l.mapping =
		n[LOCATION_MAPPING] ? idmap_get(&d->mappings, n[LOCATION_MAPPING]) : PROFILE_NONE;
	l.line_n = (uint32_t)d->p->lines.n - l.line_first;
	l.address = n[LOCATION_ADDRESS];
	l.is_folded = n[LOCATION_FOLDED] != 0;
	return array_push(&d->p->locations, l);
}

enum { LABEL_KEY = 1, LABEL_STR, LABEL_NUM, LABEL_NUM_UNIT, LABEL_END };
enum { SAMPLE_LOCATION = 1, SAMPLE_VALUE, SAMPLE_LABEL };

#define STACKS_SOON ((size_t)128 << 10) /* places of samples to come */

/* Of the pages that the stacks will be written to, some are asked for at a time. */
static void expect_stacks(struct pprof_decoder *d)
{
	size_t n = d->p->stacks.n, room = d->p->stacks.cap - n;

	if (n < d->expected)
		return;
	room = room < STACKS_SOON ? room : STACKS_SOON;
	pages_expect(array_from(&d->p->stacks, n), room * sizeof(*d->p->stacks.items));
	d->expected = n + room;
}

/* The ids of a stack, packed together; each takes a byte at least. */
static int add_places(struct pprof_decoder *d, struct bytes b)
{
	const struct idmap *locations = &d->locations;
	struct profile *p = d->p;
	uint32_t *to;

	if (b.n >= UINT32_MAX - p->stacks.n)
		return -E2BIG;
	if (array_reserve(&p->stacks, b.n) < 0)
		return -ENOMEM;
	expect_stacks(d);
	to = array_from(&p->stacks, p->stacks.n);
	while (bytes_left(&b)) {
		uint64_t id;

		if (pbwire_varint(&b, &id) < 0)
			return malformed(d, "Sample");
		*to = idmap_get(locations, id);
		if (*to++ == IDMAP_NONE)
			return pprof_bad(
				d, "sample %zu refers to location %" PRIu64 ", which is not there",
				p->samples.n + 1, id);
	}
	p->stacks.n = (size_t)(to - p->stacks.items);
	return 0;
}

static int add_place(struct pprof_decoder *d, uint64_t id)
{
	uint8_t packed[10];
	size_t n = 0;

	for (; id >= 0x80; id >>= 7)
		packed[n++] = (uint8_t)(id | 0x80);
	packed[n++] = (uint8_t)id;
	return add_places(d, bytes_of(packed, n));
}

static inline int add_value(struct pprof_decoder *d, uint64_t value)
{
	return array_push(&d->p->values, (int64_t)value);
}

static int read_label(struct pprof_decoder *d, struct bytes b)
{
	uint64_t n[LABEL_END] = { 0 };
	struct profile_label l = { 0 };
	int r = read_numbers(d, "Label", b, n, LABEL_END);

	if (r == 0)
		r = pprof_get_string(d, (int64_t)n[LABEL_KEY], &l.key);
	if (r == 0)
		r = pprof_get_string(d, (int64_t)n[LABEL_STR], &l.str);
	if (r == 0)
		r = pprof_get_string(d, (int64_t)n[LABEL_NUM_UNIT], &l.num_unit);
	if (r < 0)
		return r;
	l.num = (int64_t)n[LABEL_NUM];
	l.is_num = !n[LABEL_STR] && (l.num || l.num_unit);
	if (!l.key || (!l.is_num && !l.str))
		return 0; /* says nothing; pprof drops it, too */
	if (!l.is_num) {
		l.num = 0;
		l.num_unit = 0;
	}
	return array_push(&d->p->labels, l);
}

/* A field of a sample. Numbers come one by one or packed together. */
static int read_sample_field(struct pprof_decoder *d, const struct pbfield *f)
{
	struct bytes b = f->bytes;
	uint64_t v = f->value;
	int r = 0;

	if (f->number > SAMPLE_LABEL)
		return 0;
	if (f->number == SAMPLE_LABEL && f->wire == PBWIRE_BYTES)
		return read_label(d, b);
	if (f->number != SAMPLE_LABEL && f->wire == PBWIRE_VARINT)
		return f->number == SAMPLE_VALUE ? add_value(d, v) : add_place(d, v);
	if (f->number == SAMPLE_LABEL || f->wire != PBWIRE_BYTES)
		return malformed(d, "Sample");
	if (f->number == SAMPLE_LOCATION)
		return add_places(d, b);
	while (r == 0 && bytes_left(&b)) {
		if (pbwire_varint(&b, &v) < 0)
			return malformed(d, "Sample");
		r = add_value(d, v);
	}
	return r;
}

static int check_values(struct pprof_decoder *d, size_t n)
{
	if (d->p->sample_types.n == 0)
		return pprof_bad(d, "it has samples but does not say what they count");
	if (n != d->p->sample_types.n)
		return pprof_bad(d, "sample %zu has %zu values where there are %zu sample types",
				 d->p->samples.n + 1, n, d->p->sample_types.n);
	return 0;
}

int pprof_read_sample(struct pprof_decoder *d, const struct pbfield *f)
{
	struct profile *p = d->p;
	struct profile_sample s = { .loc_first = (uint32_t)p->stacks.n,
				    .label_first = (uint32_t)p->labels.n };
	struct bytes b = f->bytes;
	size_t values = p->values.n;
	int r = pprof_need_wire(d, f, PBWIRE_BYTES);

	while (r == 0 && bytes_left(&b)) {
		struct pbfield part;

		if (pbwire_field(&b, &part) < 0)
			return malformed(d, "Sample");
		r = read_sample_field(d, &part);
	}
	if (r == 0)
		r = check_values(d, p->values.n - values);
	if (r < 0)
		return r;
	if (p->labels.n >= UINT32_MAX)
		return -E2BIG;
	s.loc_n = (uint32_t)p->stacks.n - s.loc_first;
	s.label_n = (uint32_t)(p->labels.n - s.label_first);
	return array_push(&p->samples, s);
}
