/* SPDX-License-Identifier: Apache-2.0 */
#include "dwunit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

enum {
	HEAD_WINDOW = 1024, /* a header and the first entry fit; larger ones are read again */
	HEAD_WINDOW_MAX = 1 << 20,   /* names in place can be long */
	HEAD_WINDOW_MANY = 64 << 10, /* where units are small */
	ABBREV_HELD = 8 << 20,	     /* of the tables: larger sections are read in windows … */
	ABBREV_WINDOW = 16 << 10,    /* … of this size, or more */
	UNITS_MAX = 500000,	     /* 120 MB; there are objects with a tenth of it */
	PADDING_MAX = 4096,	     /* headers of length 0: a sparse file has a billion of them */
	/* Units that share tables in turn may make reading them long: bytes of tables that are
	 * read, for each byte of the file's, and what is free. Compilers make it less than two. */
	WORK_FACTOR = 32,
	WORK_FREE = 64 << 20,
};

void dwfile_close(struct dwfile *f)
{
	free(f->units);
	dwsections_close(&f->s);
	*f = (struct dwfile){ .s.fd = -1 };
}

/* --- abbreviations -------------------------------------------------------------------------------- */

static bool same_shape(const struct dwshape *a, const struct dwshape *b)
{
	return a->version == b->version && a->address_size == b->address_size &&
	       a->offset_size == b->offset_size;
}

/* Whether what was read of a table holds all of it, or the one code that is wanted. */
static bool is_enough(const struct dwabbrevs *a, uint64_t only)
{
	return a->whole || (only && dwabbrevs_find(a, only));
}

bool dwunit_has_abbrevs(const struct dwfile *f, const struct dwunit *u, const struct dwabbrevs *a)
{
	return a && a->whole && a->file == f && a->off == u->abbrev &&
	       same_shape(&a->shape, &u->shape);
}

int dwunit_read_abbrevs(const struct dwfile *f, const struct dwunit *u, uint64_t only,
			struct dwabbrevs *a)
{
	const struct dwsection *s = &f->s.s[DW_ABBREV];
	uint64_t window = s->mem ? UINT64_MAX : ABBREV_WINDOW;

	if (u->abbrev >= s->size)
		return -EBADMSG;
	if (a->file == f && a->off == u->abbrev && same_shape(&a->shape, &u->shape) &&
	    is_enough(a, only))
		return 0;
	a->file = NULL;
	for (;; window *= 16) {
		uint64_t left = s->size - u->abbrev;
		size_t n = left < window ? (size_t)left : (size_t)window;
		_cleanup_free_ uint8_t *buf = s->mem ? NULL : malloc(n);
		const uint8_t *p;
		int r;

		if (!s->mem && !buf)
			return -ENOMEM;
		p = dwsection_window(&f->s, DW_ABBREV, u->abbrev, n, buf);
		r = p ? dwabbrevs_read(a, p, n, &u->shape, only) : -EBADMSG;
		if (r == 0 && is_enough(a, only)) {
			a->file = f;
			a->off = u->abbrev;
		}
		if (n == left || !p || a->file || (r < 0 && r != -EBADMSG))
			return r;
	}
}

/* --- indirect values ------------------------------------------------------------------------------ */

/* Entry @i of a table of numbers of @size bytes that begins at @base of a section. */
static int table_entry(const struct dwsections *d, enum dwsection_id id, uint64_t base, uint64_t i,
		       unsigned size, uint64_t *ret)
{
	uint8_t buf[8];
	const uint8_t *p;
	uint64_t v = 0;

	if (base > d->s[id].size || i > d->s[id].size / size)
		return -EBADMSG;
	p = dwsection_window(d, id, base + i * size, size, buf);
	if (!p)
		return -EBADMSG;
	memcpy(&v, p, size);
	*ret = v;
	return 0;
}

int dwunit_address(const struct dwunit *u, unsigned form, uint64_t value, uint64_t *ret)
{
	switch (form) {
	case DW_FORM_addr:
		*ret = value;
		return 0;
	case DW_FORM_addrx:
	case DW_FORM_addrx1:
	case DW_FORM_addrx2:
	case DW_FORM_addrx3:
	case DW_FORM_addrx4:
	case DW_FORM_GNU_addr_index:
		return table_entry(u->addrs, DW_ADDR, u->addr_base, value, 8, ret);
	default:
		return -EINVAL;
	}
}

