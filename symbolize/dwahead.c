/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that reads the heads of units puts those that are asked for into a list; workers take them
 * from there. It waits for them before they lose what it has passed over.
 */
#include "dwahead.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "cleanup.h"
#include "dwimage.h"
#include "dwobject_state.h"
#include "dwrange.h"
#include "threadstart.h"
#include "zsection.h"

enum {
	THREADS_MAX = 8,
	RANGES_LEFT = 1 << 20, /* entries of lists that are read for all units */
};

/* A unit that is asked for. */
struct wanted {
	struct dwunit unit;
	bool is_done;
	struct symunit *image; /* NULL = not made */
	size_t bytes;
};

struct ahead {
	struct dwobject *o;
	const struct dwquery *queries; /* sorted by address */
	size_t n_queries;
	struct dwspans spans;
	uint64_t max_bytes; /* between the first unit that is not done and the head that is read */
	pthread_t threads[THREADS_MAX];
	unsigned n_threads;

	pthread_mutex_t lock; /* for all that follows */
	pthread_cond_t more, done;
	ARRAY(struct wanted) units; /* they move: numbers are held, not pointers */
	size_t next, n_done; /* the first one that nobody took; those before n_done are done */
	size_t image_bytes;
	bool is_end;
	bool is_vain; /* what is needed is not known yet: no more units are taken */
};

bool dwahead_is_worth(const struct dwobject *o, size_t n)
{
	return o->file.s.s[DW_INFO].z && o->threads > 1 && n >= DWOBJECT_MANY;
}

/* --- workers -------------------------------------------------------------------------------------- */

/* The image of a copy of the unit: NULL when something is wrong with it. */
static struct symunit *make_image(struct ahead *a, struct dwimager *m, const struct dwunit *u,
				  size_t *ret_bytes)
{
	enum dwbuild_flaw flaw = DWBUILD_SOUND;
	struct symunit *image = NULL;

	if (atomic_load(&a->o->work) > a->o->max_work ||
	    dwimager_build(m, a->o, u, &image, ret_bytes, &flaw) < 0)
		return NULL;
	if (flaw == DWBUILD_SOUND)
		return image;
	free(image);
	/* Names are in units that are not in the list yet. Where one refers to others most do, and
	 * all of .debug_info comes to memory for that. */
	if (m->build.walk.names.missed) {
		pthread_mutex_lock(&a->lock);
		a->is_vain = a->o->refers_far = true;
		pthread_mutex_unlock(&a->lock);
	}
	return NULL;
}

/* Enters the image of unit @i, as far as there is room; the lock is held. */
static void put_image(struct ahead *a, size_t i, struct symunit *image, size_t bytes)
{
	struct wanted *w = &a->units.items[i];

	w->is_done = true;
	if (image && a->image_bytes + bytes <= a->o->max_images) {
		w->image = image;
		w->bytes = bytes;
		a->image_bytes += bytes;
	} else {
		free(image);
	}
	while (a->n_done < a->units.n && a->units.items[a->n_done].is_done)
		a->n_done++;
	pthread_cond_signal(&a->done);
}

static void *work(void *arg)
{
	struct dwimager m = { 0 };
	struct ahead *a = arg;

	pthread_mutex_lock(&a->lock);
	for (;;) {
		struct symunit *image;
		struct dwunit unit;
		size_t bytes = 0, i;

		while (a->next == a->units.n && !a->is_end)
			pthread_cond_wait(&a->more, &a->lock);
		if (a->next == a->units.n)
			break;
		i = a->next++;
		unit = a->units.items[i].unit;
		pthread_mutex_unlock(&a->lock);
		image = make_image(a, &m, &unit, &bytes);
		pthread_mutex_lock(&a->lock);
		put_image(a, i, image, bytes);
	}
	pthread_mutex_unlock(&a->lock);
	dwimager_done(&m);
	return NULL;
}

