/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image of a unit:
 *
 *	header │ scopes │ names │ files │ index of segments, of rows │ segments, rows (bytes)
 *
 * A segment says which scope is the innermost from its address on, a row which line. Both are
 * ascending lists that a lookup searches, and most of an image, so they are written as differences
 * in variable-length integers, two to three bytes an entry. An index entry for each BLOCK of them
 * makes the search binary: what it finds is decoded from the start of its block.
 */
#include "symunit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "radix.h"

enum {
	BLOCK = 32, /* entries that share one of the index */
	ENTRY_MAX = 3 * 5, /* bytes of an entry: three 32-bit integers */
	STEPS_MAX = 4096, /* from the innermost inlined call to its function */
};

/* Where a block of a list begins. */
struct list_block {
	uint32_t addr; /* of its first entry */
	uint32_t off;  /* of its first byte in the list */
};

struct list {
	uint32_t index;	  /* offset of the blocks in the image */
	uint32_t n;	  /* entries */
	uint32_t bytes;	  /* offset of the bytes in the image */
	uint32_t n_bytes;
};

struct symunit {
	uint64_t base; /* addresses count from here */
	uint64_t end;  /* and end before this one */
	uint32_t size; /* of the whole image */
	uint32_t scopes, n_scopes;
	uint32_t names, n_names;
	uint32_t files, n_files;
	struct list segs, rows;
};

/* An entry of either list: the scope of a segment is its file, and its line is 0. */
struct entry {
	uint32_t addr, file, line;
};

void symunit_builder_clear(struct symunit_builder *b)
{
	b->scopes.n = b->ranges.n = b->rows.n = b->files.n = b->names.n = 0;
}

void symunit_builder_done(struct symunit_builder *b)
{
	array_free(&b->scopes);
	array_free(&b->ranges);
	array_free(&b->rows);
	array_free(&b->files);
	array_free(&b->names);
}

/* --- integers of variable length ---------------------------------------------------------------- */

static uint8_t *put_uint(uint8_t *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (uint8_t)(v | 0x80);
	*p++ = (uint8_t)v;
	return p;
}

