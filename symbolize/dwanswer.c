/* SPDX-License-Identifier: Apache-2.0 */
#include "dwanswer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cleanup.h"
#include "dwparts.h"
#include "framenames.h"
#include "hash.h"
#include "pages.h"
#include "radix.h"
#include "symtab.h"

enum {
	PATH_BYTES = 4096, /* longer ones are cut */
	AHEAD = 8,	   /* frames */
	RECENT = 256,	   /* files: a power of two */
};

struct known_file {
	struct symunit_file file;
	uint32_t off;
};

/* The symbol that was asked for last, its own name, and what it made of a frame's name. */
struct known_symbol {
	uint64_t from; /* it covers the addresses from here to its end */
	struct symobject_symbol symbol;
	bool has_own;
	uint32_t own_name, own_system_name;
	uint32_t frame; /* in the batch, one with nothing but that name, plus 1; 0 = none */
	bool has_name;
	uint32_t name, system_name, better_name, better_system_name;
};

struct run {
	struct symobject *o;
	const struct sym_request *req;
	struct answering *a;
	const struct dwpart *part; /* the one that is answered */
	struct framenames names;
	uint32_t *numbers; /* of the name of each frame; NULL = not known */
	struct hindex by_file;
	ARRAY(struct known_file) files;
	struct known_file recent[RECENT]; /* off 0 = none */
	struct known_symbol last_symbol;
	char buf[FRAMENAMES_BYTES];
	char path[PATH_BYTES];
};

static void run_done(struct run *r)
{
	framenames_done(&r->names);
	hindex_free(&r->by_file);
	array_free(&r->files);
	free(r->numbers);
}

/* --- strings ---------------------------------------------------------------------------------- */

static const char *string_of(void *ctx, strref_t s, size_t n, char *buf)
{
	return symobject_string(ctx, s, n, buf);
}

static uint64_t hash_file(const struct run *r, const struct symunit_file *f)
{
	return hash_add(hash_add(hash_add(r->names.seed, f->base), f->dir), f->name);
}

static bool is_file(const struct symunit_file *a, const struct symunit_file *b)
{
	return a->base == b->base && a->dir == b->dir && a->name == b->name;
}

