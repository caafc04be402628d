/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which units are read for a question. The heads of all units say which has an address, but to read
 * them is most of what one address costs in an object of some thousand units, so a few addresses
 * that are the first question are looked up in .debug_aranges. That is not trusted: a unit that it
 * names has to say itself that the address is its own, and to have a function there; else all heads
 * are read after all.
 */
#include "dwobject.h"

#include <errno.h>
#include <stdlib.h>

#include "dwahead.h"
#include "dwaranges.h"
#include "dwobject_state.h"

enum {
	FEW = 4,       /* addresses */
	UNITS_MAX = 8, /* that may have them */
};

/* Loads the units that .debug_aranges names: 1, 0 when that is not worth it, -ENOMEM. */
static int load_some(struct dwobject *o, const struct dwquery *queries, size_t n)
{
	uint64_t addrs[FEW], units[UNITS_MAX], bytes = 0;
	size_t n_units;
	int r;

	for (size_t i = 0; i < n; i++)
		addrs[i] = queries[i].addr;
	r = dwaranges_units(&o->file, addrs, n, units, UNITS_MAX, &n_units);
	if (r < 0 || n_units == 0)
		return r == -ENOMEM ? r : 0;
	r = dwfile_read_some(&o->file, units, n_units);
	if (r == 0)
		r = dwobject_take_units(o);
	if (r < 0)
		return r;
	o->units = DWOBJECT_SOME;
	for (size_t i = 0; i < o->file.n_units; i++)
		bytes += o->file.units[i].end - o->file.units[i].off;
	return !o->store_dir || !dwfind_is_much(o, bytes);
}

static bool are_answered(const struct dwquery *queries, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (queries[i].n == 0 || queries[i].line_only || queries[i].limited)
			return false;
	return true;
}

/* 1 when all are answered, 0, -ENOMEM. */
static int ask_some(struct dwobject *o, struct dwquery *queries, size_t n, struct dwframes *ret)
{
	size_t before = ret->frames.n;
	int r = load_some(o, queries, n);

	if (r == 1)
		r = dwfind_run(o, queries, n, true, ret);
	else if (r == 0)
		return 0;
	if (r < 0 || are_answered(queries, n))
		return r < 0 ? r : 1;
	ret->frames.n = before;
	return 0;
}

static int find(struct dwobject *o, struct dwquery *queries, size_t n, struct dwframes *ret)
{
	int r = 0;

	if (o->units == DWOBJECT_NONE && n <= FEW)
		r = ask_some(o, queries, n, ret);
	if (r != 0)
		return r < 0 ? r : 0;
	if (o->units != DWOBJECT_ALL)
		r = dwahead_is_worth(o, n) ? dwahead_load(o, queries, n) : dwobject_load_all(o);
	return r < 0 ? r : dwfind_run(o, queries, n, false, ret);
}

int dwobject_find(struct dwobject *o, struct dwquery *queries, size_t n, struct dwframes *ret)
{
	int r = find(o, queries, n, ret);

	dwsections_rest(&o->file.s);
	if (o->has_alt)
		dwsections_rest(&o->alt.s);
	if (o->split)
		dwsplit_rest(o->split);
	return r;
}
