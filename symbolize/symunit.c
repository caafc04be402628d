/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image of a unit:
 *
 *	header │ scopes │ names │ files │ index of segments, of rows │ segments, rows (bytes)
 *
 * Scopes, names and files are tables of as few bits as their numbers take: half of an image are
 * scopes. The parent of a scope is so many before it; numbers that may be missing are one more.
 *
 * A segment says which scope is the innermost from its address on, a row which line. Both are
 * ascending lists that a lookup searches, and most of an image, so they are written as differences
 * in variable-length integers, two to three bytes an entry. An index entry for each SYMUNIT_BLOCK
 * of them makes the search binary: what it finds is decoded from the start of its block.
 */
#include "symunit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "radix.h"
#include "symunit_format.h"

enum {
	ENTRY_MAX = 3 * 5, /* bytes of an entry: three 32-bit integers */
};

void symunit_builder_clear(struct symunit_builder *b)
{
	b->scopes.n = b->ranges.n = b->rows.n = b->files.n = b->names.n = 0;
	b->left_lo = b->left_hi = 0;
}

void symunit_builder_leave(struct symunit_builder *b, uint64_t lo, uint64_t hi)
{
	bool first = b->left_lo >= b->left_hi;

	b->left_lo = first || lo < b->left_lo ? lo : b->left_lo;
	b->left_hi = first || hi > b->left_hi ? hi : b->left_hi;
}

bool symunit_search_only(struct symunit_only *only, uint64_t lo, uint64_t hi)
{
	size_t from = 0, to = only->n;

	/* Who asks in ascending order finds it close behind what was found before. */
	if (only->at > 0 && only->addrs[only->at - 1] < lo) {
		size_t step = 1;

		from = to = only->at;
		for (; to < only->n && only->addrs[to] < lo; step *= 2) {
			from = to + 1;
			to = only->n - to > step ? to + step : only->n;
		}
	}
	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (only->addrs[mid] < lo)
			from = mid + 1;
		else
			to = mid;
	}
	only->at = from;
	if (from < only->n && only->addrs[from] < hi)
		return true;
	only->gap_lo = lo;
	only->gap_hi = from < only->n ? only->addrs[from] : UINT64_MAX;
	return false;
}

void symunit_builder_done(struct symunit_builder *b)
{
	array_free(&b->scopes);
	array_free(&b->ranges);
	array_free(&b->rows);
	array_free(&b->files);
	array_free(&b->names);
}

/* --- integers of variable length ----------------------------------------------------------------
 */

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

/* --- lists ------------------------------------------------------------------------------------ */

/*
 * An entry: the address less the one before; then the line's difference and, in the lowest bit,
 * whether the file changes, too; then, if so, the file's difference. The first entry of a block
 * counts from {block's address, 0, 0}.
 */
static uint8_t *put_entry(uint8_t *p, const struct symunit_entry *before,
			  const struct symunit_entry *e)
{
	bool other = e->file != before->file;

	p = put_uint(p, e->addr - before->addr);
	p = put_uint(p, zigzag((int64_t)e->line - before->line) << 1 | other);
	if (other)
		p = put_uint(p, zigzag((int32_t)(e->file - before->file)));
	return p;
}

/* A list being written. */
struct list_out {
	ARRAY(struct symunit_block) blocks;
	ARRAY(uint8_t) bytes;
	struct symunit_entry last, pending;
	bool has_pending;
	uint32_t n;
	struct symunit_only only;
	uint64_t base;
};

static void list_out_done(struct list_out *o)
{
	array_free(&o->blocks);
	array_free(&o->bytes);
}

/* Writes the pending entry, which is in force up to @end. */
static int list_flush(struct list_out *o, uint32_t end)
{
	const struct symunit_entry *e = &o->pending;
	uint8_t *p;

	if (!o->has_pending)
		return 0;
	o->has_pending = false;
	if ((o->n > 0 && e->file == o->last.file && e->line == o->last.line) ||
	    !symunit_is_asked(&o->only, o->base + e->addr, o->base + end))
		return 0;
	if (array_reserve(&o->bytes, ENTRY_MAX) < 0)
		return -ENOMEM;
	if (o->n % SYMUNIT_BLOCK == 0) {
		if (array_push(&o->blocks,
			       (struct symunit_block){ e->addr, (uint32_t)o->bytes.n }) < 0)
			return -ENOMEM;
		o->last = (struct symunit_entry){ .addr = e->addr };
	}
	p = put_entry(o->bytes.items + o->bytes.n, &o->last, e);
	o->bytes.n = (size_t)(p - o->bytes.items);
	o->last = *e;
	o->n++;
	return 0;
}

