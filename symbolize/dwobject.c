/* SPDX-License-Identifier: Apache-2.0 */
#include "dwobject.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "dwbuild.h"
#include "dwdir.h"

enum {
	THREADS_MAX = 8,
	HELD_MAX = 64 << 20, /* of a section that is read whole; of a larger one, windows */
	LOOSE_MAX = 4096,    /* units that are tried for addresses that no unit claims */
};

#define THREAD_WORTH (1ull << 20) /* bytes of .debug_info for which another thread is started */

struct unit_image {
	struct symunit *image; /* NULL = not read, or not kept */
	size_t bytes;
};

struct dwobject {
	struct dwfile file, alt;
	bool has_alt;
	struct dwdir dir;
	ARRAY(uint32_t) loose; /* units that do not say where their code is */
	struct unit_image *images; /* of each unit */
	struct dwline_span *code;
	size_t n_code;
	size_t max_images;
	unsigned threads;
	atomic_size_t image_bytes;
	atomic_uint_fast64_t broken;
};

/* --- opening -------------------------------------------------------------------------------------- */

void dwobject_free(struct dwobject *o)
{
	if (!o)
		return;
	for (size_t i = 0; o->images && i < o->file.n_units; i++)
		free(o->images[i].image);
	free(o->images);
	free(o->code);
	array_free(&o->loose);
	dwdir_done(&o->dir);
	dwfile_close(&o->file);
	if (o->has_alt)
		dwfile_close(&o->alt);
	free(o);
}

DEFINE_CLEANUP(struct dwobject *, dwobject_free)

/* The tables that are read at every turn; the large sections are read by unit or by string. */
static int hold_tables(struct dwfile *f)
{
	static const enum dwsection_id tables[] = { DW_ABBREV, DW_RANGES,      DW_RNGLISTS,
						    DW_ADDR,   DW_STR_OFFSETS, DW_LINE_STR };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(tables); i++)
		r = dwsection_hold(&f->s, tables[i], HELD_MAX);
	return r;
}

/* Enters unit @i into the directory, or into those that do not say where their code is. */
static int add_unit(struct dwobject *o, uint32_t i, struct dwspans *spans)
{
	const struct dwunit *u = &o->file.units[i];
	int r;

	if (u->partial)
		return 0;
	spans->spans.n = 0;
	r = dwrange_read(&o->file, u, u->pc_forms, u->pc, spans);
	if (r == -ENOMEM)
		return r;
	if (spans->spans.n == 0 && u->stmt_list != DWUNIT_ABSENT && u->children &&
	    !u->pc_forms[2] && o->loose.n < LOOSE_MAX)
		return array_push(&o->loose, i);
	array_each(&spans->spans, s)
		if (dwdir_add(&o->dir, s->lo, s->hi, i) < 0)
			return -ENOMEM;
	return 0;
}

static int read_units(struct dwobject *o)
{
	struct dwspans spans = { 0 };
	int r = hold_tables(&o->file);

	if (r == 0)
		r = dwfile_read_units(&o->file);
	for (size_t i = 0; r == 0 && i < o->file.n_units; i++)
		r = add_unit(o, (uint32_t)i, &spans);
	array_free(&spans.spans);
	if (r < 0)
		return r;
	dwdir_sort(&o->dir);
	o->images = calloc(o->file.n_units + 1, sizeof(*o->images));
	return o->images ? 0 : -ENOMEM;
}

/* A missing or broken alternate file costs names, not the rest. */
static int open_alt(struct dwobject *o, const struct dwobject_opts *opts)
{
	int r = dwsections_open(opts->alt_fd, false, opts->max_inflated, &o->alt.s);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	o->has_alt = true;
	o->alt.alt = true;
	r = hold_tables(&o->alt);
	if (r == 0)
		r = dwfile_read_units(&o->alt);
	return r == -ENOMEM ? r : 0;
}

