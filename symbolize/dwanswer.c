/* SPDX-License-Identifier: Apache-2.0 */
#include "dwanswer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cleanup.h"
#include "hash.h"
#include "radix.h"

enum {
	NAME_BYTES = 4096, /* longer ones are cut */
	PATH_BYTES = 4096,
};

/* A string of the debug information that is in the batch already. */
struct known_name {
	strref_t ref;
	uint32_t name, system_name; /* offsets in the batch */
	bool mangled;
};

struct known_file {
	struct symunit_file file;
	uint32_t off;
};

struct run {
	struct symobject *o;
	const struct sym_request *req;
	struct answering *a;
	struct dwframes frames;
	struct hindex by_ref, by_file;
	uint64_t seed; /* of both: who makes a file cannot make its strings collide */
	ARRAY(struct known_name) names;
	ARRAY(struct known_file) files;
	uint32_t *numbers; /* of the name of each frame; NULL = not known */
	char buf[NAME_BYTES];
	char path[PATH_BYTES];
};

static void run_done(struct run *r)
{
	array_free(&r->frames.frames);
	hindex_free(&r->by_ref);
	hindex_free(&r->by_file);
	array_free(&r->names);
	array_free(&r->files);
	free(r->numbers);
}

/* --- strings ---------------------------------------------------------------------------------- */

static bool is_mangled(const char *name)
{
	return name[0] == '_' && (name[1] == 'Z' || name[1] == 'R');
}

/* Adds the name at @ref to the batch. */
static int add_name(struct run *r, strref_t ref, struct known_name *ret)
{
	const struct namepool_name *stored = symobject_name(r->o, ref);
	struct sym_frame f = { 0 };
	const char *s = stored ? stored->text : symobject_string(r->o, ref, sizeof(r->buf), r->buf);
	bool mangled = is_mangled(s);
	int res = !stored ? answering_add_name(r->a, s, &f)
			  : answering_add_names(r->a, stored, !r->req->no_system_names || !mangled,
						&f);

	*ret = (struct known_name){ ref, f.name, f.system_name, mangled };
	return res;
}

/* The number of the name at @ref in names, which gets it if it is new. */
static int number_of(struct run *r, strref_t ref, uint32_t *ret)
{
	struct known_name k;
	int res;

	hindex_each(&r->by_ref, hash_add(r->seed, ref), i)
		if (r->names.items[i].ref == ref) {
			*ret = i;
			return 0;
		}
	res = add_name(r, ref, &k);
	if (res < 0)
		return res;
	*ret = (uint32_t)r->names.n;
	if (hindex_add(&r->by_ref, hash_add(r->seed, ref), *ret) < 0 ||
	    array_push(&r->names, k) < 0)
		return -ENOMEM;
	return 0;
}

static int get_name(struct run *r, strref_t ref, struct known_name *ret)
{
	uint32_t i;
	int res = number_of(r, ref, &i);

	*ret = res == 0 ? r->names.items[i] : (struct known_name){ 0 };
	return res;
}

static const char *string_of(void *ctx, strref_t s, size_t n, char *buf)
{
	return symobject_string(ctx, s, n, buf);
}

static uint64_t hash_file(const struct run *r, const struct symunit_file *f)
{
	return hash_add(hash_add(hash_add(r->seed, f->base), f->dir), f->name);
}

static int get_file(struct run *r, const struct symunit_file *file, uint32_t *ret)
{
	uint64_t hash = hash_file(r, file);
	size_t n;
	int res;

	if (file->name == STRREF_NONE) {
		*ret = 0;
		return 0;
	}
	hindex_each(&r->by_file, hash, i) {
		const struct symunit_file *f = &r->files.items[i].file;

		if (f->base == file->base && f->dir == file->dir && f->name == file->name) {
			*ret = r->files.items[i].off;
			return 0;
		}
	}
	n = symunit_file_path(file, string_of, r->o, sizeof(r->path), r->path);
	res = answering_add_string(r->a, r->path, n, ret);
	if (res < 0)
		return res;
	if (hindex_add(&r->by_file, hash, (uint32_t)r->files.n) < 0 ||
	    array_push(&r->files, (struct known_file){ *file, *ret }) < 0)
		return -ENOMEM;
	return 0;
}

/* --- symbols ---------------------------------------------------------------------------------- */

/* Whether symbol @s names a function better than its debug information, which says @plain. */
static bool is_better(const char *s, const char *plain)
{
	return !plain[0] || is_mangled(s) || strspn(s, "_") < strspn(plain, "_");
}

/* Names @frame by the symbol @s, of which @known says what is in the batch if that is not NULL,
 * without what the compiler hung on it, unless there is nothing else. */
static int name_by_symbol(struct run *r, const char *s, const struct known_name *known,
			  struct sym_frame *frame)
{
	const char *plain = r->a->strings.bytes + frame->system_name;
	size_t n = strcspn(s, plain[0] ? ".@" : "@");