static uint64_t zigzag(int64_t v)
{
	return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static int64_t unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/* Stops at @end; what is missing reads as 0. */
static const uint8_t *get_uint(const uint8_t *p, const uint8_t *end, uint64_t *ret)
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

/* --- lists ---------------------------------------------------------------------------------------- */

/*
 * An entry: the address less the one before; then the line's difference and, in the lowest bit,
 * whether the file changes, too; then, if so, the file's difference. The first entry of a block
 * counts from {block's address, 0, 0}.
 */
static uint8_t *put_entry(uint8_t *p, const struct entry *before, const struct entry *e)
{
	bool other = e->file != before->file;

	p = put_uint(p, e->addr - before->addr);
	p = put_uint(p, zigzag((int64_t)e->line - before->line) << 1 | other);
	if (other)
		p = put_uint(p, zigzag((int32_t)(e->file - before->file)));
	return p;
}

static const uint8_t *get_entry(const uint8_t *p, const uint8_t *end, struct entry *e)
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

/* A list being written. */
struct list_out {
	ARRAY(struct list_block) blocks;
	ARRAY(uint8_t) bytes;
	struct entry last, pending;
	bool has_pending;
	uint32_t n;
};

static void list_out_done(struct list_out *o)
{
	array_free(&o->blocks);
	array_free(&o->bytes);
}

static int list_flush(struct list_out *o)
{
	const struct entry *e = &o->pending;
	uint8_t *p;

	if (!o->has_pending)
		return 0;
	o->has_pending = false;
	if (o->n > 0 && e->file == o->last.file && e->line == o->last.line)
		return 0;
	if (array_reserve(&o->bytes, ENTRY_MAX) < 0)
		return -ENOMEM;
	if (o->n % BLOCK == 0) {
		if (array_push(&o->blocks, (struct list_block){ e->addr, (uint32_t)o->bytes.n }) < 0)
			return -ENOMEM;
		o->last = (struct entry){ .addr = e->addr };
	}
	p = put_entry(o->bytes.items + o->bytes.n, &o->last, e);
	o->bytes.n = (size_t)(p - o->bytes.items);
	o->last = *e;
	o->n++;
	return 0;
}

/* Appends an entry; a later one at the same address takes its place, one that changes nothing is
 * left out. */
static int list_add(struct list_out *o, struct entry e)
{
	int r = o->has_pending && o->pending.addr == e.addr ? 0 : list_flush(o);

	o->pending = e;
	o->has_pending = true;
	return r;
}

/* The entry in force at @addr: false when the list begins after it. */
static bool list_find(const struct symunit *u, const struct list *l, uint32_t addr,
		      struct entry *ret)
{
	const struct list_block *blocks = (const void *)((const char *)u + l->index);
	const uint8_t *bytes = (const uint8_t *)u + l->bytes, *p, *end = bytes + l->n_bytes;
	size_t lo = 0, hi = (l->n + BLOCK - 1) / BLOCK, left;
	struct entry e = { 0 };

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (blocks[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0)
		return false;
	p = bytes + blocks[lo - 1].off;
	e.addr = blocks[lo - 1].addr;
	left = l->n - (lo - 1) * BLOCK;
	p = get_entry(p, end, &e);
	*ret = e;
	for (size_t i = 1; i < BLOCK && i < left; i++) {
		p = get_entry(p, end, &e);
		if (e.addr > addr)
			break;
		*ret = e;
	}
	return true;
}

/* --- segments ------------------------------------------------------------------------------------- */

struct open_range {
	uint32_t hi, scope;
};

struct sweep {
	struct list_out *out;
	ARRAY(struct open_range) open; /* innermost last */
};

/* Closes the ranges that end at or before @addr. */
static int sweep_to(struct sweep *s, uint64_t addr)
{
	int r = 0;

	while (r == 0 && s->open.n > 0 && s->open.items[s->open.n - 1].hi <= addr) {
		uint32_t end = s->open.items[--s->open.n].hi;

		/* What encloses it may have ended before it did. */
		while (s->open.n > 0 && s->open.items[s->open.n - 1].hi <= end)
			s->open.n--;
		r = list_add(s->out, (struct entry){ end, s->open.n ? s->open.items[s->open.n - 1].scope
								     : SYMUNIT_NONE,
						     0 });
	}
	return r;
}

/*
 * Turns nested ranges into segments apart. A parser finds a scope before those inside it, so the
 * stable sort leaves the inner one of two that begin together behind the outer one.
 */
static int build_segments(const struct symunit_builder *b, uint64_t base, struct list_out *out)
{
	_cleanup_free_ struct radix_key *keys = malloc((b->ranges.n + 1) * sizeof(*keys));
	struct sweep s = { .out = out };
	int r = keys ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < b->ranges.n; i++)
		keys[i] = (struct radix_key){ (uint32_t)(b->ranges.items[i].lo - base), (uint32_t)i };
	if (r == 0)
		r = radix_sort(keys, b->ranges.n);
	for (size_t i = 0; r == 0 && i < b->ranges.n; i++) {
		const struct symunit_range *range = &b->ranges.items[keys[i].item];

		r = sweep_to(&s, keys[i].by);
		if (r == 0)
			r = list_add(out, (struct entry){ keys[i].by, range->scope, 0 });
		if (r == 0)
			r = array_push(&s.open, (struct open_range){ (uint32_t)(range->hi - base),
								     range->scope });
	}
	if (r == 0)
		r = sweep_to(&s, UINT64_MAX);
	if (r == 0)
		r = list_flush(out);
	array_free(&s.open);
	return r;
}

/* --- rows ----------------------------------------------------------------------------------------- */

/* The sequences' first rows, by address; sequences do not overlap in one another. */
static int sort_sequences(const struct symunit_builder *b, uint64_t base, struct radix_key **ret,
			  size_t *ret_n)
{
	ARRAY(struct radix_key) keys = { 0 };
	bool begins = true;
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->rows.n; i++) {
		const struct symunit_row *row = &b->rows.items[i];

		if (begins)
			r = array_push(&keys, (struct radix_key){ (uint32_t)(row->addr - base), (uint32_t)i });
		begins = row->file == SYMUNIT_NONE && row->line == 0;
	}
	if (r == 0)
		r = radix_sort(keys.items, keys.n);
	if (r < 0) {
		array_free(&keys);
		return r;
	}
	*ret = keys.items;
	*ret_n = keys.n;
	return 0;
}

