/* SPDX-License-Identifier: Apache-2.0 */
#include "dwobject.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "dwobject_state.h"
#include "dwrange.h"

enum {
	LOOSE_MAX = 1 << 20, /* units that are read to learn where their code is */
	/* Bytes that a call may read for each byte of the sections that units refer to, and what is
	 * free. To read all units takes one or two, or ten where each refers to entries of many
	 * others. */
	WORK_FACTOR = DWOBJECT_WORK_FACTOR,
	WORK_FREE = 64 << 20,
	RANGES_FREE = 64 << 10,	  /* entries of lists of units */
	LOOK_AGAIN_MAX = 16,	  /* missing split units that are looked for again, at a time */
	RANGES_MAX = 8 << 20,	  /* 256 MB of directory */
	AT_ONCE = 4096,		  /* addresses */
	AT_ONCE_AGAIN = 25 << 10, /* where each time costs something */
	STRINGS_HELD = 256 << 10,
	AGAIN_MAX = 4 << 20, /* bytes of an index that may be read for each of those */
};

/* --- opening ---------------------------------------------------------------------------------- */

/* Forgets the units and all that is known of them. */
static void drop_units(struct dwobject *o)
{
	for (size_t i = 0; o->images && i < o->n_units; i++)
		free(o->images[i].image);
	free(o->images);
	o->images = NULL;
	o->n_units = 0;
	o->loose.n = 0;
	o->dir.ranges.n = o->more.ranges.n = 0;
	o->has_more = o->refers_far = false;
	o->image_bytes = 0;
	o->broken = o->limited = o->no_split = 0;
}

void dwobject_free(struct dwobject *o)
{
	if (!o)
		return;
	drop_units(o);
	symstore_free(o->store);
	free(o->store_dir);
	free(o->store_key);
	free(o->near);
	free(o->code);
	array_free(&o->loose);
	dwdir_done(&o->dir);
	dwdir_done(&o->more);
	dwsplit_free(o->split);
	dwfile_close(&o->file);
	if (o->has_alt)
		dwfile_close(&o->alt);
	free(o);
}

DEFINE_CLEANUP(struct dwobject *, dwobject_free)

/* An empty list is of a unit whose code was thrown away. */
bool dwobject_is_loose(const struct dwunit *u, const struct dwspans *spans, int error)
{
	return spans->spans.n == 0 && u->stmt_list != DWUNIT_ABSENT &&
	       (u->children || dwunit_is_skeleton(u)) && (error == -EBADMSG || !u->pc_forms[2]);
}

/* Enters unit @i into the directory, or into those that do not say where their code is. */
static int add_unit(struct dwobject *o, uint32_t i, struct dwspans *spans)
{
	const struct dwunit *u = &o->file.units[i];
	int r;

	o->refers_far |= u->partial;
	if (u->partial)
		return 0;
	spans->spans.n = 0;
	r = dwrange_read(&o->file, u, u->pc_forms, u->pc, spans);
	if (r == -ENOMEM)
		return r;
	if (r == -EFBIG)
		atomic_fetch_add(&o->limited, 1);
	if (dwobject_is_loose(u, spans, r) && o->loose.n < LOOSE_MAX)
		return array_push(&o->loose, i);
	array_each(&spans->spans, s)
		if (dwdir_add(&o->dir, s->lo, s->hi, i) < 0)
			return -ENOMEM;
	return 0;
}

static int make_images(struct dwobject *o, size_t n)
{
	o->n_units = n;
	o->images = calloc(n + 1, sizeof(*o->images));
	return o->images ? 0 : -ENOMEM;
}

int dwobject_take_units(struct dwobject *o)
{
	const struct dwsection *s = o->file.s.s;
	struct dwspans spans = { 0 };
	int r = 0;

	/* All that there are, twice: an entry takes two bytes, or 16. Units may share a list. */
	spans.left = RANGES_FREE + s[DW_RNGLISTS].size + s[DW_RANGES].size / 8;
	if (spans.left > RANGES_MAX)
		spans.left = RANGES_MAX;
	for (size_t i = 0; r == 0 && i < o->file.n_units; i++)
		r = add_unit(o, (uint32_t)i, &spans);
	dwspans_done(&spans);
	if (r < 0)
		return r;
	dwdir_sort(&o->dir);
	return make_images(o, o->file.n_units);
}

struct split_id {
	uint64_t id;
	uint32_t unit;
};

static int by_id(const void *pa, const void *pb)
{
	const struct split_id *a = pa, *b = pb;

	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return (a->unit > b->unit) - (a->unit < b->unit);
}

