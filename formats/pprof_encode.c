/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes profile.proto as a stream. Only one sub-message exists in protobuf-c's form at a time: a
 * sample's arrays are reused for the next one, so encoding millions of samples takes the memory of
 * the largest of them, and one number for each string.
 */
#include "pprof.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profile.pb-c.h"

#include "array.h"
#include "profile.h"
#include "utf8.h"

#define BATCH ((size_t)64 << 10) /* what goes to the sink in one call */

struct encoder {
	const struct profile *p;
	const struct sink *out;
	uint32_t *strings; /* our number -> number in the file */
	ARRAY(uint8_t) buf;
	/* Of the sample or location that is being written. */
	ARRAY(uint64_t) ids;
	ARRAY(Perftools__Profiles__Label) labels;
	ARRAY(Perftools__Profiles__Label *) label_ptrs;
	ARRAY(Perftools__Profiles__Line) lines;
	ARRAY(Perftools__Profiles__Line *) line_ptrs;
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

static void put_varint(struct encoder *e, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		e->buf.items[e->buf.n++] = (uint8_t)(v | 0x80);
	e->buf.items[e->buf.n++] = (uint8_t)v;
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

/* --- sub-messages ----------------------------------------------------------------------------- */

static int put_type(struct encoder *e, unsigned field, const struct profile_value_type *t)
{
	Perftools__Profiles__ValueType m = PERFTOOLS__PROFILES__VALUE_TYPE__INIT;

	m.type = e->strings[t->type];
	m.unit = e->strings[t->unit];
	return put_message(e, field, &m.base);
}

static int fill_labels(struct encoder *e, const struct profile_sample *s)
{
	e->labels.n = e->label_ptrs.n = 0;
	if (array_reserve(&e->labels, s->label_n) < 0 ||
	    array_reserve(&e->label_ptrs, s->label_n) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->label_n; i++) {
		const struct profile_label *l = &e->p->labels.items[s->label_first + i];
		Perftools__Profiles__Label *m = &e->labels.items[e->labels.n];

		if (is_void(l))
			continue;
		perftools__profiles__label__init(m);
		m->key = e->strings[l->key];
		if (l->is_num) {
			m->num = l->num;
			m->num_unit = e->strings[label_unit(l)];
		} else {
			m->str = e->strings[l->str];
		}
		e->labels.n++;
		e->label_ptrs.items[e->label_ptrs.n++] = m;
	}
	return 0;
}

static int put_sample(struct encoder *e, size_t i)
{
	const struct profile_sample *s = &e->p->samples.items[i];
	Perftools__Profiles__Sample m = PERFTOOLS__PROFILES__SAMPLE__INIT;

	e->ids.n = 0;
	if (array_reserve(&e->ids, s->loc_n) < 0 || fill_labels(e, s) < 0)
		return -ENOMEM;
	for (uint32_t k = 0; k < s->loc_n; k++)
		e->ids.items[k] = (uint64_t)e->p->stacks.items[s->loc_first + k] + 1;
	m.n_location_id = s->loc_n;
	m.location_id = e->ids.items;
	m.n_value = e->p->sample_types.n;
	m.value = e->p->values.items + i * m.n_value;
	m.n_label = e->label_ptrs.n;
	m.label = e->label_ptrs.items;
	return put_message(e, 2, &m.base);
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

static int put_location(struct encoder *e, size_t i)
{
	const struct profile_location *l = &e->p->locations.items[i];
	Perftools__Profiles__Location m = PERFTOOLS__PROFILES__LOCATION__INIT;

	e->lines.n = e->line_ptrs.n = 0;
	if (array_reserve(&e->lines, l->line_n) < 0 || array_reserve(&e->line_ptrs, l->line_n) < 0)
		return -ENOMEM;
	for (uint32_t k = 0; k < l->line_n; k++) {
		const struct profile_line *from = &e->p->lines.items[l->line_first + k];
		Perftools__Profiles__Line *line = &e->lines.items[k];

		perftools__profiles__line__init(line);
		line->function_id = (uint64_t)from->function + 1;
		line->line = from->line;
		line->column = from->column;
		e->line_ptrs.items[k] = line;
	}
	m.id = i + 1;
	m.mapping_id = l->mapping == PROFILE_NONE ? 0 : (uint64_t)l->mapping + 1;
	m.address = l->address;
	m.n_line = l->line_n;
	m.line = e->line_ptrs.items;
	m.is_folded = l->is_folded;
	return put_message(e, 4, &m.base);
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
	array_free(&e.labels);
	array_free(&e.label_ptrs);
	array_free(&e.lines);
	array_free(&e.line_ptrs);
	return r;
}
