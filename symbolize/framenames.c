/* SPDX-License-Identifier: Apache-2.0 */
#include "framenames.h"

#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "hash.h"
#include "radix.h"
#include "symstore.h"
#include "symtab.h"
#include "workers.h"

/* Names for which another thread is started: where they have to be demangled; of an index on disk. */
enum {
	WORKER_WORTH = 1024,
	STORED_WORTH = 4096,
};

enum {
	AHEAD = 8,	 /* frames */
	NAMED_TWICE = 2, /* of so many frames one has a new name, or fewer */
};

void framenames_done(struct framenames *f)
{
	hindex_free(&f->by_ref);
	array_free(&f->names);
}

/* --- reading one ------------------------------------------------------------------------------ */

/* What reads: the only thread of the object, or one of some, which fills strings of its own. */
struct hand {
	const struct framenames *f;
	struct answering *a;
	struct dwsection_near *near;	/* NULL: the only one */
	struct symstore_reader *reader; /* of an index on disk; NULL: the only one */
	char *buf;			/* FRAMENAMES_BYTES */
};

static const char *text_of(const struct hand *h, strref_t ref)
{
	if (!h->near)
		return symobject_string(h->f->o, ref, FRAMENAMES_BYTES, h->buf);
	return dwobject_string_near(h->f->o->dwarf, ref, FRAMENAMES_BYTES, h->buf, h->near);
}

/* Adds the name at ret->ref to the strings. */
static int add_name(const struct hand *h, struct framename *ret)
{
	enum namepool_want want = h->f->shown_only ? NAMEPOOL_SHOWN : NAMEPOOL_BOTH;
	const struct namepool_name *stored =
		h->reader ? symstore_reader_name(h->reader, ret->ref, want)
			  : symobject_name(h->f->o, ret->ref, want);
	struct sym_frame f = { 0 };
	const char *s = stored ? stored->text : text_of(h, ret->ref);
	int r;

	ret->mangled = symtab_is_mangled(s);
	ret->is_bare = s[0] && s[0] != '_';
	r = !stored ? answering_add_name(h->a, s, &f)
		    : answering_add_names(h->a, stored, !h->f->shown_only || !ret->mangled, &f);
	ret->name = f.name;
	ret->system_name = f.system_name;
	return r;
}

/* --- one after the other ---------------------------------------------------------------------- */

/* Whether there is a number for @ref; gives it one if not. */
static int number_of(struct framenames *f, strref_t ref, uint32_t *ret)
{
	uint64_t hash = hash_add(f->seed, ref);

	hindex_each(&f->by_ref, hash, i)
		if (f->names.items[i].ref == ref) {
			*ret = i;
			return 1;
		}
	*ret = (uint32_t)f->names.n;
	if (array_push(&f->names, (struct framename){ .ref = ref }) < 0)
		return -ENOMEM;
	if (hindex_add(&f->by_ref, hash, *ret) < 0) {
		f->names.n--;
		return -ENOMEM;
	}
	return 0;
}

int framenames_get(struct framenames *f, strref_t ref, struct framename *ret)
{
	const struct hand hand = { .f = f, .a = f->a, .buf = f->buf };
	struct framename name = { .ref = ref };
	uint32_t i;
	int r;

	hindex_each(&f->by_ref, hash_add(f->seed, ref), k)
		if (f->names.items[k].ref == ref) {
			*ret = f->names.items[k];
			return 0;
		}
	r = add_name(&hand, &name);
	if (r == 0)
		r = number_of(f, ref, &i);
	if (r < 0)
		return r;
	f->names.items[i] = *ret = name;
	return 0;
}

/* --- many ------------------------------------------------------------------------------------- */

/* The names of one thread, in the order in which they are read. */
struct part {
	struct hand hand;
	struct framename *names;
	const struct radix_key *order;
	size_t n;
	struct answering own; /* of all but the first thread */
	struct dwsection_near near;
	char buf[FRAMENAMES_BYTES];
	int error;
};

static void read_part(void *ctx, unsigned number)
{
	struct part *p = (struct part *)ctx + number;

	for (size_t i = 0; p->error == 0 && i < p->n; i++)
		p->error = add_name(&p->hand, &p->names[p->order[i].item]);
}

/* The first thread fills the batch itself. */
static int begin_part(struct framenames *f, unsigned i, struct part *p)
{
	struct dwobject *o = f->o->dwarf;
	int r;

	p->hand = (struct hand){
		.f = f, .a = i == 0 ? f->a : &p->own, .near = &p->near, .buf = p->buf
	};
	if (i > 0 && (r = answering_init(&p->own, 0)) < 0)
		return r;
	return dwobject_is_stored(o) ? dwobject_new_reader(o, &p->hand.reader) : 0;
}

