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
 *is unpacking sub-messages, and each is unpacked once, into an arena that the next one uses again.
 */
#include "pprof.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "profile.pb-c.h"

#include "array.h"
#include "bytes.h"
#include "err.h"
#include "idmap.h"
#include "pbarena.h"
#include "pbwire.h"
#include "profile.h"

/* Field numbers of Profile. */
enum {
	F_SAMPLE_TYPE = 1,
	F_SAMPLE,
	F_MAPPING,
	F_LOCATION,
	F_FUNCTION,
	F_STRING,
	F_DROP_FRAMES,
	F_KEEP_FRAMES,
	F_TIME,
	F_DURATION,
	F_PERIOD_TYPE,
	F_PERIOD,
	F_COMMENT,
	F_DEFAULT_TYPE,
	F_DOC_URL,
	F_END,
};

struct decoder {
	struct bytes in;
	struct profile *p;
	struct err *e;
	struct pbarena arena;
	size_t n[F_END];	 /* fields of each number */
	struct pbruns runs;	 /* all bytes from the first on */
	ARRAY(uint32_t) strings; /* number in the file -> in p->strings */
	struct idmap mappings, functions, locations;
};

#define bad(d, ...) err_set((d)->e, -EBADMSG, __VA_ARGS__)

/* --- fields ----------------------------------------------------------------------------------- */

static int bad_field(struct decoder *d, size_t at)
{
	return bad(d, "its bytes at %zu are no protobuf field", at);
}

/* Calls @fn with the fields of a run that are in the bit set @wanted. */
static int walk_run(struct decoder *d, const struct pbrun *run, unsigned wanted,
		    int (*fn)(struct decoder *d, const struct pbfield *f))
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
static int walk(struct decoder *d, unsigned wanted,
		int (*fn)(struct decoder *d, const struct pbfield *f))
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

static int need_wire(struct decoder *d, const struct pbfield *f, enum pbwire wire)
{
	if (f->wire == wire)
		return 0;
	return bad(d, "field %" PRIu64 " has the wrong type; this is another kind of protobuf file",
		   f->number);
}

