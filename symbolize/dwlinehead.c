/* SPDX-License-Identifier: Apache-2.0 */
#include "dwlinehead.h"

#include <dwarf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "cleanup.h"

enum {
	FIRST = 2048,	   /* bytes that are read to learn the length: most tables are no longer */
	FORMATS_MAX = 255, /* their number is one byte */
};

/* Bytes of one table; they are held while it is read. */
#define TABLE_MAX ((uint64_t)512 << 20)

/* --- header ----------------------------------------------------------------------------------- */

/* The length of what follows it, and its own, which tells 32-bit DWARF (4) from 64-bit (12). */
static int read_length(const uint8_t *p, size_t n, uint64_t *ret, size_t *ret_own)
{
	struct bytes b = bytes_of(p, n);
	uint32_t len = 0;
	int r = bytes_u32(&b, &len);

	*ret = len;
	if (r == 0 && len == UINT32_MAX)
		r = bytes_u64(&b, ret);
	else if (len >= 0xfffffff0)
		r = -EBADMSG; /* reserved */
	*ret_own = b.pos;
	return r;
}

int dwline_head_fetch(const struct dwsections *d, uint64_t off, void **ret_buf, const uint8_t **ret,
		      size_t *ret_n)
{
	uint64_t size = d->s[DW_LINE].size, len = 0;
	_cleanup_free_ uint8_t *buf = NULL;
	uint8_t first[FIRST];
	size_t n, had, own;
	const uint8_t *p;
	int r;

	if (off >= size)
		return -EBADMSG;
	had = size - off < sizeof(first) ? (size_t)(size - off) : sizeof(first);
	p = dwsection_window(d, DW_LINE, off, had, first);
	r = p ? read_length(p, had, &len, &own) : -EBADMSG;
	if (r < 0)
		return r;
	if (len > size - off - own)
		return -EBADMSG;
	if (len > TABLE_MAX)
		return -EFBIG;
	n = (size_t)len + own;
	if (p == first) {
		had = had < n ? had : n;
		p = buf = malloc(n);
		if (!buf)
			return -ENOMEM;
		memcpy(buf, first, had);
		if (had < n && !dwsection_window(d, DW_LINE, off + had, n - had, buf + had))
			return -EBADMSG;
	}
	*ret_buf = take_ptr(buf);
	*ret = p;
	*ret_n = n;
	return 0;
}

/* From the version to the length of the rest. */
static int read_versions(struct bytes *b, struct dwline_head *h)
{
	uint64_t rest = 0;
	uint16_t version;
	uint8_t selector;
	int r = bytes_u16(b, &version);

	if (r < 0)
		return r;
	if (version < 2 || version > 5)
		return -ENOTSUP;
	h->shape.version = (uint8_t)version;
	if (version == 5) {
		r = bytes_u8(b, &h->shape.address_size);
		if (r == 0)
			r = bytes_u8(b, &selector);
	}
	if (r == 0)
		r = bytes_copy(b, &rest, h->shape.offset_size);
	if (r < 0 || rest > bytes_left(b))
		return -EBADMSG;
	h->program = b->p + b->pos + rest;
	h->end = b->p + b->n;
	return 0;
}

int dwline_head_read(const uint8_t *p, size_t n, const struct dwline_unit *u,
		     struct dwline_head *ret)
{
	struct dwline_head h = { .start = p, .off = u->off, .max_ops = 1 };
	struct bytes b = bytes_of(p, n);
	const void *lengths;
	uint8_t is_stmt;
	uint64_t len;
	int r = read_length(p, n, &len, &b.pos);

	if (r < 0)
		return r;
	h.shape.offset_size = b.pos == 4 ? 4 : 8;
	h.shape.address_size = u->address_size;
	r = read_versions(&b, &h);
	if (r < 0)
		return r;
	r = bytes_u8(&b, &h.min_inst);
	if (r == 0 && h.shape.version >= 4)
		r = bytes_u8(&b, &h.max_ops);
	if (r < 0 || bytes_u8(&b, &is_stmt) < 0 || bytes_copy(&b, &h.line_base, 1) < 0 ||
	    bytes_u8(&b, &h.line_range) < 0 || bytes_u8(&b, &h.opcode_base) < 0)
		return -EBADMSG;
	if (h.line_range == 0 || h.opcode_base == 0 ||
	    bytes_take(&b, h.opcode_base - 1u, &lengths) < 0)
		return -EBADMSG;
	if (h.max_ops == 0)
		h.max_ops = 1;
	h.lengths = lengths;
	h.tables = b.p + b.pos;
	if (h.tables > h.program)
		return -EBADMSG;
	*ret = h;
	return 0;
}