/* Only what takes the descriptors comes after what can fail. */
int dwobject_open(int fd, const struct dwobject_opts *opts, struct dwobject **ret)
{
	_cleanup_(dwobject_freep) struct dwobject *o = calloc(1, sizeof(*o));
	int r;

	if (!o)
		return -ENOMEM;
	o->file.s.fd = -1;
	o->max_images = opts->max_images;
	o->threads = opts->threads;
	o->n_code = opts->n_code;
	o->code = malloc((opts->n_code + 1) * sizeof(*o->code));
	if (!o->code)
		return -ENOMEM;
	if (opts->n_code > 0)
		memcpy(o->code, opts->code, opts->n_code * sizeof(*o->code));
	r = dwsections_open(fd, false, opts->max_inflated, &o->file.s);
	if (r < 0)
		return r;
	if (o->file.s.s[DW_INFO].size == 0)
		r = -ENOENT;
	if (r == 0)
		r = read_units(o);
	if (r < 0) {
		o->file.s.fd = -1; /* still the caller's */
		return r;
	}
	if (opts->alt_fd >= 0 && (r = open_alt(o, opts)) < 0) {
		o->file.s.fd = o->alt.s.fd = -1;
		return r;
	}
	*ret = take_ptr(o);
	return 0;
}

/* --- a round of answers --------------------------------------------------------------------------- */

/* The queries of one unit: order[first] to order[first + n]. */
struct job {
	uint32_t unit, first, n;
	uint32_t worker; /* who did it */
};

struct round {
	struct dwobject *o;
	struct dwquery *queries;
	ARRAY(struct job) jobs;
	uint32_t *order;	/* numbers of queries, by unit */
	struct dwquery *found;	/* answers of this round to them; first counts in its worker's frames */
	atomic_size_t next;
};

struct worker {
	struct round *round;
	uint32_t number;
	pthread_t thread;
	struct dwbuild build;
	struct dwframes frames;
	int error;
};

/* The image of unit @i, made if it is not there. *@ret_mine: the caller has to free it. */
static int get_image(struct worker *w, uint32_t i, struct symunit **ret, bool *ret_mine)
{
	struct dwobject *o = w->round->o;
	struct unit_image *kept = &o->images[i];
	struct dwbuild_unit in = { .file = &o->file,
				   .alt = o->has_alt ? &o->alt : NULL,
				   .unit = &o->file.units[i],
				   .code = o->code,
				   .n_code = o->n_code };
	struct symunit *image = NULL;
	size_t bytes = 0;
	bool broken;
	int r;

	*ret_mine = false;
	*ret = kept->image;
	if (kept->image)
		return 0;
	r = dwbuild_run(&w->build, &in, &image, &bytes, &broken);
	if (r == -ENOMEM)
		return r;
	if (broken || r < 0)
		atomic_fetch_add(&o->broken, 1);
	if (r < 0)
		return 0;
	*ret = image;
	if (atomic_fetch_add(&o->image_bytes, bytes) + bytes <= o->max_images) {
		*kept = (struct unit_image){ image, bytes };
	} else {
		atomic_fetch_sub(&o->image_bytes, bytes);
		*ret_mine = true;
	}
	return 0;
}

static bool is_line_only(const struct symunit_frame *f, size_t n)
{
	return n == 1 && f->name.name == STRREF_NONE;
}

/* Asks one image for one address. */
static int answer(const struct symunit *image, uint64_t addr, struct dwframes *frames,
		  struct dwquery *ret)
{
	struct symunit_frame *f;
	size_t n;

	if (array_reserve(&frames->frames, SYMUNIT_DEPTH_MAX) < 0)
		return -ENOMEM;
	f = frames->frames.items + frames->frames.n;
	n = symunit_find(image, addr, f);
	*ret = (struct dwquery){ .addr = addr,
				 .first = (uint32_t)frames->frames.n,
				 .n = (uint32_t)n,
				 .line_only = is_line_only(f, n) };
	frames->frames.n += n;
	return 0;
}

static int do_job(struct worker *w, struct job *job)
{
	struct symunit *image;
	bool mine;
	int r = get_image(w, job->unit, &image, &mine);

	job->worker = w->number;
	for (uint32_t i = job->first; r == 0 && image && i < job->first + job->n; i++)
		r = answer(image, w->round->queries[w->round->order[i]].addr, &w->frames,
			   &w->round->found[i]);
	if (mine)
		free(image);
	return r;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct round *round = w->round;

	while (w->error == 0) {
		size_t i = atomic_fetch_add(&round->next, 1);

		if (i >= round->jobs.n)
			break;
		w->error = do_job(w, &round->jobs.items[i]);
	}
	return NULL;
}

