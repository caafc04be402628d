/* SPDX-License-Identifier: Apache-2.0 */
/* Compressed sections of which pieces are read: whatever the order, the bytes are the same; and the memory
 * and the time are bounded. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "array.h"
#include "clock.h"
#include "elf_fixture.h"
#include "inflatestream.h"
#include "zsection.h"

enum {
	BEFORE = 100, /* bytes of the file before the section */
	SIZE = (5 << 20) + 12345,
	LARGE = 48 << 20,
};

#define TIME_MAX (20 * NSEC_PER_SEC) /* leaves room for sanitizers and busy machines */

/* A section: what it holds, and how it lies in a file. */
struct made {
	enum inflate_format format;
	uint8_t *raw;
	size_t size, n; /* of the bytes, of what is compressed */
	int fd;
};

/* Lines of text that repeat near and far, with some noise. */
static void fill(uint8_t *p, size_t n)
{
	uint32_t x = 1;

	for (size_t i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = i > 30000 && x >> 28 ? p[i - 1 - (i / 977 * 131) % 29999]
					    : (uint8_t)(x >> 20);
	}
}

static void append_packed(struct made *m, const uint8_t *p, size_t n)
{
	size_t bound = m->format == INFLATE_ZLIB ? compressBound(n) : ZSTD_compressBound(n);
	uint8_t *buf = malloc(bound);
	uLongf packed = bound;

	cr_assert(buf);
	if (m->format == INFLATE_ZLIB)
		cr_assert_eq(compress2(buf, &packed, p, n, 1), Z_OK);
	else
		packed = ZSTD_compress(buf, bound, p, n, 1);
	cr_assert_eq((size_t)pwrite(m->fd, buf, packed, (off_t)(BEFORE + m->n)), packed);
	m->n += packed;
	free(buf);
}

/* @parts streams one behind the other. */
static struct made make(enum inflate_format format, size_t size, unsigned parts)
{
	struct made m = { .format = format,
			  .raw = malloc(size),
			  .size = size,
			  .fd = memfd_create("section", MFD_CLOEXEC) };

	cr_assert(m.raw && m.fd >= 0);
	fill(m.raw, size);
	for (size_t i = 0; i < parts; i++) {
		size_t from = size / parts * i, to = i + 1 == parts ? size : size / parts * (i + 1);

		append_packed(&m, m.raw + from, to - from);
	}
	return m;
}

static void unmake(struct made *m)
{
	free(m->raw);
	close(m->fd);
}

static struct zsection *open_made(const struct made *m)
{
	struct zsection *z;

	cr_assert_eq(zsection_new(m->format, m->fd, BEFORE, m->n, m->size, true, &z), 0);
	return z;
}

static bool is_same(struct zsection *z, const struct made *m, uint64_t off, size_t n)
{
	uint8_t *buf = malloc(n + 1);
	bool ok = zsection_read(z, off, buf, n) && memcmp(buf, m->raw + off, n) == 0;

	free(buf);
	return ok;
}

/* --- the same in any order ------------------------------------------------------------------------ */

static void check_orders(struct zsection *z, const struct made *m)
{
	cr_expect(is_same(z, m, 0, m->size), "at once");
	for (size_t off = 0, n = 1; off < m->size; off += n, n = (n * 5 + 3) % 300007)
		cr_assert(is_same(z, m, off, n < m->size - off ? n : m->size - off), "forward %zu",
			  off);
	for (size_t i = 1; i <= 9; i++)
		cr_assert(is_same(z, m, m->size - i * m->size / 10, 1000), "backward %zu", i);
	for (size_t i = 0; i < 40; i++)
		cr_assert(is_same(z, m, i * 7919 * 4999 % (m->size - 5000), 5000), "%zu", i);
	cr_expect(is_same(z, m, m->size, 0));
	cr_expect(is_same(z, m, m->size - 1, 1));
	cr_expect_not(zsection_read(z, m->size, NULL, 1));
	cr_expect_not(zsection_read(z, m->size - 5, NULL, 6));
	cr_expect_not(zsection_read(z, UINT64_MAX, NULL, 2));
	cr_expect_not(zsection_read(z, 2, NULL, SIZE_MAX));
}