/* Marks the skeletons that have the id of another one. No compiler makes these, and the same large
 * unit would be read for each. */
static int mark_same_ids(struct dwobject *o, size_t *ret_n)
{
	ARRAY(struct split_id) ids = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < o->file.n_units; i++) {
		const struct dwunit *u = &o->file.units[i];

		if (dwunit_is_skeleton(u))
			r = array_push(&ids, (struct split_id){ u->dwo_id, (uint32_t)i });
	}
	if (ids.n > 0)
		qsort(ids.items, ids.n, sizeof(*ids.items), by_id);
	for (size_t i = 1; i < ids.n; i++)
		if (ids.items[i].id == ids.items[i - 1].id)
			o->images[ids.items[i].unit].same_id = true;
	*ret_n = ids.n;
	array_free(&ids);
	return r;
}

/* What split units need, once there is one. */
static int open_split(struct dwobject *o, const struct dwobject_opts *opts)
{
	struct dwsplit_opts split = opts->split;
	size_t n;
	int r = mark_same_ids(o, &n);

	if (r < 0 || n == 0)
		return r;
	split.max_inflated = opts->max_inflated;
	split.threads = o->threads;
	return dwsplit_new(&split, &o->split);
}

static size_t held_bytes(const struct dwobject_opts *opts)
{
	return opts->max_held ? opts->max_held : DWSECTIONS_HELD;
}

/* A missing or broken alternate file costs names, not the rest. Takes @fd in any case. */
static int open_alt(struct dwobject *o, int fd, const struct dwobject_opts *opts)
{
	int r = dwsections_open_held(fd, false, opts->max_inflated, held_bytes(opts), &o->alt.s);

	if (r < 0) {
		close(fd);
		return r == -ENOMEM ? r : 0;
	}
	o->has_alt = true;
	o->alt.alt = true;
	r = dwfile_read_units(&o->alt);
	return r == -ENOMEM ? r : 0;
}

static int object_new(const struct dwobject_opts *opts, struct dwobject **ret)
{
	_cleanup_(dwobject_freep) struct dwobject *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->file.s.fd = -1;
	o->max_images = opts->max_images;
	o->threads = opts->threads ? opts->threads : 1;
	o->n_code = opts->n_code;
	o->code = malloc((opts->n_code + 1) * sizeof(*o->code));
	if (!o->code)
		return -ENOMEM;
	if (opts->n_code > 0)
		memcpy(o->code, opts->code, opts->n_code * sizeof(*o->code));
	*ret = take_ptr(o);
	return 0;
}

int dwobject_open_stored(const struct dwobject_opts *opts, struct dwobject **ret)
{
	_cleanup_(dwobject_freep) struct dwobject *o = NULL;
	int r = object_new(opts, &o);

	if (r == 0)
		r = symstore_open(opts->store_dir, opts->store_key, &o->dir, &o->store);
	if (r == 0)
		r = make_images(o, symstore_units(o->store));
	if (r < 0)
		return r;
	o->max_work = WORK_FREE + WORK_FACTOR * symstore_image_bytes(o->store);
	o->units = DWOBJECT_ALL;
	*ret = take_ptr(o);
	return r;
}

int dwobject_load_all(struct dwobject *o)
{
	int r;

	drop_units(o);
	r = dwfile_read_units(&o->file);
	if (r == 0)
		r = dwobject_take_units(o);
	if (r < 0)
		return r;
	if (o->file.limited)
		atomic_fetch_add(&o->limited, 1);
	o->units = DWOBJECT_ALL;
	return 0;
}

/* Of sections that are compressed and large; one that is broken is as good as it was. */
static int hold(struct dwsections *d, enum dwsection_id id)
{
	return d->s[id].z && dwsection_hold(d, id, SIZE_MAX) == -ENOMEM ? -ENOMEM : 0;
}

/* Of what is small, paths most of all, that is one read in place of hundreds. */
static int hold_strings(struct dwsections *d)
{
	static const enum dwsection_id ids[] = { DW_STR, DW_LINE_STR };
	int r = 0;

	for (size_t i = 0; r != -ENOMEM && i < ARRAY_LEN(ids); i++)
		r = dwsection_hold(d, ids[i], STRINGS_HELD);
	return r == -ENOMEM ? r : 0;
}

int dwobject_expect_many(struct dwobject *o)
{
	int r = 0;

	/* Strings that were read last; without them it takes longer, nothing else. */
	if (!o->near)
		o->near = calloc(1, sizeof(*o->near));
	/* dwz made partial units, and the alternate file, of what units have in common; Go and optimizing
	 * all units at once make references from everywhere to everywhere. */
	r = hold_strings(&o->file.s);
	if (r == 0 && o->refers_far)
		r = hold(&o->file.s, DW_INFO);
	if (r == 0 && o->has_alt)
		r = hold(&o->alt.s, DW_INFO);
	if (r == 0 && o->has_alt)
		r = hold(&o->alt.s, DW_STR);
	return r;
}