strref_t dwunit_string(const struct dwfile *f, const struct dwunit *u, unsigned form, uint64_t value)
{
	switch (form) {
	case DW_FORM_string:
		return strref(f->alt ? STRREF_ALT_INFO : STRREF_INFO, u->off + value);
	case DW_FORM_strp:
		return strref(f->alt ? STRREF_ALT_STR : STRREF_STR, value);
	case DW_FORM_line_strp:
		/* dwz moves none of these to the common file. */
		return f->alt ? STRREF_NONE : strref(STRREF_LINE_STR, value);
	case DW_FORM_GNU_strp_alt:
	case DW_FORM_strp_sup:
		return strref(STRREF_ALT_STR, value);
	case DW_FORM_strx:
	case DW_FORM_strx1:
	case DW_FORM_strx2:
	case DW_FORM_strx3:
	case DW_FORM_strx4:
	case DW_FORM_GNU_str_index:
		if (table_entry(&f->s, DW_STR_OFFSETS, u->str_offsets_base, value,
				u->shape.offset_size, &value) < 0)
			return STRREF_NONE;
		return strref(f->alt ? STRREF_ALT_STR : STRREF_STR, value);
	default:
		return STRREF_NONE;
	}
}

/* The section that a string is in: false when it is in none of the file's own. */
static bool section_of(strref_t s, enum dwsection_id *ret)
{
	switch (strref_place(s)) {
	case STRREF_STR:
		*ret = DW_STR;
		return true;
	case STRREF_LINE_STR:
		*ret = DW_LINE_STR;
		return true;
	case STRREF_INFO:
		*ret = DW_INFO;
		return true;
	case STRREF_LINE:
		*ret = DW_LINE;
		return true;
	default:
		return false;
	}
}

const char *dwfile_string(const struct dwfile *f, strref_t s, size_t n, char *buf)
{
	enum dwsection_id id;

	return section_of(s, &id) ? dwsection_str(&f->s, id, strref_off(s), n, buf) : "";
}

const char *dwfile_string_near(const struct dwfile *f, strref_t s, size_t n, char *buf,
			       struct dwsection_near *near)
{
	enum dwsection_id id;

	return section_of(s, &id) ? dwsection_str_near(&f->s, id, strref_off(s), n, buf, near) : "";
}

/* --- headers -------------------------------------------------------------------------------------- */

/*
 * The header at @p (of @n bytes, the unit at most): what it says in @u, and whether it is of a unit
 * with code (compile, partial, skeleton, split_compile). -EBADMSG, -ENOTSUP.
 */
static int read_header(const uint8_t *p, const uint8_t *end, struct dwunit *u, bool *ret_code)
{
	const uint8_t *begin = p;
	uint64_t length, version, size, type = DW_UT_compile;

	p = dwform_uint(p, end, 4, &length);
	u->shape.offset_size = 4;
	if (p && length == 0xffffffff) {
		u->shape.offset_size = 8;
		p = dwform_uint(p, end, 8, &length);
	}
	if (!p || length > UINT64_MAX / 2 || (p - begin) + length > u->end - u->off)
		return -EBADMSG;
	u->end = u->off + (uint64_t)(p - begin) + length;
	*ret_code = false;
	p = dwform_uint(p, end, 2, &version);
	if (!p)
		return -EBADMSG;
	if (version < 2 || version > 5)
		return 0; /* one of another kind: passed over */
	if (version == 5) {
		p = dwform_uint(p, end, 1, &type);
		p = p ? dwform_uint(p, end, 1, &size) : NULL;
		p = p ? dwform_uint(p, end, u->shape.offset_size, &u->abbrev) : NULL;
	} else {
		p = dwform_uint(p, end, u->shape.offset_size, &u->abbrev);
		p = p ? dwform_uint(p, end, 1, &size) : NULL;
	}
	if (p && (type == DW_UT_skeleton || type == DW_UT_split_compile))
		p = dwform_uint(p, end, 8, &u->dwo_id);
	if (!p)
		return -EBADMSG;
	u->shape.version = (uint8_t)version;
	u->shape.address_size = (uint8_t)size;
	u->die = u->off + (uint64_t)(p - begin);
	*ret_code = size == 8 && type != DW_UT_type && type != DW_UT_split_type;
	return 0;
}

