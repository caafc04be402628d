/* SPDX-License-Identifier: Apache-2.0 */
#include "libdwfind.h"

#include <dwarf.h>
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "rootopen.h"

enum {
	UNITS_MAX = 1 << 20,
	SPANS_MAX = 8 << 20, /* of all units */
	HEAP_EVERY = 64,     /* units; to look at the heap takes microseconds */
	STEPS_EVERY = 1 << 16,
};

/*
 * libdw has no bound of its own: a table of abbreviations takes ten times its size in memory, for
 * each unit that uses it, a line table a hundred times. Nothing new is begun when the heap has
 * grown so much.
 */
#define HEAP_MAX ((size_t)2 << 30)

struct unit {
	Dwarf_Die die;
	struct symunit *image; /* NULL = not made, or given up */
	size_t bytes;
	bool is_skeleton;
	bool is_single; /* it says of one range only that it is its own */
	bool is_empty;	/* there is nothing in it */
	bool limit;	/* it takes too much, and is not tried again */
};

/* Where a unit has code; top: the highest hi up to here, in the order of lo. */
struct unit_span {
	uint64_t lo, hi, top;
	uint32_t unit;
};

struct libdwfind {
	Dwarf *dw;
	struct libdwwalk walk;
	struct strtab strings;
	struct dwline_span *code;
	size_t image_bytes, max_images;
	size_t libdw_bytes; /* what the heap grew by while libdw was at work, without images */
	uint64_t max_ns, max_dwo;
	ARRAY(struct unit) units;
	ARRAY(struct unit_span) spans;
	ARRAY(uint32_t) anywhere; /* units that do not say where they have code */
};

static size_t heap_bytes(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/* What is in use now and was not when there were @before bytes. */
static size_t heap_grown(size_t before)
{
	size_t now = heap_bytes();

	return now > before ? now - before : 0;
}

static bool is_late(const struct libdwfind *f)
{
	return clock_mono_ns() > f->walk.deadline_ns;
}

/* Whether nothing new is to be begun. */
static bool is_spent(const struct libdwfind *f)
{
	return is_late(f) || f->libdw_bytes > HEAP_MAX;
}

void libdwfind_free(struct libdwfind *f)
{
	if (!f)
		return;
	array_each(&f->units, u)
		free(u->image);
	array_free(&f->units);
	array_free(&f->spans);
	array_free(&f->anywhere);
	libdwwalk_done(&f->walk);
	strtab_done(&f->strings);
	free(f->code);
	free(f);
}

/* --- the list of units ------------------------------------------------------------------------ */

static int add_span(struct libdwfind *f, size_t unit, uint64_t lo, uint64_t hi)
{
	struct unit_span s = { lo, hi, 0, (uint32_t)unit };

	if (f->spans.n >= SPANS_MAX)
		return -EFBIG;
	return lo < hi ? array_push(&f->spans, s) : 0;
}

static int add_unit(struct libdwfind *f, Dwarf_Die *die, bool is_skeleton)
{
	struct unit u = { .die = *die, .is_skeleton = is_skeleton };
	size_t had = f->spans.n;
	Dwarf_Addr base = 0, lo, hi;
	ptrdiff_t at = 0;
	int r = 0;

	if (f->units.n >= UNITS_MAX)
		return -EFBIG;
	if (array_push(&f->units, u) < 0)
		return -ENOMEM;
	while (r == 0 && (at = dwarf_ranges(die, at, &base, &lo, &hi)) > 0)
		r = add_span(f, f->units.n - 1, lo, hi);
	f->units.items[f->units.n - 1].is_single = f->spans.n == had + 1;
	if (r == 0 && f->spans.n == had)
		r = array_push(&f->anywhere, (uint32_t)(f->units.n - 1));
	return r;
}

/* The unit whose first entry is at @off of .debug_info, NULL when it is none of ours. */
static struct unit *unit_at(struct libdwfind *f, uint64_t off)
{
	size_t lo = 0, hi = f->units.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (dwarf_dieoffset(&f->units.items[mid].die) < off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < f->units.n && dwarf_dieoffset(&f->units.items[lo].die) == off
		       ? &f->units.items[lo]
		       : NULL;
}

/* Before DWARF 3 a unit could not say that it has code in several places; .debug_aranges could. */
static int add_aranges(struct libdwfind *f)
{
	Dwarf_Aranges *aranges;
	size_t n;
	int r = 0;

	if (dwarf_getaranges(f->dw, &aranges, &n) != 0)
		return 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		Dwarf_Addr lo;
		Dwarf_Word size;
		Dwarf_Off off;
		struct unit *u;

		if (dwarf_getarangeinfo(dwarf_onearange(aranges, i), &lo, &size, &off) != 0)
			continue;
		u = unit_at(f, off);
		if (u && u->is_single && size <= UINT64_MAX - lo)
			r = add_span(f, (size_t)(u - f->units.items), lo, lo + size);
	}
	return r;
}

static int by_lo(const void *pa, const void *pb)
{
	const struct unit_span *a = pa, *b = pb;

	return a->lo != b->lo ? (a->lo > b->lo) - (a->lo < b->lo)
			      : (a->unit > b->unit) - (a->unit < b->unit);
}

static int list_units(struct libdwfind *f)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Half version;
	Dwarf_Die die;
	size_t before = heap_bytes();
	uint64_t top = 0;
	uint8_t type;
	int r = 0;

	while (r == 0 && dwarf_get_units(f->dw, cu, &cu, &version, &type, &die, NULL) == 0) {
		if (f->units.n % HEAP_EVERY == 0)
			f->libdw_bytes = heap_grown(before);
		if (is_spent(f))
			return -EFBIG;
		if (type == DW_UT_compile || type == DW_UT_skeleton)
			r = add_unit(f, &die, type == DW_UT_skeleton);
	}
	if (r == 0)
		r = f->units.n > 0 ? add_aranges(f) : -ENOENT;
	if (r < 0)
		return r;
	f->libdw_bytes = heap_grown(before);
	if (f->spans.n > 0)
		qsort(f->spans.items, f->spans.n, sizeof(*f->spans.items), by_lo);
	array_each(&f->spans, s) {
		top = s->hi > top ? s->hi : top;
		s->top = top;
	}
	return 0;
}

