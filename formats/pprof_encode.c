/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes profile.proto as a stream: encoding millions of samples takes the memory of the largest of
 * them, and one number for each string. The tables go through protobuf-c; samples and locations,
 * which are nearly all of a file, are written as they lie in the profile: the length of a message
 * comes before it, so each is measured first.
 */
#include "pprof.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profile.pb-c.h"

#include "array.h"
#include "profile.h"
#include "utf8.h"

#define BATCH  ((size_t)64 << 10) /* what goes to the sink in one call */
#define ID_MAX 5		  /* bytes of a place's number */

struct encoder {
	const struct profile *p;
	const struct sink *out;
	uint32_t *strings; /* our number -> number in the file */
	ARRAY(uint8_t) buf;
	ARRAY(uint8_t) ids; /* the places of a sample: their length comes before them */
};

/* --- bytes ------------------------------------------------------------------------------------ */

static int flush(struct encoder *e)
{
	int r = e->buf.n ? sink_write(e->out, e->buf.items, e->buf.n) : 0;

	e->buf.n = 0;
	return r;
}

/* Makes room for @n bytes of payload and the longest tag and length before them. */
static int reserve(struct encoder *e, size_t n)
{
	int r = e->buf.n >= BATCH ? flush(e) : 0;

	return r < 0 ? r : array_reserve(&e->buf, n + 20);
}

static uint8_t *store_varint(uint8_t *to, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*to++ = (uint8_t)(v | 0x80);
	*to++ = (uint8_t)v;
	return to;
}

static size_t varint_size(uint64_t v)
{
	unsigned bits = 64 - (unsigned)__builtin_clzll(v | 1);

	return (bits + 6) / 7;
}

static void put_varint(struct encoder *e, uint64_t v)
{
	e->buf.n = (size_t)(store_varint(e->buf.items + e->buf.n, v) - e->buf.items);
}

static void put_tag(struct encoder *e, unsigned field, unsigned wire_type)
{
	put_varint(e, field << 3 | wire_type);
}

static int put_message(struct encoder *e, unsigned field, const ProtobufCMessage *m)
{
	size_t n = protobuf_c_message_get_packed_size(m);
	int r = reserve(e, n);

	if (r < 0)
		return r;
	put_tag(e, field, 2);
	put_varint(e, n);
	e->buf.n += protobuf_c_message_pack(m, e->buf.items + e->buf.n);
	return 0;
}

/* proto3 leaves zeros out. */
static int put_int(struct encoder *e, unsigned field, uint64_t v)
{
	int r = v ? reserve(e, 0) : 0;

	if (r < 0 || !v)
		return r;
	put_tag(e, field, 0);
	put_varint(e, v);
	return 0;
}

static int put_string(struct encoder *e, const char *s, size_t n)
{
	bool valid = utf8_is_valid(s, n);
	int r = reserve(e, valid ? n : 6 * n);

	if (r < 0)
		return r;
	put_tag(e, 6, 2);
	if (valid) {
		put_varint(e, n);
		memcpy(e->buf.items + e->buf.n, s, n);
	} else {
		/* Its length comes first: repair it where the longest length would leave it. */
		char *to = (char *)e->buf.items + e->buf.n + 10;

		n = utf8_repair(s, n, to);
		put_varint(e, n);
		memmove(e->buf.items + e->buf.n, to, n);
	}
	e->buf.n += n;
	return 0;
}

/* --- strings ---------------------------------------------------------------------------------- */

/* A label that says nothing: decoders drop it, and a key without a value fails strict ones. */
static bool is_void(const struct profile_label *l)
{
	return !l->is_num && !l->str;
}

/* Decoders take a number 0 without unit for no label; the key is the unit they assume. */
static uint32_t label_unit(const struct profile_label *l)
{
	return l->num == 0 && !l->num_unit ? l->key : l->num_unit;
}

static void mark(struct encoder *e, uint32_t id)
{
	e->strings[id] = 1;
}

