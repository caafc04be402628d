/* SPDX-License-Identifier: Apache-2.0 */
/* An address space that changes while it is sampled. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "allocfail.h"
#include "aspace.h"

#define MAX 1000

static struct aspace *as;

static void start(void)
{
	as = aspace_new();
	cr_assert_not_null(as);
}

static void done(void)
{
	aspace_unref(as);
}

TestSuite(aspace_changes, .init = start, .fini = done, .timeout = 20);

static int map_file(uint64_t at, uint64_t end, uint64_t off, uint64_t ino, uint64_t time)
{
	const struct vm_area a = { .start = at, .end = end, .file_off = off, .dev = 1, .ino = ino };
	char name[32];

	snprintf(name, sizeof(name), "/lib/%d.so", (int)ino);
	return aspace_map(as, &a, name, MAX, time);
}

/* The inode at @addr, and -1 where nothing is. */
static int ino_at(uint64_t addr, uint64_t time)
{
	const struct vm_area *a = aspace_find(as, addr, time);

	return a ? (int)a->ino : -1;
}

/* The offset in its file of what is at @addr now. */
static uint64_t offset_at(uint64_t addr)
{
	const struct vm_area *a = aspace_find(as, addr, UINT64_MAX);

	cr_assert_not_null(a);
	return a->file_off + (addr - a->start);
}

static void expect_order(void)
{
	for (size_t i = 1; i < as->areas.n; i++)
		cr_expect_leq(as->areas.items[i - 1].end, as->areas.items[i].start);
}

Test(aspace_changes, new_areas_are_found_wherever_they_lie)
{
	cr_expect_eq(map_file(0x5000, 0x6000, 0, 5, 10), 0);
	cr_expect_eq(map_file(0x1000, 0x2000, 0, 1, 11), 0);
	cr_expect_eq(map_file(0x8000, 0x9000, 0, 8, 12), 0);
	cr_expect_eq(map_file(0x6000, 0x7000, 0, 6, 13), 0);
	expect_order();
	cr_expect_eq(ino_at(0x1fff, 20), 1);
	cr_expect_eq(ino_at(0x2000, 20), -1);
	cr_expect_eq(ino_at(0x5fff, 20), 5);
	cr_expect_eq(ino_at(0x6000, 20), 6);
	cr_expect_eq(ino_at(0x8000, 20), 8);
	cr_expect_str_eq(aspace_name(as, aspace_find(as, 0x8000, 20)), "/lib/8.so");
	cr_expect_eq(as->old.n, 0);
}

Test(aspace_changes, what_was_replaced_is_there_for_samples_from_before)
{
	map_file(0x1000, 0x5000, 0, 1, 10);
	cr_expect_eq(map_file(0x1000, 0x5000, 0, 2, 20), 1);
	cr_expect_eq(map_file(0x1000, 0x5000, 0, 3, 30), 1);
	cr_expect_eq(ino_at(0x1000, 19), 1);
	cr_expect_eq(ino_at(0x1000, 20), 2);
	cr_expect_eq(ino_at(0x1000, 29), 2);
	cr_expect_eq(ino_at(0x1000, 30), 3);
	aspace_forget(as, 25);
	cr_expect_eq(ino_at(0x1000, 26), 2);
	aspace_forget(as, 31);
	cr_expect_eq(as->old.n, 0);
	cr_expect_eq(ino_at(0x1000, 26), 3);
}

Test(aspace_changes, mapping_in_the_middle_leaves_both_ends)
{
	map_file(0x1000, 0x9000, 0x100000, 1, 10);
	cr_expect_eq(map_file(0x3000, 0x5000, 0, 2, 20), 1);
	expect_order();
	cr_assert_eq(as->areas.n, 3);
	cr_expect_eq(ino_at(0x2fff, 20), 1);
	cr_expect_eq(ino_at(0x3000, 20), 2);
	cr_expect_eq(ino_at(0x5000, 20), 1);
	cr_expect_eq(offset_at(0x2fff), 0x101fff);
	cr_expect_eq(offset_at(0x5000), 0x104000);
	cr_expect_eq(ino_at(0x4000, 19), 1);
}