/* Signals are for the thread that called. */
static unsigned start_threads(struct worker *workers, unsigned want)
{
	sigset_t all, before;
	unsigned n = 1;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (n < want && pthread_create(&workers[n].thread, NULL, work, &workers[n]) == 0)
		n++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return n;
}

static unsigned threads_worth(const struct round *round)
{
	const struct dwobject *o = round->o;
	unsigned max = o->threads < THREADS_MAX ? o->threads : THREADS_MAX;
	uint64_t bytes = 0;

	array_each(&round->jobs, j)
		if (!o->images[j->unit].image)
			bytes += o->file.units[j->unit].end - o->file.units[j->unit].off;
	bytes = bytes / THREAD_WORTH + 1;
	if (max > bytes)
		max = (unsigned)bytes;
	return max > round->jobs.n ? (unsigned)round->jobs.n : max;
}

/* Whether an answer says more than what is known already. */
static bool is_better(const struct dwquery *known, const struct dwquery *found)
{
	return found->n > 0 && (known->n == 0 || (known->line_only && !found->line_only));
}

/* Gathers what the workers found: their frames are put behind one another. */
static int gather(struct round *round, struct worker *workers, unsigned n, struct dwframes *ret)
{
	uint32_t base[THREADS_MAX];

	for (unsigned i = 0; i < n; i++) {
		struct dwframes *f = &workers[i].frames;

		base[i] = (uint32_t)ret->frames.n;
		if (ret->frames.n + f->frames.n > UINT32_MAX ||
		    array_reserve(&ret->frames, f->frames.n) < 0)
			return -ENOMEM;
		if (f->frames.n > 0)
			memcpy(ret->frames.items + ret->frames.n, f->frames.items,
			       f->frames.n * sizeof(*f->frames.items));
		ret->frames.n += f->frames.n;
	}
	array_each(&round->jobs, j)
		for (uint32_t i = j->first; i < j->first + j->n; i++) {
			struct dwquery *q = &round->queries[round->order[i]];

			round->found[i].first += base[j->worker];
			if (is_better(q, &round->found[i]))
				*q = round->found[i];
		}
	return 0;
}

static int run_round(struct round *round, struct dwframes *ret)
{
	struct worker workers[THREADS_MAX] = { 0 };
	unsigned n = threads_worth(round), started;
	int r = 0;

	for (unsigned i = 0; i < n; i++)
		workers[i] = (struct worker){ .round = round, .number = i };
	started = start_threads(workers, n);
	if (n > 0)
		work(&workers[0]);
	for (unsigned i = 1; i < started; i++)
		pthread_join(workers[i].thread, NULL);
	for (unsigned i = 0; i < n; i++)
		if (workers[i].error < 0)
			r = workers[i].error;
	if (r == 0)
		r = gather(round, workers, n, ret);
	for (unsigned i = 0; i < n; i++) {
		dwbuild_done(&workers[i].build);
		array_free(&workers[i].frames.frames);
	}
	return r;
}

/* --- answering ------------------------------------------------------------------------------------ */

struct pending {
	uint32_t unit, query;
};

static int by_unit(const void *pa, const void *pb)
{
	const struct pending *a = pa, *b = pb;

	if (a->unit != b->unit)
		return a->unit < b->unit ? -1 : 1;
	return (a->query > b->query) - (a->query < b->query);
}

/* Makes a job of all pending queries of each unit. */
static int plan(struct round *round, struct pending *pending, size_t n)
{
	round->jobs.n = 0;
	atomic_store(&round->next, 0);
	memset(round->found, 0, n * sizeof(*round->found));
	if (n > 0)
		qsort(pending, n, sizeof(*pending), by_unit);
	for (size_t i = 0; i < n; i++) {
		struct job j = { .unit = pending[i].unit, .first = (uint32_t)i };

		round->order[i] = pending[i].query;
		if ((i == 0 || pending[i - 1].unit != j.unit) && array_push(&round->jobs, j) < 0)
			return -ENOMEM;
		round->jobs.items[round->jobs.n - 1].n++;
	}
	return 0;
}

