/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "allocfail.h"
#include "fdutil.h"
#include "scratch.h"

static struct scratch_dir dir;

static void enter(void)
{
	scratch_enter(&dir);
}

static void leave(void)
{
	scratch_leave(&dir);
}

TestSuite(fdutil, .init = enter, .fini = leave, .timeout = 20);

Test(fdutil, opens_regular_files_only)
{
	static const struct {
		const char *path;
		int r;
	} t[] = {
		{ "file", 0 },
		{ "link", 0 },
		{ "fifo", -EINVAL },
		{ "folder", -EINVAL },
		{ "/dev/null", -EINVAL },
		{ "missing", -ENOENT },
		{ "dangling", -ENOENT },
		{ "file/x", -ENOTDIR },
	};

	scratch_write("file", "x");
	cr_assert_eq(symlink("file", "link"), 0);
	cr_assert_eq(symlink("nowhere", "dangling"), 0);
	cr_assert_eq(mkfifo("fifo", 0600), 0); /* nobody writes to it: it must not block */
	cr_assert_eq(mkdir("folder", 0700), 0);
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		int fd = -7, r = open_regular(AT_FDCWD, t[i].path, &fd);

		cr_expect_eq(r, t[i].r, "%s: %d", t[i].path, r);
		if (r == 0)
			close(fd);
		else
			cr_expect_eq(fd, -7, "%s", t[i].path);
	}
}

Test(fdutil, refused_files_are_not_left_open)
{
	int before = dup(0), after, fd;

	cr_assert_eq(mkfifo("fifo", 0600), 0);
	for (int i = 0; i < 10; i++)
		open_regular(AT_FDCWD, "fifo", &fd);
	after = dup(0);
	cr_expect_eq(after, before + 1);
	close(before);
	close(after);
}

Test(fdutil, opens_below_a_directory_and_closes_on_exec)
{
	int at, fd;

	cr_assert_eq(mkdir("folder", 0700), 0);
	scratch_write("folder/file", "x");
	at = open("folder", O_PATH | O_CLOEXEC);
	cr_assert_eq(open_regular(at, "file", &fd), 0);
	cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	close(at);
}

Test(fdutil, reads_files_up_to_the_cap)
{
	static const struct {
		size_t size, cap;
		int r;
	} t[] = {
		{ 0, 0, 0 },
		{ 1, 0, -EFBIG },
		{ 100, 100, 0 },
		{ 101, 100, -EFBIG },
		{ 4095, 4095, 0 },
		{ 4096, 4096, 0 },
		{ 100000, 1 << 20, 0 },
		{ 100000, 99999, -EFBIG },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		FILE *f = fopen("file", "w");
		char *text = NULL;
		size_t n = 0;

		for (size_t k = 0; k < t[i].size; k++)
			putc('a' + (int)(k % 26), f);
		fclose(f);
		cr_expect_eq(read_whole_file("file", t[i].cap, &text, &n), t[i].r, "case %zu", i);
		cr_expect_eq(text != NULL, t[i].r == 0, "case %zu", i);
		if (!text)
			continue;
		cr_expect_eq(n, t[i].size, "case %zu", i);
		cr_expect_eq(strlen(text), n, "a NUL follows");
		cr_expect(!n || text[n - 1] == (char)('a' + (n - 1) % 26), "case %zu", i);
		free(text);
	}
}

Test(fdutil, endless_files_end_at_the_cap)
{
	char *text = NULL;
	size_t n;

	cr_expect_eq(read_whole_file("/dev/zero", 1 << 20, &text, &n), -EFBIG);
	cr_expect_null(text);
}

Test(fdutil, reads_files_that_tell_no_size)
{
	char *text = NULL;
	size_t n = 0;

	cr_assert_eq(read_whole_file("/proc/self/status", 1 << 20, &text, &n), 0);
	cr_expect_not_null(strstr(text, "\nPid:"));
	free(text);
}

Test(fdutil, says_why_a_file_cannot_be_read)
{
	char *text = NULL;
	size_t n;

	cr_expect_eq(read_whole_file("missing", 10, &text, &n), -ENOENT);
	cr_expect_eq(read_whole_file(".", 10, &text, &n), -EISDIR);
	cr_expect_eq(read_whole_fd(-1, 10, &text, &n), -EBADF);
	cr_expect_null(text);
}

Test(fdutil, line_is_the_first_without_its_newline)
{
	char line[8];

	scratch_write("file", "one\ntwo\n");
	cr_expect_eq(read_line_file("file", line, sizeof(line)), 0);
	cr_expect_str_eq(line, "one");
	scratch_write("file", "");
	cr_expect_eq(read_line_file("file", line, sizeof(line)), 0);
	cr_expect_str_eq(line, "");
	scratch_write("file", "longer than that\n");
	cr_expect_eq(read_line_file("file", line, sizeof(line)), 0);
	cr_expect_str_eq(line, "longer ");
	cr_expect_eq(read_line_file("missing", line, sizeof(line)), -ENOENT);
	cr_expect_eq(read_line_file(".", line, sizeof(line)), -EISDIR);
}

Test(fdutil, integer_file_holds_one_number)
{
	static const struct {
		const char *text;
		int r;
		long long v;
	} t[] = {
		{ "42\n", 0, 42 },
		{ "-1\n", 0, -1 },
		{ "7", 0, 7 },
		{ "9223372036854775807\n", 0, 9223372036854775807 },
		{ "9223372036854775808\n", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "\n", -EINVAL, 0 },
		{ "max\n", -EINVAL, 0 },
		{ "12 monkeys\n", -EINVAL, 0 },
		{ "4\t4\t1\t7\n", -EINVAL, 0 },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		long long v = -99;

		scratch_write("file", t[i].text);
		cr_expect_eq(read_int_file("file", &v), t[i].r, "'%s'", t[i].text);
		cr_expect_eq(v, t[i].r ? -99 : t[i].v, "'%s'", t[i].text);
	}
}

static int read_status(void)
{
	char *text = NULL;
	size_t n;
	int r = read_whole_file("/proc/self/maps", 1 << 20, &text, &n);

	free(text);
	return r;
}

Test(fdutil, survives_every_failed_allocation)
{
	allocfail_each(read_status);
}