static void mark_type(struct encoder *e, const struct profile_value_type *t)
{
	mark(e, t->type);
	mark(e, t->unit);
}

static void mark_header(struct encoder *e)
{
	const struct profile *p = e->p;

	mark(e, 0);
	array_each(&p->sample_types, t)
		mark_type(e, t);
	array_each(&p->comments, c)
		mark(e, *c);
	mark_type(e, &p->period_type);
	mark(e, p->default_sample_type);
	mark(e, p->drop_frames);
	mark(e, p->keep_frames);
	mark(e, p->doc_url);
}

static void mark_tables(struct encoder *e)
{
	const struct profile *p = e->p;

	array_each(&p->mappings, m) {
		mark(e, m->file);
		mark(e, m->build_id);
	}
	array_each(&p->functions, f) {
		mark(e, f->name);
		mark(e, f->system_name);
		mark(e, f->file);
	}
	array_each(&p->labels, l) {
		if (is_void(l))
			continue;
		mark(e, l->key);
		mark(e, l->is_num ? label_unit(l) : l->str);
	}
}

/* Numbers the strings that something refers to, in their order. */
static int number_strings(struct encoder *e)
{
	uint32_t n = 0;

	e->strings = calloc(e->p->strings.n, sizeof(*e->strings));
	if (!e->strings)
		return -ENOMEM;
	mark_header(e);
	mark_tables(e);
	for (size_t i = 0; i < e->p->strings.n; i++)
		e->strings[i] = e->strings[i] ? n++ : PROFILE_NONE;
	return 0;
}

static int put_strings(struct encoder *e)
{
	const struct strtab *t = &e->p->strings;
	int r = 0;

	for (uint32_t i = 0; i < t->n && r == 0; i++)
		if (e->strings[i] != PROFILE_NONE)
			r = put_string(e, strtab_get(t, i), strtab_len(t, i));
	return r;
}

/* --- tables ----------------------------------------------------------------------------------- */

static int put_type(struct encoder *e, unsigned field, const struct profile_value_type *t)
{
	Perftools__Profiles__ValueType m = PERFTOOLS__PROFILES__VALUE_TYPE__INIT;

	m.type = e->strings[t->type];
	m.unit = e->strings[t->unit];
	return put_message(e, field, &m.base);
}

static int put_mapping(struct encoder *e, size_t i)
{
	const struct profile_mapping *map = &e->p->mappings.items[i];
	Perftools__Profiles__Mapping m = PERFTOOLS__PROFILES__MAPPING__INIT;

	m.id = i + 1;
	m.memory_start = map->start;
	m.memory_limit = map->limit;
	m.file_offset = map->file_offset;
	m.filename = e->strings[map->file];
	m.build_id = e->strings[map->build_id];
	m.has_functions = map->has_functions;
	m.has_filenames = map->has_filenames;
	m.has_line_numbers = map->has_line_numbers;
	m.has_inline_frames = map->has_inline_frames;
	return put_message(e, 3, &m.base);
}

static int put_function(struct encoder *e, size_t i)
{
	const struct profile_function *f = &e->p->functions.items[i];
	Perftools__Profiles__Function m = PERFTOOLS__PROFILES__FUNCTION__INIT;

	m.id = i + 1;
	m.name = e->strings[f->name];
	m.system_name = e->strings[f->system_name];
	m.filename = e->strings[f->file];
	m.start_line = f->start_line;
	return put_message(e, 5, &m.base);
}

/* --- samples and locations -------------------------------------------------------------------- */

/* Fields of numbers; those below 16 have tags of one byte. proto3 leaves zeros out. */
static size_t number_size(uint64_t v)
{
	return v ? 1 + varint_size(v) : 0;
}

static uint8_t *store_number(uint8_t *to, unsigned field, uint64_t v)
{
	if (!v)
		return to;
	*to++ = (uint8_t)(field << 3);
	return store_varint(to, v);
}

/* The tag and the length of a sub-message or a list. */
static size_t header_size(size_t n)
{
	return 1 + varint_size(n);
}