static void start_threads(struct ahead *a)
{
	unsigned want = a->o->threads < THREADS_MAX ? a->o->threads : THREADS_MAX;

	while (a->n_threads < want && thread_start(&a->threads[a->n_threads], work, a) == 0)
		a->n_threads++;
}

static void end_threads(struct ahead *a)
{
	pthread_mutex_lock(&a->lock);
	a->is_end = true;
	pthread_cond_broadcast(&a->more);
	pthread_mutex_unlock(&a->lock);
	while (a->n_threads > 0)
		pthread_join(a->threads[--a->n_threads], NULL);
}

/* --- the reader ----------------------------------------------------------------------------------- */

static bool has_query(const struct ahead *a, const struct dwspan *span)
{
	size_t lo = 0, hi = a->n_queries;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (a->queries[mid].addr < span->lo)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < a->n_queries && a->queries[lo].addr < span->hi;
}

/* Those that do not say where their code is are asked for, too, by what no other unit has. */
static bool is_wanted(struct ahead *a, const struct dwunit *u)
{
	int r;

	a->spans.spans.n = 0;
	if (u->partial || dwunit_is_skeleton(u))
		return false;
	r = dwrange_read(&a->o->file, u, u->pc_forms, u->pc, &a->spans);
	if (dwobject_is_loose(u, &a->spans, r))
		return true;
	if (r < 0)
		return false;
	array_each(&a->spans.spans, span)
		if (has_query(a, span))
			return true;
	return false;
}

/* Without memory for it somebody else makes its image. */
static void on_unit(void *ctx, const struct dwunit *u)
{
	struct ahead *a = ctx;

	if (!u) {
		end_threads(a);
		return;
	}
	if (!is_wanted(a, u))
		return;
	pthread_mutex_lock(&a->lock);
	if (!a->is_vain && a->image_bytes < a->o->max_images &&
	    array_push(&a->units, (struct wanted){ .unit = *u }) == 0)
		pthread_cond_signal(&a->more);
	while (a->n_done < a->units.n && u->off - a->units.items[a->n_done].unit.off > a->max_bytes)
		pthread_cond_wait(&a->done, &a->lock);
	pthread_mutex_unlock(&a->lock);
}

/* --- the whole ------------------------------------------------------------------------------------ */

/* Gives the images to the units, which are in the list now. */
static void keep_images(struct ahead *a)
{
	struct dwobject *o = a->o;

	array_each(&a->units, w) {
		const struct dwunit *u = dwfile_unit_at(&o->file, w->unit.off);
		struct unit_image *kept = u ? &o->images[u - o->file.units] : NULL;

		if (!kept || !w->image)
			continue;
		kept->image = take_ptr(w->image);
		kept->bytes = w->bytes;
		o->read_bytes += w->unit.end - w->unit.off;
		symunit_extent(kept->image, &kept->lo, &kept->hi);
		atomic_fetch_add(&o->image_bytes, w->bytes);
	}
}

int dwahead_load(struct dwobject *o, const struct dwquery *queries, size_t n)
{
	struct ahead a = { .o = o,
			   .queries = queries,
			   .n_queries = n,
			   .spans.left = RANGES_LEFT,
			   .max_bytes = zsection_kept(o->file.s.s[DW_INFO].z) / 2,
			   .lock = PTHREAD_MUTEX_INITIALIZER,
			   .more = PTHREAD_COND_INITIALIZER,
			   .done = PTHREAD_COND_INITIALIZER };
	int r;

	/* The workers look into the list: it must not change, and they must know that it is not whole. */
	free(take_ptr(o->file.units));
	o->file.n_units = 0;
	o->file.some = true;
	atomic_store(&o->work, 0);
	start_threads(&a);
	if (a.n_threads > 0) {
		o->file.on_unit = on_unit;
		o->file.on_unit_ctx = &a;
	}
	r = dwobject_load_all(o);
	o->file.on_unit = NULL;
	end_threads(&a);
	if (r == 0)
		keep_images(&a);
	array_each(&a.units, w)
		free(w->image);
	array_free(&a.units);
	dwspans_done(&a.spans);
	return r;
}
