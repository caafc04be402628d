/* SPDX-License-Identifier: Apache-2.0 */
#include "dwname.h"

#include <errno.h>
#include <stdlib.h>

enum {
	HOPS_MAX = 16, /* references may lead in a circle */
	WINDOW = 1024,
	WINDOW_MAX = 64 << 10, /* an entry with long strings in place */
};

void dwnames_done(struct dwnames *d)
{
	for (size_t i = 0; i < DWNAMES_TABLES; i++)
		dwabbrevs_done(&d->tables[i].abbrevs);
	free(d->window);
	*d = (struct dwnames){ 0 };
}

void dwnames_forget(struct dwnames *d)
{
	for (size_t i = 0; i < DWNAMES_TABLES; i++) {
		d->tables[i].unit = NULL;
		d->tables[i].abbrevs.file = NULL;
	}
}

uint64_t dwnames_ref(const struct dwfile *f, const struct dwunit *u, unsigned form, uint64_t value)
{
	uint64_t alt = f->alt ? DWREF_ALT : 0;

	switch (form) {
	case DW_FORM_ref1:
	case DW_FORM_ref2:
	case DW_FORM_ref4:
	case DW_FORM_ref8:
	case DW_FORM_ref_udata:
		return value < u->end - u->off ? alt | (u->off + value) : DWREF_NONE;
	case DW_FORM_ref_addr:
		return value < DWREF_ALT ? alt | value : DWREF_NONE;
	case DW_FORM_GNU_ref_alt:
	case DW_FORM_ref_sup4:
	case DW_FORM_ref_sup8:
		return value < DWREF_ALT ? DWREF_ALT | value : DWREF_NONE;
	default:
		return DWREF_NONE;
	}
}

/* Many entries may refer to a few that are long. */
static void spend(struct dwnames *d, uint64_t bytes)
{
	d->left = bytes < d->left ? d->left - bytes : 0;
}

/* Reads the entry at @p of the @n bytes that may belong to it. */
static bool read_at(struct dwnames *d, const struct dwabbrevs *a, const uint8_t *p, size_t n,
		    const uint8_t *unit, struct dwdie *ret)
{
	const uint8_t *end = dwabbrevs_read_die(a, p, p + n, unit, ret);

	spend(d, end ? (uint64_t)(end - p) : n);
	return end;
}

/* The abbreviations of @u: 0, -EBADMSG, -ENOMEM. */
static int get_abbrevs(struct dwnames *d, const struct dwfile *f, const struct dwunit *u,
		       const struct dwabbrevs **ret)
{
	struct dwnames_table *t = &d->tables[0];
	uint64_t work;
	int r;

	/* Go's units all have the same one. */
	if (u == d->unit || dwunit_has_abbrevs(f, u, d->abbrevs)) {
		*ret = d->abbrevs;
		return 0;
	}
	for (size_t i = 0; i < DWNAMES_TABLES; i++) {
		if (d->tables[i].unit == u || dwunit_has_abbrevs(f, u, &d->tables[i].abbrevs)) {
			t = &d->tables[i];
			break;
		}
		if (d->tables[i].used < t->used)
			t = &d->tables[i];
	}
	if (t->unit != u) {
		work = t->abbrevs.work;
		t->unit = NULL;
		r = dwunit_read_abbrevs(f, u, 0, &t->abbrevs);
		spend(d, t->abbrevs.work - work);
		if (r < 0)
			return r;
		t->unit = u;
	}
	t->used = ++d->uses;
	*ret = &t->abbrevs;
	return 0;
}

/* Reads the entry at @off of @u in @f: 0, -EBADMSG, -ENOMEM. */
static int read_die(struct dwnames *d, const struct dwfile *f, const struct dwunit *u, uint64_t off,
		    struct dwdie *ret)
{
	const struct dwabbrevs *a = NULL;
	int r = get_abbrevs(d, f, u, &a);

	if (r < 0)
		return r == -ENOMEM ? r : -EBADMSG;
	if (u == d->unit)
		return read_at(d, a, d->bytes + (off - u->off), (size_t)(u->end - off), d->bytes,
			       ret)
			       ? 0
			       : -EBADMSG;
	if (!d->window && !(d->window = malloc(WINDOW_MAX)))
		return -ENOMEM;
	for (size_t window = WINDOW; window <= WINDOW_MAX; window *= 64) {
		size_t n = u->end - off < window ? (size_t)(u->end - off) : window;
		const uint8_t *p = dwsection_window(&f->s, DW_INFO, off, n, d->window);

		/* Strings in place count from the unit's beginning, which may not be in the window. */
		if (p && read_at(d, a, p, n, p - (off - u->off), ret))
			return 0;
	}
	return -EBADMSG;
}

/* Takes from @die what is not known yet, and gives what to read next. */
static uint64_t take(const struct dwfile *f, const struct dwunit *u, const struct dwdie *die,
		     strref_t *name, strref_t *linkage, uint32_t *line)
{
	static const enum dwslot refs[2] = { DWSLOT_ORIGIN, DWSLOT_SPECIFICATION };

	if (!*linkage)
		*linkage = dwunit_string(f, u, die->form[DWSLOT_LINKAGE_NAME],
					 die->value[DWSLOT_LINKAGE_NAME]);
	if (!*name)
		*name = dwunit_string(f, u, die->form[DWSLOT_NAME], die->value[DWSLOT_NAME]);
	if (!*line && die->form[DWSLOT_DECL_LINE] && die->value[DWSLOT_DECL_LINE] <= UINT32_MAX)
		*line = (uint32_t)die->value[DWSLOT_DECL_LINE];
	if (*linkage && *line)
		return DWREF_NONE;
	for (size_t i = 0; i < 2; i++)
		if (die->form[refs[i]])
			return dwnames_ref(f, u, die->form[refs[i]], die->value[refs[i]]);
	return DWREF_NONE;
}

int dwnames_find(struct dwnames *d, uint64_t ref, struct symunit_name *ret)
{
	strref_t name = 0, linkage = 0;
	uint32_t line = 0;

	for (unsigned hops = 0; ref != DWREF_NONE && hops < HOPS_MAX && d->left > 0; hops++) {
		const struct dwfile *f = ref & DWREF_ALT ? d->alt : d->file;
		uint64_t off = ref & ~DWREF_ALT;
		const struct dwunit *u = NULL;
		struct dwdie die;
		int r;

		if (f == d->file && d->unit && off >= d->unit->off && off < d->unit->end)
			u = d->unit;
		else if (f)
			u = dwfile_unit_at(f, off);
		d->missed |= !u && f && f->some;
		if (!u || off < u->die)
			break;
		r = read_die(d, f, u, off, &die);
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			break;
		ref = take(f, u, &die, &name, &linkage, &line);
	}
	*ret = (struct symunit_name){ .name = linkage ? linkage : name, .decl_line = line };
	return 0;
}