static uint8_t *store_header(uint8_t *to, unsigned field, size_t n)
{
	*to++ = (uint8_t)(field << 3 | 2);
	return store_varint(to, n);
}

/* The four numbers of a label. */
static void label_numbers(const struct encoder *e, const struct profile_label *l, uint64_t ret[4])
{
	ret[0] = e->strings[l->key];
	ret[1] = l->is_num ? 0 : e->strings[l->str];
	ret[2] = l->is_num ? (uint64_t)l->num : 0;
	ret[3] = l->is_num ? e->strings[label_unit(l)] : 0;
}

static size_t numbers_size(const uint64_t *v, size_t n)
{
	size_t size = 0;

	for (size_t i = 0; i < n; i++)
		size += number_size(v[i]);
	return size;
}

/* As fields 1 to @n. */
static uint8_t *store_numbers(uint8_t *to, const uint64_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to = store_number(to, (unsigned)i + 1, v[i]);
	return to;
}

static size_t labels_size(const struct encoder *e, const struct profile_sample *s)
{
	const struct profile_label *l = array_from(&e->p->labels, s->label_first);
	size_t size = 0;

	for (uint32_t i = 0; i < s->label_n; i++) {
		uint64_t v[4];
		size_t n;

		if (is_void(&l[i]))
			continue;
		label_numbers(e, &l[i], v);
		n = numbers_size(v, 4);
		size += header_size(n) + n;
	}
	return size;
}

static uint8_t *store_labels(const struct encoder *e, const struct profile_sample *s, uint8_t *to)
{
	const struct profile_label *l = array_from(&e->p->labels, s->label_first);

	for (uint32_t i = 0; i < s->label_n; i++) {
		uint64_t v[4];

		if (is_void(&l[i]))
			continue;
		label_numbers(e, &l[i], v);
		to = store_header(to, 3, numbers_size(v, 4));
		to = store_numbers(to, v, 4);
	}
	return to;
}

/* Encodes the places of @s, as they follow their header, to e->ids. */
static int encode_ids(struct encoder *e, const struct profile_sample *s)
{
	const uint32_t *stack = array_from(&e->p->stacks, s->loc_first);
	uint8_t *to;

	e->ids.n = 0;
	if (array_reserve(&e->ids, (size_t)s->loc_n * ID_MAX) < 0)
		return -ENOMEM;
	to = e->ids.items;
	for (uint32_t k = 0; k < s->loc_n; k++)
		to = store_varint(to, (uint64_t)stack[k] + 1);
	e->ids.n = s->loc_n ? (size_t)(to - e->ids.items) : 0;
	return 0;
}

static int put_sample(struct encoder *e, size_t i)
{
	const struct profile_sample *s = &e->p->samples.items[i];
	size_t n_values = e->p->sample_types.n, ids, numbers = 0, all;
	const int64_t *values = array_from(&e->p->values, i * n_values);
	uint8_t *to;
	int r = encode_ids(e, s);

	if (r < 0)
		return r;
	ids = e->ids.n;
	for (size_t k = 0; k < n_values; k++)
		numbers += varint_size((uint64_t)values[k]);
	all = labels_size(e, s) + (ids ? header_size(ids) + ids : 0) +
	      (numbers ? header_size(numbers) + numbers : 0);
	r = reserve(e, all);
	if (r < 0)
		return r;
	to = store_header(e->buf.items + e->buf.n, 2, all);
	if (ids) {
		to = store_header(to, 1, ids);
		memcpy(to, e->ids.items, ids);
		to += ids;
	}
	if (numbers)
		to = store_header(to, 2, numbers);
	for (size_t k = 0; k < n_values; k++)
		to = store_varint(to, (uint64_t)values[k]);
	to = store_labels(e, s, to);
	e->buf.n = (size_t)(to - e->buf.items);
	return 0;
}

static void line_numbers(const struct profile_line *l, uint64_t ret[3])
{
	ret[0] = (uint64_t)l->function + 1;
	ret[1] = (uint64_t)l->line;
	ret[2] = (uint64_t)l->column;
}

