/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks the units of an object: in rounds, because an address may have more than one unit that
 * claims it. A round has a job for each unit that is asked; workers take the jobs one after the
 * other.
 */
#include "dwobject.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "dwaranges.h"
#include "dwimage.h"
#include "dwobject_state.h"
#include "pages.h"
#include "radix.h"
#include "workers.h"

enum {
	FRAMES_SOON = 128 << 10, /* bytes */
	TRIM_WORTH = 2 << 20,	 /* bytes that are read; what that took goes back to the system */
	HOLD_WORTH = 8 << 20,	 /* bytes of .debug_info that are read */
	HELD_MAX = 64 << 20,	 /* of a section that is read whole; of a larger one, windows */
};

/* Bytes of .debug_info for which another thread is started: a millisecond's work; a unit that is
 * stored, or in a file of its own, counts as some. */
#define THREAD_WORTH  (1ull << 17)
#define STORED_COST   (32ull << 10)
#define SPLIT_COST    (512ull << 10)

/* The whole index is made and kept on disk when so many bytes had to be inflated for the answer, or
 * when a quarter of the object's units are read for it. */
#define SAVE_INFLATED (8ull << 20)

/* --- a round of answers ----------------------------------------------------------------------- */

/* The queries of one unit: order[first] to order[first + n]. */
struct job {
	uint32_t unit, first, n;
	uint32_t worker; /* who did it */
};

struct round {
	struct dwobject *o;
	struct dwquery *queries;
	ARRAY(struct job) jobs;
	uint32_t *order; /* numbers of queries, by unit */
	struct dwquery
		*found; /* answers of this round to them; first counts in its worker's frames */
	dwfind_each_fn each; /* takes all images; NULL = nobody does */
	void *ctx;
	atomic_size_t next;
};

struct worker {
	struct round *round;
	uint32_t number;
	struct dwimager images;
	struct dwframes frames;
	int error;
};

static bool is_line_only(const struct symunit_frame *f, size_t n)
{
	return n == 1 && f->name.name == STRREF_NONE;
}

/* Whether an answer says more than what is known already. */
static bool is_better(const struct dwquery *known, const struct dwquery *found)
{
	return found->n > 0 && (known->n == 0 || (known->line_only && !found->line_only));
}

/* Room for the frames of an address; of what is new, some will be needed soon. */
static int reserve(struct dwframes *frames)
{
	size_t had = frames->frames.cap, left;

	if (array_reserve(&frames->frames, SYMUNIT_DEPTH_MAX) < 0)
		return -ENOMEM;
	left = (frames->frames.cap - frames->frames.n) * sizeof(*frames->frames.items);
	if (frames->frames.cap != had)
		pages_expect(frames->frames.items + frames->frames.n,
			     left < FRAMES_SOON ? left : FRAMES_SOON);
	return 0;
}

/* Asks one image for one address: @ret is better than @known or empty. */
static int answer(const struct symunit *image, struct symunit_cursor *cursor,
		  const struct dwquery *known, struct dwframes *frames, struct dwquery *ret)
{
	struct symunit_frame *f;
	size_t n;

	if (reserve(frames) < 0)
		return -ENOMEM;
	f = frames->frames.items + frames->frames.n;
	n = symunit_find_on(image, known->addr, cursor, f);
	*ret = (struct dwquery){ .addr = known->addr,
				 .first = (uint32_t)frames->frames.n,
				 .n = (uint32_t)n,
				 .line_only = is_line_only(f, n) };
	if (is_better(known, ret))
		frames->frames.n += n;
	else
		ret->n = 0;
	return 0;
}

static int do_job(struct worker *w, struct job *job)
{
	struct symunit_cursor cursor = { 0 };
	struct symunit *image;
	size_t bytes;
	bool mine;
	int r = dwimager_get(&w->images, w->round->o, job->unit, &image, &bytes, &mine);

	job->worker = w->number;
	if (r == 0 && image && w->round->each)
		r = w->round->each(w->round->ctx, job->unit, image);
	for (uint32_t i = job->first; r == 0 && i < job->first + job->n; i++) {
		struct dwquery *found = &w->round->found[i];

		if (image)
			r = answer(image, &cursor, &w->round->queries[w->round->order[i]],
				   &w->frames, found);
		found->limited = w->round->o->images[job->unit].limited;
	}
	if (mine)
		free(image);
	return r;
}

