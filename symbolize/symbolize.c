/* SPDX-License-Identifier: Apache-2.0 */
/* The room's entry: takes a batch apart, asks the table that knows, puts the answer together. */
#include "symbolize.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "cleanup.h"
#include "clock.h"
#include "demangle.h"
#include "jitcache.h"
#include "kallsyms.h"
#include "strtab.h"
#include "symcache.h"

enum {
	NAME_MAX_BYTES = 4096,	 /* what a symbol name is cut to */
	STRINGS_MAX = 256 << 20, /* of one answer; names beyond get SYM_LIMIT */
	DEFAULT_CACHE = 64 << 20,
	JIT_CACHE = 32 << 20, /* what was read of the files of JIT compilers, between calls */
};
#define DEFAULT_FILE_MAX   (4ull << 30)
#define DEFAULT_REFRESH_NS (10 * NSEC_PER_SEC)

struct symbolizer {
	char *kallsyms_path;
	uint64_t max_file_bytes;
	uint64_t kernel_refresh_ns;
	struct symcache cache;
	struct jitcache jit;
	struct kallsyms kernel;
	enum sym_reason kernel_reason; /* of all addresses; valid once kernel_tried_ns is set */
	uint64_t kernel_tried_ns;
};

const char *sym_reason_text(enum sym_reason reason)
{
	static const char *const text[SYM_REASON_MAX] = {
		[SYM_OK] = "ok",
		[SYM_NO_FILE] = "no file",
		[SYM_BAD_FILE] = "not a valid ELF file",
		[SYM_NO_SYMBOLS] = "no symbols",
		[SYM_NO_MATCH] = "no symbol at this address",
		[SYM_LIMIT] = "too large",
		[SYM_UNSUPPORTED] = "unsupported kind of ELF file",
		[SYM_HIDDEN] = "kernel addresses are hidden",
	};

	return (unsigned)reason < SYM_REASON_MAX ? text[reason] : "unknown";
}