static size_t line_size(const struct profile_line *l)
{
	uint64_t v[3];

	line_numbers(l, v);
	return numbers_size(v, 3);
}

static uint8_t *store_line(uint8_t *to, const struct profile_line *l)
{
	uint64_t v[3];

	line_numbers(l, v);
	return store_numbers(store_header(to, 4, numbers_size(v, 3)), v, 3);
}

static int put_location(struct encoder *e, size_t i)
{
	const struct profile_location *l = &e->p->locations.items[i];
	const struct profile_line *lines = array_from(&e->p->lines, l->line_first);
	uint64_t v[] = { i + 1, l->mapping == PROFILE_NONE ? 0 : (uint64_t)l->mapping + 1,
			 l->address };
	size_t all = numbers_size(v, 3) + number_size(l->is_folded);
	uint8_t *to;
	int r;

	for (uint32_t k = 0; k < l->line_n; k++) {
		size_t n = line_size(&lines[k]);

		all += header_size(n) + n;
	}
	r = reserve(e, all);
	if (r < 0)
		return r;
	to = store_header(e->buf.items + e->buf.n, 4, all);
	to = store_numbers(to, v, 3);
	for (uint32_t k = 0; k < l->line_n; k++)
		to = store_line(to, &lines[k]);
	to = store_number(to, 5, l->is_folded);
	e->buf.n = (size_t)(to - e->buf.items);
	return 0;
}

/* --- the profile ------------------------------------------------------------------------------ */

static int put_tables(struct encoder *e)
{
	const struct profile *p = e->p;
	int r = 0;

	for (size_t i = 0; i < p->sample_types.n && r == 0; i++)
		r = put_type(e, 1, &p->sample_types.items[i]);
	for (size_t i = 0; i < p->samples.n && r == 0; i++)
		r = put_sample(e, i);
	for (size_t i = 0; i < p->mappings.n && r == 0; i++)
		r = put_mapping(e, i);
	for (size_t i = 0; i < p->locations.n && r == 0; i++)
		r = put_location(e, i);
	for (size_t i = 0; i < p->functions.n && r == 0; i++)
		r = put_function(e, i);
	return r < 0 ? r : put_strings(e);
}

static int put_comments(struct encoder *e)
{
	size_t n = e->p->comments.n;
	int r = n ? reserve(e, n * 10) : 0;
	size_t len = 0;

	if (r < 0 || !n)
		return r;
	array_each(&e->p->comments, c)
		for (uint64_t v = e->strings[*c], more = 1; more; v >>= 7, len++)
			more = v >= 0x80;
	put_tag(e, 13, 2);
	put_varint(e, len);
	array_each(&e->p->comments, c)
		put_varint(e, e->strings[*c]);
	return 0;
}

static int put_header(struct encoder *e)
{
	const struct profile *p = e->p;
	int r = put_int(e, 7, e->strings[p->drop_frames]);

	if (r == 0)
		r = put_int(e, 8, e->strings[p->keep_frames]);
	if (r == 0)
		r = put_int(e, 9, p->time_ns);
	if (r == 0)
		r = put_int(e, 10, p->duration_ns);
	if (r == 0 && (p->period_type.type || p->period_type.unit))
		r = put_type(e, 11, &p->period_type);
	if (r == 0)
		r = put_int(e, 12, (uint64_t)p->period);
	if (r == 0)
		r = put_comments(e);
	if (r == 0)
		r = put_int(e, 14, e->strings[p->default_sample_type]);
	return r < 0 ? r : put_int(e, 15, e->strings[p->doc_url]);
}

int pprof_encode(const struct profile *p, const struct sink *out)
{
	struct encoder e = { .p = p, .out = out };
	int r = number_strings(&e);

	if (r == 0)
		r = put_tables(&e);
	if (r == 0)
		r = put_header(&e);
	if (r == 0)
		r = flush(&e);
	free(e.strings);
	array_free(&e.buf);
	array_free(&e.ids);
	return r;
}
