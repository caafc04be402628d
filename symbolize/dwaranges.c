/* SPDX-License-Identifier: Apache-2.0 */
#include "dwaranges.h"

#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"

#define SECTION_MAX ((uint64_t)128 << 20) /* it is read as a whole */

/* A set: the header that names its unit, then pairs of address and length up to a pair of zeroes. */
static const uint8_t *read_header(const uint8_t *p, const uint8_t *end, const uint8_t **ret_end,
				  uint64_t *ret_unit)
{
	const uint8_t *begin = p;
	uint64_t length, version, address, segment;
	unsigned size = 4;

	p = dwform_uint(p, end, 4, &length);
	if (p && length == 0xffffffff) {
		size = 8;
		p = dwform_uint(p, end, 8, &length);
	}
	if (!p || length > (uint64_t)(end - p))
		return NULL;
	*ret_end = end = p + length;
	p = dwform_uint(p, end, 2, &version);
	p = p ? dwform_uint(p, end, size, ret_unit) : NULL;
	p = p ? dwform_uint(p, end, 1, &address) : NULL;
	p = p ? dwform_uint(p, end, 1, &segment) : NULL;
	if (!p || address != 8 || segment != 0)
		return NULL;
	/* The pairs are aligned to their size, counted from the set's beginning. */
	size = 16 - (unsigned)((p - begin) % 16);
	if (size == 16)
		size = 0;
	return size <= (size_t)(end - p) ? p + size : NULL;
}

static int read_set(const struct dwfile *f, const uint8_t *p, const uint8_t *end, uint64_t unit,
		    struct dwdir *ret)
{
	const struct dwunit *u = dwfile_unit_at(f, unit);
	uint64_t lo, n;

	if (!u || u->off != unit || u->pc_forms[2])
		return 0;
	while ((p = dwform_uint(p, end, 8, &lo)) && (p = dwform_uint(p, end, 8, &n)) && (lo || n))
		if (n > 0 && lo + n > lo &&
		    dwdir_add(ret, lo, lo + n, (uint32_t)(u - f->units)) < 0)
			return -ENOMEM;
	return 0;
}

int dwaranges_read(const struct dwfile *f, struct dwdir *ret)
{
	const struct dwsection *s = &f->s.s[DW_ARANGES];
	_cleanup_free_ uint8_t *buf = NULL;
	const uint8_t *p, *end;
	int r = 0;

	if (s->size == 0 || s->size > SECTION_MAX)
		return 0;
	if (!s->mem && !(buf = malloc(s->size)))
		return -ENOMEM;
	p = dwsection_window(&f->s, DW_ARANGES, 0, s->size, buf);
	end = p + s->size;
	while (r == 0 && p && p < end) {
		const uint8_t *set_end = end;
		uint64_t unit;

		p = read_header(p, end, &set_end, &unit);
		if (p)
			r = read_set(f, p, set_end, unit, ret);
		p = p || set_end != end ? set_end : NULL;
	}
	return r;
}
