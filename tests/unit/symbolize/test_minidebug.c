/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "debugfile.h"
#include "elf_fixture.h"
#include "scratch.h"

static struct scratch_dir dir;

static void enter(void)
{
	scratch_enter(&dir);
}

static void leave(void)
{
	alloc_fail_at(-1);
	scratch_leave(&dir);
}

TestSuite(minidebug, .init = enter, .fini = leave, .timeout = 60);

/* "prog" with what @command makes of stdin (the fixture's symbols) as its .gnu_debugdata. */
static int make(const char *command)
{
	char text[1024];
	int fd;

	snprintf(text, sizeof(text),
		 "objcopy -g %s symbols && { %s; } <symbols >data && "
		 "objcopy -S --add-section .gnu_debugdata=data symbols prog",
		 fixture_path("names-pie"), command);
	cr_assert_eq(system(text), 0, "%s", text);
	fd = open("prog", O_RDONLY | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	return fd;
}

static int read_it(int fd, size_t max, void **ret, size_t *ret_n)
{
	struct elf_file f;
	int r;

	cr_assert_eq(elf_file_open_fd(&f, fd, UINT64_MAX), 0);
	r = debugfile_minidebug(&f, max, ret, ret_n);
	elf_file_close(&f);
	return r;
}

Test(minidebug, gives_the_file_inside)
{
	static const char *const commands[] = { "xz", "xz -9e", "xz --check=none", "xz -0 -T2" };

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		int fd = make(commands[i]), inside = open("symbols", O_RDONLY);
		size_t n = 0, want_n;
		uint8_t *want = fixture_read(inside, &want_n);
		void *p = NULL;

		cr_assert_eq(read_it(fd, want_n, &p, &n), 0, "%s", commands[i]);
		cr_expect(n == want_n && memcmp(p, want, n) == 0, "%s", commands[i]);
		free(p);
		cr_expect_eq(read_it(fd, SIZE_MAX, &p, &n), 0);
		free(p);
		p = NULL;
		cr_expect_eq(read_it(fd, want_n - 1, &p, &n), -EFBIG);
		cr_expect_null(p);
		free(want);
		close(inside);
		close(fd);
	}
}

Test(minidebug, refuses_broken_streams)
{
	static const char *const commands[] = {
		"xz | head -c -1",
		"xz | head -c 100",
		"xz | head -c 12",
		"xz | tr '\\5' '\\6'",
		"echo hello",
		"xz --format=lzma",
		"gzip",
		"printf '\\3757zXZ\\0'",
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		int fd = make(commands[i]), r;
		void *p = NULL;
		size_t n = 7;

		r = read_it(fd, 16 << 20, &p, &n);
		cr_expect_eq(r, -EBADMSG, "%s: %d", commands[i], r);
		cr_expect(p == NULL && n == 7);
		close(fd);
	}
}

Test(minidebug, keeps_to_its_memory)
{
	void *p = NULL;
	size_t n;
	int fd = make("head -c 300000000 /dev/zero | xz -1"); /* 44 KB */

	cr_expect_eq(read_it(fd, 1 << 20, &p, &n), -EFBIG);
	close(fd);
	/* A window of 200 MB would have to be had before the first byte comes out. */
	fd = make("xz --lzma2=dict=200MiB");
	cr_expect_eq(read_it(fd, 16 << 20, &p, &n), -EFBIG);
	close(fd);
	cr_expect_null(p);
}

Test(minidebug, says_that_there_is_none)
{
	int fd = fixture_open("names-pie");
	void *p;
	size_t n;

	cr_expect_eq(read_it(fd, 16 << 20, &p, &n), -ENOENT);
	close(fd);
	fd = make(":"); /* empty */
	cr_expect_lt(read_it(fd, 16 << 20, &p, &n), 0);
	close(fd);
}

Test(minidebug, survives_every_failing_allocation)
{
	int fd = make("xz"), rounds = 0;

	for (int r = -1; r != 0; rounds++) {
		struct elf_file f;
		void *p = NULL;
		size_t n;

		cr_assert_eq(elf_file_open_fd(&f, fd, UINT64_MAX), 0);
		alloc_fail_at(rounds);
		r = debugfile_minidebug(&f, 16 << 20, &p, &n);
		cr_expect(r == 0 || r == -ENOMEM, "allocation %d: %d", rounds, r);
		cr_expect_eq(alloc_live(), r == 0);
		free(p);
		elf_file_close(&f);
	}
	alloc_fail_at(-1);
	cr_expect_geq(rounds, 4);
	close(fd);
}