Test(zsection, gives_the_same_bytes_in_any_order)
{
	static const enum inflate_format formats[] = { INFLATE_ZLIB, INFLATE_ZSTD };

	for (size_t f = 0; f < ARRAY_LEN(formats); f++)
		for (unsigned parts = 1; parts <= 300; parts += 299) {
			struct made m = make(formats[f], SIZE, parts);
			struct zsection *z = open_made(&m);

			check_orders(z, &m);
			zsection_free(z);
			unmake(&m);
		}
}

struct reader {
	struct zsection *z;
	const struct made *m;
	size_t first;
	bool ok;
};

/* Every second piece, as the threads that read units do. */
static void *read_pieces(void *arg)
{
	struct reader *r = arg;

	r->ok = true;
	for (size_t off = r->first * 70000; off + 70000 < r->m->size; off += 140000)
		r->ok &= is_same(r->z, r->m, off, 70000);
	return NULL;
}

Test(zsection, may_be_read_by_several_threads)
{
	struct made m = make(INFLATE_ZLIB, SIZE, 1);
	struct zsection *z = open_made(&m);
	struct reader readers[2] = { { z, &m, 0, false }, { z, &m, 1, false } };
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, read_pieces, &readers[i]), 0);
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		cr_expect(readers[i].ok);
	}
	zsection_free(z);
	unmake(&m);
}

/* --- memory and time ------------------------------------------------------------------------------ */

Test(zsection, holds_pieces_only)
{
	static const enum inflate_format formats[] = { INFLATE_ZLIB, INFLATE_ZSTD };

	for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
		struct made m = make(formats[f], LARGE, 1);
		struct zsection *z = open_made(&m);

		for (size_t off = 0; off < LARGE; off += 1 << 20)
			cr_assert(is_same(z, &m, off, 1000));
		cr_expect(is_same(z, &m, formats[f] == INFLATE_ZLIB ? LARGE / 2 : LARGE - 5000,
				  5000));
		cr_expect_lt(zsection_bytes(z), LARGE / 4);
		zsection_free(z);
		unmake(&m);
	}
}

/* Jumping about would take 200 times as long. */
Test(zsection, comes_to_memory_where_much_is_asked_for_out_of_order)
{
	static const enum inflate_format formats[] = { INFLATE_ZLIB, INFLATE_ZSTD };

	for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
		struct made m = make(formats[f], LARGE, 1);
		struct zsection *z = open_made(&m);
		uint64_t begin = clock_mono_ns();

		for (size_t i = 0; i < 20000; i++)
			cr_assert(is_same(z, &m, i * 7919 * 4999 % (LARGE - 10), 10));
		cr_expect_lt(clock_mono_ns() - begin, TIME_MAX);
		cr_expect_gt(zsection_bytes(z), LARGE);
		cr_expect_lt(zsection_bytes(z), LARGE + (1 << 20), "and no pieces any more");
		zsection_free(z);
		unmake(&m);
	}
}

/* ... and what may not come there ends soon. */
Test(zsection, gives_no_more_where_it_may_not_come_to_memory)
{
	static const enum inflate_format formats[] = { INFLATE_ZLIB, INFLATE_ZSTD };

	for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
		struct made m = make(formats[f], LARGE, 1);
		uint64_t begin = clock_mono_ns();
		struct zsection *z;
		size_t n = 0;

		cr_assert_eq(zsection_new(m.format, m.fd, BEFORE, m.n, m.size, false, &z), 0);
		cr_expect_not(zsection_may_hold(z));
		cr_expect(is_same(z, &m, 0, LARGE));
		while (n < 20000 && is_same(z, &m, n * 7919 * 4999 % (LARGE - 10), 10))
			n++;
		cr_expect(n > 16 && n < 20000, "%zu", n);
		cr_expect_lt(clock_mono_ns() - begin, TIME_MAX);
		cr_expect_lt(zsection_bytes(z), LARGE / 2);
		zsection_rest(z);
		cr_expect(is_same(z, &m, 0, LARGE), "a question later");
		zsection_free(z);
		unmake(&m);
	}
}