/* Puts the strings of a part behind those of the batch. */
static int end_part(struct framenames *f, struct part *p)
{
	uint32_t base;
	int r = p->error ? p->error : answering_append(f->a, &p->own, &base);

	for (size_t i = 0; r == 0 && i < p->n; i++) {
		struct framename *name = &p->names[p->order[i].item];

		name->name += base;
		name->system_name += base;
	}
	return r;
}

/* Reads the @n names in @order on @workers threads: 0, -ENOMEM, -EFBIG. */
static int read_apart(struct framenames *f, unsigned workers, const struct radix_key *order,
		      size_t n)
{
	struct part *parts = calloc(workers, sizeof(*parts));
	int r = parts ? 0 : -ENOMEM;

	for (unsigned i = 0; r == 0 && i < workers; i++) {
		parts[i].names = f->names.items;
		parts[i].order = order + n * i / workers;
		parts[i].n = n * (i + 1) / workers - n * i / workers;
		r = begin_part(f, i, &parts[i]);
	}
	if (r == 0) {
		workers_run(workers, read_part, parts);
		r = parts[0].error;
	}
	for (unsigned i = 0; parts && i < workers; i++) {
		if (r == 0 && i > 0)
			r = end_part(f, &parts[i]);
		answering_done(&parts[i].own);
		symstore_reader_free(parts[i].hand.reader);
	}
	free(parts);
	return r;
}

static unsigned workers_worth(const struct framenames *f, size_t n)
{
	const struct dwobject *o = f->o->dwarf;
	unsigned max = o && dwobject_reads_apart(o) ? dwobject_threads(o) : 1;
	size_t worth = o && dwobject_is_stored(o) ? STORED_WORTH : WORKER_WORTH;

	if (max > WORKERS_MAX)
		max = WORKERS_MAX;
	return n / worth < max ? (unsigned)(n / worth) : max;
}

/* Reads all: as read_apart(). */
static int read_names(struct framenames *f, const struct radix_key *order, size_t n)
{
	const struct hand hand = { .f = f, .a = f->a, .buf = f->buf };
	unsigned workers = workers_worth(f, n);
	int r = 0;

	if (workers > 1)
		return read_apart(f, workers, order, n);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_name(&hand, &f->names.items[order[i].item]);
	return r;
}

/* Those from number @first on. */
static int read_in_order(struct framenames *f, size_t first)
{
	size_t n = f->names.n - first;
	struct radix_key *keys = malloc((n + 1) * sizeof(*keys));
	int r = keys ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < n; i++)
		keys[i] = (struct radix_key){ (uint32_t)f->names.items[first + i].ref,
					      (uint32_t)(first + i) };
	if (r == 0)
		r = radix_sort(keys, n);
	if (r == 0)
		r = read_names(f, keys, n);
	free(keys);
	return r;
}

/* The number of each frame's name: as number_of(). */
static int number_all(struct framenames *f, const struct symunit_frame *frames, size_t n,
		      uint32_t *numbers)
{
	int r = hindex_reserve(&f->by_ref, f->names.n + n / NAMED_TWICE);

	for (size_t i = 0; r >= 0 && i < n; i++) {
		if (i + AHEAD < n)
			hindex_fetch(&f->by_ref, hash_add(f->seed, frames[i + AHEAD].name.name));
		if (i > 0 && frames[i].name.name == frames[i - 1].name.name)
			numbers[i] = numbers[i - 1];
		else
			r = number_of(f, frames[i].name.name, &numbers[i]);
	}
	return r < 0 ? r : 0;
}

int framenames_read(struct framenames *f, const struct symunit_frame *frames, size_t n,
		    uint32_t **ret)
{
	_cleanup_free_ uint32_t *numbers = NULL;
	size_t first = f->names.n;
	int r;

	*ret = NULL;
	if (n < DWOBJECT_MANY)
		return 0;
	numbers = malloc(n * sizeof(*numbers));
	if (!numbers)
		return -ENOMEM;
	r = number_all(f, frames, n, numbers);
	if (r == 0)
		r = read_in_order(f, first);
	if (r == 0) {
		*ret = take_ptr(numbers);
		return 0;
	}
	/* Some have numbers and no text. */
	f->names.n = first;
	hindex_clear(&f->by_ref);
	for (size_t i = 0; r == -EFBIG && i < first; i++)
		if (hindex_add(&f->by_ref, hash_add(f->seed, f->names.items[i].ref), (uint32_t)i) <
		    0)
			r = -ENOMEM;
	return r == -EFBIG ? 0 : r;
}