Test(aspace_changes, mapping_over_several_replaces_them_all)
{
	for (uint64_t i = 1; i <= 5; i++)
		map_file(i << 12, (i + 1) << 12, 0, i, i);
	cr_expect_eq(map_file(0x1800, 0x5800, 0, 9, 20), 1);
	expect_order();
	cr_assert_eq(as->areas.n, 3);
	cr_expect_eq(ino_at(0x17ff, 20), 1);
	cr_expect_eq(ino_at(0x57ff, 20), 9);
	cr_expect_eq(ino_at(0x5800, 20), 5);
	for (int i = 2; i <= 4; i++)
		cr_expect_eq(ino_at((uint64_t)i << 12, 19), i);
}

/* The kernel merges neighbours and tells of the whole. */
Test(aspace_changes, area_that_grows_replaces_nothing)
{
	struct vm_area jit = { .start = 0x4000, .end = 0x5000 };

	map_file(0x1000, 0x2000, 0x7000, 1, 10);
	cr_expect_eq(map_file(0x1000, 0x3000, 0x7000, 1, 11), 0);
	cr_expect_eq(aspace_map(as, &jit, "", MAX, 12), 0);
	jit.end = 0x7000;
	cr_expect_eq(aspace_map(as, &jit, "", MAX, 13), 0);
	cr_expect_eq(as->areas.n, 2);
	cr_expect_eq(as->old.n, 0);
	cr_expect_eq(ino_at(0x6fff, 20), 0);
}

Test(aspace_changes, what_is_known_changes_nothing)
{
	map_file(0x1000, 0x3000, 0x7000, 1, 10);
	as->areas.items[0].mapping = 42;
	cr_expect_eq(map_file(0x1000, 0x3000, 0x7000, 1, 11), 0);
	cr_expect_eq(map_file(0x2000, 0x3000, 0x8000, 1, 12), 0);
	cr_assert_eq(as->areas.n, 1);
	cr_expect_eq(as->areas.items[0].mapping, 42);
}

Test(aspace_changes, is_shared_until_one_changes_it)
{
	struct aspace *mine = as;

	map_file(0x1000, 0x2000, 0, 1, 10);
	aspace_ref(as);
	cr_assert_eq(aspace_own(&as), 0);
	cr_expect_neq(as, mine);
	map_file(0x1000, 0x2000, 0, 2, 20);
	cr_expect_eq(ino_at(0x1000, 30), 2);
	cr_expect_eq(aspace_find(mine, 0x1000, 30)->ino, 1);
	cr_expect_str_eq(aspace_name(mine, aspace_find(mine, 0x1000, 30)), "/lib/1.so");
	aspace_unref(mine);
	mine = as;
	cr_assert_eq(aspace_own(&as), 0);
	cr_expect_eq(as, mine, "nobody else has it");
}

Test(aspace_changes, takes_no_more_areas_than_it_may)
{
	struct vm_area a = { .dev = 1, .ino = 1 };

	for (uint64_t i = 0; i < 10; i++) {
		a.start = i << 13;
		a.end = a.start + 4096;
		cr_expect_eq(aspace_map(as, &a, "/x", 5, i), i < 4 ? 0 : -ENOSPC);
	}
	cr_expect_eq(as->areas.n, 4);
}