int libdwfind_new(Dwarf *dw, const struct libdwfind_opts *opts, struct libdwfind **ret)
{
	struct libdwfind *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	f->dw = dw;
	f->max_images = opts->max_images;
	f->max_ns = opts->max_ns;
	f->max_dwo = opts->max_unit_dwo;
	f->code = calloc(opts->n_code + 1, sizeof(*f->code));
	r = f->code ? strtab_init(&f->strings) : -ENOMEM;
	if (r == 0) {
		if (opts->n_code > 0)
			memcpy(f->code, opts->code, opts->n_code * sizeof(*f->code));
		f->walk = (struct libdwwalk){ .strings = &f->strings,
					      .code = f->code,
					      .n_code = opts->n_code,
					      .lines = opts->lines,
					      .wide = opts->wide,
					      .deadline_ns = clock_mono_ns() + f->max_ns };
		r = list_units(f);
	}
	if (r < 0) {
		libdwfind_free(f);
		return r;
	}
	*ret = f;
	return 0;
}

/* --- images ----------------------------------------------------------------------------------- */

/*
 * libdw opens the file that a skeleton names by itself, and waits for the other end if that is a
 * pipe. So it is asked to only if there is a file of sensible size at the place.
 */
static bool has_dwo(const struct libdwfind *f, Dwarf_Die *skeleton)
{
	_cleanup_close_ int fd = -1;
	Dwarf_Attribute attr;
	const char *name, *dir;
	char path[PATH_MAX];
	struct stat st;
	int n;

	if (!dwarf_attr(skeleton, DW_AT_dwo_name, &attr) &&
	    !dwarf_attr(skeleton, DW_AT_GNU_dwo_name, &attr))
		return false;
	name = dwarf_formstring(&attr);
	dir = dwarf_attr(skeleton, DW_AT_comp_dir, &attr) ? dwarf_formstring(&attr) : NULL;
	if (!name || !name[0] || (name[0] != '/' && (!dir || dir[0] != '/')))
		return false;
	n = name[0] == '/' ? snprintf(path, sizeof(path), "%s", name)
			   : snprintf(path, sizeof(path), "%s/%s", dir, name);
	return n > 0 && (size_t)n < sizeof(path) && root_open_regular(-1, path, &fd) == 0 &&
	       fstat(fd, &st) == 0 && (uint64_t)st.st_size <= f->max_dwo;
}

/* The entry that the walk begins with: of a split unit, the one in the .dwo. */
static Dwarf_Die unit_entry(const struct libdwfind *f, struct unit *u)
{
	Dwarf_Die split;

	if (u->is_skeleton && has_dwo(f, &u->die) &&
	    dwarf_cu_info(u->die.cu, NULL, NULL, NULL, &split, NULL, NULL, NULL) == 0 &&
	    dwarf_tag(&split) == DW_TAG_compile_unit)
		return split;
	return u->die;
}

