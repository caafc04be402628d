/* SPDX-License-Identifier: Apache-2.0 */
#include "readahead.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "threadstart.h"

#define CHUNK  ((size_t)256 << 10)
#define CHUNKS 4
#define SMALL  ((size_t)2 << 20) /* a thread is not worth it for less */

struct readahead {
	const struct source *in;
	size_t so_far; /* read without a thread */
	bool has_thread;
	pthread_t thread;
	size_t pos; /* what was used of the oldest chunk */
	/* Shared, as chunks filled to used are the reader's and the others the thread's. */
	pthread_mutex_t lock;
	pthread_cond_t filled_more, used_more;
	uint64_t filled, used;
	bool is_over;
	struct chunk {
		ssize_t n; /* what the source gave: 0 or an error is the last one */
		uint8_t bytes[CHUNK];
	} chunks[CHUNKS];
};

static void *read_chunks(void *ctx)
{
	struct readahead *r = ctx;
	bool is_last = false;

	while (!is_last) {
		struct chunk *c;
		bool is_over;

		pthread_mutex_lock(&r->lock);
		while (!r->is_over && r->filled - r->used == CHUNKS)
			pthread_cond_wait(&r->used_more, &r->lock);
		c = &r->chunks[r->filled % CHUNKS];
		is_over = r->is_over;
		pthread_mutex_unlock(&r->lock);
		if (is_over)
			break;
		c->n = source_read(r->in, c->bytes, CHUNK);
		is_last = c->n <= 0;
		pthread_mutex_lock(&r->lock);
		r->filled++;
		pthread_cond_signal(&r->filled_more);
		pthread_mutex_unlock(&r->lock);
	}
	return NULL;
}

int readahead_new(struct readahead **ret, const struct source *in)
{
	struct readahead *r = malloc(sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->in = in;
	r->so_far = r->pos = 0;
	r->has_thread = r->is_over = false;
	r->filled = r->used = 0;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->filled_more, NULL);
	pthread_cond_init(&r->used_more, NULL);
	*ret = r;
	return 0;
}

void readahead_free(struct readahead *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->is_over = true;
	pthread_cond_signal(&r->used_more);
	pthread_mutex_unlock(&r->lock);
	if (r->has_thread)
		pthread_join(r->thread, NULL);
	pthread_cond_destroy(&r->used_more);
	pthread_cond_destroy(&r->filled_more);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static ssize_t read_alone(struct readahead *r, void *buf, size_t n)
{
	ssize_t got = source_read(r->in, buf, n);

	if (got > 0)
		r->so_far += (size_t)got;
	return got;
}

/* The oldest chunk, when it is filled. */
static struct chunk *oldest(struct readahead *r)
{
	pthread_mutex_lock(&r->lock);
	while (r->filled == r->used)
		pthread_cond_wait(&r->filled_more, &r->lock);
	pthread_mutex_unlock(&r->lock);
	return &r->chunks[r->used % CHUNKS];
}

ssize_t readahead_read(void *ctx, void *buf, size_t n)
{
	struct readahead *r = ctx;
	struct chunk *c;

	if (!r->has_thread && r->so_far >= SMALL)
		r->has_thread = thread_start(&r->thread, read_chunks, r) == 0;
	if (!r->has_thread)
		return read_alone(r, buf, n);
	c = oldest(r);
	if (c->n <= 0)
		return c->n;
	if (n > (size_t)c->n - r->pos)
		n = (size_t)c->n - r->pos;
	memcpy(buf, c->bytes + r->pos, n);
	r->pos += n;
	if (r->pos == (size_t)c->n) {
		r->pos = 0;
		pthread_mutex_lock(&r->lock);
		r->used++;
		pthread_cond_signal(&r->used_more);
		pthread_mutex_unlock(&r->lock);
	}
	return (ssize_t)n;
}