Test(zsection, does_not_for_questions_that_are_apart)
{
	struct made m = make(INFLATE_ZLIB, SIZE, 1);
	struct zsection *z = open_made(&m);

	for (size_t i = 0; i < 30; i++) {
		cr_assert(is_same(z, &m, i % 2 ? 100 : SIZE - 1000, 1000));
		cr_assert(is_same(z, &m, SIZE / 2, 1000));
		zsection_rest(z);
	}
	cr_expect_lt(zsection_bytes(z), SIZE / 5);
	zsection_free(z);
	unmake(&m);
}

/* A quarter of a gigabyte of zeroes: in bounded memory, and soon. */
Test(zsection, is_not_blown_up_by_zeroes)
{
	enum { ZEROES = 256 << 20 };
	uint8_t *zeroes = calloc(1, ZEROES), last[10];

	for (int f = 0; f < 2; f++) {
		struct made m = { .format = f ? INFLATE_ZSTD : INFLATE_ZLIB,
				  .size = ZEROES,
				  .fd = memfd_create("section", MFD_CLOEXEC) };
		uint64_t begin = clock_mono_ns();
		struct zsection *z;

		append_packed(&m, zeroes, ZEROES);
		z = open_made(&m);
		cr_expect(zsection_read(z, ZEROES - 10, last, 10));
		cr_expect_lt(zsection_bytes(z), 32 << 20);
		cr_expect_lt(clock_mono_ns() - begin, TIME_MAX);
		zsection_free(z);
		unmake(&m);
	}
	free(zeroes);
}

/* A million streams that hold nothing lie before what is asked for: each way to it takes as long. */
Test(zsection, is_not_slowed_down_by_streams_that_hold_nothing)
{
	struct made m = { .format = INFLATE_ZLIB,
			  .raw = calloc(1, SIZE),
			  .size = SIZE,
			  .fd = memfd_create("section", MFD_CLOEXEC) };
	static const uint8_t empty[] = { 0x78, 0x9c, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01 };
	uint8_t many[sizeof(empty) * 1000];
	struct zsection *z;
	uint64_t begin;

	for (size_t i = 0; i < 1000; i++)
		memcpy(many + i * sizeof(empty), empty, sizeof(empty));
	append_packed(&m, m.raw, 1000);
	for (size_t i = 0; i < 300; i++, m.n += sizeof(many))
		cr_assert_eq(pwrite(m.fd, many, sizeof(many), (off_t)(BEFORE + m.n)), sizeof(many));
	append_packed(&m, m.raw, SIZE - 1000);
	z = open_made(&m);
	begin = clock_mono_ns();
	for (size_t i = 0; i < 100000; i++)
		cr_assert(is_same(z, &m, i * 7919 * 4999 % (SIZE - 10), 10));
	cr_expect_lt(clock_mono_ns() - begin, TIME_MAX);
	zsection_free(z);
	unmake(&m);
}

/* --- what is broken ------------------------------------------------------------------------------- */

/* What lies before the place where it breaks is read, and what lies behind it is not: each at once. */
static void check_broken(struct zsection *z, const struct made *m, size_t good, size_t bad)
{
	uint64_t begin = clock_mono_ns();
	uint8_t buf[10];

	for (size_t i = 0; i < 2000; i++) {
		cr_assert(is_same(z, m, i % 100 * (good / 100), 10), "%zu", i);
		cr_assert_not(zsection_read(z, bad, buf, 10));
	}
	cr_expect_lt(clock_mono_ns() - begin, TIME_MAX);
}

