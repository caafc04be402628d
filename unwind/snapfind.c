/* SPDX-License-Identifier: Apache-2.0 */
/* The entry of a function: by the search table, by Go's table, by all entries, or by the code itself. */
#include <string.h>

#include "snapobject_state.h"
#include "stackend.h"

/* --- finding an entry through the search table ---------------------------------------------- */
/* Reads the entry at @vaddr whole into @buf; *@ret begins at its id. */
static int read_entry(struct snap_objects *os, struct snap_object *o, uint64_t vaddr,
		      uint8_t **items, size_t *cap, struct bytes *ret)
{
	uint8_t head[12];
	uint64_t id, size;
	int64_t got = snap_object_read_vaddr(os, o, vaddr, head, sizeof(head));
	int r;

	if (got < 0)
		return (int)got;
	r = cfi_entry_size(bytes_of(head, (size_t)got), &id, &size);
	if (r < 0)
		return r;
	if (size > *cap) {
		r = array_grow((void **)items, cap, (size_t)size, 1);
		if (r < 0)
			return r;
	}
	got = snap_object_read_vaddr(os, o, vaddr, *items, (size_t)size);
	if (got < 0)
		return (int)got;
	if ((uint64_t)got < size)
		return -EBADMSG;
	*ret = bytes_of(*items, (size_t)size);
	ret->pos = (size_t)id;
	return 0;
}

static struct cfi_bases bases_at(const struct snap_object *o, uint64_t vaddr)
{
	return (struct cfi_bases){ .vaddr = vaddr, .data = o->hdr_vaddr };
}

/* The FDE at ELF address @at, with its CIE. */
static int read_fde(struct snap_objects *os, struct snap_object *o, uint64_t at,
		    struct cfi_entry *ret)
{
	const struct cfi_bases bases = bases_at(o, at);
	struct bytes fde, cie;
	uint64_t back = 0;
	size_t id;
	int r = read_entry(os, o, at, &os->fde.items, &os->fde.cap, &fde);

	if (r < 0)
		return r;
	id = fde.pos;
	if (bytes_copy(&fde, &back, id == 4 ? 4 : 8) < 0 || back == 0)
		return -EBADMSG;
	r = read_entry(os, o, at + id - back, &os->cie.items, &os->cie.cap, &cie);
	if (r < 0)
		return r;
	r = snap_read_cie(cie, bases_at(o, at + id - back), &ret->cie);
	return r < 0 ? r : cfi_entry_read(fde, &ret->cie, &bases, ret);
}

/* The last entry of the table that does not begin behind @vaddr, and where the next one does. */
static int search_table(struct snap_objects *os, struct snap_object *o, uint64_t vaddr,
			uint64_t *ret_fde, uint64_t *ret_next)
{
	uint64_t lo = 0, hi = o->n_table;
	int64_t rel = (int64_t)(vaddr - o->hdr_vaddr);
	int32_t item[2];
	int r;

	while (lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2;

		r = snap_object_read(os, o, o->table_off + mid * sizeof(item), item, sizeof(*item));
		if (r < 0)
			return r;
		if (item[0] <= rel)
			lo = mid + 1;
		else
			hi = mid;
	}
	*ret_next = UINT64_MAX;
	if (lo < o->n_table) {
		r = snap_object_read(os, o, o->table_off + lo * sizeof(item), item, sizeof(*item));
		if (r < 0)
			return r;
		*ret_next = o->hdr_vaddr + (uint64_t)(int64_t)item[0];
	}
	if (lo == 0)
		return -ENODATA;
	r = snap_object_read(os, o, o->table_off + (lo - 1) * sizeof(item), item, sizeof(item));
	if (r < 0)
		return r;
	*ret_fde = o->hdr_vaddr + (uint64_t)(int64_t)item[1];
	return 0;
}

/* --- finding an entry ------------------------------------------------------------------------ */
static struct cfi_file file_of(const struct snap_object *o)
{
	return (struct cfi_file){ o->from->bytes ? -1 : o->from->fd, o->from->bytes, o->size };
}

/* By the table of a Go program, if it is one. As snap_object_find(). */
static int find_go(struct snap_objects *os, struct snap_object *o, uint64_t vaddr,
		   struct cfi_entry *ret)
{
	const struct cfi_file file = file_of(o);
	size_t before;
	int r;