/* Unpacks a sub-message into the arena, where it lives until the next one. */
static int unpack(struct decoder *d, const struct pbfield *f,
		  const ProtobufCMessageDescriptor *type, void *ret)
{
	ProtobufCMessage *m;
	int r = need_wire(d, f, PBWIRE_BYTES);

	if (r < 0)
		return r;
	pbarena_reset(&d->arena);
	m = protobuf_c_message_unpack(type, &d->arena.allocator, f->bytes.n, f->bytes.p);
	if (!m && d->arena.failed)
		return -ENOMEM;
	if (!m)
		return bad(d, "a %s in it is malformed", type->short_name);
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

static int read_string(struct decoder *d, const struct pbfield *f)
{
	uint32_t id;
	int r = need_wire(d, f, PBWIRE_BYTES);

	if (r < 0)
		return r;
	if (d->strings.n == 0 && f->bytes.n != 0)
		return bad(d, "its string table does not begin with the empty string");
	r = strtab_add(&d->p->strings, (const char *)f->bytes.p, f->bytes.n, &id);
	return r < 0 ? r : array_push(&d->strings, id);
}

/* The first walk: all fields, in their order. */
static int count_fields(struct decoder *d)
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

static int get_string(struct decoder *d, int64_t number, uint32_t *ret)
{
	if (number < 0 || (uint64_t)number >= d->strings.n)
		return bad(d, "it refers to string %" PRId64 " of %zu", number, d->strings.n);
	*ret = d->strings.items[number];
	return 0;
}

/* --- what stands alone ------------------------------------------------------------------------ */

static int get_type(struct decoder *d, const struct pbfield *f, struct profile_value_type *ret)
{
	Perftools__Profiles__ValueType *m;
	int r = unpack(d, f, &perftools__profiles__value_type__descriptor, &m);

	if (r == 0)
		r = get_string(d, m->type, &ret->type);
	return r < 0 ? r : get_string(d, m->unit, &ret->unit);
}

static int read_sample_type(struct decoder *d, const struct pbfield *f)
{
	struct profile_value_type t;
	int r = get_type(d, f, &t);

	return r < 0 ? r : array_push(&d->p->sample_types, t);
}

static int add_comment(struct decoder *d, uint64_t number)
{
	uint32_t id = 0;
	int r = get_string(d, (int64_t)number, &id);

	return r < 0 ? r : array_push(&d->p->comments, id);
}

/* One number, or several packed together. */
static int read_comments(struct decoder *d, const struct pbfield *f)
{
	struct bytes b = f->bytes;
	uint64_t number;
	int r;

	if (f->wire == PBWIRE_VARINT)
		return add_comment(d, f->value);
	r = need_wire(d, f, PBWIRE_BYTES);
	while (r == 0 && bytes_left(&b)) {
		if (pbwire_varint(&b, &number) < 0)
			return bad(d, "its comments are malformed");
		r = add_comment(d, number);
	}
	return r;
}

/* pprof has signed times; those before 1970 mean nothing. */
static uint64_t get_time(const struct pbfield *f)
{
	return (int64_t)f->value < 0 ? 0 : f->value;
}

static int read_number(struct decoder *d, const struct pbfield *f)
{
	struct profile *p = d->p;
	int r = need_wire(d, f, PBWIRE_VARINT);

	if (r < 0)
		return r;
	switch (f->number) {
	case F_DROP_FRAMES:
		return get_string(d, (int64_t)f->value, &p->drop_frames);
	case F_KEEP_FRAMES:
		return get_string(d, (int64_t)f->value, &p->keep_frames);
	case F_DEFAULT_TYPE:
		return get_string(d, (int64_t)f->value, &p->default_sample_type);
	case F_DOC_URL:
		return get_string(d, (int64_t)f->value, &p->doc_url);
	case F_TIME:
		/* What gunzip makes of two files in one, where ids mean two things. */
		if (p->time_ns)
			return bad(d, "it is several profiles one after another; merge them with "
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

/* --- mappings, functions, locations ----------------------------------------------------------- */

static int add_id(struct decoder *d, struct idmap *ids, const char *what, uint64_t id, size_t index)
{
	int r;

	if (index >= PROFILE_NONE)
		return -E2BIG;
	r = idmap_add(ids, id, (uint32_t)index);
	if (r == -EINVAL)
		return bad(d, "a %s has the reserved id 0", what);
	if (r == -EEXIST)
		return bad(d, "two %ss have the id %" PRIu64, what, id);
	return r;
}

static int sort_ids(struct decoder *d, struct idmap *ids, const char *what)
{
	return idmap_sort(ids) < 0 ? bad(d, "two %ss have the same id", what) : 0;
}

static int read_mapping(struct decoder *d, const struct pbfield *f)
{
	struct profile_mapping map = { 0 };
	Perftools__Profiles__Mapping *m;
	int r = unpack(d, f, &perftools__profiles__mapping__descriptor, &m);

	if (r == 0)
		r = add_id(d, &d->mappings, "mapping", m->id, d->p->mappings.n);
	if (r == 0)
		r = get_string(d, m->filename, &map.file);
	if (r == 0)
		r = get_string(d, m->build_id, &map.build_id);
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

static int read_function(struct decoder *d, const struct pbfield *f)
{
	struct profile_function func = { 0 };
	Perftools__Profiles__Function *m;
	int r = unpack(d, f, &perftools__profiles__function__descriptor, &m);

	if (r == 0)
		r = add_id(d, &d->functions, "function", m->id, d->p->functions.n);
	if (r == 0)
		r = get_string(d, m->name, &func.name);
	if (r == 0)
		r = get_string(d, m->system_name, &func.system_name);
	if (r == 0)
		r = get_string(d, m->filename, &func.file);
	if (r < 0)
		return r;
	func.start_line = m->start_line;
	return array_push(&d->p->functions, func);
}

static int read_lines(struct decoder *d, const Perftools__Profiles__Location *m)
{
	struct profile *p = d->p;

	if (p->lines.n + m->n_line >= UINT32_MAX)
		return -E2BIG;
	if (array_reserve(&p->lines, m->n_line) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_line; i++) {
		struct profile_line l = { .line = m->line[i]->line, .column = m->line[i]->column };

		l.function = idmap_get(&d->functions, m->line[i]->function_id);
		if (l.function == IDMAP_NONE)
			return bad(d,
				   "location %" PRIu64 " refers to function %" PRIu64
				   ", which is not there",
				   m->id, m->line[i]->function_id);
		p->lines.items[p->lines.n++] = l;
	}
	return 0;
}

static int read_location(struct decoder *d, const struct pbfield *f)
{
	struct profile_location l = { .line_first = (uint32_t)d->p->lines.n };
	Perftools__Profiles__Location *m;
	int r = unpack(d, f, &perftools__profiles__location__descriptor, &m);

	if (r == 0)
		r = add_id(d, &d->locations, "location", m->id, d->p->locations.n);
	if (r == 0)
		r = read_lines(d, m);
	if (r < 0)
		return r;
	_Static_assert(IDMAP_NONE == PROFILE_NONE, "an unknown mapping is none, as pprof has it");
	l.mapping = m->mapping_id ? idmap_get(&d->mappings, m->mapping_id) : PROFILE_NONE;
	l.line_n = (uint32_t)m->n_line;
	l.address = m->address;
	l.is_folded = m->is_folded;
	return array_push(&d->p->locations, l);
}

/* --- samples ---------------------------------------------------------------------------------- */

static int read_stack(struct decoder *d, const Perftools__Profiles__Sample *m)
{
	struct profile *p = d->p;

	if (p->stacks.n + m->n_location_id >= UINT32_MAX)
		return -E2BIG;
	if (array_reserve(&p->stacks, m->n_location_id) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_location_id; i++) {
		uint32_t l = idmap_get(&d->locations, m->location_id[i]);

		if (l == IDMAP_NONE)
			return bad(d,
				   "sample %zu refers to location %" PRIu64 ", which is not there",
				   p->samples.n + 1, m->location_id[i]);
		p->stacks.items[p->stacks.n++] = l;
	}
	return 0;
}

static int read_label(struct decoder *d, const Perftools__Profiles__Label *m)
{
	struct profile_label l = { .num = m->num };
	int r = get_string(d, m->key, &l.key);

	if (r == 0)
		r = get_string(d, m->str, &l.str);
	if (r == 0)
		r = get_string(d, m->num_unit, &l.num_unit);
	if (r < 0)
		return r;
	l.is_num = !m->str && (l.num || l.num_unit);
	if (!l.key || (!l.is_num && !l.str))
		return 0; /* says nothing; pprof drops it, too */
	if (!l.is_num) {
		l.num = 0;
		l.num_unit = 0;
	}
	return array_push(&d->p->labels, l);
}

static int read_values(struct decoder *d, const Perftools__Profiles__Sample *m)
{
	struct profile *p = d->p;

	if (p->sample_types.n == 0)
		return bad(d, "it has samples but does not say what they count");
	if (m->n_value != p->sample_types.n)
		return bad(d, "sample %zu has %zu values where there are %zu sample types",
			   p->samples.n + 1, m->n_value, p->sample_types.n);
	if (array_reserve(&p->values, m->n_value) < 0)
		return -ENOMEM;
	memcpy(p->values.items + p->values.n, m->value, m->n_value * sizeof(*m->value));
	p->values.n += m->n_value;
	return 0;
}

static int read_sample(struct decoder *d, const struct pbfield *f)
{
	struct profile *p = d->p;
	struct profile_sample s = { .loc_first = (uint32_t)p->stacks.n,
				    .label_first = (uint32_t)p->labels.n };
	Perftools__Profiles__Sample *m;
	int r = unpack(d, f, &perftools__profiles__sample__descriptor, &m);

	if (r == 0)
		r = read_values(d, m);
	if (r == 0)
		r = read_stack(d, m);
	for (size_t i = 0; r == 0 && i < m->n_label; i++)
		r = read_label(d, m->label[i]);
	if (r < 0)
		return r;
	if (p->labels.n >= UINT32_MAX)
		return -E2BIG;
	s.loc_n = (uint32_t)m->n_location_id;
	s.label_n = (uint32_t)(p->labels.n - s.label_first);
	return array_push(&p->samples, s);
}

/* --- the passes ------------------------------------------------------------------------------- */

static int read_table(struct decoder *d, const struct pbfield *f)
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
static int reserve(struct decoder *d)
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
	return 0;
}

static int decode(struct decoder *d)
{
	const unsigned all = (1u << F_END) - 1, late = 1u << F_LOCATION | 1u << F_SAMPLE;
	int r = count_fields(d);

	if (r == 0 && d->strings.n == 0)
		return bad(d, "it has no string table");
	if (r == 0)
		r = reserve(d);
	if (r == 0)
		r = walk(d, all & ~(late | 1u << F_STRING), read_table);
	if (r == 0)
		r = sort_ids(d, &d->mappings, "mapping");
	if (r == 0)
		r = sort_ids(d, &d->functions, "function");
	if (r == 0)
		r = walk(d, 1u << F_LOCATION, read_location);
	if (r == 0)
		r = sort_ids(d, &d->locations, "location");
	return r < 0 ? r : walk(d, 1u << F_SAMPLE, read_sample);
}

int pprof_decode(const void *data, size_t n, struct profile **ret, struct err *e)
{
	struct decoder d = { .in = bytes_of(data, n), .e = e };
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