/* One that is not among the recent ones. */
static int find_file(struct run *r, const struct symunit_file *file, uint32_t *ret)
{
	uint64_t hash = hash_file(r, file);
	size_t n;
	int res;

	hindex_each(&r->by_file, hash, i)
		if (is_file(&r->files.items[i].file, file)) {
			*ret = r->files.items[i].off;
			return 0;
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

static int get_file(struct run *r, const struct symunit_file *file, uint32_t *ret)
{
	struct known_file *k = &r->recent[(file->name ^ file->name >> 8) % RECENT];
	int res = 0;

	*ret = is_file(&k->file, file) ? k->off : 0;
	if (*ret == 0 && file->name != STRREF_NONE)
		res = find_file(r, file, ret);
	if (res == 0)
		*k = (struct known_file){ *file, *ret };
	return res;
}

/* --- symbols ---------------------------------------------------------------------------------- */

/* Whether symbol @s names a function better than its debug information, which says @plain: one that is not
 * mangled does only where that begins with underscores, or is nothing. */
static bool is_better(const char *s, const char *plain)
{
	return !plain[0] || symtab_is_mangled(s) || strspn(s, "_") < strspn(plain, "_");
}

/* Names @frame by the symbol @s, of which @known says what is in the batch if that is not NULL,
 * without what the compiler hung on it, unless there is nothing else. */
static int name_by_symbol(struct run *r, const char *s, const struct framename *known,
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

/* Asks for the symbol at @addr, if it is not the one that was asked for last. */
static int symbol_at(struct run *r, uint64_t addr)
{
	struct known_symbol *k = &r->last_symbol, last = *k;
	int res;

	if (addr >= k->from && addr < k->symbol.end)
		return 0;
	*k = (struct known_symbol){ .from = addr };
	res = symobject_symbol(r->o, addr, &k->symbol);
	if (res == 0 && k->symbol.text && k->symbol.text == last.symbol.text && last.has_own) {
		k->has_own = true;
		k->own_name = last.own_name;
		k->own_system_name = last.own_system_name;
		k->frame = last.frame;
	}
	return res;
}

/* Names @frame by the symbol @s, if that is the better name. */
static int better_name(struct run *r, const struct symobject_symbol *s, struct sym_frame *frame)
{
	struct framename k;
	int res;

	if (s->text)
		return name_by_symbol(r, s->text, NULL, frame);
	if (s->ref == STRREF_NONE)
		return 0;
	res = framenames_get(&r->names, s->ref, &k);
	if (res < 0)
		return res;
	/* A mangled one is in the batch only if it was asked for. */
	return name_by_symbol(r,
			      k.mangled ? symobject_name(r->o, s->ref, NAMEPOOL_BOTH)->text
					: r->a->strings.bytes + k.system_name,
			      &k, frame);
}

/* Names @frame by the symbol at @addr, if that is the better name. */
static int better_symbol_at(struct run *r, uint64_t addr, struct sym_frame *frame)
{
	struct known_symbol *k = &r->last_symbol;
	int res = symbol_at(r, addr);

	if (res < 0)
		return res;
	if (!k->has_name || k->name != frame->name || k->system_name != frame->system_name) {
		k->has_name = false;
		k->name = frame->name;
		k->system_name = frame->system_name;
		res = better_name(r, &k->symbol, frame);
		if (res < 0)
			return res;
		k->has_name = true;
		k->better_name = frame->name;
		k->better_system_name = frame->system_name;
	}
	frame->name = k->better_name;
	frame->system_name = k->better_system_name;
	return 0;
}

/* --- frames ----------------------------------------------------------------------------------- */

/* The name of frame @i of those that were found, while another one is on its way from memory. */
static const struct framename *name_of(const struct run *r, size_t i)
{
	const struct framename *names = r->names.names.items;

	if (i + AHEAD < r->part->frames.frames.n)
		__builtin_prefetch(&names[r->numbers[i + AHEAD]]);
	return &names[r->numbers[i]];
}

/* The frame for @f, which is the outermost at @addr or not. */
static int add_frame(struct run *r, const struct symunit_frame *f, uint64_t addr, bool outermost)
{
	struct sym_frame frame = { .line = f->line, .start_line = f->name.decl_line };
	struct framename k;
	int res = 0;

	if (r->numbers) /* @f is one of the frames that were found */
		k = *name_of(r, (size_t)(f - r->part->frames.frames.items));
	else
		res = framenames_get(&r->names, f->name.name, &k);
	if (res == 0)
		res = get_file(r, &f->file, &frame.file);
	if (res < 0)
		return res;
	frame.name = k.name;
	frame.system_name = k.system_name;
	if (outermost && !k.mangled && !(k.is_bare && symobject_none_is_mangled(r->o)))
		res = better_symbol_at(r, addr, &frame);
	return res < 0 ? res : answering_add_frame(r->a, &frame);
}

/* Names @frame by the symbol that was asked for last. */
static int name_by_last(struct run *r, struct sym_frame *frame)
{
	struct known_symbol *k = &r->last_symbol;
	struct framename f;
	int res = 0;

	if (!k->has_own && k->symbol.text) {
		res = answering_add_symbol(r->a, k->symbol.text, !r->req->no_system_names, frame);
		f = (struct framename){ .name = frame->name, .system_name = frame->system_name };
	} else if (!k->has_own) {
		res = framenames_get(&r->names, k->symbol.ref, &f);
	}
	if (res < 0)
		return res;
	if (!k->has_own) {
		k->own_name = f.name;
		k->own_system_name = f.system_name;
	}
	k->has_own = true;
	frame->name = k->own_name;
	frame->system_name = k->own_system_name;
	return 0;
}

/* What is known beside the symbol that was asked for last: where in the source, at most. */
static int add_symbol(struct run *r, const struct symunit_frame *place)
{
	struct sym_frame frame = { 0 };
	int res = name_by_last(r, &frame);

	if (res == 0 && place) {
		frame.line = place->line;
		res = get_file(r, &place->file, &frame.file);
	}
	if (res == 0)
		res = answering_add_frame(r->a, &frame);
	if (res == 0 && !place)
		r->last_symbol.frame = (uint32_t)r->a->frames.n;
	return res;
}

static int add_debug_frames(struct run *r, const struct dwquery *q)
{
	const struct symunit_frame *f = r->part->frames.frames.items + q->first;
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
	const struct symobject_symbol *symbol = &r->last_symbol.symbol;
	size_t first = r->a->frames.n;
	int res;

	if (q->n > 0 && !q->line_only) {
		res = add_debug_frames(r, q);
	} else {
		res = symbol_at(r, q->addr);
		if (res < 0)
			return res;
		if (!symbol->text && symbol->ref == STRREF_NONE) {
			ret->reason = q->limited		   ? SYM_LIMIT
				      : r->o->elf.reason != SYM_OK ? r->o->elf.reason
								   : r->o->elf.on_miss;
			return 0;
		}
		if (q->n == 0 && r->last_symbol.frame) {
			*ret = (struct sym_answer){ .frame_first = r->last_symbol.frame - 1,
						    .frame_n = 1 };
			return 0;
		}
		res = add_symbol(r, q->n ? r->part->frames.frames.items + q->first : NULL);
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

/* What is asked for: the addresses in ascending order, and of each the place of its answer. */
struct asked {
	uint64_t *addrs;
	struct radix_key *places;
	size_t n;
};

static void asked_done(struct asked *q)
{
	free(q->addrs);
	free(q->places);
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

/* Sorts what the request asks for. Numbers of 32 bits are sorted: most objects have no others, and what
 * has some takes two turns, of which the second one keeps the order of the first. */
static int sort_addresses(const struct run *r, struct asked *ret)
{
	const uint64_t *offs = r->req->offs;
	uint64_t lo = UINT64_MAX, hi = 0;
	size_t n = r->req->n;
	int res;

	*ret = (struct asked){ .addrs = malloc((n + 1) * sizeof(*ret->addrs)),
			       .places = malloc((n + 1) * sizeof(*ret->places)),
			       .n = n };
	if (!ret->addrs || !ret->places)
		return -ENOMEM;
	pages_expect(ret->addrs, n * sizeof(*ret->addrs));
	pages_expect(ret->places, n * sizeof(*ret->places));
	for (size_t i = 0; i < n; i++) {
		ret->addrs[i] = address_of(r, offs[i]);
		lo = ret->addrs[i] < lo ? ret->addrs[i] : lo;
		hi = ret->addrs[i] > hi ? ret->addrs[i] : hi;
	}
	for (size_t i = 0; i < n; i++)
		ret->places[i] = (struct radix_key){ (uint32_t)(ret->addrs[i] - lo), (uint32_t)i };
	res = radix_sort(ret->places, n);
	if (res == 0 && n > 0 && hi - lo > UINT32_MAX) {
		for (size_t i = 0; i < n; i++)
			ret->places[i].by =
				(uint32_t)((ret->addrs[ret->places[i].item] - lo) >> 32);
		res = radix_sort(ret->places, n);
	}
	for (size_t i = 0; res == 0 && i < n; i++)
		ret->addrs[i] = address_of(r, offs[ret->places[i].item]);
	return res;
}

/* How many frames the answers to @p have, where that can be known: what has none may have a symbol, and of
 * symbols alone many share a frame. */
static size_t frames_at_most(const struct run *r, const struct dwpart *p)
{
	size_t sum = 0;

	if (symobject_is_plain(r->o))
		return 0;
	for (size_t i = 0; i < p->n; i++)
		sum += r->req->no_inlines || p->queries[i].n == 0 ? 1 : p->queries[i].n;
	return sum;
}

/* Reads the names of the frames of @p at once, where that is worth it, and makes room for its answers. */
static int prepare_answers(struct run *r, const struct dwpart *p)
{
	size_t more = frames_at_most(r, p);
	int res = 0;

	free(r->numbers);
	r->numbers = NULL;
	if (!r->req->no_inlines)
		res = framenames_read(&r->names, p->frames.frames.items, p->frames.frames.n,
				      &r->numbers);
	if (res < 0 || !more)
		return res;
	if (array_fit(&r->a->frames, r->a->frames.n + more) < 0)
		return -ENOMEM;
	pages_expect(r->a->frames.items + r->a->frames.n,
		     (r->a->frames.cap - r->a->frames.n) * sizeof(*r->a->frames.items));
	return 0;
}

/* 0, -ENOMEM. */
static int answer_part(struct run *r, const struct dwpart *p, const struct asked *asked)
{
	int res;

	r->part = p;
	res = prepare_answers(r, p);
	for (size_t i = p->first, q = 0; res == 0 && i < p->end; i++) {
		struct sym_answer *answer = &r->a->answers[asked->places[i].item];

		if (i > p->first && asked->addrs[i] == asked->addrs[i - 1])
			*answer = r->a->answers[asked->places[i - 1].item];
		else
			res = set_answer(r, &p->queries[q++], answer);
	}
	return res;
}

/* Answers each distinct address once. */
static int answer_all(struct run *r, const struct asked *asked)
{
	const struct dwpart *part;
	struct dwparts *parts;
	int res = dwparts_new(r->o, asked->addrs, asked->n, &parts);

	if (res < 0)
		return res;
	while ((res = dwparts_next(parts, &part)) > 0) {
		res = answer_part(r, part, asked);
		if (res < 0)
			break;
	}
	dwparts_free(parts);
	return res;
}

int dwanswer_run(struct symobject *o, const struct sym_request *req, struct answering *a)
{
	_cleanup_free_ struct run *r = calloc(1, sizeof(*r));
	struct asked asked = { 0 };
	int res;

	if (!r)
		return -ENOMEM;
	if (getrandom(&r->names.seed, sizeof(r->names.seed), GRND_NONBLOCK) < 0)
		r->names.seed = 1;
	r->names.o = o;
	r->names.a = a;
	r->names.shown_only = req->no_system_names;
	r->o = o;
	r->req = req;
	r->a = a;
	res = sort_addresses(r, &asked);
	if (res == 0 && req->last)
		symobject_expect_only(o, asked.addrs, asked.n);
	if (res == 0)
		res = answer_all(r, &asked);
	if (req->last)
		symobject_expect_only(o, NULL, 0);
	asked_done(&asked);
	run_done(r);
	return res;
}
