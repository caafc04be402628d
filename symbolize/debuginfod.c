/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of questions under one lock. A question is waiting, being asked, found (its file is open)
 * or absent until some time; the thread takes the waiting one that is oldest. Where the table is
 * full, an answer goes to make room, never a question.
 */
#include "debuginfod.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "debugfile.h"
#include "debuginfodlib.h"
#include "hash.h"
#include "symbolize.h"
#include "threadstart.h"

enum {
	FREE_WAIT_MS = 2000, /* the library calls back once a second */
	BUILD_ID_MIN = 4,    /* hex digits; servers and their caches want more than a byte */
};
#define DEFAULT_FILE_MAX (4ull << 30)

enum question_state {
	UNUSED,
	WAITING,
	ASKING,
	FOUND,
	ABSENT,
};

struct question {
	enum question_state state;
	int fd;		   /* FOUND: owned; given out as copies */
	uint64_t hash;	   /* of id */
	uint64_t order;	   /* the smaller, the older; of the question, then of the answer */
	uint64_t until_ns; /* ABSENT */
	bool late;	   /* somebody did without it before it was answered */
	char id[BUILD_ID_HEX_MAX];
};

struct debuginfod {
	struct debuginfod_opts opts; /* no zeros, no library: borrowed no longer */
	struct debuginfodlib lib;

	/* What follows is under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct question *questions; /* opts.max_known */
	size_t n_used;		    /* of these; the others never were */
	size_t n_open;		    /* WAITING or ASKING */
	uint64_t last_order;
	unsigned failures;	 /* one after another */
	uint64_t pause_until_ns; /* no server is asked before */
	struct debuginfod_stats stats;
	bool stop;
	unsigned users; /* the owner and the thread: who goes last frees */
};

/* --- the table, under the lock ----------------------------------------------------------- */

static struct question *find_question(const struct debuginfod *d, const char *id, uint64_t hash)
{
	for (size_t i = 0; i < d->n_used; i++) {
		struct question *q = &d->questions[i];

		if (q->state != UNUSED && q->hash == hash && strcmp(q->id, id) == 0)
			return q;
	}
	return NULL;
}

static void forget(struct question *q)
{
	if (q->state == FOUND)
		close(q->fd);
	q->state = UNUSED;
}

/* A free place; for want of one the oldest answer's. There is one: fewer may be open than known. */
static struct question *new_question(struct debuginfod *d)
{
	struct question *best = NULL;

	for (size_t i = 0; i < d->n_used; i++) {
		struct question *q = &d->questions[i];

		if (q->state == UNUSED)
			return q;
		if ((q->state == FOUND || q->state == ABSENT) && (!best || q->order < best->order))
			best = q;
	}
	if (d->n_used < d->opts.max_known)
		return &d->questions[d->n_used++];
	if (best)
		forget(best);
	return best;
}

static struct question *oldest_waiting(const struct debuginfod *d)
{
	struct question *best = NULL;

	for (size_t i = 0; i < d->n_used; i++) {
		struct question *q = &d->questions[i];

		if (q->state == WAITING && (!best || q->order < best->order))
			best = q;
	}
	return best;
}

/* The answer to a WAITING or ASKING question. Takes @fd; < 0: there is none. */
static void set_answer(struct debuginfod *d, struct question *q, int fd)
{
	q->state = fd >= 0 ? FOUND : ABSENT;
	q->fd = fd;
	q->order = ++d->last_order;
	q->until_ns = clock_mono_ns() + d->opts.absent_ms * NSEC_PER_MSEC;
	d->n_open--;
	/* Who did without it has missed nothing, or it is counted as what became of it. */
	if (fd < 0 && q->late)
		d->stats.late--;
	pthread_cond_broadcast(&d->changed);
}

/* --- one question, on the thread --------------------------------------------------------- */

enum outcome {
	OUT_FOUND,
	OUT_ABSENT,
	OUT_TIMED_OUT,
	OUT_UNFIT,  /* something came, but not what was asked for */
	OUT_FAILED, /* nobody could be asked */
	OUT_STOPPED,
};

struct download {
	struct debuginfod *d;
	uint64_t start_ns, came_ns; /* when it began, when something came last */
	long bytes;
	bool cancelled;
	enum outcome why;
};

