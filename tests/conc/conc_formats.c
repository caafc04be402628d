/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Large gzip files, each made by several threads and read ahead, by two callers at once; also ones
 * that are given up on while blocks are being compressed, because there is no room for what came
 * before. Beside that folded stacks, scanned on a thread: whole ones, ones with an error in them, and
 * ones that are given up on.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "compress.h"
#include "err.h"
#include "folded.h"
#include "foldedscan.h"
#include "profile.h"
#include "readahead.h"

#define BYTES  ((size_t)20 << 20)
#define PART   ((size_t)70000)
#define ROUNDS 3
#define STACKS 150000

struct out {
	ARRAY(uint8_t) bytes;
	size_t room, pos;
};

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "conc_formats: %s\n", what);
	exit(1);
}

static int write_out(void *ctx, const void *data, size_t n)
{
	struct out *o = ctx;

	if (n > o->room - o->bytes.n)
		return -ENOSPC;
	must(array_reserve(&o->bytes, n) == 0, "no memory");
	memcpy(o->bytes.items + o->bytes.n, data, n);
	o->bytes.n += n;
	return 0;
}

static ssize_t read_back(void *ctx, void *buf, size_t n)
{
	struct out *o = ctx;

	if (n > o->bytes.n - o->pos)
		n = o->bytes.n - o->pos;
	memcpy(buf, o->bytes.items + o->pos, n);
	o->pos += n;
	return (ssize_t)n;
}

static int compress(const uint8_t *plain, struct out *o)
{
	struct sink sink = { .write = write_out, .ctx = o };
	struct compressor *c;
	int r = compressor_new(&c, COMPRESSION_GZIP, &sink);

	must(r == 0, "no compressor");
	for (size_t at = 0; at < BYTES && r == 0; at += PART)
		r = compressor_write(c, plain + at, BYTES - at < PART ? BYTES - at : PART);
	if (r == 0)
		r = compressor_finish(c);
	compressor_free(c);
	return r;
}

static ssize_t inflate(void *ctx, void *buf, size_t n)
{
	return inflater_read(ctx, buf, n);
}

static void must_be(struct out *o, const uint8_t *plain)
{
	struct source source = { .read = read_back, .ctx = o }, inflated = { .read = inflate };
	uint8_t *back = malloc(BYTES);
	struct readahead *ahead;
	struct inflater *f;
	size_t n = 0;
	ssize_t got = 1;

	must(back && inflater_new(&f, &source, 0) == 0, "no inflater");
	inflated.ctx = f;
	must(readahead_new(&ahead, &inflated) == 0, "no memory");
	for (; got > 0; n += (size_t)got)
		got = readahead_read(ahead, back + n, BYTES - n ? BYTES - n : 1);
	must(got == 0 && n == BYTES && memcmp(back, plain, BYTES) == 0, "other bytes");
	readahead_free(ahead);
	inflater_free(f);
	free(back);
}

/* --- folded stacks ---------------------------------------------------------------------------- */

/* 150,000 different stacks, and at the end @more. */
static void make_stacks(struct out *o, const char *more)
{
	char line[80];

	for (int i = 0; i < STACKS; i++) {
		int n = sprintf(line, "main;caller %d;callee %d;leaf %d 2\n", i / 100, i / 10, i);

		must(write_out(o, line, (size_t)n) == 0, "no room");
	}
	must(write_out(o, more, strlen(more)) == 0, "no room");
}

static void must_read_stacks(const char *more, int wanted)
{
	struct out text = { .room = SIZE_MAX };
	struct source source = { .read = read_back, .ctx = &text };
	struct profile *p = NULL;
	struct err e = { 0 };

	make_stacks(&text, more);
	must(folded_read(&source, &p, &e) == wanted, "read otherwise");
	must(wanted == 0 ? p->samples.n == STACKS : strstr(e.text, "line 150001") != NULL,
	     "not what was written");
	profile_free(p);
	array_free(&text.bytes);
}

static void give_up_on_stacks(void)
{
	struct out text = { .room = SIZE_MAX };
	struct source source = { .read = read_back, .ctx = &text };
	struct foldedscan *s;

	make_stacks(&text, "");
	for (int batches = 8; batches < 14; batches++) {
		text.pos = 0;
		must(foldedscan_new(&s, &source) == 0, "no memory");
		for (int i = 0; i < batches; i++)
			must(foldedscan_next(s)->then == 1, "over already");
		foldedscan_free(s);
	}
	array_free(&text.bytes);
}

static void *run_stacks(void *unused)
{
	must_read_stacks("", 0);
	must_read_stacks("nothing\n", -EBADMSG);
	give_up_on_stacks();
	return unused;
}

/* --- all at once ------------------------------------------------------------------------------ */

static void *run(void *plain)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct out whole = { .room = SIZE_MAX }, cut = { .room = (size_t)3 << 20 };

		must(compress(plain, &whole) == 0, "not compressed");
		must_be(&whole, plain);
		must(compress(plain, &cut) == -ENOSPC, "there was room");
		array_free(&whole.bytes);
		array_free(&cut.bytes);
	}
	return NULL;
}

int main(void)
{
	uint8_t *plain = malloc(BYTES);
	pthread_t threads[4];
	uint64_t x = 1;

	must(plain, "no memory");
	for (size_t i = 0; i < BYTES; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		plain[i] = (uint8_t)(x >> 59);
	}
	for (int i = 0; i < 4; i++)
		must(pthread_create(&threads[i], NULL, i < 2 ? run : run_stacks, plain) == 0,
		     "no thread");
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	free(plain);
	return 0;
}