void dwline_head_done(struct dwline_head *h)
{
	array_free(&h->dirs);
}

/* --- DWARF 2 to 4: lists that end in an empty string ------------------------------------------ */

/* The string in place at *@p; it may be empty. */
static int take_string(const struct dwline_head *h, const uint8_t **p, const uint8_t *end,
		       strref_t *ret)
{
	const uint8_t *nul = memchr(*p, 0, (size_t)(end - *p));

	if (!nul)
		return -EBADMSG;
	*ret = strref(STRREF_LINE, h->off + (uint64_t)(*p - h->start));
	*p = nul + 1;
	return 0;
}

static int add_file(const struct dwline_head *h, const struct dwline_unit *u, strref_t name,
		    uint64_t dir, struct symunit_builder *b)
{
	struct symunit_file f = { .base = u->comp_dir, .name = name };
	bool v5 = h->shape.version >= 5;
	uint64_t i =
		v5 ? dir : dir - 1; /* before DWARF 5 directory 0 is the unit's, and not listed */

	if (i < h->dirs.n)
		f.dir = h->dirs.items[i];
	if (v5 && dir == 0 && strref_place(f.dir) != STRREF_NONE)
		f.base = 0; /* directory 0 is the unit's, as the table says it */
	if (b->files.n >= SYMUNIT_END)
		return -EFBIG;
	return array_push(&b->files, f);
}

int dwline_head_file(const struct dwline_head *h, const struct dwline_unit *u, const uint8_t **p,
		     const uint8_t *end, struct symunit_builder *b)
{
	uint64_t dir, unused;
	strref_t name;
	int r = take_string(h, p, end, &name);

	if (r < 0)
		return r;
	if (!(*p = dwform_uleb(*p, end, &dir)) || !(*p = dwform_uleb(*p, end, &unused)) ||
	    !(*p = dwform_uleb(*p, end, &unused)))
		return -EBADMSG; /* a time and a size, both mostly 0 */
	return add_file(h, u, name, dir, b);
}

static int read_lists(struct dwline_head *h, const struct dwline_unit *u, struct symunit_builder *b)
{
	const uint8_t *p = h->tables, *end = h->program;
	strref_t dir;
	int r;

	/* Number 0, which no list holds. */
	if (b->files.n >= SYMUNIT_END)
		return -EFBIG;
	r = array_push(&b->files, (struct symunit_file){ .base = u->comp_dir, .name = u->name });
	for (; r == 0 && p < end && *p; r = r < 0 ? r : array_push(&h->dirs, dir)) {
		if (h->dirs.n >= DWLINE_FILES_MAX)
			return -EFBIG;
		r = take_string(h, &p, end, &dir);
	}
	if (r == 0 && p++ >= end)
		return -EBADMSG;
	for (size_t n = 0; r == 0 && p < end && *p; n++)
		r = n < DWLINE_FILES_MAX ? dwline_head_file(h, u, &p, end, b) : -EFBIG;
	return r == 0 && p >= end ? -EBADMSG : r;
}

/* --- DWARF 5: tables that say what their entries hold ----------------------------------------- */

struct format {
	unsigned n;
	struct {
		uint16_t what, form; /* DW_LNCT_*, DW_FORM_*; UINT16_MAX for larger numbers */
	} items[FORMATS_MAX];
};

struct entry {
	strref_t path;
	uint64_t dir;
};

static uint16_t limited(uint64_t v)
{
	return v < UINT16_MAX ? (uint16_t)v : UINT16_MAX;
}

