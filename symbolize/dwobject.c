/* SPDX-License-Identifier: Apache-2.0 */
#include "dwobject.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "dwobject_state.h"
#include "dwrange.h"

enum {
	HELD_MAX = 64 << 20, /* of a section that is read whole; of a larger one, windows */
	LOOSE_MAX = 4096,    /* units that are tried for addresses that no unit claims */
	LOOK_AGAIN_MAX = 16, /* missing split units that are looked for again, at a time */
};

/* --- opening -------------------------------------------------------------------------------------- */

void dwobject_free(struct dwobject *o)
{
	if (!o)
		return;
	for (size_t i = 0; o->images && i < o->n_units; i++)
		free(o->images[i].image);
	symstore_free(o->store);
	free(o->store_dir);
	free(o->store_key);
	free(o->images);
	free(o->code);
	array_free(&o->loose);
	dwdir_done(&o->dir);
	dwsplit_free(o->split);
	dwfile_close(&o->file);
	if (o->has_alt)
		dwfile_close(&o->alt);
	free(o);
}

DEFINE_CLEANUP(struct dwobject *, dwobject_free)

/* The tables that are read at every turn; the large sections are read by unit or by string. */
static int hold_tables(struct dwfile *f)
{
	static const enum dwsection_id tables[] = { DW_ABBREV, DW_RANGES,      DW_RNGLISTS,
						    DW_ADDR,   DW_STR_OFFSETS, DW_LINE_STR };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(tables); i++)
		r = dwsection_hold(&f->s, tables[i], HELD_MAX);
	return r;
}

/* Enters unit @i into the directory, or into those that do not say where their code is. */
static int add_unit(struct dwobject *o, uint32_t i, struct dwspans *spans)
{
	const struct dwunit *u = &o->file.units[i];
	int r;

	if (u->partial)
		return 0;
	spans->spans.n = 0;
	r = dwrange_read(&o->file, u, u->pc_forms, u->pc, spans);
	if (r == -ENOMEM)
		return r;
	if (spans->spans.n == 0 && u->stmt_list != DWUNIT_ABSENT &&
	    (u->children || dwunit_is_skeleton(u)) && !u->pc_forms[2] && o->loose.n < LOOSE_MAX)
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

static int read_units(struct dwobject *o)
{
	struct dwspans spans = { 0 };
	int r = hold_tables(&o->file);

	if (r == 0)
		r = dwfile_read_units(&o->file);
	for (size_t i = 0; r == 0 && i < o->file.n_units; i++)
		r = add_unit(o, (uint32_t)i, &spans);
	array_free(&spans.spans);
	if (r < 0)
		return r;
	dwdir_sort(&o->dir);
	return make_images(o, o->file.n_units);
}

/* What split units need, once there is one; each thread that reads one may inflate its file. */
static int open_split(struct dwobject *o, const struct dwobject_opts *opts)
{
	struct dwsplit_opts split = opts->split;

	split.max_inflated = opts->max_inflated / (opts->threads ? opts->threads : 1);
	for (size_t i = 0; i < o->file.n_units; i++)
		if (dwunit_is_skeleton(&o->file.units[i]))
			return dwsplit_new(&split, &o->split);
	return 0;
}

/* A missing or broken alternate file costs names, not the rest. */
static int open_alt(struct dwobject *o, const struct dwobject_opts *opts)
{
	int r = dwsections_open(opts->alt_fd, false, opts->max_inflated, &o->alt.s);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	o->has_alt = true;
	o->alt.alt = true;
	r = hold_tables(&o->alt);
	if (r == 0)
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
	o->threads = opts->threads;
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
	if (r == 0)
		*ret = take_ptr(o);
	return r;
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

/* Only what takes the descriptors comes after what can fail. */
int dwobject_open(int fd, const struct dwobject_opts *opts, struct dwobject **ret)
{
	_cleanup_(dwobject_freep) struct dwobject *o = NULL;
	int r = object_new(opts, &o);

	if (r == 0)
		r = set_store(o, opts);
	if (r < 0)
		return r;
	r = dwsections_open(fd, false, opts->max_inflated, &o->file.s);
	if (r < 0)
		return r;
	o->inflated = o->file.s.mem_bytes;
	if (o->file.s.s[DW_INFO].size == 0)
		r = -ENOENT;
	if (r == 0)
		r = read_units(o);
	if (r == 0)
		r = open_split(o, opts);
	if (r < 0) {
		o->file.s.fd = -1; /* still the caller's */
		return r;
	}
	if (opts->alt_fd >= 0 && (r = open_alt(o, opts)) < 0) {
		o->file.s.fd = o->alt.s.fd = -1;
		return r;
	}
	*ret = take_ptr(o);
	return 0;
}

/* --- looking again -------------------------------------------------------------------------------- */

bool dwobject_look_again(struct dwobject *o)
{
	_cleanup_(dwsplit_unit_done) struct dwsplit_unit u = { 0 };
	unsigned tries = 0;
	bool found = false;

	if (o->no_split == 0)
		return false;
	(void)dwsplit_look_again(o->split);
	for (size_t i = 0; i < o->n_units && tries < LOOK_AGAIN_MAX && !found; i++) {
		if (!o->images[i].no_split)
			continue;
		tries++;
		found = dwsplit_find(o->split, &o->file, &o->file.units[i], &u) == 0;
	}
	return found;
}

/* --- strings -------------------------------------------------------------------------------------- */

const char *dwobject_string(const struct dwobject *o, strref_t s, size_t n, char *buf)
{
	switch (strref_place(s)) {
	case STRREF_ALT_STR:
		return o->has_alt ? dwsection_str(&o->alt.s, DW_STR, strref_off(s), n, buf) : "";
	case STRREF_ALT_INFO:
		return o->has_alt ? dwsection_str(&o->alt.s, DW_INFO, strref_off(s), n, buf) : "";
	case STRREF_OWN:
		if (o->store)
			return symstore_string(o->store, s);
		return o->split ? dwsplit_string(o->split, s, n, buf) : "";
	default:
		return dwfile_string(&o->file, s, n, buf);
	}
}

size_t dwobject_bytes(const struct dwobject *o)
{
	return sizeof(*o) + o->image_bytes + o->file.s.mem_bytes + o->alt.s.mem_bytes +
	       (o->store ? symstore_bytes(o->store) : 0) +
	       (o->split ? dwsplit_bytes(o->split) : 0) +
	       (o->file.n_units + o->alt.n_units) * sizeof(*o->file.units) +
	       o->n_units * sizeof(*o->images) +
	       o->dir.ranges.cap * sizeof(*o->dir.ranges.items);
}

uint64_t dwobject_broken(const struct dwobject *o)
{
	return o->broken;
}

uint64_t dwobject_no_split(const struct dwobject *o)
{
	return o->no_split;
}
