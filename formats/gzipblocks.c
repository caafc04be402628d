/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blocks go round a ring: the caller's thread fills one after another, threads take them in
 * that order and leave what they made of them, and the caller's thread writes that before it fills
 * the block again. A block but the last ends with an empty stored one, so that the next begins at a
 * byte (a "full flush").
 */
#include "gzipblocks.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include "array.h"
#include "threadstart.h"

#define BLOCK	    ((size_t)1 << 20)
#define OUT_STEP    ((size_t)64 << 10)
#define THREADS_MAX 4
#define BLOCKS	    (THREADS_MAX + 2) /* one that is filled, one that is written */
#define LEVEL	    3
#define LEVEL_MEM   ISAL_DEF_LVL3_DEFAULT

struct block {
	uint8_t *in;
	size_t n;
	ARRAY(uint8_t) out;
	bool is_last;
	bool is_done; /* what follows is for the caller's thread again */
	int error;
};

/* What a thread compresses with. */
struct deflater {
	struct gzipblocks *g;
	pthread_t thread;
	struct isal_zstream z;
	_Alignas(16) uint8_t level_mem[LEVEL_MEM];
};

struct gzipblocks {
	const struct sink *out;
	struct deflater *deflaters; /* the first one also without a thread */
	unsigned n_threads;
	uint32_t crc, size;
	bool is_begun; /* the header is written */
	struct block blocks[BLOCKS];
	uint64_t written; /* of the blocks, in their order, by number */
	/* Shared. */
	pthread_mutex_t lock;
	pthread_cond_t filled_more, done_more;
	uint64_t filled, taken;
	bool is_over;
};

static void deflate_block(struct deflater *d, struct block *b)
{
	struct isal_zstream *z = &d->z;

	isal_deflate_init(z);
	z->level = LEVEL;
	z->level_buf = d->level_mem;
	z->level_buf_size = LEVEL_MEM;
	z->flush = b->is_last ? NO_FLUSH : FULL_FLUSH;
	z->end_of_stream = b->is_last;
	z->next_in = b->in;
	z->avail_in = (uint32_t)b->n;
	b->out.n = 0;
	b->error = 0;
	do {
		if (array_reserve(&b->out, OUT_STEP) < 0) {
			b->error = -ENOMEM;
			return;
		}
		z->next_out = b->out.items + b->out.n;
		z->avail_out = (uint32_t)(b->out.cap - b->out.n);
		if (isal_deflate(z) != COMP_OK) {
			b->error = -EIO;
			return;
		}
		b->out.n = b->out.cap - z->avail_out;
	} while (b->is_last ? z->internal_state.state != ZSTATE_END : z->avail_out == 0);
}

static void *deflate_blocks(void *ctx)
{
	struct deflater *d = ctx;
	struct gzipblocks *g = d->g;

	pthread_mutex_lock(&g->lock);
	for (;;) {
		struct block *b;

		while (!g->is_over && g->taken == g->filled)
			pthread_cond_wait(&g->filled_more, &g->lock);
		if (g->is_over)
			break;
		b = &g->blocks[g->taken++ % BLOCKS];
		pthread_mutex_unlock(&g->lock);
		deflate_block(d, b);
		pthread_mutex_lock(&g->lock);
		b->is_done = true;
		pthread_cond_signal(&g->done_more);
	}
	pthread_mutex_unlock(&g->lock);
	return NULL;
}

/* As many as there are processors for; one alone would only be waited for. */
static unsigned threads_wanted(void)
{
	cpu_set_t cpus;
	int n = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? CPU_COUNT(&cpus) : 1;

	return n < 2 ? 0 : n > THREADS_MAX ? THREADS_MAX : (unsigned)n;
}