/* One that loads and unloads for ever. */
Test(aspace_changes, stays_small_whatever_happens)
{
	for (uint64_t i = 1; i < 20000; i++)
		cr_assert_geq(map_file(0x1000, 0x2000, 0, i, i), 0);
	cr_expect_eq(as->areas.n, 1);
	cr_expect_leq(as->old.n, 1024);
	cr_expect_lt(as->names.n, 100000, "%zu bytes of names", as->names.n);
	cr_expect_eq(ino_at(0x1000, 19998), 19998);
	cr_expect_eq(ino_at(0x1000, 19999), 19999);
	cr_expect_eq(ino_at(0x1000, 19600), 19600);
	cr_expect_str_eq(aspace_name(as, aspace_find(as, 0x1000, 19600)), "/lib/19600.so");
}

static struct aspace *parsed(const char *maps)
{
	struct aspace *ret = NULL;
	char *text = strdup(maps);

	cr_assert_eq(aspace_parse(text, MAX, &ret), 0);
	free(text);
	return ret;
}

Test(aspace_changes, second_look_keeps_what_was_resolved)
{
	struct aspace *fresh = parsed("1000-2000 r-xp 0 00:01 1 /lib/1.so\n"
				      "3000-4000 r-xp 0 00:01 9 /lib/9.so\n");

	map_file(0x1000, 0x2000, 0, 1, 10);
	map_file(0x3000, 0x4000, 0, 3, 10);
	map_file(0x5000, 0x6000, 0, 5, 10);
	as->areas.items[0].mapping = 42;
	for (size_t i = 0; i < 3; i++)
		as->areas.items[i].dev = 1;
	cr_assert_eq(aspace_replace(as, fresh, 100), 0);
	aspace_unref(fresh);
	cr_assert_eq(as->areas.n, 2);
	cr_expect_eq(as->areas.items[0].mapping, 42);
	cr_expect_eq(as->areas.items[1].mapping, ASPACE_UNRESOLVED);
	cr_expect_eq(ino_at(0x3000, 99), 3);
	cr_expect_eq(ino_at(0x3000, 100), 9);
	cr_expect_eq(ino_at(0x5000, 101), 5, "it was there a moment ago");
	cr_expect_str_eq(aspace_name(as, aspace_find(as, 0x3000, 99)), "/lib/3.so");
	cr_expect_str_eq(aspace_name(as, aspace_find(as, 0x3000, 100)), "/lib/9.so");
	aspace_forget(as, UINT64_MAX);
	cr_expect_eq(ino_at(0x5000, 101), -1);
}

/* The maps were read at @time_ns, and are @maps. */
static void look_at(uint64_t time_ns, const char *maps)
{
	struct aspace *fresh = parsed(maps);

	cr_assert_eq(aspace_replace(as, fresh, time_ns), 0);
	aspace_unref(fresh);
}

#define SHOWS_1 "1000-2000 r-xp 0 00:01 1 /lib/1.so\n"
#define SHOWS_2 "1000-2000 r-xp 0 00:01 2 /lib/2.so\n"

static int map_at(uint64_t time_ns, uint64_t ino)
{
	const struct vm_area a = {
		.start = 0x1000, .end = 0x2000, .dev = makedev(0, 1), .ino = ino
	};

	return aspace_map(as, &a, ino == 1 ? "/lib/1.so" : "/lib/2.so", MAX, time_ns);
}

/* As of a process that is looked at again and again for code in no mapping. */
Test(aspace_changes, looks_that_show_nothing_new_take_no_memory)
{
	for (uint64_t i = 1; i < 2000; i++)
		look_at(i, SHOWS_1);
	cr_expect_eq(as->areas.n, 1);
	cr_expect_lt(as->names.n, 10000, "%zu bytes of names", as->names.n);
	cr_expect_str_eq(aspace_name(as, aspace_find(as, 0x1000, 2000)), "/lib/1.so");
}

