/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a name costs once its object is loaded: bench_names FILE... (default: this program).
 * Random addresses in the code of each file: looked up in its symbols alone, in its debug
 * information alone, and as a recording has them, in batches with their names and files as strings.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "symbolize.h"
#include "symobject.h"

enum {
	ADDRESSES = 100000,
	LOOKUPS = 2000000,
};

struct file {
	const char *path;
	int fd;
	char build_id[BUILD_ID_HEX_MAX];
	uint64_t addrs[ADDRESSES];
};

/* Of this process: what else runs on the machine is not counted. */
static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

static double since(uint64_t start_ns)
{
	return (double)(cpu_ns() - start_ns);
}

static void no_memory(int r)
{
	if (r < 0) {
		fprintf(stderr, "bench_names: %s\n", strerror(-r));
		exit(1);
	}
}

static int by_number(const void *pa, const void *pb)
{
	const uint64_t *a = pa, *b = pb;

	return (*a > *b) - (*a < *b);
}

static void choose(struct file *f, const struct symobject *o)
{
	uint64_t seed = 1;

	for (size_t i = 0; i < ADDRESSES; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		f->addrs[i] = o->elf.code[0].vaddr + (seed >> 16) % o->elf.code[0].size;
	}
}

static struct symobject_opts options(const struct file *f)
{
	return (struct symobject_opts){ .max_file_bytes = 4ull << 30,
					.max_bytes = SIZE_MAX,
					.max_inflated = 1 << 30,
					.threads = 1,
					.path = f->path,
					.root_fd = -1,
					.build_id = f->build_id };
}

/* In the symbols: the range of the address, whose name is a pointer. */
static void bench_symbols(const struct file *f, struct symobject *o)
{
	uint64_t start = cpu_ns();
	size_t named = 0;
	struct symobject_symbol name;

	if (o->elf.syms.n == 0)
		return;
	for (size_t i = 0; i < LOOKUPS; i++) {
		no_memory(symobject_symbol(o, f->addrs[i % ADDRESSES], &name));
		named += name.text != NULL;
	}
	printf("  %-40s %8.0f ns  (%.1f %% have one)\n", "a symbol", since(start) / LOOKUPS,
	       100.0 * (double)named / LOOKUPS);
}

/* In the images of all units, once they are made: frames, whose names are places of strings. */
static void bench_debug(const struct file *f, struct symobject *o)
{
	static struct dwquery queries[ADDRESSES];
	struct dwframes frames = { 0 };
	uint64_t start = 0;

	if (!o->dwarf)
		return;
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < ADDRESSES; i++)
			queries[i].addr = f->addrs[i];
		qsort(queries, ADDRESSES, sizeof(*queries), by_number);
		frames.frames.n = 0;
		start = cpu_ns();
		no_memory(symobject_find(o, queries, ADDRESSES, &frames));
		if (round == 0)
			printf("  %-40s %8.1f ms\n", "debug information read in",
			       since(start) / 1e6);
	}
	printf("  %-40s %8.0f ns  (%.2f frames each)\n", "its frames", since(start) / ADDRESSES,
	       (double)frames.frames.n / ADDRESSES);
	array_free(&frames.frames);
}

/* As who asks has them. */
static void bench_batches(const struct file *f, size_t batch)
{
	const struct symbolizer_opts opts = { .max_cache_bytes = SIZE_MAX, .threads = 1 };
	struct symbolizer *s;
	uint64_t start = 0;
	char what[48];

	no_memory(symbolizer_new(&s, &opts));
	for (int round = 0; round < 2; round++) {
		start = cpu_ns();
		for (size_t i = 0; i < ADDRESSES; i += batch) {
			struct sym_request req = { .kind = SYM_VADDR,
						   .fd = f->fd,
						   .build_id = f->build_id,
						   .path = f->path,
						   .offs = f->addrs + i,
						   .n = batch };
			struct sym_batch b;

			no_memory(symbolizer_run(s, &req, &b));
			sym_batch_done(&b);
		}
	}
	snprintf(what, sizeof(what), "with all strings, in batches of %zu", batch);
	printf("  %-40s %8.0f ns\n", what, since(start) / ADDRESSES);
	symbolizer_free(s);
}

static int bench(const char *path)
{
	static struct file f;
	struct symobject_opts opts;
	struct symobject o;
	struct symobject_symbol name;
	uint64_t start;

	f = (struct file){ .path = path, .fd = open(path, O_RDONLY | O_CLOEXEC) };
	if (f.fd < 0) {
		perror(path);
		return 1;
	}
	(void)elf_build_id(f.fd, f.build_id); /* it may have none */
	opts = options(&f);
	start = cpu_ns();
	no_memory(symobject_load(f.fd, &opts, &o));
	no_memory(symobject_symbol(&o, 0, &name)); /* reads them, if that was not done */
	printf("%s\n  %-40s %8.1f ms\n", path, "symbols, and where units are, loaded in",
	       since(start) / 1e6);
	if (o.elf.n_code > 0) {
		choose(&f, &o);
		bench_symbols(&f, &o);
		bench_debug(&f, &o);
	}
	symobject_done(&o);
	bench_batches(&f, 1000);
	bench_batches(&f, ADDRESSES);
	close(f.fd);
	return 0;
}

int main(int argc, char **argv)
{
	int bad = 0;

	puts("an address, after loading:");
	if (argc < 2)
		bad = bench("/proc/self/exe");
	for (int i = 1; i < argc; i++)
		bad |= bench(argv[i]);
	return bad;
}