static void work(void *ctx, unsigned number)
{
	struct worker *w = (struct worker *)ctx + number;
	struct round *round = w->round;

	while (w->error == 0) {
		size_t i = atomic_fetch_add(&round->next, 1);

		if (i >= round->jobs.n)
			break;
		w->error = do_job(w, &round->jobs.items[i]);
	}
	/* Before what the workers found is put together, which takes as much again. */
	dwimager_done(&w->images);
}

static uint64_t unit_bytes(const struct dwobject *o, uint32_t i)
{
	return o->file.units[i].end - o->file.units[i].off;
}

static uint64_t read_cost(const struct dwobject *o, uint32_t i)
{
	if (o->store)
		return STORED_COST;
	return unit_bytes(o, i) +
	       (o->split && dwunit_is_skeleton(&o->file.units[i]) ? SPLIT_COST : 0);
}

/* Bytes that have to be read for the round; to take an image takes as long as to make it. */
static uint64_t round_cost(const struct round *round)
{
	const struct dwobject *o = round->o;
	uint64_t bytes = 0;

	array_each(&round->jobs, j)
		if (round->each || !o->images[j->unit].image)
			bytes += read_cost(o, j->unit);
	return bytes;
}

static unsigned threads_worth(const struct round *round, uint64_t bytes)
{
	const struct dwobject *o = round->o;
	unsigned max = o->threads < WORKERS_MAX ? o->threads : WORKERS_MAX;

	bytes = bytes / THREAD_WORTH + 1;
	if (max > bytes)
		max = (unsigned)bytes;
	return max > round->jobs.n ? (unsigned)round->jobs.n : max;
}

static void swap_storage(struct dwframes *a, struct dwframes *b)
{
	struct dwframes was = *a;

	a->frames = b->frames;
	b->frames = was.frames;
}

/*
 * Gathers what the workers found: their frames are put behind one another. Those of the first one,
 * which are most often half of all or all, are taken as they are.
 */
static int gather(struct round *round, struct worker *workers, unsigned n, struct dwframes *ret)
{
	uint32_t base[WORKERS_MAX];
	size_t sum = ret->frames.n;

	for (unsigned i = 0; i < n; i++) {
		base[i] = (uint32_t)sum;
		sum += workers[i].frames.frames.n;
	}
	if (n > 0 && ret->frames.n == 0)
		swap_storage(ret, &workers[0].frames);
	/* There are many, and seldom will there be more. */
	if (sum > UINT32_MAX || array_fit(&ret->frames, sum) < 0)
		return -ENOMEM;
	pages_expect(array_from(&ret->frames, ret->frames.n),
		     (sum - ret->frames.n) * sizeof(*ret->frames.items));
	for (unsigned i = 0; i < n; i++) {
		struct dwframes *f = &workers[i].frames;

		if (f->frames.n > 0)
			memcpy(ret->frames.items + ret->frames.n, f->frames.items,
			       f->frames.n * sizeof(*f->frames.items));
		ret->frames.n += f->frames.n;
	}
	array_each(&round->jobs, j)
		for (uint32_t i = j->first; i < j->first + j->n; i++) {
			struct dwquery *q = &round->queries[round->order[i]];
			bool limited = q->limited | round->found[i].limited;

			round->found[i].first += base[j->worker];
			if (round->found[i].n > 0)
				*q = round->found[i];
			q->limited = limited;
		}
	return 0;
}

/*
 * The tables that every unit needs come to memory when many units are read; of one or two, only
 * windows of them are. Not in the middle of a question, when others may be reading them. Lists of ranges lie one behind another and are read in windows in any case.
 */
static int hold_tables(struct dwobject *o, uint64_t bytes)
{
	static const enum dwsection_id tables[] = { DW_ABBREV, DW_ADDR, DW_STR_OFFSETS,
						    DW_LINE_STR };
	int r = 0;

	if (o->store || bytes < HOLD_WORTH)
		return 0;
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(tables); i++) {
		r = dwsection_hold(&o->file.s, tables[i], HELD_MAX);
		if (r == 0 && o->has_alt)
			r = dwsection_hold(&o->alt.s, tables[i], HELD_MAX);
	}
	return r == -ENOMEM ? r : 0;
}

