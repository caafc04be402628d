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

enum { NEAR = 64 }; /* ranges that are compared with one */

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

/* --- the directory ---------------------------------------------------------------------------- */

/* What is being saved. */
struct saving {
	struct dwobject *o;
	struct symstore_writer *writer;
	/* Numbers of the directory's ranges, by their units; those of unit i begin at first[i]. */
	uint32_t *by_unit, *first;
	uint64_t *coverage; /* of each range: symunit_coverage() */
};

static int take(void *ctx, uint32_t unit, const struct symunit *image)
{
	struct saving *s = ctx;

	for (uint32_t i = s->first[unit]; i < s->first[unit + 1]; i++) {
		const struct dwdir_range *r = &s->o->dir.ranges.items[s->by_unit[i]];

		s->coverage[s->by_unit[i]] = symunit_coverage(image, r->lo, r->hi);
	}
	/* What goes wrong with the store is no concern of who asks. */
	(void)symstore_writer_add(s->writer, unit, image);
	return 0;
}

static int sort_by_unit(struct saving *s)
{
	const struct dwdir *d = &s->o->dir;
	size_t n = d->ranges.n, n_units = s->o->n_units;

	s->by_unit = calloc(n + 1, sizeof(*s->by_unit));
	s->coverage = calloc(n + 1, sizeof(*s->coverage));
	s->first = calloc(n_units + 2, sizeof(*s->first));
	if (!s->by_unit || !s->coverage || !s->first)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		s->first[d->ranges.items[i].unit + 2]++;
	for (size_t i = 2; i < n_units + 2; i++)
		s->first[i] += s->first[i - 1];
	for (size_t i = 0; i < n; i++)
		s->by_unit[s->first[d->ranges.items[i].unit + 1]++] = (uint32_t)i;
	return 0;
}

/* Whether a range that is asked before range @i says all that this one does. */
static bool adds_nothing(const struct saving *s, size_t i)
{
	const struct dwdir_range *r = s->o->dir.ranges.items;
	size_t n = s->o->dir.ranges.n;

	for (size_t k = i + 1; k < n && k <= i + NEAR && r[k].lo == r[i].lo; k++)
		if (r[k].hi == r[i].hi && s->coverage[k] == s->coverage[i])
			return true;
	return false;
}

/*
 * The directory without what adds nothing: 0 or -ENOMEM. A function that many units have is in the
 * program once, and all of them claim it. Where it has lines but is none, as a thunk, each might
 * know more of it than the one before, so all their images would be read.
 */
static int keep_used(const struct saving *s, struct dwdir *ret)
{
	const struct dwdir *d = &s->o->dir;

	for (size_t i = 0; i < d->ranges.n; i++) {
		const struct dwdir_range *r = &d->ranges.items[i];

		if (s->coverage[i] != 0 && !adds_nothing(s, i) &&
		    dwdir_add(ret, r->lo, r->hi, r->unit) < 0)
			return -ENOMEM;
	}
	dwdir_sort(ret);
	return 0;
}

/* --- saving ----------------------------------------------------------------------------------- */

/* Makes all images and gives them to the writer: 1 when all is there, 0, -ENOMEM. */
static int write_units(struct saving *s, struct dwdir *ret)
{
	struct dwobject *o = s->o;
	int r = sort_by_unit(s);

	if (r == 0)
		r = dwfind_make_all(o, take, s);
	if (r == 0)
		r = keep_used(s, ret);
	/* Not without the units that could not be read because it was too much. */
	return r < 0 ? r
		     : atomic_load(&o->work) <= o->max_work && o->no_split == 0 && !o->unsettled;
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
	struct saving s = { .o = o };
	struct dwdir used = { 0 };
	int r = symstore_writer_new(&opts, &s.writer);

	if (r < 0)
		return r;
	r = write_units(&s, &used);
	if (r == 1)
		(void)symstore_writer_symbols(s.writer, elf);
	symstore_writer_end(s.writer, r == 1 ? &used : NULL, &o->more);
	dwdir_done(&used);
	free(s.by_unit);
	free(s.first);
	free(s.coverage);
	return r < 0 ? r : 0;
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
	/* The names of all units are asked for as the units come: of a compressed section out of
	 * order. */
	if (r == 0 && o->file.s.s[DW_STR].z &&
	    dwsection_hold(&o->file.s, DW_STR, SIZE_MAX) == -ENOMEM)
		r = -ENOMEM;
	if (r == 0 && has_split_units(o))
		r = save(o, elf);
	dwsections_rest(&o->file.s);
	if (o->split)
		dwsplit_rest(o->split);
	/* Once: where it cannot be written now it cannot be later. */
	free(o->store_dir);
	o->store_dir = NULL;
	return r == -ENOMEM ? r : 0;
}
