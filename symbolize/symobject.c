/* SPDX-License-Identifier: Apache-2.0 */
#include "symobject.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lzma.h>

#include "cleanup.h"
#include "clock.h"
#include "fdpath.h"
#include "gopclntab.h"
#include "symsources.h"

enum {
	GO_TABLE_MAX = 512 << 20,
	STORE_KEY_BYTES = BUILD_ID_HEX_MAX + 18,
	AT_ONCE = 4096, /* addresses, where asking some of them again costs nothing */
};

static void free_alt(struct symobject_alt *a)
{
	if (a)
		cleanup_closep(&a->debug_fd);
	free(a);
}

void symobject_done(struct symobject *o)
{
	elf_object_done(&o->elf);
	free_alt(o->alt);
	symsources_free(o->sources);
	symasked_done(&o->asked);
	dwobject_free(o->dwarf);
	libdwsource_free(o->lib);
	free(o->go);
	strtab_done(&o->own);
	*o = (struct symobject){ 0 };
}

/* --- DWARF ------------------------------------------------------------------------------------ */

static int by_lo(const void *pa, const void *pb)
{
	const struct dwline_span *a = pa, *b = pb;

	return (a->lo > b->lo) - (a->lo < b->lo);
}

/* Where the object has code: what DWARF says of other addresses is of code that was thrown away. */
static int code_spans(const struct elf_object *o, struct dwline_span **ret)
{
	struct dwline_span *spans = calloc(o->n_code + 1, sizeof(*spans));

	if (!spans)
		return -ENOMEM;
	for (size_t i = 0; i < o->n_code; i++)
		spans[i] = (struct dwline_span){ o->code[i].vaddr,
						 o->code[i].vaddr + o->code[i].size };
	if (o->n_code > 0)
		qsort(spans, o->n_code, sizeof(*spans), by_lo);
	*ret = spans;
	return 0;
}

/*
 * The name of the index of @object on disk: its build id, and a number for the files that the index
 * is made of. A better debug file that is installed later makes another number. Of the object,
 * which may have lost its symbols, the size is part of it, its time is not: copies in containers
 * have one index.
 */
static bool store_key(const struct symobject_opts *opts, int object, const int *fds, size_t n,
		      char ret[STORE_KEY_BYTES])
{
	uint64_t crc = 0, size;
	struct stat own;

	if (!opts->store_dir || !opts->build_id[0] || strlen(opts->build_id) >= BUILD_ID_HEX_MAX ||
	    fstat(object, &own) < 0)
		return false;
	size = (uint64_t)own.st_size;
	crc = lzma_crc64((const uint8_t *)&size, sizeof(size), crc);
	for (size_t i = 0; i < n; i++) {
		uint64_t id[3] = { 0 };
		struct stat st;

		if (fds[i] >= 0 && fstat(fds[i], &st) < 0)
			return false;
		if (fds[i] >= 0) {
			id[0] = (uint64_t)st.st_size;
			id[1] = (uint64_t)st.st_mtim.tv_sec;
			id[2] = (uint64_t)st.st_mtim.tv_nsec;
		}
		crc = lzma_crc64((const uint8_t *)id, sizeof(id), crc);
	}
	snprintf(ret, STORE_KEY_BYTES, "%s-%016" PRIx64, opts->build_id, crc);
	return true;
}

/* Where split units may be: beside the object, by the name it was given and where it is, and beside
 * its debug file. @buf holds what @ret borrows. */
static void find_paths(int fd, int object, const struct symobject_opts *opts, char buf[2][PATH_MAX],
		       struct dwsplit_opts *ret)
{
	*ret = (struct dwsplit_opts){ .root_fd = opts->root_fd, .paths = { opts->path } };
	if (fdpath_below_root(object, opts->root_fd, buf[0]) == 0)
		ret->paths[1] = buf[0];
	if (fd != object && fdpath_below_root(fd, opts->root_fd, buf[1]) == 0)
		ret->paths[2] = buf[1];
}