/*
 * Reads the units, or leaves it to the first question when .debug_aranges may make it unnecessary, or
 * other things are done on the way (dwahead.h): but not where the first one is broken, or some may be split
 * ones, which need .debug_addr.
 */
static int read_units(struct dwobject *o)
{
	const struct dwsection *s = o->file.s.s;
	int r;

	if ((s[DW_ARANGES].size > 0 || s[DW_INFO].z) && s[DW_ADDR].size == 0) {
		r = dwfile_read_some(&o->file, &(uint64_t){ 0 }, 1);
		if (r < 0 || o->file.n_units > 0)
			return r;
	}
	return dwobject_load_all(o);
}

static int set_store(struct dwobject *o, const struct dwobject_opts *opts)
{
	if (!opts->store_dir || !opts->store_key)
		return 0;
	o->store_dir = strdup(opts->store_dir);
	o->store_key = strdup(opts->store_key);
	o->store_max_bytes = opts->store_max_bytes;
	return o->store_dir && o->store_key ? 0 : -ENOMEM;
}

static uint64_t work_limit(const struct dwobject *o)
{
	static const enum dwsection_id ids[] = { DW_INFO, DW_ABBREV, DW_LINE, DW_RANGES,
						 DW_RNGLISTS };
	uint64_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		n += o->file.s.s[ids[i]].size + (o->has_alt ? o->alt.s.s[ids[i]].size : 0);
	n += o->split ? dwsplit_dwp_bytes(o->split) : 0;
	return WORK_FREE + WORK_FACTOR * n;
}

/* Opens what is there with a descriptor of its own: sections may let go of it when they are opened.
 */
static int open_file(struct dwobject *o, int fd, const struct dwobject_opts *opts)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0), r;

	if (own < 0)
		return -errno;
	r = dwsections_open_held(own, false, opts->max_inflated, held_bytes(opts), &o->file.s);
	if (r < 0) {
		close(own);
		return r;
	}
	o->inflated = o->file.s.inflated;
	return o->file.s.s[DW_INFO].size == 0 ? -ENOENT : read_units(o);
}

int dwobject_open(int fd, const struct dwobject_opts *opts, struct dwobject **ret)
{
	_cleanup_(dwobject_freep) struct dwobject *o = NULL;
	int r = object_new(opts, &o);

	if (r == 0)
		r = set_store(o, opts);
	if (r == 0)
		r = open_file(o, fd, opts);
	if (r == 0 && opts->alt_fd >= 0) {
		int own = fcntl(opts->alt_fd, F_DUPFD_CLOEXEC, 0);

		r = own < 0 ? -errno : open_alt(o, own, opts);
	}
	if (r == 0)
		r = open_split(o, opts);
	if (r < 0)
		return r;
	o->max_work = work_limit(o);
	close(fd);
	if (opts->alt_fd >= 0)
		close(opts->alt_fd);
	*ret = take_ptr(o);
	return 0;
}

/* --- looking again ---------------------------------------------------------------------------- */

bool dwobject_look_again(struct dwobject *o)
{
	_cleanup_(dwsplit_unit_done) struct dwsplit_unit u = { 0 };
	unsigned tries = 0;
	bool found = false;

	if (o->no_split == 0)
		return false;
	(void)dwsplit_look_again(o->split);
	for (size_t i = 0; i < o->n_units && tries < LOOK_AGAIN_MAX && !found; i++) {
		if (!o->images[i].no_split || o->images[i].same_id)
			continue;
		tries++;
		found = dwsplit_find(o->split, &o->file, &o->file.units[i], &u) == 0;
	}
	return found;
}

/* --- strings ---------------------------------------------------------------------------------- */

static const char *cut_name(const struct namepool_name *name, size_t n, char *buf)
{
	if (n == 0)
		return "";
	snprintf(buf, n, "%s", name->text);
	return buf;
}

const char *dwobject_string_near(const struct dwobject *o, strref_t s, size_t n, char *buf,
				 struct dwsection_near *near)
{
	const struct dwsections *alt = &o->alt.s;