	if (!o->was_go_sought) {
		r = snap_go_open(&file, os->max_bytes / SCAN_SHARE, &o->go);
		if (r == -ENOMEM)
			return r;
		o->was_go_sought = true;
		if (o->go)
			snap_object_charge(os, o, snap_go_bytes(o->go));
	}
	if (!o->go)
		return -ENODATA;
	before = snap_go_bytes(o->go);
	r = snap_go_find(o->go, &file, vaddr, ret);
	snap_object_recharge(os, o, before, snap_go_bytes(o->go));
	snap_object_make_room(os, o, 0);
	return r;
}

/* From where to where the search table knows nothing around @vaddr. */
static void find_gap(struct snap_objects *os, struct snap_object *o, uint64_t vaddr, uint64_t *lo,
		     uint64_t *hi)
{
	struct cfi_entry before = { 0 };
	uint64_t fde, next;

	if (search_table(os, o, vaddr, &fde, &next) == 0 && read_fde(os, o, fde, &before) == 0 &&
	    before.start + before.len <= vaddr)
		*lo = before.start + before.len;
	*hi = next;
}

/* By the code itself. As snap_object_find(). */
static int find_code(struct snap_objects *os, struct snap_object *o, uint64_t vaddr,
		     struct cfi_entry *ret)
{
	const struct cfi_file file = file_of(o);
	uint64_t lo = 0, hi = UINT64_MAX;
	size_t before;
	int r;

	if (!o->was_code_sought) {
		r = snap_code_open(&file, os->max_bytes / SCAN_SHARE, &o->code);
		if (r == -ENOMEM)
			return r;
		o->was_code_sought = true;
		if (o->code)
			snap_object_charge(os, o, snap_code_bytes(o->code));
	}
	if (!o->code)
		return -ENODATA;
	if (o->n_table)
		find_gap(os, o, vaddr, &lo, &hi);
	before = snap_code_bytes(o->code);
	r = snap_code_find(o->code, &file, lo, hi, vaddr, ret);
	snap_object_recharge(os, o, before, snap_code_bytes(o->code));
	snap_object_make_room(os, o, 0);
	return r;
}

/* Reads what neither leads to, once. 0 or -ENOMEM. */
static int scan(struct snap_objects *os, struct snap_object *o)
{
	const struct cfi_file file = file_of(o);
	int r;

	if (o->was_scanned)
		return 0;
	r = snap_scan_read(&file, o->n_table ? CFI_WANT_DEBUG_FRAME : CFI_WANT_ALL,
			   os->max_bytes / SCAN_SHARE, &o->scan);
	if (r == -ENOMEM)
		return r;
	o->was_scanned = true; /* without success: nothing is found, now and later */
	snap_object_charge(os, o, snap_scan_bytes(&o->scan));
	snap_object_make_room(os, o, 0);
	return 0;
}

static bool holds(const struct cfi_entry *e, uint64_t vaddr)
{
	return vaddr >= e->start && vaddr - e->start < e->len;
}

int snap_object_find(struct snap_objects *os, struct snap_object *o, uint64_t vaddr,
		     struct cfi_entry *ret)
{
	struct cfi_entry e = { 0 };
	uint64_t fde, next;
	int r = -ENODATA;

	if (o->n_table) {
		r = search_table(os, o, vaddr, &fde, &next);
		if (r == 0)
			r = read_fde(os, o, fde, &e);
	}
	if (r == 0 && !holds(&e, vaddr))
		r = -ENODATA;
	if (r == -ENODATA)
		r = find_go(os, o, vaddr, &e);
	if (r == -ENODATA) {
		r = scan(os, o);
		if (r == 0)
			r = snap_scan_find(&o->scan, vaddr, &e);
	}
	if (r == -ENODATA || (r == 0 && !holds(&e, vaddr)))
		r = find_code(os, o, vaddr, &e);
	if (r < 0)
		return r;
	if (!holds(&e, vaddr))
		return -ENODATA;
	*ret = e;
	return 0;
}

bool snap_object_ends_stack(struct snap_objects *os, struct snap_object *o, uint64_t vaddr)
{
	uint8_t code[STACK_END_MAX];
	struct cfi_entry e;

	return snap_object_find(os, o, vaddr, &e) == 0 && e.start == vaddr && !e.cie.is_signal &&
	       stack_end_may_be(e.insns, e.len) &&
	       snap_object_read_vaddr(os, o, vaddr, code, (size_t)e.len) == (int64_t)e.len &&
	       stack_end_is(bytes_of(code, (size_t)e.len));
}
