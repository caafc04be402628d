/* SPDX-License-Identifier: Apache-2.0 */
/* Asks images of units, which may come from a file: symunit_check() sees to what a question takes
 * for granted. */
#include "symunit.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "hash.h"
#include "symunit_format.h"

enum {
	STEPS_MAX = 4096, /* from the innermost inlined call to its function */
	NEAR = 4,	  /* blocks that are looked at before all are searched */
};

/* --- lists ------------------------------------------------------------------------------------ */

static int64_t unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static const uint8_t *get_long_uint(const uint8_t *p, const uint8_t *end, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; p < end && shift < 64; shift += 7) {
		uint8_t b = *p++;

		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			break;
	}
	*ret = v;
	return p;
}

/* Stops at @end; what is missing reads as 0. Nearly all have one byte. */
static inline const uint8_t *get_uint(const uint8_t *p, const uint8_t *end, uint64_t *ret)
{
	if (p >= end || *p & 0x80)
		return get_long_uint(p, end, ret);
	*ret = *p;
	return p + 1;
}

static inline const uint8_t *get_entry(const uint8_t *p, const uint8_t *end,
				       struct symunit_entry *e)
{
	uint64_t addr, line, file;

	p = get_uint(p, end, &addr);
	p = get_uint(p, end, &line);
	e->addr += (uint32_t)addr;
	e->line += (uint32_t)unzigzag(line >> 1);
	if (line & 1) {
		p = get_uint(p, end, &file);
		e->file += (uint32_t)unzigzag(file);
	}
	return p;
}

/* The block that has what is in force at @addr: its number plus 1, 0 when the list begins after it.
 */
