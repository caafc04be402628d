/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgrouptab.h"

#define ID "3f4c1e8a9b7d60512f3e4d5c6b7a8990a1b2c3d4e5f60718293a4b5c6d7e8f90"

static struct cgrouptab t;

static void setup(void)
{
	cr_assert_eq(cgrouptab_init(&t), 0);
}

static void teardown(void)
{
	cgrouptab_done(&t);
}

TestSuite(cgrouptab, .init = setup, .fini = teardown);

static uint32_t by_path(const char *path)
{
	return cgrouptab_by_path(&t, path, strlen(path));
}

static const char *path_of(uint32_t entry)
{
	return entry == CGROUPTAB_NONE ? "none"
				       : strtab_get(&t.strings, t.entries.items[entry].path);
}

Test(cgrouptab, keeps_each_path_once_with_what_it_says)
{
	uint32_t a = by_path("/docker/" ID), b = by_path("/system.slice/x.service");

	cr_expect_neq(a, b);
	cr_expect_eq(by_path("/docker/" ID), a);
	cr_expect_eq(by_path("/docker/" ID " (deleted)"), a);
	cr_expect_str_eq(strtab_get(&t.strings, t.entries.items[a].container), ID);
	cr_expect_eq(t.entries.items[a].unit, 0);
	cr_expect_str_eq(strtab_get(&t.strings, t.entries.items[b].unit), "x.service");
	cr_expect_eq(t.entries.items[b].container, 0);
	cr_expect(cgrouptab_is_root(&t, by_path("/")));
	cr_expect_not(cgrouptab_is_root(&t, a));
}

Test(cgrouptab, the_better_of_two_names_a_container_or_is_not_the_root)
{
	uint32_t root = by_path("/"), unit = by_path("/a.service"), docker = by_path("/docker/" ID);

	cr_expect_eq(cgrouptab_better(&t, root, unit), unit);
	cr_expect_eq(cgrouptab_better(&t, unit, root), unit);
	cr_expect_eq(cgrouptab_better(&t, unit, docker), docker);
	cr_expect_eq(cgrouptab_better(&t, docker, unit), docker);
	cr_expect_eq(cgrouptab_better(&t, unit, by_path("/b.service")), unit);
	cr_expect_eq(cgrouptab_better(&t, CGROUPTAB_NONE, unit), unit);
	cr_expect_eq(cgrouptab_better(&t, unit, CGROUPTAB_NONE), unit);
}

Test(cgrouptab, believes_what_it_was_told_first_or_later)
{
	const uint64_t id = 1ull << 60; /* nobody's */

	t.foreign_ids = false;
	cr_expect_eq(cgrouptab_by_id(&t, 0), CGROUPTAB_NONE);
	cr_expect_eq(cgrouptab_by_id(&t, id), CGROUPTAB_NONE);
	cgrouptab_told(&t, id, "/late");
	cr_expect_str_eq(path_of(cgrouptab_by_id(&t, id)), "/late");
	cgrouptab_told(&t, id + 1, "/early");
	cr_expect_str_eq(path_of(cgrouptab_by_id(&t, id + 1)), "/early");
	cgrouptab_told(&t, id + 2, "nonsense");
	cr_expect_eq(cgrouptab_by_id(&t, id + 2), CGROUPTAB_NONE);
	t.foreign_ids = true;
	cgrouptab_told(&t, id + 3, "/of/another/hierarchy");
	cr_expect_eq(cgrouptab_by_id(&t, id + 3), CGROUPTAB_NONE);
}

Test(cgrouptab, has_a_limit)
{
	char path[32];
	size_t n = 0;

	while (n < 100000) {
		snprintf(path, sizeof(path), "/g%zu", n);
		if (by_path(path) == CGROUPTAB_NONE)
			break;
		n++;
	}
	cr_expect_eq(n, 65536);
	cr_expect_eq(t.refused, 1);
	cr_expect_neq(by_path("/g77"), CGROUPTAB_NONE);
	cr_expect_lt(cgrouptab_bytes(&t), 16u << 20);
}

Test(cgrouptab, a_group_that_is_there_is_found_by_its_id)
{
	char *path;
	struct stat st;

	if (!t.mount || asprintf(&path, "%s/wick-unit-%d", t.mount, getpid()) < 0 ||
	    mkdir(path, 0755) < 0)
		cr_skip("needs a cgroup v2 that can be written");
	cr_assert_eq(stat(path, &st), 0);
	cr_expect_str_eq(path_of(cgrouptab_by_id(&t, st.st_ino)), path + strlen(t.mount),
			 "the kernel was asked");
	teardown();
	setup();
	cgrouptab_scan(&t);
	rmdir(path);
	cr_expect_str_eq(path_of(cgrouptab_by_id(&t, st.st_ino)), strrchr(path, '/'),
			 "it was seen before it went");
	free(path);
}