static int run_round(struct round *round, struct dwframes *ret)
{
	struct worker workers[WORKERS_MAX] = { 0 };
	uint64_t cost = round_cost(round);
	unsigned n = threads_worth(round, cost);
	int r = ret->goes_on ? 0 : hold_tables(round->o, cost);

	if (r < 0)
		return r;

	for (unsigned i = 0; i < n; i++)
		workers[i] = (struct worker){ .round = round, .number = i };
	/* Its memory is at hand. */
	if (ret->frames.n == 0)
		swap_storage(ret, &workers[0].frames);
	workers_run(n, work, workers);
	for (unsigned i = 0; i < n; i++)
		if (workers[i].error < 0)
			r = workers[i].error;
	/* What was needed to make the images is now holes between them. */
	if (cost >= TRIM_WORTH)
		malloc_trim(0);
	if (r == 0)
		r = gather(round, workers, n, ret);
	for (unsigned i = 0; i < n; i++)
		array_free(&workers[i].frames.frames);
	return r;
}

/* --- answering -------------------------------------------------------------------------------- */

/* Makes a job of all pending queries of each unit: by it is the unit, item the query. */
static int plan(struct round *round, struct radix_key *pending, size_t n)
{
	int r = radix_sort(pending, n);

	round->jobs.n = 0;
	atomic_store(&round->next, 0);
	memset(round->found, 0, n * sizeof(*round->found));
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct job j = { .unit = pending[i].by, .first = (uint32_t)i };

		round->order[i] = pending[i].item;
		if ((i == 0 || pending[i - 1].by != j.unit) && array_push(&round->jobs, j) < 0)
			return -ENOMEM;
		round->jobs.items[round->jobs.n - 1].n++;
	}
	return r;
}

bool dwfind_is_much(const struct dwobject *o, uint64_t bytes)
{
	return o->inflated >= SAVE_INFLATED || bytes >= o->file.s.s[DW_INFO].size / 4;
}

/* Counts what is read for a round. */
static void count_reading(const struct round *round)
{
	struct dwobject *o = round->o;

	array_each(&round->jobs, j)
		if (!o->store && !o->images[j->unit].image)
			o->read_bytes += unit_bytes(o, j->unit);
}

/* The units that did not say where their code is have been read: now it is known. */
static int settle_loose(struct dwobject *o)
{
	int r = 0;

	array_each(&o->loose, i) {
		const struct unit_image *image = &o->images[*i];

		if (image->lo < image->hi && dwdir_add(&o->more, image->lo, image->hi, *i) < 0)
			r = -ENOMEM;
	}
	o->loose.n = 0;
	dwdir_sort(&o->more);
	return r;
}

/* Makes .debug_aranges part of what more is known, or what the index on disk has of it. */
static int need_more(struct dwobject *o)
{
	int r;

	if (o->has_more)
		return 0;
	o->has_more = true;
	if (o->store)
		return symstore_more(o->store, &o->more);
	r = dwaranges_read(&o->file, &o->more);
	dwdir_sort(&o->more);
	return r;
}

int dwfind_make_all(struct dwobject *o, dwfind_each_fn each, void *ctx)
{
	struct round round = { .o = o, .each = each, .ctx = ctx };
	struct dwframes none = { 0 };
	int r = 0;

	atomic_store(&o->work, 0);
	for (size_t i = 0; r == 0 && i < o->n_units; i++)
		if (!o->file.units[i].partial)
			r = array_push(&round.jobs, (struct job){ .unit = (uint32_t)i });
	if (r == 0)
		r = run_round(&round, &none);
	if (r == 0)
		r = need_more(o);
	if (r == 0)
		r = settle_loose(o);
	array_free(&round.jobs);
	array_free(&none.frames);
	return r;
}

/* How far a query is in the directory. */
struct progress {
	size_t at;
	uint32_t tried;
};

/* What a call has of its own, a place for each query. */
struct asking {
	struct round round;
	size_t n;
	struct radix_key *pending;
	struct progress *progress;
	struct dwframes *frames;
};

static void restart(struct asking *a, const struct dwdir *dir)
{
	size_t at = 0;

	for (size_t i = 0; i < a->n; i++) {
		at = dwdir_find(dir, a->round.queries[i].addr, at);
		a->progress[i] = (struct progress){ .at = at };
	}
}

