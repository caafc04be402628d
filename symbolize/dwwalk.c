/* SPDX-License-Identifier: Apache-2.0 */
#include "dwwalk.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "cleanup.h"
#include "hash.h"

enum {
	DEPTH_MAX = 4096,     /* levels of entries */
	SCOPES_MAX = 4 << 20, /* half a gigabyte while an image is made */
	LISTS_MAX = 8 << 20,  /* entries; as much */
	UNIT_MAX = 512 << 20, /* bytes; it is read as a whole */
	/* What a unit may ask for, beside its bytes: entries of lists, one for two bytes (compilers
	 * make one for ten); bytes read for names, 64 for each (compilers: one or two). */
	LIST_FREE = 4096,
	LIST_COST = 8, /* of an entry, in bytes */
	NAMES_FREE = 1 << 20,
	NAMES_FACTOR = 64,
};

/* One run: what it reads from and where it is. */
struct walking {
	struct dwwalk *w;
	const struct dwwalk_unit *in;
	struct symunit_builder *b;
	const uint8_t *unit, *end; /* the unit's bytes */
	uint32_t scope;		   /* around the entries of this level */
};

void dwwalk_forget(struct dwwalk *w)
{
	w->abbrevs.file = NULL;
	dwnames_forget(&w->names);
	dwspans_forget(&w->spans);
}

void dwwalk_done(struct dwwalk *w)
{
	dwabbrevs_done(&w->abbrevs);
	dwnames_done(&w->names);
	dwspans_done(&w->spans);
	array_free(&w->parents);
	array_free(&w->refs);
	hindex_free(&w->by_ref);
	free(w->buf);
	*w = (struct dwwalk){ 0 };
}

/* The number in builder.names of the name of the entry @ref. */
static int name_of(struct walking *k, uint64_t ref, uint32_t *ret)
{
	uint64_t hash = hash_add(k->w->seed, ref);

	if (ref == DWREF_NONE) {
		*ret = SYMUNIT_NONE;
		return 0;
	}
	hindex_each(&k->w->by_ref, hash, i)
		if (k->w->refs.items[i] == ref) {
			*ret = i;
			return 0;
		}
	*ret = (uint32_t)k->w->refs.n;
	if (array_push(&k->w->refs, ref) < 0)
		return -ENOMEM;
	return hindex_add(&k->w->by_ref, hash, *ret);
}