/* What on_progress() belongs to. It is given the library's handle alone, and what could be stored
 * there is read by a function that was loaded, too: so this is the thread's own variable. */
static _Thread_local struct download *current;

static bool cancel(struct download *dl, enum outcome why)
{
	dl->cancelled = true;
	dl->why = why;
	return true;
}

static bool is_stopped(struct debuginfod *d)
{
	bool stop;

	pthread_mutex_lock(&d->lock);
	stop = d->stop;
	pthread_mutex_unlock(&d->lock);
	return stop;
}

/* Called while the library waits; other than 0 ends it. @a is a number of bytes only where the size
 * of the file, @b, is known: else the answer has not begun, or does not say how long it is. */
static int on_progress(debuginfod_client *client, long a, long b)
{
	struct download *dl = current;
	const struct debuginfod_opts *o = &dl->d->opts;
	uint64_t now = clock_mono_ns();

	(void)client;
	if (b > 0 && a > dl->bytes) {
		dl->bytes = a;
		dl->came_ns = now;
	}
	if (is_stopped(dl->d))
		return cancel(dl, OUT_STOPPED);
	if (b > 0 && (uint64_t)b > o->max_bytes)
		return cancel(dl, OUT_UNFIT);
	if (now - dl->came_ns >= o->timeout_ms * NSEC_PER_MSEC ||
	    now - dl->start_ns >= o->total_ms * NSEC_PER_MSEC)
		return cancel(dl, OUT_TIMED_OUT);
	return 0;
}

/* The funnel from what the library returns; without the lock, for as long as it takes. *@ret_fd is the file or why
 * there is none: -errno, -EBADMSG when it is another one. */
static enum outcome fetch(struct debuginfod *d, debuginfod_client *client, const char *id,
			  int *ret_fd)
{
	struct download dl = { .d = d, .start_ns = clock_mono_ns() };
	_cleanup_close_ int fd = -1;
	int r;

	dl.came_ns = dl.start_ns;
	current = &dl;
	fd = d->lib.find_debuginfo(client, (const unsigned char *)id, 0, NULL);
	current = NULL;
	if (fd >= 0) {
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
		r = debugfile_check(fd, id, d->opts.max_bytes);
		*ret_fd = r == 0 ? take_fd(&fd) : r == -ENOENT ? -EBADMSG : r;
		return r == 0 ? OUT_FOUND : OUT_UNFIT;
	}
	*ret_fd = dl.cancelled ? -EFBIG : fd;
	if (dl.cancelled)
		return dl.why;
	switch (fd) {
	case -ENOENT:
		return OUT_ABSENT;
	case -ETIME:
	case -ETIMEDOUT:
		return OUT_TIMED_OUT;
	case -EFBIG:
		return OUT_UNFIT;
	default:
		return OUT_FAILED;
	}
}

/* Under the lock. A server that is down would cost everybody the time-out: after some, none is
 * asked for a while, and then one question is enough to know. */
static void count(struct debuginfod *d, enum outcome out, int error)
{
	struct debuginfod_stats *s = &d->stats;

	s->found += out == OUT_FOUND;
	s->absent += out == OUT_ABSENT;
	s->timed_out += out == OUT_TIMED_OUT;
	if (out == OUT_FAILED || out == OUT_UNFIT) {
		s->error = s->failed ? s->error : error;
		s->failed++;
	}
	if (out == OUT_TIMED_OUT || out == OUT_FAILED)
		d->failures++;
	else if (out != OUT_STOPPED)
		d->failures = 0;
	if (d->failures >= d->opts.max_failures) {
		d->failures = d->opts.max_failures - 1;
		d->pause_until_ns = clock_mono_ns() + d->opts.absent_ms * NSEC_PER_MSEC;
	}
}

/* Puts @q to the servers; gives up the lock meanwhile. Questions that are open stay where they are.
 */
static void answer(struct debuginfod *d, debuginfod_client *client, struct question *q)
{
	enum outcome out = OUT_FAILED;
	int fd = -ENOMEM;

	q->state = ASKING;
	d->stats.asked++;
	pthread_mutex_unlock(&d->lock);
	if (client)
		out = fetch(d, client, q->id, &fd);
	pthread_mutex_lock(&d->lock);
	count(d, out, fd);
	set_answer(d, q, fd);
}