/* Notes that the debug information in @fd lacks its common file; without an id, that it does not. */
static int note_alt(struct symobject *o, int fd, int object, const char *id)
{
	struct symobject_alt *a = id[0] ? calloc(1, sizeof(*a)) : NULL;

	free_alt(o->alt);
	o->alt = a;
	if (!a)
		return id[0] ? -ENOMEM : 0;
	strcpy(a->build_id, id);
	/* A server may have sent it: it is not found again. */
	a->debug_fd = fd == object ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return 0;
}

/*
 * Opens the DWARF of @fd, which is @object or a file beside it and stays the caller's; @sent as for
 * symsources_open_alt(). -ENOENT: there is none that can be read.
 */
static int open_dwarf(struct symobject *o, int fd, int object, int sent,
		      const struct symobject_opts *opts)
{
	_cleanup_close_ int own = fcntl(fd, F_DUPFD_CLOEXEC, 0), alt = -1;
	_cleanup_free_ struct dwline_span *spans = NULL;
	char key[STORE_KEY_BYTES], paths[2][PATH_MAX], alt_id[BUILD_ID_HEX_MAX];
	struct dwobject_opts dw = { .max_inflated = opts->max_inflated,
				    .max_images = opts->max_bytes,
				    .threads = opts->threads };
	int r;

	if (own < 0)
		return -ENOENT;
	r = symsources_open_alt(fd, sent, opts, &alt, alt_id);
	if (r == 0)
		r = note_alt(o, fd, object, alt_id);
	if (r == 0)
		r = code_spans(&o->elf, &spans);
	if (r < 0)
		return r;
	find_paths(fd, object, opts, paths, &dw.split);
	dw.alt_fd = alt;
	dw.code = spans;
	dw.n_code = o->elf.n_code;
	if (store_key(opts, object, (int[]){ own, alt }, 2, key)) {
		dw.store_dir = opts->store_dir;
		dw.store_key = key;
		r = dwobject_open_stored(&dw, &o->dwarf);
		o->has_stored_symbols = r == 0 && dwobject_has_symbols(o->dwarf, &o->elf);
		if (r != -ENOENT)
			return r;
	}
	r = dwobject_open(own, &dw, &o->dwarf);
	o->dwarf_error = r == -ENOENT ? 0 : r;
	if (r < 0)
		return r == -ENOMEM ? r : -ENOENT;
	take_fd(&own);
	take_fd(&alt);
	return 0;
}

/* --- Go --------------------------------------------------------------------------------------- */

static int read_go(struct symobject *o, struct elf_file *f)
{
	struct symunit_builder b = { 0 };
	int r = strtab_init(&o->own);

	if (r == 0)
		r = gopclntab_read(f, GO_TABLE_MAX, &o->own, &b);
	if (r == 0)
		r = symunit_build(&b, &o->go, &o->go_bytes);
	symunit_builder_done(&b);
	if (r == 0)
		return 0;
	strtab_done(&o->own);
	return r == -ENOMEM ? r : -ENOENT;
}

/* --- loading ---------------------------------------------------------------------------------- */

static int load_debug(struct symobject *o, struct symsources *s, int fd,
		      const struct symobject_opts *opts)
{
	int r = -ENOENT;

	o->separate = symsources_identity(s->separate_fd);
	if (s->separate_fd >= 0 && dwsections_may_open(&s->separate))
		r = open_dwarf(o, s->separate_fd, fd, s->alt_fd, opts);
	if (r == -ENOENT && dwsections_may_open(&s->own))
		r = open_dwarf(o, fd, fd, s->alt_fd, opts);
	if (!o->dwarf)
		free_alt(take_ptr(o->alt));
	if (r == -ENOENT)
		r = read_go(o, &s->own);
	return r == -ENOENT ? 0 : r;
}

/* Loads an object of a kind that is not read here: 0, with a reason if that was not possible;
 * -ENOMEM. */
static int load_by_libdw(struct symobject *o, int fd, const struct symobject_opts *opts)
{
	const struct libdwsource_opts lo = { .max_file_bytes = opts->max_file_bytes,
					     .max_inflated = opts->max_inflated,
					     .max_images = opts->max_bytes,
					     .debug_dirs = opts->debug_dirs,
					     .path = opts->path,
					     .root_fd = opts->root_fd };
	int r = libdwsource_open(fd, &lo, &o->elf, &o->lib);

	if (r == 0 || r == -ENOMEM)
		return r;
	o->elf.reason = r == -EFBIG ? SYM_LIMIT : r == -ENOTSUP ? SYM_UNSUPPORTED : SYM_BAD_FILE;
	return 0;
}

