/* SPDX-License-Identifier: Apache-2.0 */
#include "outahead.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Written at once: whole blocks of the file system cost half of what others do. */
enum { BUFFER = 256 << 10 };

struct outahead {
	FILE *out;
	bool may_thread, has_thread;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows, up to buf */
	pthread_cond_t change;
	char *full;  /* what is being written, or to be; NULL = nothing */
	bool is_end; /* no more will come */
	char *buf;   /* what is filled; the thread has the other one */
	size_t n;    /* bytes in it */
	char bufs[2][BUFFER];
};

int outahead_new(FILE *out, bool may_thread, struct outahead **ret)
{
	struct outahead *o = malloc(sizeof(*o)); /* not cleared: most of it is often not used */

	if (!o)
		return -ENOMEM;
	o->out = out;
	o->may_thread = may_thread;
	o->has_thread = o->is_end = false;
	o->full = NULL;
	o->buf = o->bufs[0];
	o->n = 0;
	pthread_mutex_init(&o->lock, NULL);
	pthread_cond_init(&o->change, NULL);
	*ret = o;
	return 0;
}

static void *write_buffers(void *arg)
{
	struct outahead *o = arg;

	pthread_mutex_lock(&o->lock);
	for (;;) {
		while (!o->full && !o->is_end)
			pthread_cond_wait(&o->change, &o->lock);
		if (!o->full)
			break;
		pthread_mutex_unlock(&o->lock);
		fwrite_unlocked(o->full, 1, BUFFER, o->out);
		pthread_mutex_lock(&o->lock);
		o->full = NULL;
		pthread_cond_signal(&o->change);
	}
	pthread_mutex_unlock(&o->lock);
	return NULL;
}

/* Once; signals are for the thread that called. */
static void start_thread(struct outahead *o)
{
	sigset_t all, before;

	o->may_thread = false;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	o->has_thread = pthread_create(&o->thread, NULL, write_buffers, o) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Waits until nothing is being written. */
static void wait_written(struct outahead *o)
{
	pthread_mutex_lock(&o->lock);
	while (o->full)
		pthread_cond_wait(&o->change, &o->lock);
	pthread_mutex_unlock(&o->lock);
}

/* Hands the buffer over, which is full. */
static void hand_over(struct outahead *o)
{
	if (o->may_thread)
		start_thread(o);
	if (!o->has_thread) {
		fwrite_unlocked(o->buf, 1, o->n, o->out);
		o->n = 0;
		return;
	}
	wait_written(o);
	pthread_mutex_lock(&o->lock);
	o->full = o->buf;
	pthread_cond_signal(&o->change);
	pthread_mutex_unlock(&o->lock);
	o->buf = o->buf == o->bufs[0] ? o->bufs[1] : o->bufs[0];
	o->n = 0;
}

void outahead_put(struct outahead *o, const char *s, size_t n)
{
	for (size_t room; n > (room = BUFFER - o->n); s += room, n -= room) {
		memcpy(o->buf + o->n, s, room);
		o->n = BUFFER;
		hand_over(o);
	}
	memcpy(o->buf + o->n, s, n);
	o->n += n;
}

void outahead_flush(struct outahead *o)
{
	if (o->has_thread)
		wait_written(o);
	if (o->n > 0)
		fwrite_unlocked(o->buf, 1, o->n, o->out);
	o->n = 0;
}

void outahead_free(struct outahead *o)
{
	if (!o)
		return;
	outahead_flush(o);
	if (o->has_thread) {
		pthread_mutex_lock(&o->lock);
		o->is_end = true;
		pthread_cond_signal(&o->change);
		pthread_mutex_unlock(&o->lock);
		pthread_join(o->thread, NULL);
	}
	pthread_cond_destroy(&o->change);
	pthread_mutex_destroy(&o->lock);
	free(o);
}
