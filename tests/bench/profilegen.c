/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profilegen folded|pprof >FILE: the large profiles that readers and writers are measured on, the
 * same bytes on every machine.
 *
 *	folded	100,000 distinct stacks of 12 frames on average, 20,000 names of 40 bytes; 50 MB
 *	pprof	1,000,000 samples of 23 places on average, 300,000 places; 100 MB, not compressed
 *
 * Stacks walk a call graph in which each function calls a few others, some of them more often: near
 * the root many stacks are one, near the leaves hardly any. Their order is random, as is which
 * places of the pprof file a stack meets: nothing here is kind to a cache or to a compressor. The
 * encoder is the generator's own, so that no reader is measured on what it wrote.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_LEN(x) (sizeof(x) / sizeof((x)[0]))

static uint64_t state = 1; /* the seed */

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static uint64_t next(void)
{
	return mix(state += 0x9e3779b97f4a7c15ull);
}

static unsigned below(unsigned n)
{
	return (unsigned)((next() >> 32) * n >> 32);
}

/* --- names ------------------------------------------------------------------------------------ */

/* A name like those of C++, 40 bytes on average; the number in it makes it one of its own. */
static size_t make_name(char *buf, size_t size, unsigned i)
{
	static const char *const spaces[] = { "net",	      "storage", "query", "std",
					      "util::detail", "rpc",	 "cache", "index" };
	static const char *const classes[] = { "Connection", "PageTable", "Iterator", "Allocator",
					       "Scheduler",  "Buffer",	  "Planner",  "Reader" };
	static const char *const verbs[] = { "process", "read_next", "flush",	"allocate_slow",
					     "resolve", "dispatch",  "compare", "acquire" };
	static const char *const arguments[] = { "", "int", "char const*", "Context&" };
	uint64_t h = mix(i + 1);

	return (size_t)snprintf(buf, size, "%s::%s<%u>::%s(%s)", spaces[h % 8], classes[h >> 8 & 7],
				i, verbs[h >> 16 & 7], arguments[h >> 24 & 3]);
}

/* --- folded stacks ---------------------------------------------------------------------------- */

#define FOLDED_STACKS 100000
#define FOLDED_NAMES  20000
#define FOLDED_DEPTH  19 /* at most, and at least 3 */
#define CALLEES	      8

/* One of the functions that @caller calls, the first of them more often. */
static unsigned callee(unsigned caller)
{
	unsigned k = below(CALLEES) * below(CALLEES) / CALLEES;

	return (unsigned)(mix((uint64_t)caller << 8 | k) % FOLDED_NAMES);
}

static uint64_t seen[1 << 18]; /* hashes of the stacks that were written; 0 = free */

static bool is_new(uint64_t hash)
{
	size_t i = hash % ARRAY_LEN(seen);

	for (; seen[i]; i = (i + 1) % ARRAY_LEN(seen))
		if (seen[i] == hash)
			return false;
	seen[i] = hash;
	return true;
}

static void write_folded(void)
{
	static char names[FOLDED_NAMES][96];
	unsigned stack[FOLDED_DEPTH];

	for (unsigned i = 0; i < FOLDED_NAMES; i++)
		make_name(names[i], sizeof(names[i]), i);
	for (unsigned n = 0; n < FOLDED_STACKS;) {
		unsigned depth = 3 + below(FOLDED_DEPTH - 2);
		uint64_t hash = depth;

		stack[0] = below(4);
		for (unsigned i = 1; i < depth; i++)
			stack[i] = callee(stack[i - 1]);
		for (unsigned i = 0; i < depth; i++)
			hash = mix(hash ^ stack[i]) + i;
		if (!is_new(hash | 1))
			continue;
		for (unsigned i = 0; i < depth; i++)
			printf("%s%s", i ? ";" : "", names[stack[i]]);
		/* Most stacks were seen once or twice, a few very often. */
		printf(" %u\n", 1 + 2000 / (1 + below(4000)));
		n++;
	}
}

/* --- pprof ------------------------------------------------------------------------------------ */

#define SAMPLES	  1000000
#define LOCATIONS 300000
#define FUNCTIONS 60000
#define MAPPINGS  20
#define DEPTH	  42 /* at most, and at least 4 */
#define THREADS	  64

struct message {
	uint8_t bytes[1024];
	size_t n;
};

static void put_varint(struct message *m, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		m->bytes[m->n++] = (uint8_t)(v | 0x80);
	m->bytes[m->n++] = (uint8_t)v;
}

/* proto3 leaves zeros out. */
static void put_int(struct message *m, unsigned field, uint64_t v)
{
	if (!v)
		return;
	put_varint(m, field << 3);
	put_varint(m, v);
}

static void put_bytes(struct message *m, unsigned field, const void *data, size_t n)
{
	put_varint(m, field << 3 | 2);
	put_varint(m, n);
	memcpy(m->bytes + m->n, data, n);
	m->n += n;
}