	if (!is_better(s, plain) || n == 0 || n >= sizeof(r->buf))
		return 0;
	if (known && !s[n]) {
		frame->name = known->name;
		frame->system_name = known->system_name;
		return 0;
	}
	memmove(r->buf, s, n);
	r->buf[n] = '\0';
	return answering_add_name(r->a, r->buf, frame);
}

/* Names @frame by the symbol at @addr, if that is the better name. */
static int better_symbol_at(struct run *r, uint64_t addr, struct sym_frame *frame)
{
	struct symobject_symbol symbol;
	struct known_name k;
	int res = symobject_symbol(r->o, addr, &symbol);

	if (res < 0)
		return res;
	if (symbol.text)
		return name_by_symbol(r, symbol.text, NULL, frame);
	if (symbol.ref == STRREF_NONE)
		return 0;
	res = get_name(r, symbol.ref, &k);
	if (res < 0)
		return res;
	/* A mangled one is in the batch only if it was asked for. */
	return name_by_symbol(r,
			      k.mangled ? symobject_name(r->o, symbol.ref)->text
					: r->a->strings.bytes + k.system_name,
			      &k, frame);
}

/* --- frames ----------------------------------------------------------------------------------- */

/* The frame for @f, which is the outermost at @addr or not. */
static int add_frame(struct run *r, const struct symunit_frame *f, uint64_t addr, bool outermost)
{
	struct sym_frame frame = { .line = f->line, .start_line = f->name.decl_line };
	struct known_name k;
	int res = 0;

	if (r->numbers) /* @f is one of the frames that were found */
		k = r->names.items[r->numbers[f - r->frames.frames.items]];
	else
		res = get_name(r, f->name.name, &k);
	if (res == 0)
		res = get_file(r, &f->file, &frame.file);
	if (res < 0)
		return res;
	frame.name = k.name;
	frame.system_name = k.system_name;
	if (outermost && !k.mangled)
		res = better_symbol_at(r, addr, &frame);
	return res < 0 ? res : answering_add_frame(r->a, &frame);
}

/* What is known beside the symbol: where in the source, at most. */
static int add_symbol(struct run *r, const struct symobject_symbol *symbol,
		      const struct symunit_frame *place)
{
	struct sym_frame frame = { 0 };
	struct known_name k;
	int res;

	if (symbol->text) {
		res = answering_add_name(r->a, symbol->text, &frame);
	} else {
		res = get_name(r, symbol->ref, &k);
		frame.name = k.name;
		frame.system_name = k.system_name;
	}
	if (res == 0 && place) {
		frame.line = place->line;
		res = get_file(r, &place->file, &frame.file);
	}
	return res < 0 ? res : answering_add_frame(r->a, &frame);
}

static int add_debug_frames(struct run *r, const struct dwquery *q)
{
	const struct symunit_frame *f = r->frames.frames.items + q->first;
	int res = 0;

	if (r->req->no_inlines) {
		struct symunit_frame only = f[q->n - 1];

		only.file = f[0].file;
		only.line = f[0].line;
		return add_frame(r, &only, q->addr, true);
	}
	for (uint32_t i = 0; res == 0 && i < q->n; i++)
		res = add_frame(r, &f[i], q->addr, i + 1 == q->n);
	return res;
}

static int set_answer(struct run *r, const struct dwquery *q, struct sym_answer *ret)
{
	size_t first = r->a->frames.n;
	struct symobject_symbol symbol;
	int res;

	if (q->n > 0 && !q->line_only) {
		res = add_debug_frames(r, q);
	} else {
		res = symobject_symbol(r->o, q->addr, &symbol);
		if (res < 0)
			return res;
		if (!symbol.text && symbol.ref == STRREF_NONE) {
			ret->reason = q->limited		   ? SYM_LIMIT
				      : r->o->elf.reason != SYM_OK ? r->o->elf.reason
								   : r->o->elf.on_miss;
			return 0;
		}
		res = add_symbol(r, &symbol, q->n ? r->frames.frames.items + q->first : NULL);
	}
	if (res == -EFBIG) {
		r->a->frames.n = first;
		*ret = (struct sym_answer){ .reason = SYM_LIMIT };
		return 0;
	}
	ret->frame_first = (uint32_t)first;
	ret->frame_n = (uint32_t)(r->a->frames.n - first);
	return res;
}

/* --- the request ------------------------------------------------------------------------------ */

/* An address that is asked for, and the place of the answer in the request. */
struct place {
	uint64_t addr;
	uint32_t i;
};

static int by_addr(const void *pa, const void *pb)
{
	const struct place *a = pa, *b = pb;

	return (a->addr > b->addr) - (a->addr < b->addr);
}