int gzipblocks_new(struct gzipblocks **ret, const struct sink *out)
{
	struct gzipblocks *g = calloc(1, sizeof(*g));
	unsigned wanted = threads_wanted();

	if (!g)
		return -ENOMEM;
	g->out = out;
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->filled_more, NULL);
	pthread_cond_init(&g->done_more, NULL);
	g->deflaters = malloc((wanted ? wanted : 1) * sizeof(*g->deflaters));
	if (!g->deflaters) {
		gzipblocks_free(g);
		return -ENOMEM;
	}
	for (; g->n_threads < wanted; g->n_threads++) {
		struct deflater *d = &g->deflaters[g->n_threads];

		d->g = g;
		if (thread_start(&d->thread, deflate_blocks, d) < 0)
			break;
	}
	*ret = g;
	return 0;
}

void gzipblocks_free(struct gzipblocks *g)
{
	if (!g)
		return;
	pthread_mutex_lock(&g->lock);
	g->is_over = true;
	pthread_cond_broadcast(&g->filled_more);
	pthread_mutex_unlock(&g->lock);
	for (unsigned i = 0; i < g->n_threads; i++)
		pthread_join(g->deflaters[i].thread, NULL);
	for (size_t i = 0; i < BLOCKS; i++) {
		free(g->blocks[i].in);
		array_free(&g->blocks[i].out);
	}
	free(g->deflaters);
	pthread_cond_destroy(&g->done_more);
	pthread_cond_destroy(&g->filled_more);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

/* Writes the oldest block, when it is compressed. */
static int write_oldest(struct gzipblocks *g)
{
	/* No name, no time, no system. */
	static const uint8_t header[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff };
	struct block *b = &g->blocks[g->written % BLOCKS];
	int r = 0;

	pthread_mutex_lock(&g->lock);
	while (!b->is_done)
		pthread_cond_wait(&g->done_more, &g->lock);
	pthread_mutex_unlock(&g->lock);
	if (b->error)
		return b->error;
	if (!g->is_begun)
		r = sink_write(g->out, header, sizeof(header));
	g->is_begun = true;
	if (r == 0)
		r = sink_write(g->out, b->out.items, b->out.n);
	g->written++;
	b->n = 0;
	return r;
}

/* Gives the block that was filled to the threads, and makes room for the next. */
static int give_block(struct gzipblocks *g, bool is_last)
{
	struct block *b = &g->blocks[g->filled % BLOCKS];

	b->is_last = is_last;
	b->is_done = false;
	g->crc = crc32_gzip_refl(g->crc, b->in, b->n);
	g->size += (uint32_t)b->n;
	if (!g->n_threads) {
		deflate_block(g->deflaters, b);
		b->is_done = true;
	}
	pthread_mutex_lock(&g->lock);
	g->filled++;
	pthread_cond_signal(&g->filled_more);
	pthread_mutex_unlock(&g->lock);
	return g->filled - g->written == BLOCKS ? write_oldest(g) : 0;
}

/* The block that is filled, which has room for a byte at least. */
static int next_block(struct gzipblocks *g, struct block **ret)
{
	struct block *b = &g->blocks[g->filled % BLOCKS];
	int r;

	if (b->n == BLOCK) {
		r = give_block(g, false);
		if (r < 0)
			return r;
		b = &g->blocks[g->filled % BLOCKS];
	}
	if (!b->in)
		b->in = malloc(BLOCK);
	*ret = b;
	return b->in ? 0 : -ENOMEM;
}

int gzipblocks_write(struct gzipblocks *g, const void *data, size_t n)
{
	const uint8_t *from = data;

	while (n) {
		struct block *b = NULL;
		int r = next_block(g, &b);
		size_t part;

		if (r < 0)
			return r;
		part = n < BLOCK - b->n ? n : BLOCK - b->n;
		memcpy(b->in + b->n, from, part);
		b->n += part;
		from += part;
		n -= part;
	}
	return 0;
}

int gzipblocks_finish(struct gzipblocks *g)
{
	struct block *b;
	uint32_t end[2];
	int r = next_block(g, &b);

	if (r == 0)
		r = give_block(g, true);
	while (r == 0 && g->written < g->filled)
		r = write_oldest(g);
	end[0] = g->crc;
	end[1] = g->size;
	return r < 0 ? r : sink_write(g->out, end, sizeof(end));
}