static const uint8_t *read_format(const uint8_t *p, const uint8_t *end, struct format *f)
{
	if (p == end)
		return NULL;
	f->n = *p++;
	for (unsigned i = 0; i < f->n; i++) {
		uint64_t what, form;

		if (!(p = dwform_uleb(p, end, &what)) || !(p = dwform_uleb(p, end, &form)))
			return NULL;
		/* What takes no byte of an entry could be many for nothing. */
		if (form == DW_FORM_flag_present || form == DW_FORM_implicit_const)
			return NULL;
		f->items[i].what = limited(what);
		f->items[i].form = limited(form);
	}
	return p;
}

/* The string of number @i, by way of .debug_str_offsets. */
static strref_t indexed_string(const struct dwline_head *h, const struct dwsections *d,
			       const struct dwline_unit *u, uint64_t i)
{
	unsigned size = h->shape.offset_size;
	uint64_t off = 0, at;
	uint8_t buf[8];
	const uint8_t *p;

	if (u->str_offsets_base == 0 || __builtin_mul_overflow(i, size, &at) ||
	    __builtin_add_overflow(at, u->str_offsets_base, &at))
		return 0;
	p = dwsection_window(d, DW_STR_OFFSETS, at, size, buf);
	if (!p)
		return 0;
	memcpy(&off, p, size);
	return strref(STRREF_STR, off);
}

static strref_t path_of(const struct dwline_head *h, const struct dwsections *d,
			const struct dwline_unit *u, unsigned form, uint64_t v)
{
	switch (form) {
	case DW_FORM_string:
		return strref(STRREF_LINE, h->off + v);
	case DW_FORM_line_strp:
		return strref(STRREF_LINE_STR, v);
	case DW_FORM_strp:
		return strref(STRREF_STR, v);
	case DW_FORM_strp_sup:
	case DW_FORM_GNU_strp_alt:
		return strref(STRREF_ALT_STR, v);
	case DW_FORM_strx:
	case DW_FORM_strx1:
	case DW_FORM_strx2:
	case DW_FORM_strx3:
	case DW_FORM_strx4:
	case DW_FORM_GNU_str_index:
		return indexed_string(h, d, u, v);
	default:
		return 0;
	}
}

/* What is not a path or the number of a directory is skipped by the size of its form. */
static const uint8_t *read_entry(const struct dwline_head *h, const struct dwsections *d,
				 const struct dwline_unit *u, const struct format *f,
				 const uint8_t *p, struct entry *ret)
{
	*ret = (struct entry){ 0 };
	for (unsigned i = 0; i < f->n; i++) {
		unsigned form = f->items[i].form;
		uint64_t v = 0;

		p = dwform_read(p, h->program, h->start, form, 0, &h->shape, &v);
		if (!p)
			return NULL;
		if (f->items[i].what == DW_LNCT_path)
			ret->path = path_of(h, d, u, form, v);
		else if (f->items[i].what == DW_LNCT_directory_index)
			ret->dir = v;
	}
	return p;
}

/* The number of entries: each takes a byte or more. */
static const uint8_t *read_count(const uint8_t *p, const uint8_t *end, uint64_t *ret)
{
	p = dwform_uleb(p, end, ret);
	return p && *ret <= (uint64_t)(end - p) ? p : NULL;
}

static int read_tables(struct dwline_head *h, const struct dwsections *d,
		       const struct dwline_unit *u, struct symunit_builder *b)
{
	const uint8_t *p = h->tables, *end = h->program;
	struct format f;
	struct entry e;
	uint64_t n;
	int r = 0;

	for (int table = 0; table < 2; table++) {
		if (!(p = read_format(p, end, &f)) || !(p = read_count(p, end, &n)))
			return -EBADMSG;
		if (n > DWLINE_FILES_MAX)
			return -EFBIG;
		for (; r == 0 && n > 0; n--) {
			p = read_entry(h, d, u, &f, p, &e);
			if (!p)
				return -EBADMSG;
			r = table == 0 ? array_push(&h->dirs, e.path)
				       : add_file(h, u, e.path, e.dir, b);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

int dwline_head_tables(struct dwline_head *h, const struct dwsections *d,
		       const struct dwline_unit *u, struct symunit_builder *b)
{
	return h->shape.version >= 5 ? read_tables(h, d, u, b) : read_lists(h, u, b);
}