static int load_symbols(struct symobject *o)
{
	struct symsources *s = take_ptr(o->sources);
	const struct elf_file *extra[] = { &s->separate, &s->mini };
	int r = elf_object_load_symbols(&o->elf, &s->own, extra, ELF_EXTRA_MAX);

	symsources_free(s);
	return r;
}

/* Loads an object of a kind that is read here; @s is its, with the file open as @opened says. */
static int load_parts(struct symobject *o, struct symsources *s, int opened, int fd,
		      const struct symobject_opts *opts)
{
	int r = opened;

	if (r == 0)
		r = elf_file_read_sections(&s->own);
	if (r == 0)
		r = symsources_find(s, opts);
	if (r != -ENOMEM)
		r = elf_object_load_code(&s->own, r, &o->elf);
	if (r == 0 && o->elf.reason == SYM_OK)
		r = load_debug(o, s, fd, opts);
	return r;
}

/* With the debug file @debug and its common file @alt, which are taken; -1 = the one that is found here. */
static int load(int fd, int debug, int alt, const struct symobject_opts *opts,
		struct symobject *ret)
{
	struct symobject o = { .sources = symsources_new() };
	struct symsources *s = o.sources;
	int r;

	if (!s) {
		cleanup_closep(&debug);
		cleanup_closep(&alt);
		return -ENOMEM;
	}
	s->separate_fd = debug;
	s->alt_fd = alt;
	s->own_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	r = elf_file_open_fd(&s->own, s->own_fd, opts->max_file_bytes);
	if (r == -ENOTSUP && opts->allow_libdw) {
		symsources_free(take_ptr(o.sources));
		r = load_by_libdw(&o, fd, opts);
	} else {
		r = load_parts(&o, s, r, fd, opts);
	}
	if (r < 0) {
		symobject_done(&o);
		return r;
	}
	*ret = o;
	return 0;
}

bool symobject_is_plain(const struct symobject *o)
{
	return !o->dwarf && !o->lib && !o->go;
}

/* --- what was not there ----------------------------------------------------------------------- */

/* Whether a debug file could tell more: of a Go program its own table tells all. */
static bool lacks_debug(const struct symobject *o)
{
	return symobject_is_plain(o) && o->elf.n_code > 0;
}

/* Asks the servers, or for their answer: a descriptor, -1 while there is none or when there is
 * none. */
static int ask(const char *build_id, const struct symobject_opts *opts, bool *ret_is_asked)
{
	int r = debuginfod_ask(opts->debuginfod, build_id);

	*ret_is_asked = r == -EINPROGRESS || r == -EAGAIN;
	return r >= 0 ? r : -1;
}

static int ask_for_debug(struct symobject *o, const struct symobject_opts *opts)
{
	o->is_asked = false;
	return opts->debuginfod && opts->build_id[0] && lacks_debug(o)
		       ? ask(opts->build_id, opts, &o->is_asked)
		       : -1;
}

static int ask_for_alt(struct symobject_alt *a, const struct symobject_opts *opts)
{
	a->is_asked = false;
	return opts->debuginfod ? ask(a->build_id, opts, &a->is_asked) : -1;
}

bool symobject_is_waiting(const struct symobject *o)
{
	return o->is_asked || (o->alt && o->alt->is_asked);
}

/* Loads @o again with what its debug information refers to, if that is here by now or was sent: 0, 1 when it
 * was, -ENOMEM. With @look it is looked for here. */