/*
 * Asks, for each query without a function, the next unit that may have it, until there are no more:
 * most have one candidate. @at is how far each query is in the directory.
 */
static int ask_directory(struct round *round, size_t n, struct pending *pending, size_t *at,
			 struct dwframes *ret)
{
	int r = 0;

	for (size_t i = 0; i < n; i++)
		at[i] = SIZE_MAX;
	for (;;) {
		size_t n_pending = 0;

		for (size_t i = 0; i < n; i++) {
			const struct dwquery *q = &round->queries[i];
			uint32_t unit = UINT32_MAX;

			if (q->n == 0 || q->line_only)
				unit = dwdir_next(&round->o->dir, q->addr, &at[i]);
			if (unit != UINT32_MAX)
				pending[n_pending++] = (struct pending){ unit, (uint32_t)i };
		}
		if (r < 0 || n_pending == 0)
			return r;
		r = plan(round, pending, n_pending);
		if (r == 0)
			r = run_round(round, ret);
	}
}

/* Asks the units that do not say where their code is, one after the other. */
static int ask_loose(struct round *round, size_t n, struct pending *pending, struct dwframes *ret)
{
	int r = 0;

	array_each(&round->o->loose, unit) {
		size_t n_pending = 0;

		for (size_t i = 0; i < n; i++)
			if (round->queries[i].n == 0)
				pending[n_pending++] = (struct pending){ *unit, (uint32_t)i };
		if (r < 0 || n_pending == 0)
			return r;
		r = plan(round, pending, n_pending);
		if (r == 0)
			r = run_round(round, ret);
	}
	return r;
}

int dwobject_find(struct dwobject *o, struct dwquery *queries, size_t n, struct dwframes *ret)
{
	struct round round = { .o = o, .queries = queries };
	_cleanup_free_ struct pending *pending = malloc((n + 1) * sizeof(*pending));
	_cleanup_free_ size_t *at = malloc((n + 1) * sizeof(*at));
	int r = -ENOMEM;

	for (size_t i = 0; i < n; i++)
		queries[i] = (struct dwquery){ .addr = queries[i].addr };
	round.order = malloc((n + 1) * sizeof(*round.order));
	round.found = malloc((n + 1) * sizeof(*round.found));
	if (pending && at && round.order && round.found && n < UINT32_MAX)
		r = ask_directory(&round, n, pending, at, ret);
	if (r == 0)
		r = ask_loose(&round, n, pending, ret);
	array_free(&round.jobs);
	free(round.order);
	free(round.found);
	return r;
}

const char *dwobject_string(const struct dwobject *o, strref_t s, size_t n, char *buf)
{
	switch (strref_place(s)) {
	case STRREF_STR:
		return dwsection_str(&o->file.s, DW_STR, strref_off(s), n, buf);
	case STRREF_LINE_STR:
		return dwsection_str(&o->file.s, DW_LINE_STR, strref_off(s), n, buf);
	case STRREF_INFO:
		return dwsection_str(&o->file.s, DW_INFO, strref_off(s), n, buf);
	case STRREF_LINE:
		return dwsection_str(&o->file.s, DW_LINE, strref_off(s), n, buf);
	case STRREF_ALT_STR:
		return o->has_alt ? dwsection_str(&o->alt.s, DW_STR, strref_off(s), n, buf) : "";
	case STRREF_ALT_INFO:
		return o->has_alt ? dwsection_str(&o->alt.s, DW_INFO, strref_off(s), n, buf) : "";
	default:
		return "";
	}
}

size_t dwobject_bytes(const struct dwobject *o)
{
	return sizeof(*o) + o->image_bytes + o->file.s.mem_bytes + o->alt.s.mem_bytes +
	       (o->file.n_units + o->alt.n_units) * sizeof(*o->file.units) +
	       o->file.n_units * sizeof(*o->images) +
	       o->dir.ranges.cap * sizeof(*o->dir.ranges.items);
}

uint64_t dwobject_broken(const struct dwobject *o)
{
	return o->broken;
}