static int add_sequence(const struct symunit_builder *b, size_t first, uint64_t base,
			struct list_out *out, uint32_t *at)
{
	int r = 0;

	for (size_t i = first; r == 0 && i < b->rows.n; i++) {
		const struct symunit_row *row = &b->rows.items[i];
		bool ends = row->file == SYMUNIT_NONE && row->line == 0;
		uint32_t addr = (uint32_t)(row->addr - base);

		/* One that begins inside the one before it: what comes first stays. */
		if (addr >= *at) {
			/* The end of one is the beginning of the next. */
			r = list_add(out, (struct entry){ addr, row->file, row->line });
			*at = addr;
		}
		if (ends)
			break;
	}
	return r;
}

static int build_rows(const struct symunit_builder *b, uint64_t base, struct list_out *out)
{
	struct radix_key *keys;
	size_t n;
	uint32_t at = 0;
	int r = sort_sequences(b, base, &keys, &n);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_sequence(b, keys[i].item, base, out, &at);
	if (r == 0)
		r = list_flush(out);
	free(keys);
	return r;
}

/* --- the image ------------------------------------------------------------------------------------ */

/* The lowest address and the end of the highest, and whether all lie within 4 GiB. */
static int find_base(const struct symunit_builder *b, uint64_t *ret, uint64_t *ret_end)
{
	uint64_t lo = UINT64_MAX, hi = 0;

	array_each(&b->ranges, r) {
		lo = r->lo < lo ? r->lo : lo;
		hi = r->hi > hi ? r->hi : hi;
	}
	array_each(&b->rows, row) {
		lo = row->addr < lo ? row->addr : lo;
		hi = row->addr > hi ? row->addr : hi;
	}
	if (lo > hi)
		lo = hi;
	*ret = lo;
	*ret_end = hi;
	return hi - lo > UINT32_MAX ? -EFBIG : 0;
}

/* Gives @n bytes of the image to a part and makes the next one begin aligned. */
static uint32_t place(uint64_t *size, uint64_t n)
{
	uint64_t at = *size;

	*size = (at + n + 7) & ~7ull;
	return (uint32_t)at;
}

static void place_list(struct list *l, const struct list_out *o, uint64_t *size)
{
	l->n = o->n;
	l->n_bytes = (uint32_t)o->bytes.n;
	l->index = place(size, o->blocks.n * sizeof(*o->blocks.items));
	l->bytes = place(size, o->bytes.n);
}

static void copy(void *to, uint32_t at, const void *from, size_t n)
{
	if (n > 0)
		memcpy((char *)to + at, from, n);
}

static void copy_list(void *to, const struct list *l, const struct list_out *o)
{
	copy(to, l->index, o->blocks.items, o->blocks.n * sizeof(*o->blocks.items));
	copy(to, l->bytes, o->bytes.items, o->bytes.n);
}

/* @u has the addresses. */
static int put_together(const struct symunit_builder *b, struct symunit u,
			const struct list_out *segs, const struct list_out *rows,
			struct symunit **ret, size_t *ret_bytes)
{
	struct symunit *image;
	uint64_t size = sizeof(u);

	u.n_scopes = (uint32_t)b->scopes.n;
	u.n_names = (uint32_t)b->names.n;
	u.n_files = (uint32_t)b->files.n;
	u.scopes = place(&size, b->scopes.n * sizeof(*b->scopes.items));
	u.names = place(&size, b->names.n * sizeof(*b->names.items));
	u.files = place(&size, b->files.n * sizeof(*b->files.items));
	place_list(&u.segs, segs, &size);
	place_list(&u.rows, rows, &size);
	if (size > UINT32_MAX)
		return -EFBIG;
	u.size = (uint32_t)size;
	image = calloc(1, size);
	if (!image)
		return -ENOMEM;
	*image = u;
	copy(image, u.scopes, b->scopes.items, b->scopes.n * sizeof(*b->scopes.items));
	copy(image, u.names, b->names.items, b->names.n * sizeof(*b->names.items));
	copy(image, u.files, b->files.items, b->files.n * sizeof(*b->files.items));
	copy_list(image, &u.segs, segs);
	copy_list(image, &u.rows, rows);
	*ret = image;
	*ret_bytes = size;
	return 0;
}