static int complete(struct symobject *o, int fd, const struct symobject_opts *opts, bool look)
{
	struct symobject_alt *a = o->alt;
	struct symobject better = { 0 };
	char id[BUILD_ID_HEX_MAX];
	int alt = -1, debug, r;

	if (!a)
		return 0;
	if (look &&
	    symsources_open_alt(a->debug_fd >= 0 ? a->debug_fd : fd, -1, opts, &alt, id) < 0)
		return -ENOMEM;
	if (alt < 0)
		alt = ask_for_alt(a, opts);
	if (alt < 0)
		return 0;
	debug = a->debug_fd >= 0 ? fcntl(a->debug_fd, F_DUPFD_CLOEXEC, 0) : -1;
	r = load(fd, debug, alt, opts, &better);
	if (r < 0)
		return r;
	symobject_done(o);
	*o = better;
	return 1;
}

int symobject_load(int fd, const struct symobject_opts *opts, struct symobject *ret)
{
	struct symobject o = { 0 };
	int r = load(fd, -1, -1, opts, &o), debug;

	if (r < 0)
		return r;
	debug = ask_for_debug(&o, opts);
	if (debug >= 0) {
		/* It came while the object was out of the cache. */
		symobject_done(&o);
		r = load(fd, debug, -1, opts, &o);
	}
	if (r < 0)
		return r;
	r = complete(&o, fd, opts, false);
	if (r < 0) {
		symobject_done(&o);
		return r;
	}
	*ret = o;
	return 0;
}

/* symobject_refresh(), but for what debug information refers to. */
static int refresh_debug(struct symobject *o, int fd, const struct symobject_opts *opts, bool look)
{
	struct symobject better = { 0 };
	bool is_better = false;
	int debug = o->is_asked ? ask_for_debug(o, opts) : -1, r;

	if (look && debug < 0 && o->dwarf)
		is_better = dwobject_look_again(o->dwarf);
	if (look && debug < 0 && !o->dwarf && !o->lib && o->elf.n_code > 0)
		debug = symsources_look_again(fd, &o->separate, opts);
	if (look && debug < 0 && !o->is_asked)
		debug = ask_for_debug(o, opts);
	if (debug < 0 && !is_better)
		return 0;
	r = load(fd, debug, -1, opts, &better);
	if (r < 0)
		return r;
	if (is_better && !better.dwarf) {
		/* Split units of a debug file that a server had sent, and that is not here. */
		symobject_done(&better);
		return 0;
	}
	symobject_done(o);
	*o = better;
	return 1;
}

int symobject_refresh(struct symobject *o, int fd, const struct symobject_opts *opts, bool look)
{
	int r = refresh_debug(o, fd, opts, look), r2 = 0;

	if (r >= 0 && o->alt && (r == 1 || look || o->alt->is_asked))
		r2 = complete(o, fd, opts, look && r == 0);
	return r != 0 ? r : r2;
}

/* --- asking ----------------------------------------------------------------------------------- */

/* Sees to it that the symbol at @addr is read: 0 or -ENOMEM. */
static int read_symbols(struct symobject *o, uint64_t addr)
{
	int r = 0;

	if (!o->sources || o->has_stored_symbols)
		return 0;
	if (symasked_has(&o->asked, addr)) {
		const struct elf_file *extra[] = { &o->sources->separate, &o->sources->mini };

		r = o->asked.syms.ranges ? 1
					 : elf_object_load_some(&o->elf, &o->sources->own, extra,
								ELF_EXTRA_MAX, &o->asked);
	}
	return r == 0 ? load_symbols(o) : r < 0 ? r : 0;
}

static struct symobject_symbol symbol_at(struct symobject *o, uint64_t addr)
{
	const struct symtab *t = o->sources ? &o->asked.syms : &o->elf.syms;
	struct symobject_symbol s = { 0 };
	const struct symtab_range *range;

	if (o->has_stored_symbols) {
		s.ref = dwobject_symbol(o->dwarf, addr, &s.end);
		return s;
	}
	range = symtab_find(t, addr);
	if (range) {
		s.text = t->strings + range->name;
		s.end = o->sources		       ? addr + 1
			: range + 1 < t->ranges + t->n ? range[1].start
						       : UINT64_MAX;
	}
	return s;
}

