/* SPDX-License-Identifier: Apache-2.0 */
/* The room's entry: takes a batch apart, asks the table that knows, puts the answer together. */
#include "symbolize.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "cleanup.h"
#include "clock.h"
#include "debuginfod.h"
#include "dwanswer.h"
#include "jitcache.h"
#include "kallsyms.h"
#include "symcache.h"

enum {
	DEFAULT_CACHE = 64 << 20,
	DEFAULT_INFLATED = 1 << 30,
	DEFAULT_THREADS_MAX = 8,
	JIT_CACHE = 32 << 20, /* what was read of the files of JIT compilers, between calls */
};
#define DEFAULT_FILE_MAX   (16ull << 30)
#define DEFAULT_REFRESH_NS (10 * NSEC_PER_SEC)

struct symbolizer {
	char *kallsyms_path;
	uint64_t max_file_bytes;
	uint64_t kernel_refresh_ns;
	size_t max_inflated;
	unsigned threads;
	const char *const *debug_dirs; /* borrowed */
	char *store_dir;
	bool allow_libdw;
	struct debuginfod *debuginfod; /* NULL = nobody is asked */
	struct symcache cache;
	struct symobject
		*unsaved; /* the last one asked, if its index should be on disk and is not */
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

static unsigned default_threads(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return n > DEFAULT_THREADS_MAX ? DEFAULT_THREADS_MAX : (unsigned)n;
}

unsigned symbolizer_threads(const struct symbolizer *s)
{
	return s->threads;
}

int symbolizer_new(struct symbolizer **ret, const struct symbolizer_opts *opts)
{
	static const struct symbolizer_opts none;
	struct symbolizer *s = calloc(1, sizeof(*s));
	const struct symbolizer_opts *o = opts ? opts : &none;
	int r;

	if (!s)
		return -ENOMEM;
	s->max_file_bytes = o->max_file_bytes ? o->max_file_bytes : DEFAULT_FILE_MAX;
	s->kernel_refresh_ns = o->kernel_refresh_ns ? o->kernel_refresh_ns : DEFAULT_REFRESH_NS;
	s->max_inflated = o->max_inflated ? o->max_inflated : DEFAULT_INFLATED;
	s->threads = o->threads ? o->threads : default_threads();
	s->debug_dirs = o->debug_dirs;
	s->allow_libdw = o->allow_libdw;
	s->store_dir = o->store_dir ? strdup(o->store_dir) : NULL;
	jitcache_init(&s->jit, JIT_CACHE);
	s->kallsyms_path = strdup(o->kallsyms ? o->kallsyms : "/proc/kallsyms");
	if (!s->kallsyms_path || (o->store_dir && !s->store_dir) ||
	    symcache_init(&s->cache, o->max_cache_bytes ? o->max_cache_bytes : DEFAULT_CACHE) < 0) {
		symbolizer_free(s);
		return -ENOMEM;
	}
	if (o->debug_refresh_ns)
		s->cache.look_ns = o->debug_refresh_ns;
	r = o->debuginfod ? debuginfod_new(&s->debuginfod, NULL) : 0;
	if (r < 0) {
		symbolizer_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void symbolizer_free(struct symbolizer *s)
{
	if (!s)
		return;
	symcache_done(&s->cache);
	debuginfod_free(s->debuginfod);
	jitcache_done(&s->jit);
	kallsyms_done(&s->kernel);
	free(s->kallsyms_path);
	free(s->store_dir);
	free(s);
}

struct symbolizer_stats symbolizer_stats(const struct symbolizer *s)
{
	struct symbolizer_stats stats = s->cache.stats;
	struct debuginfod_stats d;

	if (s->debuginfod) {
		d = debuginfod_stats(s->debuginfod);
		stats.fetching = (struct symbolizer_fetching){ .timed_out = d.timed_out,
							       .failed = d.failed,
							       .skipped = d.skipped,
							       .late = d.late,
							       .error = d.error };
	}
	return stats;
}

void sym_batch_done(struct sym_batch *b)
{
	free(b->answers);
	free(b->frames);
	free(b->strings);
	*b = (struct sym_batch){ 0 };
}

/* --- the kernel -------------------------------------------------------------------------- */

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

static int answer_kernel(const struct symbolizer *s, uint64_t addr, struct answering *a,
			 struct sym_answer *ret)
{
	const struct kallsym *sym;
	struct sym_frame f = { 0 };
	const char *module;
	int r;

	ret->reason = s->kernel_reason;
	if (s->kernel_reason != SYM_OK)
		return 0;
	sym = kallsyms_find(&s->kernel, addr);
	if (!sym) {
		ret->reason = SYM_NO_MATCH;
		return 0;
	}
	module = kallsyms_module(&s->kernel, sym);
	r = answering_add_name(a, kallsyms_name(&s->kernel, sym), &f);
	if (r == 0)
		r = answering_add_string(a, module, strlen(module), &f.module);
	return answering_add_answer(a, r, &f, ret);
}

static int run_kernel(struct symbolizer *s, const struct sym_request *req, struct answering *a)
{
	int r = refresh_kernel(s, req);

	for (size_t i = 0; r == 0 && i < req->n; i++)
		r = answer_kernel(s, req->offs[i], a, &a->answers[i]);
	return r;
}

/* --- code that a process made ------------------------------------------------------------ */

/* Compilers of C++ that run in the process give mangled names, others their own. */
static int add_jit_name(struct answering *a, const char *name, struct sym_frame *f)
{
	return name[0] == '_' && !strchr(name, '@') ? answering_add_name(a, name, f)
						    : answering_add_plain_name(a, name, f);
}

static int answer_jit(const struct jit_found *j, bool has_files, struct answering *a,
		      struct sym_answer *ret)
{
	struct sym_frame f = { .line = j->line };
	const char *file = j->strings && j->file ? strtab_get(j->strings, j->file) : "";
	int r;

	if (!j->strings) {
		ret->reason = has_files ? SYM_NO_MATCH : SYM_NO_FILE;
		return 0;
	}
	r = add_jit_name(a, strtab_get(j->strings, j->name), &f);
	if (r == 0)
		r = answering_add_string(a, file, strlen(file), &f.file);
	return answering_add_answer(a, r, &f, ret);
}

/* One address may be asked for at several times, so each is answered for itself. */
static int run_jit(struct symbolizer *s, const struct sym_request *req, struct answering *a)
{
	_cleanup_free_ struct jit_found *found = calloc(req->n, sizeof(*found));
	int r = found ? jitcache_find(&s->jit, req, found) : -ENOMEM;

	for (size_t i = 0; r == 0 && i < req->n; i++)
		r = answer_jit(&found[i], req->jit->n_files > 0, a, &a->answers[i]);
	return r;
}

/* --- the batch --------------------------------------------------------------------------- */

/* An index that is to be saved stays for that. */
static void trim(struct symbolizer *s)
{
	if (!s->unsaved)
		symcache_trim(&s->cache);
}

static int get_object(struct symbolizer *s, const struct sym_request *req, bool stored,
		      struct symobject **ret)
{
	struct symobject_opts opts = { .max_file_bytes = s->max_file_bytes,
				       .max_bytes = s->cache.max_bytes,
				       .max_inflated = s->max_inflated,
				       .threads = s->threads,
				       .debug_dirs = s->debug_dirs,
				       .path = req->path ? req->path : "",
				       .root_fd = req->root_fd_plus1 - 1,
				       .build_id = req->build_id ? req->build_id : "",
				       .store_dir = stored ? s->store_dir : NULL,
				       .allow_libdw = s->allow_libdw,
				       .debuginfod = s->debuginfod };
	int r = 0;

	if (s->unsaved != symcache_peek(&s->cache, req->fd, opts.build_id))
		r = symbolizer_save(s);
	return r < 0 ? r : symcache_get(&s->cache, req->fd, opts.build_id, &opts, ret);
}

/* Notes what was answered without files that servers were asked for and may still send. */
static void note_late(struct symbolizer *s, const struct sym_request *req,
		      const struct symobject *o)
{
	if (o->is_asked)
		debuginfod_note_late(s->debuginfod, req->build_id);
	if (o->alt && o->alt->is_asked)
		debuginfod_note_late(s->debuginfod, o->alt->build_id);
}

static int ask_object(struct symbolizer *s, const struct sym_request *req, bool stored,
		      struct answering *a, struct symobject **ret)
{
	int r = get_object(s, req, stored, ret);

	s->unsaved = NULL;
	if (r == 0)
		r = dwanswer_run(*ret, req, a);
	if (r < 0)
		return r;
	note_late(s, req, *ret);
	symcache_count(&s->cache, *ret);
	if (symobject_wants_saving(*ret))
		s->unsaved = *ret;
	return 0;
}

static int run_object(struct symbolizer *s, const struct sym_request *req, struct answering *a)
{
	struct symobject *o;
	bool is_gone;
	int r;

	if (req->fd < 0) {
		for (size_t i = 0; i < req->n; i++)
			a->answers[i].reason = SYM_NO_FILE;
		return 0;
	}
	r = ask_object(s, req, true, a, &o);
	if (r < 0 || !symobject_is_broken(o))
		return r;
	/* Its index is: what it said may not be all, and it is to be made again. If it cannot be
	 * removed it would be asked again. */
	is_gone = symobject_remove_index(o);
	symcache_forget(&s->cache, o);
	answering_done(a);
	r = answering_init(a, req->n);
	return r < 0 ? r : ask_object(s, req, is_gone, a, &o);
}

int symbolizer_save(struct symbolizer *s)
{
	int r = s->unsaved ? symobject_save(s->unsaved) : 0;

	if (s->unsaved)
		symcache_count(&s->cache, s->unsaved);
	s->unsaved = NULL;
	trim(s);
	return r;
}

int symbolizer_prepare(struct symbolizer *s, const struct sym_request *req)
{
	struct symobject *o;
	int r;

	if ((req->kind != SYM_ELF && req->kind != SYM_VADDR) || req->fd < 0)
		return 0;
	/* Nothing new would come of loading it. */
	if (s->debuginfod && req->build_id && debuginfod_is_busy(s->debuginfod, req->build_id))
		return 1;
	r = get_object(s, req, true, &o);
	if (r == 0)
		r = symobject_is_waiting(o);
	trim(s);
	return r;
}

int symbolizer_wait(struct symbolizer *s, unsigned ms)
{
	return s->debuginfod ? debuginfod_wait(s->debuginfod, ms) : 0;
}

int symbolizer_run(struct symbolizer *s, const struct sym_request *req, struct sym_batch *ret)
{
	struct answering a = { 0 };
	int r = answering_init(&a, req->n);

	if (r == 0 && req->n > 0)
		r = req->kind == SYM_KERNEL ? run_kernel(s, req, &a)
		    : req->kind == SYM_JIT  ? run_jit(s, req, &a)
					    : run_object(s, req, &a);
	trim(s);
	jitcache_trim(&s->jit);
	if (r < 0) {
		answering_done(&a);
		return r;
	}
	answering_take(&a, ret);
	return 0;
}