static uint64_t value_or(const struct dwdie *die, enum dwslot slot, uint64_t absent)
{
	return die->form[slot] ? die->value[slot] : absent;
}

static strref_t die_string(const struct dwfile *f, const struct dwunit *u, const struct dwdie *die,
			   enum dwslot slot)
{
	return dwunit_string(f, u, die->form[slot], die->value[slot]);
}

/* Where the tables of a file without a skeleton begin: behind the header of the first one. */
static uint64_t default_base(const struct dwunit *u, unsigned v5_header)
{
	return u->shape.version == 5 ? v5_header + (u->shape.offset_size == 8 ? 8 : 0) : 0;
}

static void take_first_die(const struct dwfile *f, struct dwunit *u, const struct dwdie *die)
{
	static const enum dwslot pc[3] = { DWSLOT_LOW_PC, DWSLOT_HIGH_PC, DWSLOT_RANGES };

	u->children = die->children;
	u->partial = die->tag == DW_TAG_partial_unit;
	u->stmt_list = value_or(die, DWSLOT_STMT_LIST, DWUNIT_ABSENT);
	u->str_offsets_base = value_or(die, DWSLOT_STR_OFFSETS_BASE, default_base(u, 8));
	u->addr_base = value_or(die, DWSLOT_ADDR_BASE, default_base(u, 8));
	u->rnglists_base = value_or(die, DWSLOT_RNGLISTS_BASE, default_base(u, 12));
	u->split_ranges_base = value_or(die, DWSLOT_GNU_RANGES_BASE, 0);
	u->dwo_id = value_or(die, DWSLOT_DWO_ID, u->dwo_id);
	u->name = die_string(f, u, die, DWSLOT_NAME);
	u->comp_dir = die_string(f, u, die, DWSLOT_COMP_DIR);
	u->dwo_name = die_string(f, u, die, DWSLOT_DWO_NAME);
	for (size_t i = 0; i < 3; i++) {
		u->pc_forms[i] = die->form[pc[i]];
		u->pc[i] = die->value[pc[i]];
	}
	if (dwunit_address(u, u->pc_forms[0], u->pc[0], &u->base_pc) < 0)
		u->base_pc = 0;
}

/* The first entry, which lies at @p: its abbreviation is most often the first of the table. */
static int read_first_die(const struct dwfile *f, struct dwunit *u, const uint8_t *p,
			  const uint8_t *end, struct dwabbrevs *a)
{
	struct dwdie die;
	uint64_t code;
	int r;

	if (!dwform_uleb(p, end, &code))
		return -EBADMSG;
	r = dwunit_read_abbrevs(f, u, code, a);
	if (r == 0 && !dwabbrevs_read_die(a, p, end, p - (u->die - u->off), &die))
		r = -EBADMSG;
	if (r == 0)
		take_first_die(f, u, &die);
	return r;
}

/* Tries it with the unit's first @n bytes; -EAGAIN: its first entry may be longer than that. */
static int try_first_die(const struct dwfile *f, struct dwunit *u, const uint8_t *p, size_t n,
			 struct dwabbrevs *a)
{
	uint64_t size = u->end - u->off;
	int r = -EBADMSG;

	if (size < n)
		n = (size_t)size;
	if (p && u->die - u->off <= n)
		r = read_first_die(f, u, p + (u->die - u->off), p + n, a);
	return r == -EBADMSG && n < size ? -EAGAIN : r;
}

/* What was read of .debug_info last. */
struct head {
	uint8_t *buf; /* HEAD_WINDOW_MAX bytes */
	uint64_t at;
	size_t n;
	uint64_t last; /* where the unit before began */
};

/* @n bytes at @off, where a unit begins. Where units are small many of them are read at once. */
static const uint8_t *head_at(const struct dwfile *f, struct head *h, uint64_t off, size_t n)
{
	uint64_t left = f->s.s[DW_INFO].size - off;
	size_t more = off > h->last && off - h->last < HEAD_WINDOW_MANY / 8 ? HEAD_WINDOW_MANY : n;

	h->last = off;
	if (f->s.s[DW_INFO].mem)
		return dwsection_window(&f->s, DW_INFO, off, n, h->buf);
	if (off < h->at || off - h->at > h->n || n > h->n - (off - h->at)) {
		h->at = off;
		h->n = left < more ? (size_t)left : more;
		if (!dwsection_window(&f->s, DW_INFO, off, h->n, h->buf))
			h->n = 0;
	}
	return h->n ? h->buf + (off - h->at) : NULL;
}