int symobject_symbol(struct symobject *o, uint64_t addr, struct symobject_symbol *ret)
{
	int r = read_symbols(o, addr);

	if (r < 0)
		return r;
	*ret = symbol_at(o, addr);
	/* A return address that was put on the stack by hand (a signal's trampoline, the end of a
	 * coroutine) is where a function begins, and is looked up one byte before: nobody else is
	 * there. */
	if (!ret->text && ret->ref == STRREF_NONE) {
		*ret = symbol_at(o, addr + 1);
		ret->end = 0;
	}
	return 0;
}

int symobject_find(struct symobject *o, struct dwquery *queries, size_t n, struct dwframes *ret)
{
	struct symunit_cursor cursor = { 0 };

	if (symasked_note(&o->asked, queries, n) < 0)
		return -ENOMEM;
	if (o->alt && !o->alt->is_asked)
		o->alt->is_missed = true;
	if (o->dwarf)
		return dwobject_find(o->dwarf, queries, n, ret);
	if (o->lib)
		return libdwsource_find(o->lib, queries, n, ret);
	for (size_t i = 0; i < n; i++) {
		struct dwquery *q = &queries[i];

		*q = (struct dwquery){ .addr = q->addr, .first = (uint32_t)ret->frames.n };
		if (!o->go)
			continue;
		if (ret->frames.n > UINT32_MAX - SYMUNIT_DEPTH_MAX ||
		    array_reserve(&ret->frames, SYMUNIT_DEPTH_MAX) < 0)
			return -ENOMEM;
		q->n = (uint32_t)symunit_find_on(o->go, q->addr, &cursor,
						 ret->frames.items + ret->frames.n);
		ret->frames.n += q->n;
	}
	return 0;
}

void symobject_expect_only(struct symobject *o, const uint64_t *addrs, size_t n)
{
	if (o->dwarf)
		dwobject_expect_only(o->dwarf, addrs, n);
}

size_t symobject_at_once(const struct symobject *o, size_t n)
{
	if (o->dwarf)
		return dwobject_at_once(o->dwarf, n);
	return symobject_is_plain(o) && n > AT_ONCE ? AT_ONCE : n;
}

const char *symobject_string(const struct symobject *o, strref_t s, size_t n, char *buf)
{
	if (o->dwarf)
		return dwobject_string(o->dwarf, s, n, buf);
	if (o->lib)
		return libdwsource_string(o->lib, s);
	if (strref_place(s) == STRREF_OWN && strref_off(s) < o->own.n_bytes)
		return o->own.bytes + strref_off(s);
	return "";
}

const struct namepool_name *symobject_name(struct symobject *o, strref_t s, enum namepool_want want)
{
	return o->dwarf && dwobject_is_stored(o->dwarf) ? dwobject_name(o->dwarf, s, want) : NULL;
}

bool symobject_is_broken(const struct symobject *o)
{
	return o->dwarf && dwobject_is_broken(o->dwarf);
}

bool symobject_remove_index(const struct symobject *o)
{
	return dwobject_remove_index(o->dwarf);
}

bool symobject_wants_saving(const struct symobject *o)
{
	return o->dwarf && dwobject_wants_saving(o->dwarf);
}

int symobject_save(struct symobject *o)
{
	int r = o->sources ? load_symbols(o) : 0;

	return r < 0 ? r : dwobject_save(o->dwarf, &o->elf);
}

size_t symobject_bytes(const struct symobject *o)
{
	return elf_object_bytes(&o->elf) + symasked_bytes(&o->asked) +
	       (o->dwarf ? dwobject_bytes(o->dwarf) : 0) +
	       (o->lib ? libdwsource_bytes(o->lib) : 0) + o->go_bytes + o->own.cap_bytes +
	       o->own.cap * sizeof(*o->own.ents);
}

struct symobject_flaws symobject_flaws(const struct symobject *o)
{
	if (!o->dwarf)
		return (struct symobject_flaws){
			.no_alt = o->lib && libdwsource_no_alt(o->lib),
			.broken = o->dwarf_error && o->dwarf_error != -EFBIG,
			.limited = o->dwarf_error == -EFBIG,
		};
	return (struct symobject_flaws){ .no_split = dwobject_no_split(o->dwarf),
					 .no_alt = o->alt && o->alt->is_missed,
					 .broken = dwobject_broken(o->dwarf),
					 .limited = dwobject_limited(o->dwarf) };
}
