/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When an object's index goes to disk, and what goes there. It is always one of all units: what was
 * read for answers is taken, the rest is read.
 */
#include "dwobject.h"

#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "dwobject_state.h"
#include "elfsym.h"

static const char *string_of(void *ctx, strref_t s, size_t n, char *buf)
{
	return dwobject_string(ctx, s, n, buf);
}

/* What the strings of an object can take; names that are ends of one long string take more. */
static uint64_t string_bytes(const struct dwobject *o)
{
	static const enum dwsection_id ids[] = { DW_STR, DW_LINE_STR, DW_INFO, DW_LINE };
	uint64_t n = o->split ? DWSPLIT_STRINGS_MAX : 0;

	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		n += o->file.s.s[ids[i]].size + (o->has_alt ? o->alt.s.s[ids[i]].size : 0);
	return (1 << 20) + 2 * n;
}

/*
 * An index is stored only when every split unit was found and read: the name of the index says
 * nothing of their files, so one that was made without them would hide them for good. One that was
 * made of all of them stays right: a skeleton says the id of its split unit, which is a checksum of
 * its content. Most often all are there or none is, and then one tells it.
 */
static bool has_split_units(struct dwobject *o)
{
	_cleanup_(dwsplit_unit_done) struct dwsplit_unit u = { 0 };
	size_t i = 0;

	if (!o->split || o->no_split > 0)
		return !o->split;
	while (i < o->n_units && !dwunit_is_skeleton(&o->file.units[i]))
		i++;
	return i < o->n_units && dwsplit_find(o->split, &o->file, &o->file.units[i], &u) == 0;
}

bool dwobject_wants_saving(const struct dwobject *o)
{
	return o->store_dir && !o->store && o->read_bytes > 0 && dwfind_is_much(o, o->read_bytes);
}

static int save(struct dwobject *o, const struct elf_object *elf)
{
	struct symstore_writer_opts opts = { .dir = o->store_dir,
					     .key = o->store_key,
					     .n_units = o->n_units,
					     .max_bytes = o->store_max_bytes,
					     .max_strings = string_bytes(o) + elf->syms.n_strings,
					     .string = string_of,
					     .ctx = o };
	struct symstore_writer *w;
	bool is_whole;
	int r = symstore_writer_new(&opts, &w);

	if (r < 0)
		return r;
	r = dwfind_make_all(o, w);
	if (r == 0)
		(void)symstore_writer_symbols(w, elf);
	/* Not without the units that could not be read because it was too much. */
	is_whole =
		r == 0 && atomic_load(&o->work) <= o->max_work && o->no_split == 0 && !o->unsettled;
	symstore_writer_end(w, is_whole ? &o->dir : NULL, &o->more);
	return r;
}

int dwobject_save(struct dwobject *o, const struct elf_object *elf)
{
	int r = 0;

	if (!o->store_dir)
		return 0;
	/* It serves one thread. */
	free(o->near);
	o->near = NULL;
	if (o->units != DWOBJECT_ALL)
		r = dwobject_load_all(o);
	/* The names of all units are asked for as the units come: of a compressed section out of order. */
	if (r == 0 && o->file.s.s[DW_STR].z &&
	    dwsection_hold(&o->file.s, DW_STR, SIZE_MAX) == -ENOMEM)
		r = -ENOMEM;
	if (r == 0 && has_split_units(o))
		r = save(o, elf);
	/* Once: where it cannot be written now it cannot be later. */
	free(o->store_dir);
	o->store_dir = NULL;
	return r == -ENOMEM ? r : 0;
}
