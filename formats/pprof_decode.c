/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads profile.proto from any producer. The top-level fields may come in any order, the string
 * table usually last, so they are walked several times, each pass reading what the next refers to:
 *
 *	1. strings, and how many there are of everything
 *	2. mappings, functions and the fields that stand alone
 *	3. locations
 *	4. samples
 *
 * A walk only hops from length to length, and not where the first one saw other fields; what costs
 * is reading sub-messages, and each is read once: those of the tables by protobuf-c, into an arena
 * that the next one uses again, locations and samples field by field.
 */
#include "pages.h"
#include "pprof.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "profile.pb-c.h"

#include "pprof_decoder.h"
#include "profile.h"

/* --- fields ----------------------------------------------------------------------------------- */

static int bad_field(struct pprof_decoder *d, size_t at)
{
	return pprof_bad(d, "its bytes at %zu are no protobuf field", at);
}

/* Calls @fn with the fields of a run that are in the bit set @wanted. */
static int walk_run(struct pprof_decoder *d, const struct pbrun *run, unsigned wanted,
		    int (*fn)(struct pprof_decoder *d, const struct pbfield *f))
{
	struct bytes b = bytes_of(d->in.p, run->end);

	b.pos = run->start;
	while (bytes_left(&b)) {
		size_t at = b.pos;
		struct pbfield f;
		int r = 0;

		if (pbwire_field(&b, &f) < 0)
			return bad_field(d, at);
		if (f.number < F_END && (wanted >> f.number & 1))
			r = fn(d, &f);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Calls @fn with every field that is in the bit set @wanted. */
static int walk(struct pprof_decoder *d, unsigned wanted,
		int (*fn)(struct pprof_decoder *d, const struct pbfield *f))
{
	int r = 0;

	for (size_t i = 0; i < d->runs.n && r == 0; i++) {
		const struct pbrun *run = &d->runs.items[i];

		if (run->number == PBRUN_MIXED ||
		    (run->number < F_END && (wanted >> run->number & 1)))
			r = walk_run(d, run, wanted, fn);
	}
	return r;
}

int pprof_need_wire(struct pprof_decoder *d, const struct pbfield *f, enum pbwire wire)
{
	if (f->wire == wire)
		return 0;
	return pprof_bad(
		d, "field %" PRIu64 " has the wrong type; this is another kind of protobuf file",
		f->number);
}

/* Unpacks a sub-message into the arena, where it lives until the next one. */
static int unpack(struct pprof_decoder *d, const struct pbfield *f,
		  const ProtobufCMessageDescriptor *type, void *ret)
{
	ProtobufCMessage *m;
	int r = pprof_need_wire(d, f, PBWIRE_BYTES);

	if (r < 0)
		return r;
	pbarena_reset(&d->arena);
	m = protobuf_c_message_unpack(type, &d->arena.allocator, f->bytes.n, f->bytes.p);
	if (!m && d->arena.failed)
		return -ENOMEM;
	if (!m)
		return pprof_bad(d, "a %s in it is malformed", type->short_name);
	*(ProtobufCMessage **)ret = m;
	return 0;
}

/* Of a known field, its first byte is the whole tag. */
bool pprof_sniff(const void *data, size_t n)
{
	static const unsigned messages = 1u << F_SAMPLE_TYPE | 1u << F_SAMPLE | 1u << F_MAPPING |
					 1u << F_LOCATION | 1u << F_FUNCTION | 1u << F_STRING |
					 1u << F_PERIOD_TYPE;
	uint8_t tag = n ? *(const uint8_t *)data : 0;
	unsigned number = tag >> 3, wire = tag & 7;

	if (number == 0 || number >= F_END)
		return false;
	if (number == F_COMMENT)
		return wire == PBWIRE_VARINT || wire == PBWIRE_BYTES;
	return wire == (messages >> number & 1 ? PBWIRE_BYTES : PBWIRE_VARINT);
}

/* --- strings ---------------------------------------------------------------------------------- */

static int read_string(struct pprof_decoder *d, const struct pbfield *f)
{
	uint32_t id;
	int r = pprof_need_wire(d, f, PBWIRE_BYTES);

	if (r < 0)
		return r;
	if (d->strings.n == 0 && f->bytes.n != 0)
		return pprof_bad(d, "its string table does not begin with the empty string");
	r = strtab_add(&d->p->strings, (const char *)f->bytes.p, f->bytes.n, &id);
	return r < 0 ? r : array_push(&d->strings, id);
}

/* The first walk: all fields, in their order. */
static int count_fields(struct pprof_decoder *d)
{
	struct bytes b = d->in;

	while (bytes_left(&b)) {
		size_t at = b.pos;
		struct pbfield f;
		int r = 0;

		if (pbwire_field(&b, &f) < 0)
			return bad_field(d, at);
		pbruns_add(&d->runs, f.number, at, b.pos);
		if (f.number < F_END)
			d->n[f.number]++;
		if (f.number == F_STRING)
			r = read_string(d, &f);
		if (r < 0)
			return r;
	}
	return 0;
}

int pprof_get_string(struct pprof_decoder *d, int64_t number, uint32_t *ret)
{
	if (number < 0 || (uint64_t)number >= d->strings.n)
		return pprof_bad(d, "it refers to string %" PRId64 " of %zu", number, d->strings.n);
	*ret = d->strings.items[number];
	return 0;
}

/* --- what stands alone ------------------------------------------------------------------------ */

static int get_type(struct pprof_decoder *d, const struct pbfield *f,
		    struct profile_value_type *ret)
{
	Perftools__Profiles__ValueType *m;
	int r = unpack(d, f, &perftools__profiles__value_type__descriptor, &m);

	if (r == 0)
		r = pprof_get_string(d, m->type, &ret->type);
	return r < 0 ? r : pprof_get_string(d, m->unit, &ret->unit);
}

static int read_sample_type(struct pprof_decoder *d, const struct pbfield *f)
{
	struct profile_value_type t;
	int r = get_type(d, f, &t);

	return r < 0 ? r : array_push(&d->p->sample_types, t);
}

static int add_comment(struct pprof_decoder *d, uint64_t number)
{
	uint32_t id = 0;
	int r = pprof_get_string(d, (int64_t)number, &id);

	return r < 0 ? r : array_push(&d->p->comments, id);
}

/* One number, or several packed together. */
static int read_comments(struct pprof_decoder *d, const struct pbfield *f)
{
	struct bytes b = f->bytes;
	uint64_t number;
	int r;

	if (f->wire == PBWIRE_VARINT)
		return add_comment(d, f->value);
	r = pprof_need_wire(d, f, PBWIRE_BYTES);
	while (r == 0 && bytes_left(&b)) {
		if (pbwire_varint(&b, &number) < 0)
			return pprof_bad(d, "its comments are malformed");
		r = add_comment(d, number);
	}
	return r;
}

/* pprof has signed times; those before 1970 mean nothing. */
static uint64_t get_time(const struct pbfield *f)
{
	return (int64_t)f->value < 0 ? 0 : f->value;
}

static int read_number(struct pprof_decoder *d, const struct pbfield *f)
{
	struct profile *p = d->p;
	int r = pprof_need_wire(d, f, PBWIRE_VARINT);

	if (r < 0)
		return r;
	switch (f->number) {
	case F_DROP_FRAMES:
		return pprof_get_string(d, (int64_t)f->value, &p->drop_frames);
	case F_KEEP_FRAMES:
		return pprof_get_string(d, (int64_t)f->value, &p->keep_frames);
	case F_DEFAULT_TYPE:
		return pprof_get_string(d, (int64_t)f->value, &p->default_sample_type);
	case F_DOC_URL:
		return pprof_get_string(d, (int64_t)f->value, &p->doc_url);
	case F_TIME:
		/* What gunzip makes of two files in one, where ids mean two things. */
		if (p->time_ns)
			return pprof_bad(
				d, "it is several profiles one after another; merge them with "
				   "'wick convert' instead");
		p->time_ns = get_time(f);
		return 0;
	case F_DURATION:
		p->duration_ns = get_time(f);
		return 0;
	default:
		p->period = (int64_t)f->value;
		return 0;
	}
}

/* --- mappings and functions ------------------------------------------------------------------- */

int pprof_add_id(struct pprof_decoder *d, struct idmap *ids, const char *what, uint64_t id,
		 size_t index)
{
	int r;

	if (index >= PROFILE_NONE)
		return -E2BIG;
	r = idmap_add(ids, id, (uint32_t)index);
	if (r == -EINVAL)
		return pprof_bad(d, "a %s has the reserved id 0", what);
	if (r == -EEXIST)
		return pprof_bad(d, "two %ss have the id %" PRIu64, what, id);
	return r;
}

static int sort_ids(struct pprof_decoder *d, struct idmap *ids, const char *what)
{
	return idmap_sort(ids) < 0 ? pprof_bad(d, "two %ss have the same id", what) : 0;
}

static int read_mapping(struct pprof_decoder *d, const struct pbfield *f)
{
	struct profile_mapping map = { 0 };
	Perftools__Profiles__Mapping *m;
	int r = unpack(d, f, &perftools__profiles__mapping__descriptor, &m);

	if (r == 0)
		r = pprof_add_id(d, &d->mappings, "mapping", m->id, d->p->mappings.n);
	if (r == 0)
		r = pprof_get_string(d, m->filename, &map.file);
	if (r == 0)
		r = pprof_get_string(d, m->build_id, &map.build_id);
	if (r < 0)
		return r;
	map.start = m->memory_start;
	map.limit = m->memory_limit;
	map.file_offset = m->file_offset;
	map.has_functions = m->has_functions;
	map.has_filenames = m->has_filenames;
	map.has_line_numbers = m->has_line_numbers;
	map.has_inline_frames = m->has_inline_frames;
	return array_push(&d->p->mappings, map);
}

static int read_function(struct pprof_decoder *d, const struct pbfield *f)
{
	struct profile_function func = { 0 };
	Perftools__Profiles__Function *m;
	int r = unpack(d, f, &perftools__profiles__function__descriptor, &m);

	if (r == 0)
		r = pprof_add_id(d, &d->functions, "function", m->id, d->p->functions.n);
	if (r == 0)
		r = pprof_get_string(d, m->name, &func.name);
	if (r == 0)
		r = pprof_get_string(d, m->system_name, &func.system_name);
	if (r == 0)
		r = pprof_get_string(d, m->filename, &func.file);
	if (r < 0)
		return r;
	func.start_line = m->start_line;
	return array_push(&d->p->functions, func);
}

/* --- the passes ------------------------------------------------------------------------------- */

static int read_table(struct pprof_decoder *d, const struct pbfield *f)
{
	switch (f->number) {
	case F_SAMPLE_TYPE:
		return read_sample_type(d, f);
	case F_PERIOD_TYPE:
		return get_type(d, f, &d->p->period_type);
	case F_MAPPING:
		return read_mapping(d, f);
	case F_FUNCTION:
		return read_function(d, f);
	case F_COMMENT:
		return read_comments(d, f);
	default:
		return read_number(d, f);
	}
}

/* Storage for what was counted: a field takes two bytes at least, so the input pays for it. */
static int reserve(struct pprof_decoder *d)
{
	struct profile *p = d->p;

	if (idmap_init(&d->mappings, d->n[F_MAPPING]) < 0 ||
	    idmap_init(&d->functions, d->n[F_FUNCTION]) < 0 ||
	    idmap_init(&d->locations, d->n[F_LOCATION]) < 0 ||
	    array_reserve(&p->mappings, d->n[F_MAPPING]) < 0 ||
	    array_reserve(&p->functions, d->n[F_FUNCTION]) < 0 ||
	    array_reserve(&p->locations, d->n[F_LOCATION]) < 0 ||
	    array_reserve(&p->samples, d->n[F_SAMPLE]) < 0)
		return -ENOMEM;
	pages_expect(p->samples.items, d->n[F_SAMPLE] * sizeof(*p->samples.items));
	return 0;
}

static int decode(struct pprof_decoder *d)
{
	const unsigned all = (1u << F_END) - 1, late = 1u << F_LOCATION | 1u << F_SAMPLE;
	int r = count_fields(d);

	if (r == 0 && d->strings.n == 0)
		return pprof_bad(d, "it has no string table");
	if (r == 0)
		r = reserve(d);
	if (r == 0)
		r = walk(d, all & ~(late | 1u << F_STRING), read_table);
	if (r == 0)
		r = sort_ids(d, &d->mappings, "mapping");
	if (r == 0)
		r = sort_ids(d, &d->functions, "function");
	if (r == 0)
		r = walk(d, 1u << F_LOCATION, pprof_read_location);
	if (r == 0)
		r = sort_ids(d, &d->locations, "location");
	return r < 0 ? r : walk(d, 1u << F_SAMPLE, pprof_read_sample);
}

int pprof_decode(const void *data, size_t n, struct profile **ret, struct err *e)
{
	struct pprof_decoder d = { .in = bytes_of(data, n), .e = e };
	int r = profile_new(&d.p);

	if (r < 0)
		return r;
	pbarena_init(&d.arena);
	r = decode(&d);
	pbarena_done(&d.arena);
	array_free(&d.strings);
	idmap_done(&d.mappings);
	idmap_done(&d.functions);
	idmap_done(&d.locations);
	if (r < 0) {
		profile_free(d.p);
		return r;
	}
	*ret = d.p;
	return 0;
}
