/* SPDX-License-Identifier: Apache-2.0 */
#include "dwaranges.h"

#include <errno.h>
#include <stdbool.h>
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

/* What is done with a set: its pairs lie from @p to @end. */
typedef int set_fn(void *ctx, uint64_t unit, const uint8_t *p, const uint8_t *end);

/* The next pair: NULL behind the last one. */
static const uint8_t *read_pair(const uint8_t *p, const uint8_t *end, uint64_t *lo, uint64_t *n)
{
	p = dwform_uint(p, end, 8, lo);
	p = p ? dwform_uint(p, end, 8, n) : NULL;
	return p && (*lo || *n) ? p : NULL;
}

static int each_set(const struct dwfile *f, set_fn *fn, void *ctx)
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
			r = fn(ctx, unit, p, set_end);
		p = p || set_end != end ? set_end : NULL;
	}
	return r;
}

/* --- all of it -------------------------------------------------------------------------------- */

struct reading {
	const struct dwfile *f;
	struct dwdir *ret;
};

static int read_set(void *ctx, uint64_t unit, const uint8_t *p, const uint8_t *end)
{
	struct reading *k = ctx;
	const struct dwunit *u = dwfile_unit_at(k->f, unit);
	uint64_t lo, n;

	if (!u || u->off != unit || u->pc_forms[2])
		return 0;
	while ((p = read_pair(p, end, &lo, &n)))
		if (n > 0 && lo + n > lo &&
		    dwdir_add(k->ret, lo, lo + n, (uint32_t)(u - k->f->units)) < 0)
			return -ENOMEM;
	return 0;
}

int dwaranges_read(const struct dwfile *f, struct dwdir *ret)
{
	struct reading k = { .f = f, .ret = ret };

	return each_set(f, read_set, &k);
}

/* --- a few addresses -------------------------------------------------------------------------- */

struct finding {
	const uint64_t *addrs;
	size_t n_addrs;
	uint64_t *units;
	size_t n, max;
};

static bool has_one(const struct finding *k, uint64_t lo, uint64_t n)
{
	for (size_t i = 0; i < k->n_addrs; i++)
		if (k->addrs[i] >= lo && k->addrs[i] - lo < n)
			return true;
	return false;
}

/* Enters @unit in its place, unless it is there. */
static int enter(struct finding *k, uint64_t unit)
{
	size_t i = k->n;

	while (i > 0 && k->units[i - 1] > unit)
		i--;
	if (i > 0 && k->units[i - 1] == unit)
		return 0;
	if (k->n == k->max)
		return -E2BIG;
	for (size_t j = k->n++; j > i; j--)
		k->units[j] = k->units[j - 1];
	k->units[i] = unit;
	return 0;
}

static int find_set(void *ctx, uint64_t unit, const uint8_t *p, const uint8_t *end)
{
	struct finding *k = ctx;
	uint64_t lo, n;

	while ((p = read_pair(p, end, &lo, &n)))
		if (has_one(k, lo, n))
			return enter(k, unit);
	return 0;
}

int dwaranges_units(const struct dwfile *f, const uint64_t *addrs, size_t n, uint64_t *ret,
		    size_t max, size_t *ret_n)
{
	struct finding k = { .addrs = addrs, .n_addrs = n, .units = ret, .max = max };
	int r = each_set(f, find_set, &k);

	*ret_n = k.n;
	return r;
}
