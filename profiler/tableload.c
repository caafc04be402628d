/* SPDX-License-Identifier: Apache-2.0 */
#include "tableload.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "array.h"
#include "cleanup.h"
#include "threadstart.h"

/* Of the thread, to its nice value: half of what the one that records has (loop.c). */
#define AHEAD_OF_OTHERS (-5)

struct job {
	uint32_t id;
	int fd;
	off_t bytes; /* of the file */
	bool with_code, too_large;
	struct unwind_table *table;
};

struct tableload {
	pthread_t thread;
	bool started;
	pthread_mutex_t lock;
	pthread_cond_t more;
	int event_fd;
	/* Under the lock: */
	bool stop;
	ARRAY(struct job) asked, ready;
	/* Of the owner's thread: */
	uint32_t pending;
};

/* Files of one class are of the same order of size: up to eight times as large as each other. */
static int size_class(const struct job *job)
{
	return job->bytes > 0 ? (63 - __builtin_clzll((unsigned long long)job->bytes)) / 3 : 0;
}

/*
 * The libraries that all use are not to wait for a browser. Of files of about one size, the program
 * itself comes before its libraries, as it was mapped: until its table is there, most stacks of it
 * have to be copied.
 */
static struct job take_next(struct tableload *l)
{
	size_t best = 0;
	struct job job;

	for (size_t i = 1; i < l->asked.n; i++)
		if (size_class(&l->asked.items[i]) < size_class(&l->asked.items[best]))
			best = i;
	job = l->asked.items[best];
	l->asked.n--;
	memmove(&l->asked.items[best], &l->asked.items[best + 1],
		(l->asked.n - best) * sizeof(job));
	return job;
}

/* Waits for the next job: false when the thread shall end. */
static bool next_job(struct tableload *l, struct job *ret)
{
	bool go;

	pthread_mutex_lock(&l->lock);
	while (!l->stop && !l->asked.n)
		pthread_cond_wait(&l->more, &l->lock);
	go = !l->stop;
	if (go)
		*ret = take_next(l);
	pthread_mutex_unlock(&l->lock);
	return go;
}

/* What cannot be had with what its code tells is had without. */
static void build(struct job *job)
{
	struct unwind_opts opts = { .code = job->with_code ? UNWIND_CODE_READ : UNWIND_CODE_LATER };
	int r = unwind_table_from_fd(job->fd, &opts, &job->table);

	if (r == -EFBIG || r == -ENOMEM) {
		opts.code = UNWIND_CODE_NONE;
		r = unwind_table_from_fd(job->fd, &opts, &job->table);
	}
	if (r < 0)
		job->table = NULL;
	job->too_large = r == -EFBIG;
}

static void *work(void *arg)
{
	struct tableload *l = arg;
	const uint64_t one = 1;
	struct job job;

	/* Of this thread, as far as that is allowed: until a table is there, stacks are cut. */
	(void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + AHEAD_OF_OTHERS);
	while (next_job(l, &job)) {
		build(&job);
		close(job.fd);
		pthread_mutex_lock(&l->lock);
		l->ready.items[l->ready.n++] = job; /* tableload_ask() made room */
		pthread_mutex_unlock(&l->lock);
		if (write(l->event_fd, &one, sizeof(one)) < 0)
			break;
	}
	return NULL;
}

int tableload_new(struct tableload **ret)
{
	struct tableload *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->more, NULL);
	l->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->event_fd < 0) {
		r = -errno;
		tableload_free(l);
		return r;
	}
	r = thread_start(&l->thread, work, l);
	l->started = r == 0;
	if (r < 0) {
		tableload_free(l);
		return r;
	}
	*ret = l;
	return 0;
}

void tableload_free(struct tableload *l)
{
	if (!l)
		return;
	pthread_mutex_lock(&l->lock);
	l->stop = true;
	pthread_cond_signal(&l->more);
	pthread_mutex_unlock(&l->lock);
	if (l->started)
		pthread_join(l->thread, NULL);
	array_each(&l->asked, job)
		close(job->fd);
	array_each(&l->ready, job)
		unwind_table_free(job->table);
	array_free(&l->asked);
	array_free(&l->ready);
	if (l->event_fd >= 0)
		close(l->event_fd);
	pthread_mutex_destroy(&l->lock);
	pthread_cond_destroy(&l->more);
	free(l);
}

int tableload_ask(struct tableload *l, uint32_t id, int fd, bool with_code)
{
	_cleanup_close_ int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	struct stat st;
	int r;

	if (copy < 0 || fstat(copy, &st) < 0)
		return -errno;
	pthread_mutex_lock(&l->lock);
	/* Room for the answer, too: the thread could tell nobody that it has none. */
	r = array_reserve(&l->ready, l->pending + 1);
	if (r == 0)
		r = array_push(&l->asked, (struct job){ .id = id,
							.fd = copy,
							.bytes = st.st_size,
							.with_code = with_code });
	if (r == 0) {
		take_fd(&copy);
		l->pending++;
		pthread_cond_signal(&l->more);
	}
	pthread_mutex_unlock(&l->lock);
	return r;
}

int tableload_fd(const struct tableload *l)
{
	return l->event_fd;
}

bool tableload_take(struct tableload *l, uint32_t *ret_id, struct unwind_table **ret,
		    bool *ret_too_large)
{
	bool any;

	pthread_mutex_lock(&l->lock);
	any = l->ready.n > 0;
	if (any) {
		*ret_id = l->ready.items[0].id;
		*ret = l->ready.items[0].table;
		*ret_too_large = l->ready.items[0].too_large;
		l->ready.n--;
		memmove(l->ready.items, l->ready.items + 1, l->ready.n * sizeof(*l->ready.items));
		l->pending--;
	} else {
		uint64_t n;

		if (read(l->event_fd, &n, sizeof(n)) < 0)
			n = 0; /* nothing was posted since */
	}
	pthread_mutex_unlock(&l->lock);
	return any;
}

uint32_t tableload_pending(const struct tableload *l)
{
	return l->pending;
}