int symbolizer_new(struct symbolizer **ret, const struct symbolizer_opts *opts)
{
	static const struct symbolizer_opts none;
	struct symbolizer *s = calloc(1, sizeof(*s));
	const struct symbolizer_opts *o = opts ? opts : &none;

	if (!s)
		return -ENOMEM;
	s->max_file_bytes = o->max_file_bytes ? o->max_file_bytes : DEFAULT_FILE_MAX;
	s->kernel_refresh_ns = o->kernel_refresh_ns ? o->kernel_refresh_ns : DEFAULT_REFRESH_NS;
	jitcache_init(&s->jit, JIT_CACHE);
	s->kallsyms_path = strdup(o->kallsyms ? o->kallsyms : "/proc/kallsyms");
	if (!s->kallsyms_path ||
	    symcache_init(&s->cache, o->max_cache_bytes ? o->max_cache_bytes : DEFAULT_CACHE) < 0) {
		symbolizer_free(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

void symbolizer_free(struct symbolizer *s)
{
	if (!s)
		return;
	symcache_done(&s->cache);
	jitcache_done(&s->jit);
	kallsyms_done(&s->kernel);
	free(s->kallsyms_path);
	free(s);
}

struct symbolizer_stats symbolizer_stats(const struct symbolizer *s)
{
	return s->cache.stats;
}

void sym_batch_done(struct sym_batch *b)
{
	free(b->answers);
	free(b->frames);
	free(b->strings);
	*b = (struct sym_batch){ 0 };
}

/* --- the answer under construction ------------------------------------------------------- */

/* What a table says about one offset. */
struct found {
	const char *name; /* NULL when reason is not SYM_OK */
	const char *module;
	const char *file; /* source file, NULL = unknown */
	uint32_t line;
	bool is_jit; /* the name is what the process wrote: any text */
	enum sym_reason reason;
};

struct answering {
	struct sym_answer *answers;
	ARRAY(struct sym_frame) frames;
	struct strtab strings;
	const char *last_name; /* of the frame added last: neighbours are often in one function */
	char demangled[DEMANGLE_OUT_MAX];
};

static void answering_done(struct answering *a)
{
	free(a->answers);
	array_free(&a->frames);
	strtab_done(&a->strings);
}

/* Adds a string and gives its place in the batch: 0, -ENOMEM, -EFBIG when the batch is full. */
static int add_string(struct answering *a, const char *s, size_t n, uint32_t *ret_off)
{
	uint32_t id;
	int r;

	if (a->strings.n_bytes + n >= STRINGS_MAX)
		return -EFBIG;
	r = strtab_add(&a->strings, s, n, &id);
	if (r < 0)
		return r == -ENOMEM ? r : -EFBIG;
	*ret_off = (uint32_t)a->strings.ents[id].off;
	return 0;
}

static int add_frame(struct answering *a, const struct found *f)
{
	struct sym_frame frame = { 0 };
	const char *name = f->name;
	size_t n = strnlen(name, NAME_MAX_BYTES);
	int r;

	if (name == a->last_name && !f->file)
		return 0;
	r = add_string(a, name, n, &frame.system_name);
	if (r < 0)
		return r;
	frame.name = frame.system_name;
	/* Compilers of C++ that run in the process give mangled names, others their own. */
	if ((!f->is_jit || (name[0] == '_' && !strchr(name, '@'))) &&
	    demangle(name, a->demangled)) {
		r = add_string(a, a->demangled, strlen(a->demangled), &frame.name);
		if (r < 0)
			return r;
	}
	r = add_string(a, f->module, strlen(f->module), &frame.module);
	if (r < 0)
		return r;
	if (f->file && (r = add_string(a, f->file, strlen(f->file), &frame.file)) < 0)
		return r;
	frame.line = f->line;
	if (a->frames.n == UINT32_MAX)
		return -EFBIG;
	r = array_push(&a->frames, frame);
	if (r == 0)
		a->last_name = f->file ? NULL : name;
	return r;
}

static int set_answer(struct answering *a, const struct found *f, struct sym_answer *ret)
{
	int r;

	*ret = (struct sym_answer){ .reason = f->reason };
	if (f->reason != SYM_OK)
		return 0;
	r = add_frame(a, f);
	if (r == -EFBIG) {
		ret->reason = SYM_LIMIT;
		return 0;
	}
	if (r < 0)
		return r;
	ret->frame_first = (uint32_t)(a->frames.n - 1);
	ret->frame_n = 1;
	return 0;
}

/* --- who knows --------------------------------------------------------------------------- */

static void find_in_object(const struct elf_object *o, enum sym_kind kind, uint64_t off,
			   struct found *ret)
{
	const struct symtab_range *(*find)(const struct elf_object *o, uint64_t off) =
		kind == SYM_VADDR ? elf_object_find_vaddr : elf_object_find;
	const struct symtab_range *range;

	*ret = (struct found){ .module = "", .reason = o->reason };
	if (o->reason != SYM_OK)
		return;
	range = find(o, off);
	/* A return address that was put on the stack by hand (a signal's trampoline, the end of a
	 * coroutine) is where a function begins, and is looked up one byte before: nobody else is
	 * there. */
	if (!range)
		range = find(o, off + 1);
	ret->reason = range ? SYM_OK : o->on_miss;
	if (range)
		ret->name = o->syms.strings + range->name;
}

static void find_in_kernel(const struct symbolizer *s, uint64_t addr, struct found *ret)
{
	const struct kallsym *sym;

	*ret = (struct found){ .module = "", .reason = s->kernel_reason };
	if (s->kernel_reason != SYM_OK)
		return;
	sym = kallsyms_find(&s->kernel, addr);
	ret->reason = sym ? SYM_OK : SYM_NO_MATCH;
	if (sym) {
		ret->name = kallsyms_name(&s->kernel, sym);
		ret->module = kallsyms_module(&s->kernel, sym);
	}
}

static int load_kernel(struct symbolizer *s)
{
	int r = kallsyms_load(&s->kernel, s->kallsyms_path);

	if (r == -ENOMEM)
		return r;
	s->kernel_tried_ns = clock_mono_ns();
	if (r < 0)
		s->kernel_reason = s->kernel.syms.n > 0 ? SYM_OK : SYM_NO_FILE;
	else if (s->kernel.hidden)
		s->kernel_reason = SYM_HIDDEN;
	else
		s->kernel_reason = s->kernel.syms.n > 0 ? SYM_OK : SYM_NO_SYMBOLS;
	return 0;
}

/* Modules and BPF programs come and go: an unknown address is worth another look, now and then. */
static int refresh_kernel(struct symbolizer *s, const struct sym_request *req)
{
	if (!s->kernel_tried_ns)
		return load_kernel(s);
	if (clock_mono_ns() - s->kernel_tried_ns < s->kernel_refresh_ns)
		return 0;
	for (size_t i = 0; i < req->n; i++)
		if (s->kernel_reason != SYM_OK || !kallsyms_find(&s->kernel, req->offs[i]))
			return load_kernel(s);
	return 0;
}

int symbolizer_kernel_range(struct symbolizer *s, uint64_t *ret_start, uint64_t *ret_end)
{
	int r = s->kernel_tried_ns ? 0 : load_kernel(s);

	if (r < 0)
		return r;
	if (s->kernel_reason == SYM_HIDDEN)
		return -EPERM;
	if (s->kernel_reason != SYM_OK || s->kernel.end == 0)
		return -ENOENT;
	*ret_start = s->kernel.start;
	*ret_end = s->kernel.end;
	return 0;
}

/* --- the batch --------------------------------------------------------------------------- */

struct place {
	uint64_t off;
	uint32_t i; /* in the request */
};

static int by_off(const void *pa, const void *pb)
{
	const struct place *a = pa, *b = pb;

	return (a->off > b->off) - (a->off < b->off);
}

/* Answers each distinct offset once. @object is NULL for the kernel. */
static int answer_all(struct symbolizer *s, const struct elf_object *object,
		      const struct sym_request *req, struct answering *a)
{
	_cleanup_free_ struct place *places = calloc(req->n + 1, sizeof(*places));

	if (!places)
		return -ENOMEM;
	for (size_t i = 0; i < req->n; i++)
		places[i] = (struct place){ req->offs[i], (uint32_t)i };
	qsort(places, req->n, sizeof(*places), by_off);
	for (size_t i = 0; i < req->n; i++) {
		struct sym_answer *answer = &a->answers[places[i].i];
		struct found f;
		int r;

		if (i > 0 && places[i].off == places[i - 1].off) {
			*answer = a->answers[places[i - 1].i];
			continue;
		}
		if (object)
			find_in_object(object, req->kind, places[i].off, &f);
		else
			find_in_kernel(s, places[i].off, &f);
		r = set_answer(a, &f, answer);
		if (r < 0)
			return r;
	}
	return 0;
}

/* One address may be asked for at several times, so each is answered for itself. */
static int answer_jit(struct symbolizer *s, const struct sym_request *req, struct answering *a)
{
	_cleanup_free_ struct jit_found *found = calloc(req->n + 1, sizeof(*found));
	int r = found ? jitcache_find(&s->jit, req, found) : -ENOMEM;

	for (size_t i = 0; i < req->n && r == 0; i++) {
		const struct jit_found *j = &found[i];
		struct found f = { .module = "", .is_jit = true, .line = j->line };

		f.reason = j->strings ? SYM_OK : req->jit->n_files ? SYM_NO_MATCH : SYM_NO_FILE;
		if (j->strings)
			f.name = strtab_get(j->strings, j->name);
		if (j->strings && j->file)
			f.file = strtab_get(j->strings, j->file);
		r = set_answer(a, &f, &a->answers[i]);
	}
	return r;
}

static int run(struct symbolizer *s, const struct sym_request *req, struct answering *a)
{
	static const struct elf_object no_file = { .reason = SYM_NO_FILE };
	const struct elf_object *object = &no_file;
	int r = 0;

	a->answers = calloc(req->n + 1, sizeof(*a->answers));
	if (!a->answers || req->n > UINT32_MAX || strtab_init(&a->strings) < 0)
		return -ENOMEM;
	if (req->kind == SYM_JIT)
		return answer_jit(s, req, a);
	if (req->kind == SYM_KERNEL) {
		object = NULL;
		r = refresh_kernel(s, req);
	} else if (req->fd >= 0 && req->n > 0) {
		r = symcache_get(&s->cache, req->fd, req->build_id ? req->build_id : "",
				 s->max_file_bytes, &object);
	}
	return r < 0 ? r : answer_all(s, object, req, a);
}

int symbolizer_run(struct symbolizer *s, const struct sym_request *req, struct sym_batch *ret)
{
	struct answering a = { 0 };
	int r = run(s, req, &a);

	symcache_trim(&s->cache);
	jitcache_trim(&s->jit);
	if (r < 0) {
		answering_done(&a);
		return r;
	}
	*ret = (struct sym_batch){
		.answers = take_ptr(a.answers),
		.frames = a.frames.items,
		.n_frames = a.frames.n,
		.strings = a.strings.bytes,
		.n_strings = a.strings.n_bytes,
	};
	a.frames.items = NULL;
	a.strings.bytes = NULL;
	answering_done(&a);
	return 0;
}