	switch (strref_place(s)) {
	case STRREF_ALT_STR:
		return o->has_alt ? dwsection_str_near(alt, DW_STR, strref_off(s), n, buf, near)
				  : "";
	case STRREF_ALT_INFO:
		return o->has_alt ? dwsection_str_near(alt, DW_INFO, strref_off(s), n, buf, near)
				  : "";
	case STRREF_OWN:
		if (o->store)
			return cut_name(symstore_name(o->store, s, NAMEPOOL_BOTH), n, buf);
		return o->split ? dwsplit_string(o->split, s, n, buf) : "";
	default:
		return dwfile_string_near(&o->file, s, n, buf, near);
	}
}

const char *dwobject_string(const struct dwobject *o, strref_t s, size_t n, char *buf)
{
	return dwobject_string_near(o, s, n, buf, o->near);
}

/* Whether there are sections of which pieces are inflated when they are asked for. */
static bool has_pieces(const struct dwobject *o)
{
	for (int id = 0; id < DW_SECTIONS; id++)
		if (o->file.s.s[id].z || (o->has_alt && o->alt.s.s[id].z))
			return true;
	return false;
}

bool dwobject_reads_apart(const struct dwobject *o)
{
	return !has_pieces(o);
}

bool dwobject_answers_apart(const struct dwobject *o)
{
	return o->threads > 1 && !o->store && !o->split && !has_pieces(o);
}

/* Lets the image of a unit go. */
static void drop_image(struct dwobject *o, struct unit_image *kept)
{
	free(take_ptr(kept->image));
	atomic_fetch_sub(&o->image_bytes, kept->bytes);
	kept->bytes = 0;
}

void dwobject_drop_behind(struct dwobject *o, uint64_t addr)
{
	for (size_t i = 0; o->only && i < o->n_units; i++) {
		struct unit_image *kept = &o->images[i];

		/* One time: who says that he has more than he has would be read again and again. */
		if (!kept->image || kept->hi > addr || kept->dropped)
			continue;
		drop_image(o, kept);
		kept->dropped = true;
	}
}

void dwobject_expect_only(struct dwobject *o, const uint64_t *addrs, size_t n)
{
	if (o->store || o->store_dir)
		return;
	if (o->only)
		for (size_t i = 0; i < o->n_units; i++)
			if (o->images[i].image)
				drop_image(o, &o->images[i]);
	o->only = n ? addrs : NULL;
	o->n_only = n;
}

size_t dwobject_at_once(const struct dwobject *o, size_t n)
{
	/* Units with code in many places come again, and are inflated or read from the index again. */
	bool again = has_pieces(o) || (o->store && symstore_image_bytes(o->store) > AGAIN_MAX);
	size_t max = again ? AT_ONCE_AGAIN : AT_ONCE;

	return n < max ? n : max;
}

unsigned dwobject_threads(const struct dwobject *o)
{
	return o->threads;
}

/* --- the index on disk ------------------------------------------------------------------------ */

bool dwobject_is_stored(const struct dwobject *o)
{
	return o->store;
}

const struct namepool_name *dwobject_name(struct dwobject *o, strref_t s, enum namepool_want want)
{
	return symstore_name(o->store, s, want);
}

int dwobject_new_reader(struct dwobject *o, struct symstore_reader **ret)
{
	return symstore_reader_new(o->store, ret);
}

bool dwobject_has_symbols(const struct dwobject *o, struct elf_object *ret)
{
	return o->store && symstore_has_symbols(o->store, ret);
}

strref_t dwobject_symbol(struct dwobject *o, uint64_t addr, uint64_t *ret_end)
{
	return symstore_symbol(o->store, addr, ret_end);
}

bool dwobject_is_broken(const struct dwobject *o)
{
	return o->store && symstore_is_broken(o->store);
}

bool dwobject_remove_index(const struct dwobject *o)
{
	return symstore_remove(o->store);
}

size_t dwobject_bytes(const struct dwobject *o)
{
	return sizeof(*o) + o->image_bytes + dwsections_bytes(&o->file.s) +
	       (o->has_alt ? dwsections_bytes(&o->alt.s) : 0) +
	       (o->store ? symstore_bytes(o->store) : 0) + (o->near ? sizeof(*o->near) : 0) +
	       (o->split ? dwsplit_bytes(o->split) : 0) +
	       (o->file.n_units + o->alt.n_units) * sizeof(*o->file.units) +
	       o->n_units * sizeof(*o->images) +
	       (o->dir.ranges.cap + o->more.ranges.cap) * sizeof(*o->dir.ranges.items);
}

uint64_t dwobject_broken(const struct dwobject *o)
{
	return o->broken;
}

uint64_t dwobject_limited(const struct dwobject *o)
{
	return o->limited;
}

uint64_t dwobject_no_split(const struct dwobject *o)
{
	return o->no_split;
}