int symunit_build(struct symunit_builder *b, struct symunit **ret, size_t *ret_bytes)
{
	struct list_out segs = { 0 }, rows = { 0 };
	struct symunit u = { 0 };
	int r = find_base(b, &u.base, &u.end);

	if (r == 0)
		r = build_segments(b, u.base, &segs);
	if (r == 0)
		r = build_rows(b, u.base, &rows);
	if (r == 0)
		r = put_together(b, u, &segs, &rows, ret, ret_bytes);
	list_out_done(&segs);
	list_out_done(&rows);
	return r;
}

static bool part_fits(uint64_t at, uint64_t n, uint64_t item, uint64_t size)
{
	return at % 8 == 0 && at >= sizeof(struct symunit) && at <= size && n <= (size - at) / item;
}

static bool list_fits(const struct symunit *u, const struct list *l)
{
	const struct list_block *blocks = (const void *)((const char *)u + l->index);
	uint64_t n = ((uint64_t)l->n + BLOCK - 1) / BLOCK;

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
	bool ok = n >= sizeof(*u) && u->size == n &&
		  part_fits(u->scopes, u->n_scopes, sizeof(struct symunit_scope), n) &&
		  part_fits(u->names, u->n_names, sizeof(struct symunit_name), n) &&
		  part_fits(u->files, u->n_files, sizeof(struct symunit_file), n) &&
		  list_fits(u, &u->segs) && list_fits(u, &u->rows);

	return ok ? 0 : -EBADMSG;
}

void symunit_extent(const struct symunit *u, uint64_t *ret_lo, uint64_t *ret_hi)
{
	*ret_lo = u->base;
	*ret_hi = u->end;
}

struct symunit_strings symunit_strings(struct symunit *u)
{
	return (struct symunit_strings){ .names = (void *)((char *)u + u->names),
					 .n_names = u->n_names,
					 .files = (void *)((char *)u + u->files),
					 .n_files = u->n_files };
}

/* --- lookup --------------------------------------------------------------------------------------- */

static void set_place(const struct symunit *u, struct symunit_frame *f, uint32_t file, uint32_t line)
{
	const struct symunit_file *files = (const void *)((const char *)u + u->files);

	f->file = file < u->n_files ? files[file] : (struct symunit_file){ 0 };
	f->line = line;
}

size_t symunit_find(const struct symunit *u, uint64_t addr,
		    struct symunit_frame ret[SYMUNIT_DEPTH_MAX])
{
	const struct symunit_scope *scopes = (const void *)((const char *)u + u->scopes);
	const struct symunit_name *names = (const void *)((const char *)u + u->names);
	struct entry seg = { .file = SYMUNIT_NONE }, row = { .file = SYMUNIT_NONE };
	uint32_t scope, steps = 0;
	size_t n = 0;

	if (addr < u->base || addr - u->base > UINT32_MAX)
		return 0;
	list_find(u, &u->rows, (uint32_t)(addr - u->base), &row);
	list_find(u, &u->segs, (uint32_t)(addr - u->base), &seg);
	ret[0] = (struct symunit_frame){ 0 };
	set_place(u, &ret[0], row.file, row.line);
	/* The numbers of an image from a file may lead in a circle. */
	for (scope = seg.file; scope < u->n_scopes && steps < STEPS_MAX; steps++) {
		const struct symunit_scope *s = &scopes[scope];

		if (s->name < u->n_names)
			ret[n].name = names[s->name];
		n++;
		if (s->parent >= u->n_scopes)
			break;
		if (n == SYMUNIT_DEPTH_MAX)
			n--; /* too deep: the outer frame takes the place */
		ret[n] = (struct symunit_frame){ 0 };
		set_place(u, &ret[n], s->call_file, s->call_line);
		scope = s->parent;
	}
	return n ? n : row.line != 0 || row.file != SYMUNIT_NONE;
}