/* Appends an entry; a later one at the same address takes its place, one that changes nothing is
 * left out. */
static int list_add(struct list_out *o, struct symunit_entry e)
{
	int r = o->has_pending && o->pending.addr == e.addr ? 0 : list_flush(o, e.addr);

	o->pending = e;
	o->has_pending = true;
	return r;
}

/* --- segments --------------------------------------------------------------------------------- */

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
		r = list_add(s->out,
			     (struct symunit_entry){ end,
						     s->open.n ? s->open.items[s->open.n - 1].scope
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
		keys[i] =
			(struct radix_key){ (uint32_t)(b->ranges.items[i].lo - base), (uint32_t)i };
	if (r == 0)
		r = radix_sort(keys, b->ranges.n);
	for (size_t i = 0; r == 0 && i < b->ranges.n; i++) {
		const struct symunit_range *range = &b->ranges.items[keys[i].item];

		r = sweep_to(&s, keys[i].by);
		if (r == 0)
			r = list_add(out, (struct symunit_entry){ keys[i].by, range->scope, 0 });
		if (r == 0)
			r = array_push(&s.open, (struct open_range){ (uint32_t)(range->hi - base),
								     range->scope });
	}
	if (r == 0)
		r = sweep_to(&s, UINT64_MAX);
	if (r == 0)
		r = list_flush(out, UINT32_MAX);
	array_free(&s.open);
	return r;
}

/* --- rows ------------------------------------------------------------------------------------- */

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
			r = array_push(&keys, (struct radix_key){ (uint32_t)(row->addr - base),
								  (uint32_t)i });
		begins = row->file == SYMUNIT_END;
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

/* Adds what @row says from @addr on. */
static int add_row(struct list_out *out, uint32_t addr, const struct symunit_row *row)
{
	bool ends = row->file == SYMUNIT_END;

	return list_add(out, (struct symunit_entry){ addr, ends ? SYMUNIT_NONE : row->file,
						     ends ? 0 : row->line });
}

/* Of one that begins inside the one before it, which ends at *@at, only what comes behind: what was there
 * first stays. */
static int add_sequence(const struct symunit_builder *b, size_t first, uint64_t base,
			struct list_out *out, uint32_t *at)
{
	const struct symunit_row *inside = NULL; /* the last row that begins before *@at */
	int r = 0;

	for (size_t i = first; r == 0 && i < b->rows.n; i++) {
		const struct symunit_row *row = &b->rows.items[i];
		uint32_t addr = (uint32_t)(row->addr - base);

		if (addr >= *at) {
			if (inside && addr > *at)
				r = add_row(out, *at, inside);
			inside = NULL;
			/* The end of one is the beginning of the next. */
			if (r == 0)
				r = add_row(out, addr, row);
			*at = addr;
		} else {
			inside = row;
		}
		if (row->file == SYMUNIT_END)
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
		r = list_flush(out, UINT32_MAX);
	free(keys);
	return r;
}

/* --- tables ----------------------------------------------------------------------------------- */

/* Where no string of a file can be: a place that is further away is not there either. */
#define OFF_MAX ((1ull << 54) - 1)

static uint64_t pack_ref(strref_t s)
{
	uint64_t off = strref_off(s) < OFF_MAX ? strref_off(s) : OFF_MAX;

	return off << 3 | strref_place(s);
}

_Static_assert(STRREF_PLACES <= 8, "three bits");

typedef void (*record_fn)(const void *items, size_t i, uint64_t ret[PACKTAB_FIELDS]);

static void scope_record(const void *items, size_t i, uint64_t ret[PACKTAB_FIELDS])
{
	const struct symunit_scope *s = (const struct symunit_scope *)items + i;

	ret[0] = s->parent == SYMUNIT_NONE ? 0 : (uint32_t)i - s->parent;
	ret[1] = s->name + 1;
	ret[2] = s->call_file + 1;
	ret[3] = s->call_line;
}

static void name_record(const void *items, size_t i, uint64_t ret[PACKTAB_FIELDS])
{
	const struct symunit_name *n = (const struct symunit_name *)items + i;

	ret[0] = pack_ref(n->name);
	ret[1] = n->decl_line;
	ret[2] = ret[3] = 0;
}

static void file_record(const void *items, size_t i, uint64_t ret[PACKTAB_FIELDS])
{
	const struct symunit_file *f = (const struct symunit_file *)items + i;

	ret[0] = pack_ref(f->base);
	ret[1] = pack_ref(f->dir);
	ret[2] = pack_ref(f->name);
	ret[3] = 0;
}

static int shape(struct packtab *t, const void *items, size_t n, record_fn record)
{
	uint64_t all[PACKTAB_FIELDS] = { 0 }, v[PACKTAB_FIELDS];

	for (size_t i = 0; i < n; i++) {
		record(items, i, v);
		for (unsigned k = 0; k < PACKTAB_FIELDS; k++)
			all[k] |= v[k];
	}
	return packtab_shape(t, n, all);
}

static void put_table(void *image, const struct packtab *t, const void *items, record_fn record)
{
	struct packtab_writer w = { .to = (uint8_t *)image + t->at };
	uint64_t v[PACKTAB_FIELDS];

	for (size_t i = 0; i < t->n; i++) {
		record(items, i, v);
		for (unsigned k = 0; k < PACKTAB_FIELDS; k++)
			packtab_put(&w, v[k], t->bits[k]);
	}
	packtab_end(&w);
}

/* --- the image -------------------------------------------------------------------------------- */

/* The lowest address and the end of the highest, and whether all lie within 4 GiB. */
static int find_base(const struct symunit_builder *b, uint64_t *ret, uint64_t *ret_end)
{
	bool left = b->left_lo < b->left_hi;
	uint64_t lo = left ? b->left_lo : UINT64_MAX, hi = left ? b->left_hi : 0;

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

static void place_list(struct symunit_list *l, const struct list_out *o, uint64_t *size)
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

static void copy_list(void *to, const struct symunit_list *l, const struct list_out *o)
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

	if (shape(&u.scopes, b->scopes.items, b->scopes.n, scope_record) < 0 ||
	    shape(&u.names, b->names.items, b->names.n, name_record) < 0 ||
	    shape(&u.files, b->files.items, b->files.n, file_record) < 0)
		return -EFBIG;
	u.scopes.at = place(&size, packtab_bytes(&u.scopes));
	u.names.at = place(&size, packtab_bytes(&u.names));
	u.files.at = place(&size, packtab_bytes(&u.files));
	place_list(&u.segs, segs, &size);
	place_list(&u.rows, rows, &size);
	if (size > UINT32_MAX)
		return -EFBIG;
	u.size = (uint32_t)size;
	image = calloc(1, size);
	if (!image)
		return -ENOMEM;
	*image = u;
	put_table(image, &u.scopes, b->scopes.items, scope_record);
	put_table(image, &u.names, b->names.items, name_record);
	put_table(image, &u.files, b->files.items, file_record);
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

	segs = rows = (struct list_out){ .only = b->only, .base = u.base };
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

/* Copies what is behind the tables, which moves. */
static void move_list(void *image, const struct symunit *from, const struct symunit_list *l,
		      struct symunit_list *ret, uint64_t *size)
{
	uint64_t blocks =
		(l->n + SYMUNIT_BLOCK - 1ull) / SYMUNIT_BLOCK * sizeof(struct symunit_block);

	*ret = *l;
	ret->index = place(size, blocks);
	ret->bytes = place(size, l->n_bytes);
	if (!image)
		return;
	copy(image, ret->index, (const char *)from + l->index, blocks);
	copy(image, ret->bytes, (const char *)from + l->bytes, l->n_bytes);
}

int symunit_rename(const struct symunit *u, const struct symunit_name *names,
		   const struct symunit_file *files, struct symunit **ret, size_t *ret_bytes)
{
	struct symunit head = *u;
	struct symunit *image;
	uint64_t size = sizeof(head), lists;

	if (shape(&head.names, names, u->names.n, name_record) < 0 ||
	    shape(&head.files, files, u->files.n, file_record) < 0)
		return -EFBIG;
	head.scopes.at = place(&size, packtab_bytes(&u->scopes));
	head.names.at = place(&size, packtab_bytes(&head.names));
	head.files.at = place(&size, packtab_bytes(&head.files));
	lists = size;
	move_list(NULL, u, &u->segs, &head.segs, &size);
	move_list(NULL, u, &u->rows, &head.rows, &size);
	if (size > UINT32_MAX)
		return -EFBIG;
	image = calloc(1, size);
	if (!image)
		return -ENOMEM;
	head.size = (uint32_t)size;
	*image = head;
	copy(image, head.scopes.at, (const char *)u + u->scopes.at, packtab_bytes(&u->scopes));
	put_table(image, &head.names, names, name_record);
	put_table(image, &head.files, files, file_record);
	move_list(image, u, &u->segs, &head.segs, &lists);
	move_list(image, u, &u->rows, &head.rows, &lists);
	*ret = image;
	*ret_bytes = size;
	return 0;
}