static size_t find_block(const struct symunit *u, const struct symunit_list *l, uint32_t addr)
{
	const struct symunit_block *blocks = (const void *)((const char *)u + l->index);
	size_t lo = 0, hi = (l->n + SYMUNIT_BLOCK - 1) / SYMUNIT_BLOCK;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (blocks[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Block @i of a list: the entry before its first, where that is, and how many there are. */
static size_t open_block(const struct symunit *u, const struct symunit_list *l, size_t i,
			 struct symunit_entry *ret, const uint8_t **ret_p)
{
	const struct symunit_block *block = (const void *)((const char *)u + l->index);
	size_t left = l->n - i * SYMUNIT_BLOCK;

	*ret = (struct symunit_entry){ .addr = block[i].addr };
	*ret_p = (const uint8_t *)u + l->bytes + block[i].off;
	return left < SYMUNIT_BLOCK ? left : SYMUNIT_BLOCK;
}

/* Whether the entry in force at @addr is that of @c or behind it in the same block. */
static bool is_ahead(const struct symunit *u, const struct symunit_list *l,
		     const struct symunit_place *c, uint32_t addr)
{
	const struct symunit_block *blocks = (const void *)((const char *)u + l->index);
	size_t n = (l->n + SYMUNIT_BLOCK - 1) / SYMUNIT_BLOCK;

	return c->block > 0 && c->now.addr <= addr &&
	       (c->block == n || addr < blocks[c->block].addr);
}

/* As find_block(). Who asks in ascending order finds it close behind the block of @c. */
static size_t find_near(const struct symunit *u, const struct symunit_list *l,
			const struct symunit_place *c, uint32_t addr)
{
	const struct symunit_block *blocks = (const void *)((const char *)u + l->index);
	size_t n = (l->n + SYMUNIT_BLOCK - 1) / SYMUNIT_BLOCK, i = c->block;

	if (i == 0 || blocks[i - 1].addr > addr)
		return find_block(u, l, addr);
	for (size_t end = i + NEAR; i < n && blocks[i].addr <= addr; i++)
		if (i == end)
			return find_block(u, l, addr);
	return i;
}

/* Sets @c to the first entry of the block that has what is in force at @addr: false when the list
 * begins after it. */
static bool list_open(const struct symunit *u, const struct symunit_list *l, uint32_t addr,
		      struct symunit_place *c)
{
	const uint8_t *bytes = (const uint8_t *)u + l->bytes, *p;

	c->block = (uint32_t)find_near(u, l, c, addr);
	if (c->block == 0)
		return false;
	c->left = (uint32_t)open_block(u, l, c->block - 1, &c->now, &p) - 1;
	p = get_entry(p, bytes + l->n_bytes, &c->now);
	c->next = c->now;
	if (c->left > 0)
		p = get_entry(p, bytes + l->n_bytes, &c->next);
	c->at = (uint32_t)(p - bytes);
	return true;
}

/* Moves @c to the entry in force at @addr: false when the list begins after it. */
static bool list_find(const struct symunit *u, const struct symunit_list *l, uint32_t addr,
		      struct symunit_place *c)
{
	const uint8_t *bytes = (const uint8_t *)u + l->bytes, *end = bytes + l->n_bytes, *p;
	struct symunit_entry now, next;
	uint32_t left;

	if (!is_ahead(u, l, c, addr) && !list_open(u, l, addr, c))
		return false;
	now = c->now;
	next = c->next;
	left = c->left;
	for (p = bytes + c->at; left > 0 && next.addr <= addr; left--) {
		now = next;
		if (left > 1)
			p = get_entry(p, end, &next);
	}
	c->now = now;
	c->next = next;
	c->left = left;
	c->at = (uint32_t)(p - bytes);
	return true;
}

static bool says(const struct symunit_entry *e)
{
	return e->file != SYMUNIT_NONE || e->line != 0;
}

/* Between @lo and @hi, where entries that say something begin and end: 0 = nowhere, else a hash. */
static uint64_t list_coverage(const struct symunit *u, const struct symunit_list *l, uint32_t lo,
			      uint32_t hi)
{
	const uint8_t *p, *end = (const uint8_t *)u + l->bytes + l->n_bytes;
	size_t n_blocks = (l->n + SYMUNIT_BLOCK - 1) / SYMUNIT_BLOCK, block = find_block(u, l, lo);
	struct symunit_place first = { 0 };
	struct symunit_entry e;
	uint64_t hash = 0;
	bool before = list_find(u, l, lo, &first) && says(&first.now);

	if (before)
		hash = hash_add(hash, u->base + lo);
	e.addr = lo;
	for (size_t b = block ? block - 1 : 0; b < n_blocks && e.addr < hi; b++) {
		size_t n = open_block(u, l, b, &e, &p);

		for (size_t i = 0; i < n && e.addr < hi; i++) {
			p = get_entry(p, end, &e);
			if (e.addr <= lo || e.addr >= hi || says(&e) == before)
				continue;
			before = !before;
			hash = hash_add(hash, u->base + e.addr);
		}
	}
	return hash;
}

/* --- tables ----------------------------------------------------------------------------------- */

static strref_t unpack_ref(uint64_t v)
{
	return strref((enum strref_place)(v & 7), v >> 3);
}

static bool part_fits(uint64_t at, uint64_t n, uint64_t item, uint64_t size)
{
	return at % 8 == 0 && at >= sizeof(struct symunit) && at <= size && n <= (size - at) / item;
}

static bool list_fits(const struct symunit *u, const struct symunit_list *l)
{
	const struct symunit_block *blocks = (const void *)((const char *)u + l->index);
	uint64_t n = ((uint64_t)l->n + SYMUNIT_BLOCK - 1) / SYMUNIT_BLOCK;

	if (!part_fits(l->index, n, sizeof(*blocks), u->size) ||
	    !part_fits(l->bytes, l->n_bytes, 1, u->size))
		return false;
	for (uint64_t i = 0; i < n; i++)
		if (blocks[i].off > l->n_bytes)
			return false;
	return true;
}

int symunit_check(const void *p, size_t n)
{
	const struct symunit *u = p;
	bool ok = n >= sizeof(*u) && u->size == n && packtab_fits(&u->scopes, n) &&
		  packtab_fits(&u->names, n) && packtab_fits(&u->files, n) &&
		  list_fits(u, &u->segs) && list_fits(u, &u->rows);

	return ok ? 0 : -EBADMSG;
}

void symunit_extent(const struct symunit *u, uint64_t *ret_lo, uint64_t *ret_hi)
{
	*ret_lo = u->base;
	*ret_hi = u->end;
}

uint64_t symunit_coverage(const struct symunit *u, uint64_t lo, uint64_t hi)
{
	uint64_t functions, lines;

	if (hi <= u->base || lo > u->end || lo >= hi)
		return 0;
	lo = lo < u->base ? 0 : lo - u->base;
	hi = hi - u->base < UINT32_MAX ? hi - u->base : UINT32_MAX;
	functions = list_coverage(u, &u->segs, (uint32_t)lo, (uint32_t)hi);
	lines = list_coverage(u, &u->rows, (uint32_t)lo, (uint32_t)hi);
	return functions || lines ? hash_add(functions, lines) : 0;
}

size_t symunit_names(const struct symunit *u)
{
	return u->names.n;
}

struct symunit_name symunit_name(const struct symunit *u, size_t i)
{
	uint64_t v[PACKTAB_FIELDS];

	packtab_get(&u->names, u, i, v);
	return (struct symunit_name){ unpack_ref(v[0]), (uint32_t)v[1] };
}

size_t symunit_files(const struct symunit *u)
{
	return u->files.n;
}

struct symunit_file symunit_file(const struct symunit *u, size_t i)
{
	uint64_t v[PACKTAB_FIELDS];

	packtab_get(&u->files, u, i, v);
	return (struct symunit_file){ unpack_ref(v[0]), unpack_ref(v[1]), unpack_ref(v[2]) };
}

/* --- lookup ----------------------------------------------------------------------------------- */

static void set_place(const struct symunit *u, struct symunit_frame *f, uint32_t file,
		      uint32_t line)
{
	f->file = file < u->files.n ? symunit_file(u, file) : (struct symunit_file){ 0 };
	f->line = line;
}

static struct symunit_scope get_scope(const struct symunit *u, uint32_t i)
{
	uint64_t v[PACKTAB_FIELDS];

	packtab_get(&u->scopes, u, i, v);
	return (struct symunit_scope){ v[0] ? i - (uint32_t)v[0] : SYMUNIT_NONE, (uint32_t)v[1] - 1,
				       (uint32_t)v[2] - 1, (uint32_t)v[3] };
}

/* The frames of a scope, the innermost without its place: how many. */
static size_t get_frames(const struct symunit *u, uint32_t scope,
			 struct symunit_frame ret[SYMUNIT_DEPTH_MAX])
{
	size_t n = 0;

	ret[0] = (struct symunit_frame){ 0 };
	/* The numbers of an image from a file may lead in a circle. */
	for (uint32_t steps = 0; scope < u->scopes.n && steps < STEPS_MAX; steps++) {
		struct symunit_scope s = get_scope(u, scope);

		if (s.name < u->names.n)
			ret[n].name = symunit_name(u, s.name);
		n++;
		if (s.parent >= u->scopes.n)
			break;
		if (n == SYMUNIT_DEPTH_MAX)
			n--; /* too deep: the outer frame takes the place */
		ret[n] = (struct symunit_frame){ 0 };
		set_place(u, &ret[n], s.call_file, s.call_line);
		scope = s.parent;
	}
	return n;
}

/* The same, from @c where its scope was asked for last. */
static size_t get_frames_again(const struct symunit *u, uint32_t scope, struct symunit_cursor *c,
			       struct symunit_frame ret[SYMUNIT_DEPTH_MAX])
{
	size_t n = c->n;

	if (n > 0 && c->scope == scope) {
		memcpy(ret, c->frames, n * sizeof(*ret));
		return n;
	}
	n = get_frames(u, scope, ret);
	c->n = n <= SYMUNIT_CURSOR_DEPTH ? (uint32_t)n : 0;
	c->scope = scope;
	memcpy(c->frames, ret, c->n * sizeof(*ret));
	return n;
}

size_t symunit_find_on(const struct symunit *u, uint64_t addr, struct symunit_cursor *c,
		       struct symunit_frame ret[SYMUNIT_DEPTH_MAX])
{
	struct symunit_entry seg = { .file = SYMUNIT_NONE }, row = { .file = SYMUNIT_NONE };
	size_t n;

	if (addr < u->base || addr - u->base > UINT32_MAX)
		return 0;
	if (list_find(u, &u->rows, (uint32_t)(addr - u->base), &c->row))
		row = c->row.now;
	if (list_find(u, &u->segs, (uint32_t)(addr - u->base), &c->seg))
		seg = c->seg.now;
	n = get_frames_again(u, seg.file, c, ret);
	if (!c->has_file || c->file_number != row.file) {
		set_place(u, &c->place, row.file, 0);
		c->has_file = true;
		c->file_number = row.file;
	}
	ret[0].file = c->place.file;
	ret[0].line = row.line;
	return n ? n : row.line != 0 || row.file != SYMUNIT_NONE;
}

size_t symunit_find(const struct symunit *u, uint64_t addr,
		    struct symunit_frame ret[SYMUNIT_DEPTH_MAX])
{
	struct symunit_cursor c = { 0 };

	return symunit_find_on(u, addr, &c, ret);
}
