/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