static int sort_places(struct place *places, size_t n)
{
	struct radix_key *keys;
	struct place *sorted;
	uint64_t lo = UINT64_MAX, hi = 0;
	int r = -ENOMEM;

	for (size_t i = 0; i < n; i++) {
		lo = places[i].addr < lo ? places[i].addr : lo;
		hi = places[i].addr > hi ? places[i].addr : hi;
	}
	if (n < 2 || hi - lo > UINT32_MAX) {
		qsort(places, n, sizeof(*places), by_addr);
		return 0;
	}
	keys = malloc(n * sizeof(*keys));
	sorted = malloc(n * sizeof(*sorted));
	for (size_t i = 0; keys && i < n; i++)
		keys[i] = (struct radix_key){ (uint32_t)(places[i].addr - lo), (uint32_t)i };
	if (keys && sorted)
		r = radix_sort(keys, n);
	for (size_t i = 0; r == 0 && i < n; i++)
		sorted[i] = places[keys[i].item];
	if (r == 0)
		memcpy(places, sorted, n * sizeof(*places));
	free(keys);
	free(sorted);
	return r;
}

static uint64_t address_of(const struct run *r, uint64_t off)
{
	const struct elf_object *o = &r->o->elf;

	if (r->o->lib && libdwsource_is_relocatable(r->o->lib))
		return libdwsource_address(r->o->lib, r->req->kind, off);
	if (r->req->kind == SYM_VADDR)
		return off;
	for (size_t i = 0; i < o->n_code; i++)
		if (off >= o->code[i].off && off - o->code[i].off < o->code[i].n)
			return o->code[i].vaddr + (off - o->code[i].off);
	return UINT64_MAX;
}

/*
 * Reads the names of all frames in the order in which they lie in their section: each costs a read
 * of its own otherwise. Without memory for that nothing is lost.
 */
static int get_names_in_order(struct run *r)
{
	size_t n = r->frames.frames.n;
	_cleanup_free_ struct radix_key *keys =
		n >= DWOBJECT_MANY ? malloc(n * sizeof(*keys)) : NULL;
	uint32_t *numbers = keys ? malloc(n * sizeof(*numbers)) : NULL;
	int res = 0;

	for (size_t i = 0; keys && i < n; i++)
		keys[i] = (struct radix_key){ (uint32_t)r->frames.frames.items[i].name.name,
					      (uint32_t)i };
	if (!numbers || radix_sort(keys, n) < 0) {
		free(numbers);
		return 0;
	}
	for (size_t i = 0; res == 0 && i < n; i++) {
		const struct symunit_frame *f = r->frames.frames.items;
		uint32_t *to = &numbers[keys[i].item];

		if (i > 0 && f[keys[i].item].name.name == f[keys[i - 1].item].name.name)
			*to = numbers[keys[i - 1].item];
		else
			res = number_of(r, f[keys[i].item].name.name, to);
	}
	if (res == 0)
		r->numbers = numbers;
	else
		free(numbers);
	return res == -EFBIG ? 0 : res;
}

/* How many frames the answers have: what has none may have a symbol. */
static size_t frames_at_most(const struct run *r, const struct dwquery *queries, size_t n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += r->req->no_inlines || queries[i].n == 0 ? 1 : queries[i].n;
	return sum;
}

/* Answers each distinct address once; @places are sorted. */
static int answer_places(struct run *r, const struct place *places, size_t n,
			 struct dwquery *queries)
{
	size_t distinct = 0;
	int res;

	for (size_t i = 0; i < n; i++)
		if (i == 0 || places[i].addr != places[i - 1].addr)
			queries[distinct++] = (struct dwquery){ .addr = places[i].addr };
	res = symobject_find(r->o, queries, distinct, &r->frames);
	if (res == 0 && !r->req->no_inlines)
		res = get_names_in_order(r);
	if (res == 0)
		res = array_fit(&r->a->frames,
				r->a->frames.n + frames_at_most(r, queries, distinct));
	for (size_t i = 0, q = 0; res == 0 && i < n; i++) {
		struct sym_answer *answer = &r->a->answers[places[i].i];

		if (i > 0 && places[i].addr == places[i - 1].addr)
			*answer = r->a->answers[places[i - 1].i];
		else
			res = set_answer(r, &queries[q++], answer);
	}
	return res;
}

int dwanswer_run(struct symobject *o, const struct sym_request *req, struct answering *a)
{
	_cleanup_free_ struct place *places = calloc(req->n + 1, sizeof(*places));
	_cleanup_free_ struct dwquery *queries = calloc(req->n + 1, sizeof(*queries));
	_cleanup_free_ struct run *r = calloc(1, sizeof(*r));
	int res;

	if (!places || !queries || !r)
		return -ENOMEM;
	if (getrandom(&r->seed, sizeof(r->seed), GRND_NONBLOCK) < 0)
		r->seed = 1;
	r->o = o;
	r->req = req;
	r->a = a;
	for (size_t i = 0; i < req->n; i++)
		places[i] = (struct place){ address_of(r, req->offs[i]), (uint32_t)i };
	res = sort_places(places, req->n);
	if (res == 0)
		res = answer_places(r, places, req->n, queries);
	run_done(r);
	return res;
}