/* The first address behind the code around @addr, 0 when there is none. */
static uint64_t code_end(const struct dwwalk_unit *in, uint64_t addr)
{
	size_t lo = 0, hi = in->n_code;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (in->code[mid].lo <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo > 0 && addr < in->code[lo - 1].hi ? in->code[lo - 1].hi : 0;
}

/* The ranges of w->spans, of a scope, as far as they are of code: whether there are any; -ENOMEM. */
static int add_ranges(struct walking *k, uint32_t scope)
{
	bool has_code = false;

	array_each(&k->w->spans.spans, span) {
		uint64_t end = code_end(k->in, span->lo);
		struct symunit_range r = { span->lo, span->hi < end ? span->hi : end, scope };

		if (end == 0)
			continue;
		has_code = true;
		if (!symunit_is_asked(&k->b->only, r.lo, r.hi))
			symunit_builder_leave(k->b, r.lo, r.hi);
		else if (array_push(&k->b->ranges, r) < 0)
			return -ENOMEM;
	}
	return has_code;
}

/* Where the call is, of an inlined one. */
static void set_call(const struct walking *k, const struct dwdie *die, struct symunit_scope *s)
{
	uint64_t file = die->form[DWSLOT_CALL_FILE] ? die->value[DWSLOT_CALL_FILE] : UINT64_MAX;
	uint64_t line = die->form[DWSLOT_CALL_LINE] ? die->value[DWSLOT_CALL_LINE] : 0;

	s->call_file = file < k->in->n_files ? k->in->first_file + (uint32_t)file : SYMUNIT_NONE;
	s->call_line = line <= UINT32_MAX ? (uint32_t)line : 0;
}

/* Adds a function, or a call that was inlined into the scope around it, and makes it the scope. */
static int add_scope(struct walking *k, const struct dwdie *die, enum dwkind kind, uint64_t die_off)
{
	struct symunit_scope s = { .parent = SYMUNIT_NONE, .call_file = SYMUNIT_NONE };
	const struct dwfile *f = k->in->file;
	uint64_t ref = die_off;
	struct dwspans *spans = &k->w->spans;
	uint32_t scope = (uint32_t)k->b->scopes.n;
	int r;

	spans->spans.n = 0;
	r = dwrange_read(f, k->in->unit, die->form + DWSLOT_LOW_PC, die->value + DWSLOT_LOW_PC, spans);
	k->w->limited |= r == -EFBIG;
	if (r != -ENOMEM)
		r = add_ranges(k, scope);
	if (r < 0)
		return r;
	/* An inlined call without code of its own may have some in calls that were inlined into it. */
	if (r == 0 && (kind != DWKIND_INLINED || k->scope == SYMUNIT_NONE))
		return 0;
	if (kind == DWKIND_INLINED) {
		s.parent = k->scope;
		set_call(k, die, &s);
		ref = dwnames_ref(f, k->in->unit, die->form[DWSLOT_ORIGIN],
				  die->value[DWSLOT_ORIGIN]);
	}
	r = name_of(k, ref, &s.name);
	if (r == 0)
		r = scope >= SCOPES_MAX ? -EFBIG : array_push(&k->b->scopes, s);
	k->scope = scope;
	return r;
}

/* Runs the steps of an entry: the position behind it, or NULL. */
static inline const uint8_t *run_steps(const struct walking *k, const struct dwabbrev *ab,
				       const uint8_t *p, struct dwdie *die)
{
	const struct dwabbrevs *a = &k->w->abbrevs;
	const struct dwstep *s = &a->steps.items[ab->first_step], *stop = s + ab->n_steps;
	const uint8_t *end = k->end;
	uint64_t n;

	for (; s < stop && p; s++) {
		switch (s->op) {
		case DWSTEP_SKIP:
			p = s->n <= (size_t)(end - p) ? p + s->n : NULL;
			break;
		case DWSTEP_LEB:
			p = dwform_uleb(p, end, &n);
			break;
		case DWSTEP_BLOCK:
			p = dwform_uleb(p, end, &n);
			p = p && n <= (size_t)(end - p) ? p + n : NULL;
			break;
		case DWSTEP_FIXED:
			die->form[s->slot] = s->form;
			p = dwform_uint(p, end, s->n, &die->value[s->slot]);
			break;
		case DWSTEP_KEEP:
			die->form[s->slot] = s->form;
			p = dwform_read(p, end, k->unit, s->form, a->attrs.items[s->n].implicit,
					&a->shape, &die->value[s->slot]);
			break;
		default:
			p = dwform_read(p, end, k->unit, s->form, 0, &a->shape, &n);
		}
	}
	return p;
}

static void forget(struct dwdie *die)
{
	for (size_t i = 0; i < DWSLOT_WALK; i++)
		die->form[i] = 0;
}

/* Behind the children of an entry that has none of interest: NULL when it does not say, or lies. */
static const uint8_t *sibling(const struct walking *k, const struct dwdie *die, const uint8_t *p)
{
	const struct dwunit *u = k->in->unit;
	uint64_t ref = die->form[DWSLOT_SIBLING]
			       ? dwnames_ref(k->in->file, u, die->form[DWSLOT_SIBLING],
					     die->value[DWSLOT_SIBLING]) &
					 ~DWREF_ALT
			       : 0;

	return ref > u->off + (uint64_t)(p - k->unit) && ref < u->end ? k->unit + (ref - u->off)
								       : NULL;
}

/* An entry with steps. Gives the position behind it, and whether its children are next. */
static int walk_die(struct walking *k, const struct dwabbrev *ab, const uint8_t **p,
		    uint64_t die_off, bool *children)
{
	struct dwdie die;
	const uint8_t *next;

	forget(&die);
	next = run_steps(k, ab, *p, &die);
	if (!next)
		return -EBADMSG;
	*p = next;
	if (ab->kind == DWKIND_JUMP && (next = sibling(k, &die, next))) {
		*p = next;
		*children = false;
	}
	return ab->kind == DWKIND_FUNCTION || ab->kind == DWKIND_INLINED
		       ? add_scope(k, &die, ab->kind, die_off)
		       : 0;
}

static int walk(struct walking *k, const uint8_t *p)
{
	const struct dwabbrevs *a = &k->w->abbrevs;
	uint64_t unit_off = k->in->unit->off;
	int r = 0;

	k->w->parents.n = 0;
	k->scope = SYMUNIT_NONE;
	do {
		const uint8_t *at = p;
		const struct dwabbrev *ab;
		uint32_t around = k->scope;
		uint64_t code;
		bool children;

		p = dwform_uleb(p, k->end, &code);
		if (!p)
			return k->w->parents.n ? -EBADMSG : 0;
		if (code == 0) {
			if (k->w->parents.n > 0)
				k->scope = k->w->parents.items[--k->w->parents.n];
			continue;
		}
		ab = dwabbrevs_find(a, code);
		if (!ab)
			return -EBADMSG;
		children = ab->children;
		if (ab->fixed != DWABBREV_STEPS) {
			if (ab->fixed > (size_t)(k->end - p))
				return -EBADMSG;
			p += ab->fixed;
		} else {
			r = walk_die(k, ab, &p, unit_off + (uint64_t)(at - k->unit), &children);
		}
		if (!children)
			k->scope = around;
		else if (r == 0)
			r = k->w->parents.n >= DEPTH_MAX ? -EFBIG
							 : array_push(&k->w->parents, around);
	} while (r == 0 && k->w->parents.n > 0);
	return r;
}

/*
 * Which names are going to be asked for, by their numbers: those of the scopes that have ranges, and of what
 * is around these. NULL and 0: all may be; -ENOMEM.
 */
static int find_asked(const struct walking *k, bool **ret)
{
	const struct symunit_builder *b = k->b;
	_cleanup_free_ bool *seen = NULL, *asked = NULL;

	*ret = NULL;
	if (!b->only.addrs)
		return 0;
	seen = calloc(b->scopes.n + 1, sizeof(*seen));
	asked = calloc(k->w->refs.n + 1, sizeof(*asked));
	if (!seen || !asked)
		return -ENOMEM;
	array_each(&b->ranges, r)
		for (uint32_t i = r->scope; i < b->scopes.n && !seen[i];
		     i = b->scopes.items[i].parent) {
			seen[i] = true;
			if (b->scopes.items[i].name != SYMUNIT_NONE)
				asked[b->scopes.items[i].name] = true;
		}
	*ret = take_ptr(asked);
	return 0;
}

static int read_names(struct walking *k)
{
	_cleanup_free_ bool *asked = NULL;
	int r = find_asked(k, &asked);

	if (r == 0)
		r = array_reserve(&k->b->names, k->w->refs.n);
	array_each(&k->w->refs, ref) {
		struct symunit_name name = { 0 };

		if (r == 0 && (!asked || asked[ref - k->w->refs.items]))
			r = dwnames_find(&k->w->names, *ref, &name);
		if (r == 0)
			r = array_push(&k->b->names, name);
	}
	return r;
}

static int get_bytes(struct dwwalk *w, const struct dwwalk_unit *in, const uint8_t **ret)
{
	uint64_t n = in->unit->end - in->unit->off;
	const uint8_t *p;

	if (n > UNIT_MAX)
		return -EFBIG;
	if (!in->file->s.s[DW_INFO].mem && n > w->n_buf) {
		free(w->buf);
		w->n_buf = 0;
		w->buf = malloc(n);
		if (!w->buf)
			return -ENOMEM;
		w->n_buf = n;
	}
	p = dwsection_window(&in->file->s, DW_INFO, in->unit->off, n, w->buf);
	if (!p)
		return -EBADMSG;
	*ret = p;
	return 0;
}

/* Empties what the unit before left behind, and sets what may be read for this one. */
static void begin(struct dwwalk *w, uint64_t lists, uint64_t names)
{
	w->refs.n = 0;
	hindex_clear(&w->by_ref);
	w->spans.left = lists;
	w->names.left = names;
	w->names.missed = false;
	/* Without it references may collide, nothing else. */
	if (w->seed == 0 && getrandom(&w->seed, sizeof(w->seed), GRND_NONBLOCK) < 0)
		w->seed = 1;
}

int dwwalk_run(struct dwwalk *w, const struct dwwalk_unit *in, struct symunit_builder *b)
{
	struct walking k = { .w = w, .in = in, .b = b };
	uint64_t bytes = in->unit->end - in->unit->off, abbrevs = w->abbrevs.work;
	uint64_t lists = LIST_FREE + bytes / 2, names = NAMES_FREE + NAMES_FACTOR * bytes;
	int r = get_bytes(w, in, &k.unit), r2;

	if (lists > LISTS_MAX)
		lists = LISTS_MAX;
	w->limited = false;
	if (r == 0)
		r = dwunit_read_abbrevs(in->file, in->unit, 0, &w->abbrevs);
	w->work += bytes + w->abbrevs.work - abbrevs;
	if (r < 0)
		return r;
	begin(w, lists, names);
	k.end = k.unit + bytes;
	w->names.file = in->file;
	w->names.alt = in->alt;
	w->names.unit = in->unit;
	w->names.bytes = k.unit;
	w->names.abbrevs = &w->abbrevs;
	r = walk(&k, k.unit + (in->unit->die - in->unit->off));
	r2 = read_names(&k);
	w->work += LIST_COST * (lists - w->spans.left) + names - w->names.left;
	w->limited |= w->names.left == 0 || w->names.missed;
	return r < 0 ? r : r2;
}
