/* SPDX-License-Identifier: Apache-2.0 */
#include "dwrange.h"

#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"

enum { WINDOW = 2048 }; /* of a list in a section that is not in memory */

void dwspans_forget(struct dwspans *s)
{
	if (s->near)
		s->near->d = NULL;
}

void dwspans_done(struct dwspans *s)
{
	array_free(&s->spans);
	free(s->near);
	s->near = NULL;
}

static int add(struct dwspans *s, uint64_t lo, uint64_t hi)
{
	return lo < hi ? array_push(&s->spans, (struct dwspan){ lo, hi }) : 0;
}

/* Takes one entry of what may be read. */
static int take_entry(struct dwspans *s)
{
	if (s->left == 0)
		return -EFBIG;
	s->left--;
	return 0;
}

/* .debug_ranges (DWARF 4 §2.17.3): pairs of addresses; a first one of all bits sets the base. */
static int read_pairs(const struct dwunit *u, const uint8_t *p, const uint8_t *end,
		      struct dwspans *ret)
{
	uint64_t base = u->base_pc, lo, hi;
	int r;

	while ((r = take_entry(ret)) == 0) {
		p = dwform_uint(p, end, 8, &lo);
		p = p ? dwform_uint(p, end, 8, &hi) : NULL;
		if (!p)
			return -EBADMSG;
		if (lo == 0 && hi == 0)
			break;
		if (lo == UINT64_MAX)
			base = hi;
		else if ((r = add(ret, base + lo, base + hi)) < 0)
			break;
	}
	return r;
}

/* One entry of a list of DWARF 5 §7.25: its operands as addresses. */
struct rle {
	uint64_t kind, a, b;
};

static const uint8_t *read_rle(const struct dwunit *u, const uint8_t *p, const uint8_t *end,
			       struct rle *e)
{
	e->a = e->b = 0;
	p = dwform_uint(p, end, 1, &e->kind);
	if (!p)
		return NULL;
	switch (e->kind) {
	case DW_RLE_end_of_list:
		return p;
	case DW_RLE_base_addressx:
	case DW_RLE_startx_endx:
	case DW_RLE_startx_length:
	case DW_RLE_offset_pair:
		p = dwform_uleb(p, end, &e->a);
		break;
	case DW_RLE_base_address:
	case DW_RLE_start_end:
	case DW_RLE_start_length:
		p = dwform_uint(p, end, 8, &e->a);
		break;
	default:
		return NULL;
	}
	if (p && (e->kind == DW_RLE_start_end))
		p = dwform_uint(p, end, 8, &e->b);
	else if (p && e->kind != DW_RLE_base_address && e->kind != DW_RLE_base_addressx)
		p = dwform_uleb(p, end, &e->b);
	if (p && e->kind <= DW_RLE_startx_length &&
	    dwunit_address(u, DW_FORM_addrx, e->a, &e->a) < 0)
		return NULL;
	if (p && e->kind == DW_RLE_startx_endx && dwunit_address(u, DW_FORM_addrx, e->b, &e->b) < 0)
		return NULL;
	return p;
}

static int read_list(const struct dwunit *u, const uint8_t *p, const uint8_t *end,
		     struct dwspans *ret)
{
	uint64_t base = u->base_pc;
	struct rle e;
	int r;

	while ((r = take_entry(ret)) == 0) {
		p = read_rle(u, p, end, &e);
		if (!p)
			return -EBADMSG;
		switch (e.kind) {
		case DW_RLE_end_of_list:
			return 0;
		case DW_RLE_base_address:
		case DW_RLE_base_addressx:
			base = e.a;
			break;
		case DW_RLE_offset_pair:
			r = add(ret, base + e.a, base + e.b);
			break;
		case DW_RLE_startx_length:
		case DW_RLE_start_length:
			r = add(ret, e.a, e.a + e.b);
			break;
		default:
			r = add(ret, e.a, e.b);
		}
		if (r < 0)
			break;
	}
	return r;
}

