/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "cgroup.h"
#include "err.h"

static char mount[PATH_MAX];

static void need_cgroup2(void)
{
	if (cgroup_mount(mount, sizeof(mount)) < 0)
		cr_skip("cgroup v2 is not mounted");
}

TestSuite(cgroup, .init = need_cgroup2);

Test(cgroup, mount_is_of_version_2)
{
	struct statfs fs;

	cr_assert_eq(statfs(mount, &fs), 0);
	cr_expect_eq(fs.f_type, CGROUP2_SUPER_MAGIC);
}

Test(cgroup, mount_that_does_not_fit_is_none)
{
	char tiny[2] = "x";

	cr_expect_eq(cgroup_mount(tiny, sizeof(tiny)), -ENOENT);
	cr_expect_str_eq(tiny, "x");
}

Test(cgroup, opens_by_path_and_below_the_mount)
{
	static const char *const paths[] = { NULL, ".", "/", "./" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		const char *path = paths[i] ? paths[i] : mount;
		struct err e = { 0 };
		struct statfs fs;
		int fd = -1;

		cr_expect_eq(cgroup_open(path, &fd, &e), 0, "%s: %s", path, e.text);
		cr_expect(fstatfs(fd, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC, "%s", path);
		close(fd);
	}
}

Test(cgroup, says_that_it_needs_version_2)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[4096], where[4096] = "";
	struct err e = { 0 };
	int fd = -7;

	while (f && fgets(line, sizeof(line), f))
		if (!where[0] && strstr(line, " - cgroup "))
			sscanf(line, "%*s %*s %*s %*s %4095s", where);
	fclose(f);
	if (!where[0])
		cr_skip("there are no cgroups of version 1");
	cr_expect_eq(cgroup_open(where, &fd, &e), -EOPNOTSUPP, "%s", where);
	cr_expect_not_null(strstr(e.text, "--container"), "%s", e.text);
	cr_expect_eq(fd, -7);
}

Test(cgroup, says_what_is_wrong_with_others)
{
	static const struct {
		const char *path;
		int r;
		const char *says;
	} t[] = {
		{ "no/such/group", -ENOENT, "there is no cgroup 'no/such/group'" },
		{ "/no/such/group", -ENOENT, "list them with 'find " },
		{ "/proc", -EMEDIUMTYPE, "'/proc' is not a cgroup of the v2 hierarchy" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct err e = { 0 };
		int fd = -7;

		cr_expect_eq(cgroup_open(t[i].path, &fd, &e), t[i].r, "%s", t[i].path);
		cr_expect_not_null(strstr(e.text, t[i].says), "%s", e.text);
		cr_expect_eq(fd, -7);
	}
}