static void drop_images(struct libdwfind *f)
{
	array_each(&f->units, u) {
		free(u->image);
		u->image = NULL;
		u->bytes = 0;
	}
	f->image_bytes = 0;
}

/* Makes the image of a unit that has none: 0, also when there is nothing to be had; -ENOMEM. */
static int make_image(struct libdwfind *f, struct unit *u)
{
	Dwarf_Die die;
	size_t before, grown;
	uint64_t lo, hi;
	int r;

	if (f->image_bytes > f->max_images)
		drop_images(f);
	before = heap_bytes();
	die = unit_entry(f, u);
	r = libdwwalk_run(&f->walk, &die, &u->die, &u->image, &u->bytes);
	grown = heap_grown(before);
	f->libdw_bytes += grown > u->bytes ? grown - u->bytes : 0;
	if (r == -ENOMEM)
		return r;
	u->limit = r == -EFBIG;
	if (r < 0)
		return 0;
	f->image_bytes += u->bytes;
	symunit_extent(u->image, &lo, &hi);
	u->is_empty = lo >= hi;
	return 0;
}

/* --- answers ---------------------------------------------------------------------------------- */

/* Asks the unit, and takes what it says if that is more than what is known already. */
static int ask_unit(struct libdwfind *f, struct unit *u, struct dwquery *q, struct dwframes *ret)
{
	struct symunit_frame *at;
	size_t n;
	bool line_only;
	int r = 0;

	if (u->is_empty)
		return 0;
	if (!u->image && !u->limit && !is_spent(f))
		r = make_image(f, u);
	if (r < 0)
		return r;
	if (!u->image) {
		q->limited |= !u->is_empty;
		return 0;
	}
	if (ret->frames.n > UINT32_MAX - 2 * SYMUNIT_DEPTH_MAX ||
	    array_reserve(&ret->frames, SYMUNIT_DEPTH_MAX) < 0)
		return -ENOMEM;
	at = ret->frames.items + ret->frames.n;
	n = symunit_find(u->image, q->addr, at);
	line_only = n == 1 && at->name.name == STRREF_NONE;
	if (n == 0 || (q->n > 0 && (line_only || !q->line_only)))
		return 0;
	q->first = (uint32_t)ret->frames.n;
	q->n = (uint32_t)n;
	q->line_only = line_only;
	ret->frames.n += n;
	return 0;
}

/* The spans that begin at @addr or before. */
static size_t n_spans_from(const struct libdwfind *f, uint64_t addr)
{
	size_t lo = 0, hi = f->spans.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (f->spans.items[mid].lo <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool is_known(const struct dwquery *q)
{
	return q->n > 0 && !q->line_only;
}

static int ask_units(struct libdwfind *f, struct dwquery *q, struct dwframes *ret)
{
	size_t steps = 0;
	int r = 0;

	for (size_t i = n_spans_from(f, q->addr);
	     r == 0 && !is_known(q) && i-- > 0 && f->spans.items[i].top > q->addr;) {
		const struct unit_span *s = &f->spans.items[i];

		/* Spans that hold one another are few, but in a file made to have many. */
		if (++steps % STEPS_EVERY == 0 && is_late(f)) {
			q->limited = true;
			return 0;
		}
		if (q->addr < s->hi)
			r = ask_unit(f, &f->units.items[s->unit], q, ret);
	}
	for (size_t i = 0; r == 0 && !is_known(q) && i < f->anywhere.n; i++)
		r = ask_unit(f, &f->units.items[f->anywhere.items[i]], q, ret);
	return r;
}

int libdwfind_run(struct libdwfind *f, struct dwquery *queries, size_t n, struct dwframes *ret)
{
	int r = 0;

	f->walk.deadline_ns = clock_mono_ns() + f->max_ns;
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct dwquery *q = &queries[i];

		*q = (struct dwquery){ .addr = q->addr, .first = (uint32_t)ret->frames.n };
		r = ask_units(f, q, ret);
		q->limited &= q->n == 0;
	}
	return r;
}

const struct strtab *libdwfind_strings(const struct libdwfind *f)
{
	return &f->strings;
}

size_t libdwfind_bytes(const struct libdwfind *f)
{
	return sizeof(*f) + f->libdw_bytes + f->image_bytes;
}