/* The next unit that may know more of query @i, UINT32_MAX when there is none. */
static uint32_t next_unit(struct asking *a, const struct dwdir *dir, size_t i)
{
	struct dwquery *q = &a->round.queries[i];
	struct progress *p = &a->progress[i];
	uint32_t unit;

	if (q->n > 0 && !q->line_only)
		return UINT32_MAX;
	unit = dwdir_next(dir, q->addr, &p->at);
	if (unit == UINT32_MAX || p->tried++ < DWOBJECT_CANDIDATES)
		return unit;
	q->limited = true;
	p->at = 0;
	return UINT32_MAX;
}

/*
 * Asks, for each query without a function, the next unit that may have it, until there are no more:
 * most have one candidate.
 */
static int ask_directory(struct asking *a, const struct dwdir *dir)
{
	struct round *round = &a->round;
	int r = 0;

	restart(a, dir);
	while (r == 0) {
		size_t n = 0;

		for (size_t i = 0; i < a->n; i++) {
			uint32_t unit = next_unit(a, dir, i);

			if (unit != UINT32_MAX)
				a->pending[n++] = (struct radix_key){ unit, (uint32_t)i };
		}
		if (n == 0)
			break;
		r = plan(round, a->pending, n);
		count_reading(round);
		if (r == 0)
			r = run_round(round, a->frames);
	}
	return r;
}

/* Whether there are queries that no unit has said anything of. */
static bool has_open(const struct asking *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->round.queries[i].n == 0)
			return true;
	return false;
}

/* Asks about what no unit claims those that are elsewhere said to have it. */
static int ask_more(struct asking *a)
{
	struct dwobject *o = a->round.o;
	int r;

	if (!has_open(a))
		return 0;
	r = need_more(o);
	return r < 0 || o->more.ranges.n == 0 ? r : ask_directory(a, &o->more);
}

/* And with what is known of the units that do not say where their code is, once they are read. */
static int ask_loose(struct asking *a)
{
	struct round *round = &a->round;
	struct dwobject *o = round->o;
	size_t n = o->more.ranges.n;
	int r = 0;

	if (o->loose.n == 0 || !has_open(a))
		return 0;
	round->jobs.n = 0;
	atomic_store(&round->next, 0);
	array_each(&o->loose, unit)
		if (r == 0)
			r = array_push(&round->jobs, (struct job){ .unit = *unit });
	count_reading(round);
	if (r == 0)
		r = run_round(round, a->frames);
	if (r == 0)
		r = settle_loose(o);
	return r < 0 || o->more.ranges.n == n ? r : ask_directory(a, &o->more);
}

/* Gives @a what it has for each query, in @room. */
static int make_room(struct asking *a, struct dwroom *room)
{
	size_t n = a->n + 1, bytes = sizeof(*a->round.found) + sizeof(*a->progress) +
				     sizeof(*a->pending) + sizeof(*a->round.order);

	if (n > UINT32_MAX)
		return -ENOMEM;
	if (room->n < n * bytes) {
		free(room->p);
		room->p = malloc(n * bytes);
		room->n = room->p ? n * bytes : 0;
		pages_expect(room->p, room->n);
	}
	if (!room->p)
		return -ENOMEM;
	/* What has the largest members comes first. */
	a->round.found = room->p;
	a->progress = (void *)(a->round.found + n);
	a->pending = (void *)(a->progress + n);
	a->round.order = (void *)(a->pending + n);
	return 0;
}

int dwfind_run(struct dwobject *o, struct dwquery *queries, size_t n, bool directory,
	       struct dwframes *ret)
{
	struct asking a = { .round = { .o = o, .queries = queries }, .n = n, .frames = ret };
	struct dwroom own = { 0 };
	int r = make_room(&a, ret->room ? ret->room : &own);

	for (size_t i = 0; i < n; i++)
		queries[i] = (struct dwquery){ .addr = queries[i].addr };
	if (!ret->goes_on)
		atomic_store(&o->work, 0);
	if (r == 0 && n >= DWOBJECT_MANY && !ret->goes_on)
		r = dwobject_expect_many(o);
	if (r == 0)
		r = ask_directory(&a, &o->dir);
	if (r == 0 && !directory)
		r = ask_more(&a);
	if (r == 0 && !directory)
		r = ask_loose(&a);
	if (n > 0)
		dwobject_drop_behind(o, queries[n - 1].addr);
	array_free(&a.round.jobs);
	free(own.p);
	return r;
}