/* Writes @m as field @field of the profile, and empties it. */
static void write_field(struct message *m, unsigned field)
{
	struct message head = { .n = 0 };

	put_varint(&head, field << 3 | 2);
	put_varint(&head, m->n);
	fwrite(head.bytes, 1, head.n, stdout);
	fwrite(m->bytes, 1, m->n, stdout);
	m->n = 0;
}

static void write_int(unsigned field, uint64_t v)
{
	struct message m = { .n = 0 };

	put_int(&m, field, v);
	fwrite(m.bytes, 1, m.n, stdout);
}

/* Strings that the messages name; those of functions, threads and objects follow. */
enum { S_EMPTY, S_SAMPLES, S_COUNT, S_CPU, S_NANOSECONDS, S_THREAD, S_FILE, S_FIXED };
static const char *const fixed[S_FIXED] = { "",	      "samples",    "count", "cpu", "nanoseconds",
					    "thread", "src/main.cc" };

static void write_type(unsigned field, unsigned type, unsigned unit)
{
	struct message m = { .n = 0 };

	put_int(&m, 1, type);
	put_int(&m, 2, unit);
	write_field(&m, field);
}

static void write_sample(void)
{
	struct message m = { .n = 0 }, part = { .n = 0 };
	unsigned depth = 4 + below(DEPTH - 3), count = 1 + 30 / (1 + below(100));

	for (unsigned i = 0; i < depth; i++)
		put_varint(&part, 1 + below(LOCATIONS));
	put_bytes(&m, 1, part.bytes, part.n);
	part.n = 0;
	put_varint(&part, count);
	put_varint(&part, count * 10101010ull);
	put_bytes(&m, 2, part.bytes, part.n);
	part.n = 0;
	put_int(&part, 1, S_THREAD);
	put_int(&part, 2, S_FIXED + FUNCTIONS + below(THREADS));
	put_bytes(&m, 3, part.bytes, part.n);
	write_field(&m, 2);
}

static void write_places(void)
{
	struct message m = { .n = 0 }, line = { .n = 0 };

	for (unsigned i = 0; i < MAPPINGS; i++) {
		put_int(&m, 1, i + 1);
		put_int(&m, 2, 0x7f0000000000ull + i * 0x10000000ull);
		put_int(&m, 3, 0x7f0000000000ull + i * 0x10000000ull + 0x8000000);
		put_int(&m, 5, S_FIXED + FUNCTIONS + THREADS + i);
		put_int(&m, 7, 1);
		put_int(&m, 9, 1);
		write_field(&m, 3);
	}
	for (unsigned i = 0; i < LOCATIONS; i++) {
		unsigned mapping = below(MAPPINGS);

		put_int(&m, 1, i + 1);
		put_int(&m, 2, mapping + 1);
		put_int(&m, 3, 0x7f0000000000ull + mapping * 0x10000000ull + i * 64);
		for (unsigned lines = 1 + !below(4); lines; lines--) { /* each fourth: inlined */
			put_int(&line, 1, 1 + below(FUNCTIONS));
			put_int(&line, 2, 1 + below(3000));
			put_bytes(&m, 4, line.bytes, line.n);
			line.n = 0;
		}
		write_field(&m, 4);
	}
	for (unsigned i = 0; i < FUNCTIONS; i++) {
		put_int(&m, 1, i + 1);
		put_int(&m, 2, S_FIXED + i);
		put_int(&m, 4, S_FILE);
		put_int(&m, 5, 1 + i % 1000);
		write_field(&m, 5);
	}
}

static void write_string(const char *s, size_t n)
{
	struct message m = { .n = n };

	memcpy(m.bytes, s, n);
	write_field(&m, 6);
}

static void write_strings(void)
{
	char name[96];

	for (unsigned i = 0; i < S_FIXED; i++)
		write_string(fixed[i], strlen(fixed[i]));
	for (unsigned i = 0; i < FUNCTIONS; i++)
		write_string(name, make_name(name, sizeof(name), i));
	for (unsigned i = 0; i < THREADS; i++)
		write_string(name, (size_t)snprintf(name, sizeof(name), "worker-%u", i));
	for (unsigned i = 0; i < MAPPINGS; i++)
		write_string(name,
			     (size_t)snprintf(name, sizeof(name), "/usr/lib/libpart%u.so", i));
}

static void write_pprof(void)
{
	write_type(1, S_SAMPLES, S_COUNT);
	write_type(1, S_CPU, S_NANOSECONDS);
	for (unsigned i = 0; i < SAMPLES; i++)
		write_sample();
	write_places();
	write_strings();
	write_int(9, 1700000000000000000ull);
	write_int(10, 60000000000ull);
	write_type(11, S_CPU, S_NANOSECONDS);
	write_int(12, 10101010);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "folded") == 0) {
		write_folded();
	} else if (argc == 2 && strcmp(argv[1], "pprof") == 0) {
		write_pprof();
	} else {
		fprintf(stderr, "usage: profilegen folded|pprof >FILE\n");
		return 2;
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("profilegen");
		return 1;
	}
	return 0;
}