/* Reads the unit at @off. -EBADMSG: where it ends is not known. */
static int read_unit(const struct dwfile *f, uint64_t off, struct head *h, struct dwabbrevs *a,
		     struct dwunit *ret, bool *ret_code)
{
	uint64_t left = f->s.s[DW_INFO].size - off;
	size_t n = left < HEAD_WINDOW ? (size_t)left : HEAD_WINDOW;
	const uint8_t *p = head_at(f, h, off, n);
	struct dwunit u = { .off = off, .end = off + left, .addrs = &f->s, .gnu_ranges = &f->s };
	int r = p ? read_header(p, p + n, &u, ret_code) : -EBADMSG;

	if (r < 0)
		return r;
	if (*ret_code) {
		r = try_first_die(f, &u, p, n, a);
		if (r == -EAGAIN) {
			n = u.end - off < HEAD_WINDOW_MAX ? (size_t)(u.end - off) : HEAD_WINDOW_MAX;
			h->n = 0;
			p = dwsection_window(&f->s, DW_INFO, off, n, h->buf);
			r = try_first_die(f, &u, p, n, a);
		}
		if (r == -ENOMEM)
			return r;
		*ret_code = r == 0;
	}
	*ret = u;
	return 0;
}

int dwfile_read_some(struct dwfile *f, const uint64_t *offs, size_t n)
{
	_cleanup_free_ uint8_t *buf = malloc(HEAD_WINDOW_MAX);
	struct dwunit *units = calloc(n + 1, sizeof(*units));
	struct dwabbrevs a = { 0 };
	size_t found = 0;
	int r = buf && units ? 0 : -ENOMEM;

	for (size_t i = 0; r != -ENOMEM && i < n; i++) {
		struct head head = { .buf = buf, .last = UINT64_MAX };
		bool code = false;

		if (offs[i] >= f->s.s[DW_INFO].size)
			continue;
		r = read_unit(f, offs[i], &head, &a, &units[found], &code);
		found += r == 0 && code;
	}
	dwabbrevs_done(&a);
	if (r == -ENOMEM) {
		free(units);
		return r;
	}
	free(f->units);
	f->units = units;
	f->n_units = found;
	f->some = true;
	return 0;
}

static uint64_t work_limit(const struct dwfile *f)
{
	return WORK_FREE + WORK_FACTOR * (f->s.s[DW_INFO].size + f->s.s[DW_ABBREV].size);
}

static void tell(const struct dwfile *f, const struct dwunit *u)
{
	if (f->on_unit)
		f->on_unit(f->on_unit_ctx, u);
}

int dwfile_read_units(struct dwfile *f)
{
	_cleanup_free_ uint8_t *buf = malloc(HEAD_WINDOW_MAX);
	struct head head = { .buf = buf };
	ARRAY(struct dwunit) units = { 0 };
	struct dwabbrevs a = { 0 };
	unsigned padding = 0;
	int r = buf ? dwsection_hold(&f->s, DW_ABBREV, ABBREV_HELD) : -ENOMEM;

	for (uint64_t off = 0; r == 0 && off < f->s.s[DW_INFO].size && padding < PADDING_MAX;) {
		struct dwunit u;
		bool code;

		f->limited = a.work > work_limit(f) || units.n >= UNITS_MAX;
		if (f->limited)
			break;
		r = read_unit(f, off, &head, &a, &u, &code);
		if (r == -EBADMSG) {
			r = units.n ? 0 : -EBADMSG;
			break;
		}
		if (r == 0 && code)
			r = array_push(&units, u);
		if (r < 0)
			break;
		if (code)
			tell(f, &u);
		padding += u.end - off == 4;
		off = u.end;
	}
	dwabbrevs_done(&a);
	tell(f, NULL);
	if (r < 0) {
		array_free(&units);
		return r;
	}
	free(f->units);
	f->units = units.items;
	f->n_units = units.n;
	f->some = false;
	return 0;
}

const struct dwunit *dwfile_unit_at(const struct dwfile *f, uint64_t off)
{
	size_t lo = 0, hi = f->n_units;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (f->units[mid].off <= off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo > 0 && off < f->units[lo - 1].end ? &f->units[lo - 1] : NULL;
}