static void destroy(struct debuginfod *d)
{
	for (size_t i = 0; d->questions && i < d->n_used; i++)
		forget(&d->questions[i]);
	free(d->questions);
	pthread_cond_destroy(&d->changed);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

/* Gives up the lock and one's share in @d. */
static void leave(struct debuginfod *d)
{
	bool last = --d->users == 0;

	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
	if (last)
		destroy(d);
}

static void *run(void *arg)
{
	struct debuginfod *d = arg;
	debuginfod_client *client = d->lib.begin();

	if (client)
		d->lib.set_progressfn(client, on_progress);
	pthread_mutex_lock(&d->lock);
	while (!d->stop) {
		struct question *q = oldest_waiting(d);

		if (!q) {
			pthread_cond_wait(&d->changed, &d->lock);
		} else if (clock_mono_ns() < d->pause_until_ns) {
			d->stats.skipped++;
			set_answer(d, q, -1);
		} else {
			answer(d, client, q);
		}
	}
	pthread_mutex_unlock(&d->lock);
	if (client)
		d->lib.end(client);
	pthread_mutex_lock(&d->lock);
	leave(d);
	return NULL;
}

/* --- for the caller ---------------------------------------------------------------------- */

static struct debuginfod_opts with_defaults(const struct debuginfod_opts *opts)
{
	struct debuginfod_opts o = opts ? *opts : (struct debuginfod_opts){ 0 };

	o.library = o.library ? o.library : DEBUGINFOD_SONAME;
	o.timeout_ms = o.timeout_ms ? o.timeout_ms : 5000;
	o.total_ms = o.total_ms ? o.total_ms : 60000;
	o.absent_ms = o.absent_ms ? o.absent_ms : 600000;
	o.max_waiting = o.max_waiting ? o.max_waiting : 256;
	o.max_known = o.max_known ? o.max_known : 2048;
	o.max_failures = o.max_failures ? o.max_failures : 3;
	o.max_bytes = o.max_bytes ? o.max_bytes : DEFAULT_FILE_MAX;
	return o;
}

static int init_lock(struct debuginfod *d)
{
	pthread_condattr_t attr;
	int r = pthread_condattr_init(&attr);

	if (r == 0) {
		pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
		r = pthread_cond_init(&d->changed, &attr);
		pthread_condattr_destroy(&attr);
	}
	if (r == 0)
		r = pthread_mutex_init(&d->lock, NULL);
	return -r;
}

static int start_thread(struct debuginfod *d)
{
	pthread_t thread;
	int r = thread_start(&thread, run, d);

	if (r == 0)
		pthread_detach(thread);
	return r;
}

static bool names_servers(const char *urls)
{
	return urls && urls[strspn(urls, " ")] != '\0';
}

int debuginfod_new(struct debuginfod **ret, const struct debuginfod_opts *opts)
{
	struct debuginfod_opts o = with_defaults(opts);
	struct debuginfod *d;
	int r;

	if (o.max_known < o.max_waiting)
		return -EINVAL;
	if (!names_servers(getenv(DEBUGINFOD_URLS_ENV_VAR)))
		return -EDESTADDRREQ;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	r = init_lock(d);
	if (r < 0) {
		free(d);
		return r;
	}
	d->opts = o;
	d->opts.library = NULL;
	d->users = 2;
	r = debuginfodlib_limit(o.total_ms);
	if (r == 0)
		r = debuginfodlib_load(o.library, &d->lib);
	if (r == 0) {
		d->questions = calloc(o.max_known, sizeof(*d->questions));
		r = d->questions ? start_thread(d) : -ENOMEM;
	}
	if (r < 0) {
		destroy(d);
		return r;
	}
	*ret = d;
	return 0;
}

static bool is_build_id(const char *s)
{
	size_t n = strspn(s, "0123456789abcdef");

	return s[n] == '\0' && n % 2 == 0 && n >= BUILD_ID_MIN && n < BUILD_ID_HEX_MAX;
}

/* Under the lock: an id that nothing is known of. */
static int put_question(struct debuginfod *d, const char *id, uint64_t hash)
{
	struct question *q;

	if (d->n_open >= d->opts.max_waiting) {
		d->stats.refused++;
		return -EAGAIN;
	}
	q = new_question(d);
	*q = (struct question){
		.state = WAITING,
		.fd = -1,
		.hash = hash,
		.order = ++d->last_order,
	};
	strcpy(q->id, id);
	if (clock_mono_ns() < d->pause_until_ns) {
		q->state = ABSENT;
		q->until_ns = d->pause_until_ns;
		d->stats.skipped++;
		return -ENOENT;
	}
	d->n_open++;
	pthread_cond_broadcast(&d->changed);
	return -EINPROGRESS;
}

/* The file of a question. For want of descriptors the table gives up its own. */
static int give_out(struct question *q)
{
	int fd = fcntl(q->fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0) {
		fd = q->fd;
		q->state = UNUSED;
	}
	return fd;
}

int debuginfod_ask(struct debuginfod *d, const char *build_id)
{
	struct question *q;
	uint64_t hash;
	int r;

	if (!is_build_id(build_id))
		return -EINVAL;
	hash = hash_bytes(build_id, strlen(build_id));
	pthread_mutex_lock(&d->lock);
	q = find_question(d, build_id, hash);
	if (q && q->state == ABSENT && clock_mono_ns() >= q->until_ns) {
		forget(q);
		q = NULL;
	}
	if (!q)
		r = put_question(d, build_id, hash);
	else if (q->state == FOUND)
		r = give_out(q);
	else
		r = q->state == ABSENT ? -ENOENT : -EINPROGRESS;
	pthread_mutex_unlock(&d->lock);
	return r;
}

bool debuginfod_is_busy(struct debuginfod *d, const char *build_id)
{
	const struct question *q;
	bool busy;

	pthread_mutex_lock(&d->lock);
	q = find_question(d, build_id, hash_bytes(build_id, strlen(build_id)));
	busy = q ? q->state == WAITING || q->state == ASKING : d->n_open >= d->opts.max_waiting;
	pthread_mutex_unlock(&d->lock);
	return busy;
}

void debuginfod_note_late(struct debuginfod *d, const char *build_id)
{
	struct question *q;

	pthread_mutex_lock(&d->lock);
	q = find_question(d, build_id, hash_bytes(build_id, strlen(build_id)));
	if (!q || (!q->late && q->state != ABSENT))
		d->stats.late++;
	if (q && q->state != ABSENT)
		q->late = true;
	pthread_mutex_unlock(&d->lock);
}

/* Under the lock: waits until @done says so, at most @ms. */
static bool wait_until(struct debuginfod *d, bool (*done)(const struct debuginfod *d), unsigned ms)
{
	uint64_t end = clock_mono_ns() + ms * NSEC_PER_MSEC;
	struct timespec ts = { .tv_sec = (time_t)(end / NSEC_PER_SEC),
			       .tv_nsec = (long)(end % NSEC_PER_SEC) };

	while (!done(d))
		if (pthread_cond_timedwait(&d->changed, &d->lock, &ts) != 0)
			return done(d);
	return true;
}

static bool all_answered(const struct debuginfod *d)
{
	return d->n_open == 0;
}

static bool thread_left(const struct debuginfod *d)
{
	return d->users == 1;
}

int debuginfod_wait(struct debuginfod *d, unsigned ms)
{
	bool done;

	pthread_mutex_lock(&d->lock);
	done = wait_until(d, all_answered, ms);
	pthread_mutex_unlock(&d->lock);
	return done ? 0 : -ETIMEDOUT;
}

struct debuginfod_stats debuginfod_stats(struct debuginfod *d)
{
	struct debuginfod_stats s;

	pthread_mutex_lock(&d->lock);
	s = d->stats;
	pthread_mutex_unlock(&d->lock);
	return s;
}

void debuginfod_free(struct debuginfod *d)
{
	if (!d)
		return;
	pthread_mutex_lock(&d->lock);
	d->stop = true;
	pthread_cond_broadcast(&d->changed);
	(void)wait_until(d, thread_left, FREE_WAIT_MS);
	leave(d);
}
