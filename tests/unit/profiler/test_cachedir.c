/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cachedir.h"
#include "err.h"
#include "scratch.h"

static struct scratch_dir dir;
static char path[PATH_MAX];

static void start(void)
{
	scratch_enter(&dir);
	setenv("HOME", dir.path, 1);
	unsetenv("XDG_CACHE_HOME");
}

static void done(void)
{
	scratch_leave(&dir);
}

TestSuite(cachedir, .init = start, .fini = done);

static const char *in_scratch(const char *name)
{
	static char text[128];

	snprintf(text, sizeof(text), "%s/%s", dir.path, name);
	return text;
}

Test(cachedir, is_below_the_home)
{
	struct stat st;

	cr_assert_eq(cachedir_default(path), 0);
	cr_expect_str_eq(path, in_scratch(".cache/wick"));
	cr_assert_eq(stat(path, &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0700);
	cr_assert_eq(cachedir_default(path), 0, "it may be there already");
}

Test(cachedir, is_where_the_environment_says)
{
	setenv("XDG_CACHE_HOME", in_scratch("elsewhere"), 1);
	cr_assert_eq(cachedir_default(path), 0);
	cr_expect_str_eq(path, in_scratch("elsewhere/wick"));
	setenv("XDG_CACHE_HOME", "relative", 1);
	cr_assert_eq(cachedir_default(path), 0);
	cr_expect_str_eq(path, in_scratch(".cache/wick"));
}

Test(cachedir, is_none_where_others_can_write)
{
	cr_assert_eq(mkdir(".cache", 0777), 0);
	cr_assert_eq(chmod(".cache", 0777), 0);
	cr_expect_eq(cachedir_default(path), -ENOENT);
	cr_assert_eq(chmod(".cache", 0700), 0);
	cr_assert_eq(symlink("/tmp", ".cache/wick"), 0);
	cr_expect_eq(cachedir_default(path), -ENOENT);
	if (geteuid() != 0)
		return;
	cr_assert_eq(unlink(".cache/wick"), 0);
	cr_assert_eq(chown(dir.path, 12345, 12345), 0);
	cr_expect_eq(cachedir_default(path), -ENOENT, "the home is somebody else's");
}

Test(cachedir, is_none_without_a_home)
{
	unsetenv("HOME");
	cr_expect_eq(cachedir_default(path), -ENOENT);
	setenv("HOME", "relative", 1);
	cr_expect_eq(cachedir_default(path), -ENOENT);
	setenv("HOME", "/nowhere/at/all", 1);
	cr_expect_eq(cachedir_default(path), -ENOENT);
}

Test(cachedir, makes_what_was_asked_for)
{
	struct err e = { 0 };
	struct stat st;

	cr_expect_eq(cachedir_make("a/b/c", &e), 0);
	cr_expect(stat("a/b/c", &st) == 0 && S_ISDIR(st.st_mode));
	cr_expect_eq(cachedir_make("a/b/c", &e), 0);
	cr_expect_eq(cachedir_make(in_scratch("d/"), &e), 0);
	scratch_write("file", "");
	cr_expect_lt(cachedir_make("file", &e), 0);
	cr_expect_not_null(strstr(e.text, "'file' is no folder"), "%s", e.text);
	cr_expect_lt(cachedir_make("file/below", &e), 0);
	cr_expect_not_null(strstr(e.text, "cannot make the cache folder 'file/below'"), "%s",
			   e.text);
	cr_expect_lt(cachedir_make("", &e), 0);
}