/* The offset in .debug_rnglists of list number @i of the unit's table (DWARF 5 §7.28). */
static int list_offset(const struct dwfile *f, const struct dwunit *u, uint64_t i, uint64_t *ret)
{
	uint8_t buf[8];
	const uint8_t *p;
	uint64_t off;

	if (u->rnglists_base > f->s.s[DW_RNGLISTS].size || i > f->s.s[DW_RNGLISTS].size / 4)
		return -EBADMSG;
	p = dwsection_window(&f->s, DW_RNGLISTS, u->rnglists_base + i * u->shape.offset_size,
			     u->shape.offset_size, buf);
	if (!p || !dwform_uint(p, p + u->shape.offset_size, u->shape.offset_size, &off))
		return -EBADMSG;
	*ret = u->rnglists_base + off;
	return 0;
}

static int read_entries(const struct dwunit *u, enum dwsection_id id, const uint8_t *p, size_t n,
			struct dwspans *ret)
{
	return id == DW_RANGES ? read_pairs(u, p, p + n, ret) : read_list(u, p, p + n, ret);
}

/* All that is left of the section behind @off, for a list that is long. */
static int read_long(const struct dwunit *u, const struct dwsections *d, enum dwsection_id id,
		     uint64_t off, struct dwspans *ret)
{
	size_t first = ret->spans.n;
	int r = -EBADMSG;

	for (uint64_t window = WINDOW * 16; r == -EBADMSG; window *= 16) {
		uint64_t left = d->s[id].size - off;
		size_t n = left < window ? (size_t)left : (size_t)window;
		_cleanup_free_ uint8_t *buf = malloc(n);
		const uint8_t *p;

		if (!buf)
			return -ENOMEM;
		p = dwsection_window(d, id, off, n, buf);
		if (!p)
			return -EBADMSG;
		ret->spans.n = first;
		r = read_entries(u, id, p, n, ret);
		if (n == left)
			break;
	}
	return r;
}

/* The list at @off of a section. In a section that is not in memory it is read in one window, and
 * in all that follows if that ends too early. */
static int read_at(const struct dwunit *u, const struct dwsections *d, enum dwsection_id id,
		   uint64_t off, struct dwspans *ret)
{
	const struct dwsection *s = &d->s[id];
	size_t first = ret->spans.n, n = WINDOW;
	const uint8_t *p;
	int r;

	if (off >= s->size)
		return -EBADMSG;
	if (!s->mem && !ret->near && !(ret->near = calloc(1, sizeof(*ret->near))))
		return -ENOMEM;
	if (s->mem || s->size - off < n)
		n = (size_t)(s->size - off);
	p = dwsection_window_near(d, id, off, n, ret->near);
	if (!p)
		return -EBADMSG;
	r = read_entries(u, id, p, n, ret);
	if (r != -EBADMSG || n == s->size - off)
		return r;
	ret->spans.n = first;
	return read_long(u, d, id, off, ret);
}

static int read_ranges(const struct dwfile *f, const struct dwunit *u, unsigned form, uint64_t value,
		       struct dwspans *ret)
{
	if (u->shape.version < 5)
		return read_at(u, u->gnu_ranges, DW_RANGES, u->ranges_base + value, ret);
	if (form == DW_FORM_rnglistx && list_offset(f, u, value, &value) < 0)
		return -EBADMSG;
	return read_at(u, &f->s, DW_RNGLISTS, value, ret);
}

int dwrange_read(const struct dwfile *f, const struct dwunit *u, const uint16_t forms[3],
		 const uint64_t values[3], struct dwspans *ret)
{
	uint64_t lo, hi;
	int r;

	if (forms[2])
		return read_ranges(f, u, forms[2], values[2], ret);
	if (!forms[0] || !forms[1])
		return 0;
	if (dwunit_address(u, forms[0], values[0], &lo) < 0)
		return -EBADMSG;
	/* Of an address form it is an address, of any other the size (DWARF 4 §2.17.2). */
	r = dwunit_address(u, forms[1], values[1], &hi);
	if (r == -EINVAL)
		hi = lo + values[1];
	return r == -EBADMSG ? r : add(ret, lo, hi);
}