Test(zsection, ends_where_it_is_broken)
{
	static const enum inflate_format formats[] = { INFLATE_ZLIB, INFLATE_ZSTD };

	for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
		struct made m = make(formats[f], SIZE, 1);
		struct zsection *z = open_made(&m);

		/* Cut off while it is open, and then for who opens it. */
		cr_assert(is_same(z, &m, 0, 1000));
		cr_assert_eq(ftruncate(m.fd, (off_t)(BEFORE + m.n / 2)), 0);
		check_broken(z, &m, SIZE / 4, SIZE - 10);
		zsection_free(z);
		m.n /= 2;
		z = open_made(&m);
		check_broken(z, &m, SIZE / 4, SIZE * 3 / 4);
		zsection_free(z);
		unmake(&m);

		/* More is declared than it holds. */
		m = make(formats[f], SIZE, 2);
		m.size = SIZE + 1000;
		z = open_made(&m);
		check_broken(z, &m, SIZE - (1 << 20), SIZE + 5);
		zsection_free(z);
		unmake(&m);

		/* Rubbish in the middle: frames of zstd need have no checksum. */
		m = make(INFLATE_ZLIB, SIZE, 1);
		for (size_t i = 0; i < 1000; i++)
			cr_assert_eq(pwrite(m.fd, "\xff", 1, (off_t)(BEFORE + m.n / 2 + i)), 1);
		z = open_made(&m);
		check_broken(z, &m, SIZE / 4, SIZE - 10);
		zsection_free(z);
		unmake(&m);
	}
}

Test(zsection, is_nothing_where_there_is_nothing)
{
	struct made m = { .size = 1000, .fd = memfd_create("section", MFD_CLOEXEC) };
	uint8_t buf[10];

	for (int f = 0; f < 2; f++) {
		struct zsection *z;

		m.format = f ? INFLATE_ZSTD : INFLATE_ZLIB;
		z = open_made(&m);
		cr_expect_not(zsection_read(z, 0, buf, 10));
		cr_expect_not(zsection_read(z, 0, buf, 10));
		cr_expect(zsection_read(z, 0, buf, 0));
		zsection_free(z);
	}
	close(m.fd);
}

/* A frame of 100,000 bytes whose window is 1 GiB: what it claims and nobody touches counts for nothing. */
Test(zsection, is_as_large_as_it_is_whatever_its_window)
{
	static const uint8_t frame[] = {
		0x28, 0xb5, 0x2f, 0xfd, 0, 20 << 3, /* the magic number, 1 << (10 + 20) */
		0x03, 0x35, 0x0c, 'A',		    /* the last block: so many times one byte */
	};
	struct made m = { .format = INFLATE_ZSTD,
			  .size = 100000,
			  .n = sizeof(frame),
			  .fd = memfd_create("section", MFD_CLOEXEC) };
	struct zsection *z = open_made(&m);
	uint8_t buf[10];

	cr_assert_eq(pwrite(m.fd, frame, sizeof(frame), BEFORE), (ssize_t)sizeof(frame));
	cr_assert(zsection_read(z, 99990, buf, sizeof(buf)));
	cr_expect_eq(buf[9], 'A');
	cr_expect_lt(zsection_bytes(z), 4u << 20);
	zsection_free(z);
	close(m.fd);
}

/* The last byte tells that another one was not what it was. */
Test(zsection, checks_the_sum_at_the_end)
{
	struct made m = make(INFLATE_ZLIB, 100000, 1);
	struct zsection *z;
	uint8_t last;

	cr_assert_eq(pread(m.fd, &last, 1, (off_t)(BEFORE + m.n - 1)), 1);
	last ^= 1;
	cr_assert_eq(pwrite(m.fd, &last, 1, (off_t)(BEFORE + m.n - 1)), 1);
	z = open_made(&m);
	cr_expect_not(zsection_read(z, 99990, &last, 1));
	zsection_free(z);
	unmake(&m);
}

Test(zsection, survives_a_lack_of_memory)
{
	struct made m = make(INFLATE_ZLIB, SIZE, 1);
	uint8_t *buf = malloc(SIZE);
	bool ok = false;

	for (long at = 0; !ok; at++) {
		struct zsection *z;

		alloc_fail_at(at);
		if (zsection_new(m.format, m.fd, BEFORE, m.n, m.size, true, &z) == 0) {
			ok = zsection_read(z, 0, buf, SIZE);
			cr_expect(!ok || memcmp(buf, m.raw, SIZE) == 0);
			zsection_free(z);
		}
		cr_expect_eq(alloc_live(), 0);
		alloc_fail_at(-1);
	}
	free(buf);
	unmake(&m);
}
