/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dwmaker.h"
#include "elf_fixture.h"
#include "symcache.h"

static void get(struct symcache *c, int fd, const char *id)
{
	static const char *const nowhere[] = { NULL };
	const struct symobject_opts opts = { .max_file_bytes = UINT64_MAX,
					     .debug_dirs = nowhere,
					     .path = "",
					     .root_fd = -1,
					     .build_id = "" };
	struct symobject *o;

	cr_assert_eq(symcache_get(c, fd, id, &opts, &o), 0);
}

Test(symcache, loads_an_object_once)
{
	int pie = fixture_open("names-pie"), odd = fixture_open("odd");
	int stripped = fixture_open("names-stripped");
	struct symcache c;

	cr_assert_eq(symcache_init(&c, 1 << 20), 0);
	for (int i = 0; i < 3; i++) {
		get(&c, pie, "aa");
		get(&c, odd, "");
		get(&c, stripped, "aa"); /* the same id, but another file */
	}
	cr_expect_eq(c.stats.loads, 3);
	cr_expect_eq(c.stats.hits, 6);
	cr_expect_eq(c.stats.objects, 3);
	symcache_done(&c);
	close(pie);
	close(odd);
	close(stripped);
}

Test(symcache, remembers_files_that_are_no_objects)
{
	int fd = fixture_memfd("text", 4);
	struct symcache c;

	cr_assert_eq(symcache_init(&c, 1 << 20), 0);
	get(&c, fd, "");
	get(&c, fd, "");
	cr_expect_eq(c.stats.loads, 1);
	symcache_done(&c);
	close(fd);
}

Test(symcache, evicts_the_least_recently_used)
{
	int fd = fixture_open("odd");
	struct symcache c;
	char id[32];

	cr_assert_eq(symcache_init(&c, SIZE_MAX), 0);
	for (int i = 0; i < SYMCACHE_OBJECTS + 10; i++) {
		snprintf(id, sizeof(id), "%x", i);
		get(&c, fd, id);
		get(&c, fd, "0"); /* stays, because it is used all the time */
	}
	cr_expect_eq(c.stats.objects, SYMCACHE_OBJECTS);
	cr_expect_eq(c.stats.evictions, 10);
	cr_expect_eq(c.stats.loads, SYMCACHE_OBJECTS + 10);
	get(&c, fd, "1");
	cr_expect_eq(c.stats.loads, SYMCACHE_OBJECTS + 11);
	symcache_done(&c);
	close(fd);
}

Test(symcache, keeps_below_its_bytes)
{
	int fd = fixture_open("odd");
	size_t one;
	struct symcache c;
	char id[32];

	cr_assert_eq(symcache_init(&c, SIZE_MAX), 0);
	get(&c, fd, "first");
	one = c.stats.bytes;
	c.max_bytes = 3 * one;
	for (int i = 0; i < 10; i++) {
		snprintf(id, sizeof(id), "%x", i);
		get(&c, fd, id);
		symcache_trim(&c);
		cr_expect_leq(c.stats.bytes, 3 * one);
	}
	cr_expect_eq(c.stats.objects, 3);
	c.max_bytes = 1;
	symcache_trim(&c);
	cr_expect_eq(c.stats.objects, 0);
	cr_expect_eq(c.stats.bytes, 0);
	symcache_done(&c);
	close(fd);
}

/* --- by way of the symbolizer ------------------------------------------------------------- */

enum { OFFSETS = 64 };

/* The address sanitizer keeps for a while what was freed. */
#ifdef __SANITIZE_ADDRESS__
enum { KEEPS_FREED = 1 };
#else
enum { KEEPS_FREED = 0 };
#endif

/* Asks @s for addresses all over the file of dwmaker_many(), which it knows as @id. */
static void ask(struct symbolizer *s, int fd, const char *id, unsigned functions)
{
	uint64_t addrs[OFFSETS];
	struct sym_request req = {
		.kind = SYM_VADDR, .fd = fd, .build_id = id, .offs = addrs, .n = OFFSETS
	};
	struct sym_batch b;

	for (size_t i = 0; i < OFFSETS; i++)
		addrs[i] = 0x1000 + 16ull * (i * functions / OFFSETS);
	cr_assert_eq(symbolizer_run(s, &req, &b), 0);
	sym_batch_done(&b);
}

static long resident_kib(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	cr_assert_eq(fscanf(f, "%*d %ld", &pages), 1);
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static struct symbolizer *symbolizer_of(size_t max_bytes)
{
	static const char *const nowhere[] = { NULL };
	const struct symbolizer_opts opts = { .max_cache_bytes = max_bytes,
					      .debug_dirs = nowhere,
					      .threads = 1 };
	struct symbolizer *s;

	cr_assert_eq(symbolizer_new(&s, &opts), 0);
	return s;
}

/* Thirty objects, each as large in memory as a third of what may be kept. */
Test(symcache, stays_within_its_budget_over_ten_times_as_much)
{
	enum { UNITS = 50, FUNCTIONS = 1000, OBJECTS = 30, BUDGET = 3 << 20 };
	struct symbolizer *s = symbolizer_of(BUDGET);
	struct dwmaker m = { 0 };
	long first = 0;
	char id[16];
	int fd;

	dwmaker_many(&m, UNITS, FUNCTIONS);
	fd = dwmaker_elf(&m);
	dwmaker_done(&m);
	for (int i = 0; i < OBJECTS; i++) {
		snprintf(id, sizeof(id), "%04x", i);
		ask(s, fd, id, UNITS * FUNCTIONS);
		cr_expect_leq(symbolizer_stats(s).bytes, BUDGET);
		if (i == 5)
			first = resident_kib();
	}
	cr_expect_gt(symbolizer_stats(s).evictions, OBJECTS / 2, "%zu bytes",
		     symbolizer_stats(s).bytes);
	if (!KEEPS_FREED)
		cr_expect_leq(resident_kib() - first, 2 * BUDGET / 1024, "%ld KiB more",
			      resident_kib() - first);
	symbolizer_free(s);
	close(fd);
}

Test(symcache, one_library_of_many_processes_is_loaded_once)
{
	struct symbolizer *s = symbolizer_of(64 << 20);
	struct dwmaker m = { 0 };
	size_t bytes = 0;
	int fd;

	dwmaker_many(&m, 10, 100);
	fd = dwmaker_elf(&m);
	dwmaker_done(&m);
	for (int i = 0; i < 300; i++) {
		char path[64];
		int again;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		again = open(path, O_RDONLY | O_CLOEXEC);
		ask(s, again, i % 2 ? "ab01" : "", 1000);
		close(again);
		if (i == 1)
			bytes = symbolizer_stats(s).bytes;
	}
	cr_expect_eq(symbolizer_stats(s).loads, 2, "with and without a build id");
	cr_expect_eq(symbolizer_stats(s).hits, 298);
	cr_expect_eq(symbolizer_stats(s).bytes, bytes);
	symbolizer_free(s);
	close(fd);
}