/* The look came between dlclose(3) of one library and dlopen(3) of the next. */
Test(aspace_changes, what_vanished_is_looked_at_until_something_else_is_there)
{
	map_at(10, 1);
	look_at(100, "");
	cr_expect_eq(ino_at(0x1000, 120), 1, "it was there a moment ago");
	cr_expect_eq(map_at(150, 2), 1);
	cr_expect_eq(ino_at(0x1000, 149), 1);
	cr_expect_eq(ino_at(0x1000, 150), 2);
	cr_expect_eq(ino_at(0x1000, 1000), 2);
	cr_expect_eq(map_at(1000, 1), 1);
	cr_expect_eq(ino_at(0x1000, 999), 2);
	cr_expect_eq(ino_at(0x1000, 1000), 1);
}

Test(aspace_changes, what_vanished_and_came_back_took_no_other_place)
{
	map_at(10, 1);
	look_at(100, "");
	cr_expect_eq(map_at(150, 1), 0);
	cr_expect_eq(ino_at(0x1000, 1000), 1);
	cr_expect_eq(map_at(1000, 2), 1);
	cr_expect_eq(ino_at(0x1000, 1001), 2);
}

Test(aspace_changes, it_is_known_where_code_was_replaced)
{
	map_file(0x1000, 0x3000, 0, 1, 10);
	map_file(0x8000, 0x9000, 0, 2, 10);
	cr_expect_not(aspace_has_changed(as, 0x1000));
	map_file(0x2000, 0x3000, 0, 3, 20);
	cr_expect(aspace_has_changed(as, 0x2000));
	cr_expect(aspace_has_changed(as, 0x2fff));
	cr_expect_not(aspace_has_changed(as, 0x3000));
	cr_expect_not(aspace_has_changed(as, 0x8000));
	aspace_forget(as, 21);
	cr_expect_not(aspace_has_changed(as, 0x2000));
	for (int i = 0; i < 700; i++)
		map_file(0x2000, 0x3000, 0, 10 + i, 30 + i);
	cr_expect(aspace_has_changed(as, 0x8000), "it may have been forgotten");
}

Test(aspace_changes, what_vanished_ends_where_a_later_look_sees_something_else)
{
	map_at(10, 1);
	look_at(100, "");
	look_at(200, SHOWS_2);
	cr_expect_eq(ino_at(0x1000, 199), 1);
	cr_expect_eq(ino_at(0x1000, 200), 2);
}

/* The maps show what the kernel has written down already and nobody has read yet. */
Test(aspace_changes, a_look_ahead_of_the_events_spoils_no_time_before_it)
{
	map_at(10, 2);
	look_at(100, SHOWS_1);
	cr_expect_eq(map_at(40, 1), 1);
	cr_expect_eq(map_at(60, 2), 1);
	cr_expect_eq(map_at(80, 1), 1);
	cr_expect_eq(ino_at(0x1000, 39), 2);
	cr_expect_eq(ino_at(0x1000, 40), 1);
	cr_expect_eq(ino_at(0x1000, 60), 2);
	cr_expect_eq(ino_at(0x1000, 79), 2);
	cr_expect_eq(ino_at(0x1000, 80), 1);
	cr_expect_eq(ino_at(0x1000, 100), 1);
	aspace_forget(as, 81);
	cr_expect_eq(as->old.n, 0);
}

static int change_all(void)
{
	struct aspace *fresh = NULL, *was = as;
	char text[] = "1000-2000 r-xp 0 00:01 7 /lib/7.so\n";
	int r;

	as = aspace_new();
	r = as ? map_file(0x1000, 0x2000, 0, 1, 10) : -ENOMEM;
	if (r >= 0)
		r = map_file(0x1000, 0x2000, 0, 2, 20);
	if (r >= 0)
		r = aspace_parse(text, MAX, &fresh);
	if (r >= 0) {
		struct aspace *other = aspace_ref(as);

		r = aspace_own(&as);
		aspace_unref(other);
	}
	if (r >= 0)
		r = aspace_replace(as, fresh, 30);
	aspace_unref(fresh);
	aspace_unref(as);
	as = was;
	return r < 0 ? r : 0;
}

Test(aspace_changes, survives_every_failed_allocation)
{
	allocfail_each(change_all);
}
