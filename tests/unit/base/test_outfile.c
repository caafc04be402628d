/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "allocfail.h"
#include "err.h"
#include "outfile.h"
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

TestSuite(outfile, .init = enter, .fini = leave, .timeout = 20);

static struct outfile *open_out(const char *path)
{
	struct err e = { 0 };
	struct outfile *f = NULL;

	cr_assert_eq(outfile_open(path, &f, &e), 0, "%s", e.text);
	cr_assert_not_null(f);
	return f;
}

static void write_out(struct outfile *f, const char *text)
{
	cr_assert_eq(outfile_write(f, text, strlen(text)), 0);
}

/* Writes until files may grow no more: -EFBIG. */
static int commit_too_large(struct outfile *f, struct err *e)
{
	struct rlimit lim = { 4096, RLIM_INFINITY };
	static char megabyte[1 << 20];
	int r;

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &lim), 0);
	outfile_write(f, megabyte, sizeof(megabyte));
	r = outfile_commit(f, e);
	lim.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &lim);
	return r;
}

Test(outfile, appears_whole_at_the_commit_and_not_before)
{
	struct outfile *f = open_out("out");
	struct err e = { 0 };

	write_out(f, "hello ");
	write_out(f, "world");
	cr_expect_eq(outfile_size(f), 11);
	cr_expect_str_eq(scratch_read("out"), "(none)");
	cr_assert_eq(outfile_commit(f, &e), 0);
	cr_expect_str_eq(scratch_read("out"), "hello world");
	cr_expect_eq(scratch_count("."), 1, "no temporary file is left");
}

Test(outfile, large_ones_are_written_in_order)
{
	struct outfile *f = open_out("out");
	struct err e = { 0 };
	struct stat st;
	FILE *in;

	for (uint32_t i = 0; i < 300000; i++)
		cr_assert_eq(outfile_write(f, &i, sizeof(i)), 0);
	cr_assert_eq(outfile_commit(f, &e), 0);
	cr_assert_eq(stat("out", &st), 0);
	cr_expect_eq(st.st_size, 1200000);
	in = fopen("out", "r");
	for (uint32_t i = 0, k; i < 300000; i++) {
		cr_assert_eq(fread(&k, sizeof(k), 1, in), 1);
		cr_assert_eq(k, i);
	}
	fclose(in);
}

Test(outfile, abort_leaves_nothing)
{
	struct outfile *f = open_out("out");

	write_out(f, "hello");
	outfile_abort(f);
	outfile_abort(NULL);
	cr_expect_eq(scratch_count("."), 0);
}

Test(outfile, failed_write_leaves_nothing_and_says_so)
{
	struct err e = { 0 };

	cr_expect_eq(commit_too_large(open_out("out"), &e), -EFBIG);
	cr_expect_not_null(strstr(e.text, "'out'"), "%s", e.text);
	cr_expect_eq(scratch_count("."), 0);
}

Test(outfile, failed_write_keeps_the_file_that_was_there)
{
	struct err e = { 0 };

	scratch_write("out", "old");
	cr_expect_eq(commit_too_large(open_out("out"), &e), -EFBIG);
	cr_expect_str_eq(scratch_read("out"), "old");
	cr_expect_eq(scratch_count("."), 1);
}

Test(outfile, replaces_the_file_that_was_there)
{
	struct outfile *f;
	struct err e = { 0 };

	scratch_write("out", "old and longer");
	f = open_out("out");
	write_out(f, "new");
	cr_expect_str_eq(scratch_read("out"), "old and longer");
	cr_assert_eq(outfile_commit(f, &e), 0);
	cr_expect_str_eq(scratch_read("out"), "new");
}

Test(outfile, follows_symbolic_links)
{
	struct outfile *f;
	struct err e = { 0 };
	struct stat st;

	cr_assert_eq(mkdir("elsewhere", 0700), 0);
	scratch_write("elsewhere/file", "old");
	cr_assert_eq(symlink("elsewhere/file", "link"), 0);
	f = open_out("link");
	write_out(f, "new");
	cr_assert_eq(outfile_commit(f, &e), 0);
	cr_expect_str_eq(scratch_read("elsewhere/file"), "new");
	cr_assert_eq(lstat("link", &st), 0);
	cr_expect(S_ISLNK(st.st_mode), "the link is still one");
	cr_expect_eq(scratch_count("elsewhere"), 1);
}

Test(outfile, follows_symbolic_links_to_what_is_not_there_yet)
{
	struct outfile *f;
	struct err e = { 0 };
	struct stat st;

	cr_assert_eq(mkdir("elsewhere", 0700), 0);
	cr_assert_eq(symlink("elsewhere/file", "link"), 0);
	f = open_out("link");
	write_out(f, "new");
	cr_assert_eq(outfile_commit(f, &e), 0);
	cr_assert_eq(lstat("link", &st), 0);
	cr_expect(S_ISLNK(st.st_mode), "the link is still one");
	cr_expect_str_eq(scratch_read("elsewhere/file"), "new");
}

Test(outfile, has_the_permissions_that_the_umask_leaves)
{
	static const mode_t masks[] = { 022, 077, 002, 0 };

	for (size_t i = 0; i < sizeof(masks) / sizeof(*masks); i++) {
		struct err e = { 0 };
		struct stat st;

		umask(masks[i]);
		cr_assert_eq(outfile_commit(open_out("out"), &e), 0);
		cr_assert_eq(stat("out", &st), 0);
		cr_expect_eq(st.st_mode & 0777, 0666 & ~masks[i], "umask %03o", masks[i]);
		cr_expect_eq(umask(masks[i]), masks[i], "the umask is as it was");
		unlink("out");
	}
}

Test(outfile, dash_is_standard_output)
{
	int fd = open("captured", O_RDWR | O_CREAT, 0600), saved = dup(STDOUT_FILENO);
	struct outfile *f = open_out("-");
	struct err e = { 0 };
	int r;

	write_out(f, "hello");
	dup2(fd, STDOUT_FILENO);
	r = outfile_commit(f, &e);
	cr_expect_neq(fcntl(STDOUT_FILENO, F_GETFD), -1, "it stays open");
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(fd);
	cr_expect_eq(r, 0);
	cr_expect_str_eq(scratch_read("captured"), "hello");
}

Test(outfile, full_device_is_an_error_of_writing)
{
	struct outfile *f = open_out("/dev/full");
	struct err e = { 0 };
	struct stat st;

	outfile_write(f, "hello", 5);
	cr_expect_eq(outfile_commit(f, &e), -ENOSPC);
	cr_expect_not_null(strstr(e.text, "free some space"), "%s", e.text);
	cr_assert_eq(stat("/dev/full", &st), 0);
	cr_expect(S_ISCHR(st.st_mode), "the device is still there");
}

Test(outfile, fifo_is_written_in_place)
{
	struct outfile *f;
	struct err e = { 0 };
	char text[8] = "";
	int fd;

	cr_assert_eq(mkfifo("fifo", 0600), 0);
	fd = open("fifo", O_RDWR);
	f = open_out("fifo");
	write_out(f, "hello");
	cr_assert_eq(outfile_commit(f, &e), 0);
	cr_expect_eq(read(fd, text, sizeof(text)), 5);
	cr_expect_str_eq(text, "hello");
	close(fd);
}

Test(outfile, refuses_what_cannot_be_written_at_once_and_says_why)
{
	static const struct {
		const char *path;
		int r;
		const char *says;
	} t[] = {
		{ "folder", -EISDIR, "it is a directory" },
		{ "missing/out", -ENOENT, "cannot write 'missing/out'" },
		{ "file/out", -ENOTDIR, "cannot write 'file/out'" },
		{ "", -ENOENT, "cannot write ''" },
		{ "new/", -ENOENT, "cannot write 'new/'" },
		{ "circle", -ELOOP, "cannot write" },
	};

	cr_assert_eq(mkdir("folder", 0700), 0);
	cr_assert_eq(symlink("circle", "circle"), 0);
	scratch_write("file", "");
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct outfile *f = NULL;
		struct err e = { 0 };

		cr_expect_eq(outfile_open(t[i].path, &f, &e), t[i].r, "'%s'", t[i].path);
		cr_expect_null(f, "'%s'", t[i].path);
		cr_expect_not_null(strstr(e.text, t[i].says), "'%s': %s", t[i].path, e.text);
	}
	cr_expect_eq(scratch_count("."), 3, "nothing is left behind");
}

/* Somebody's file in a folder like /tmp, and who may do nothing: seteuid(0) ends that. */
static void as_nobody_among(mode_t mode)
{
	if (geteuid() != 0)
		cr_skip("needs root, to be somebody else");
	cr_assert_eq(chmod(".", 0755), 0);
	cr_assert_eq(mkdir("sticky", 0700), 0);
	cr_assert_eq(chmod("sticky", 01777), 0);
	scratch_write("sticky/out", "old and longer");
	cr_assert_eq(chmod("sticky/out", mode), 0);
	cr_assert_eq(seteuid(65534), 0);
}

Test(outfile, writes_over_what_it_may_not_replace)
{
	struct err e = { 0 };
	struct outfile *f;
	struct stat st;
	int r;

	as_nobody_among(0666);
	f = open_out("sticky/out");
	write_out(f, "new");
	r = outfile_commit(f, &e);
	cr_assert_eq(seteuid(0), 0);
	cr_expect_eq(r, 0, "%s", e.text);
	cr_expect_str_eq(scratch_read("sticky/out"), "new");
	cr_assert_eq(stat("sticky/out", &st), 0);
	cr_expect_eq(st.st_uid, 0, "it is the file that was there");
	cr_expect_eq(scratch_count("sticky"), 1, "no temporary file is left");
}

Test(outfile, says_that_what_it_wrote_over_is_cut_short)
{
	struct rlimit lim = { 4096, RLIM_INFINITY };
	static char block[1 << 16];
	struct err e = { 0 };
	struct outfile *f;
	int r;

	as_nobody_among(0666);
	f = open_out("sticky/out");
	outfile_write(f, block, sizeof(block)); /* all of the temporary */
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &lim);
	r = outfile_commit(f, &e);
	setrlimit(RLIMIT_FSIZE, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
	cr_assert_eq(seteuid(0), 0);
	cr_expect_eq(r, -EFBIG);
	cr_expect_not_null(strstr(e.text, "'sticky/out' is cut short: "), "%s", e.text);
	cr_expect_eq(scratch_count("sticky"), 1, "no temporary file is left");
}

Test(outfile, refuses_at_once_what_it_may_neither_replace_nor_write)
{
	struct outfile *f = NULL;
	struct err e = { 0 };
	int r;

	as_nobody_among(0644);
	r = outfile_open("sticky/out", &f, &e);
	cr_assert_eq(seteuid(0), 0);
	cr_expect_eq(r, -EACCES);
	cr_expect_null(f);
	cr_expect_not_null(strstr(e.text, "'sticky/out'"), "%s", e.text);
	cr_expect_str_eq(scratch_read("sticky/out"), "old and longer");
	cr_expect_eq(scratch_count("sticky"), 1);
}

/* Who may write to its folder may replace it, as mv(1) does. */
Test(outfile, replaces_what_it_may_not_write)
{
	struct err e = { 0 };
	struct outfile *f;
	int r;

	as_nobody_among(0444);
	cr_assert_eq(seteuid(0), 0);
	cr_assert_eq(chmod("sticky", 0777), 0);
	cr_assert_eq(seteuid(65534), 0);
	f = open_out("sticky/out");
	write_out(f, "new");
	r = outfile_commit(f, &e);
	cr_assert_eq(seteuid(0), 0);
	cr_expect_eq(r, 0, "%s", e.text);
	cr_expect_str_eq(scratch_read("sticky/out"), "new");
}

Test(outfile, dying_process_takes_its_temporary_files_along)
{
	struct outfile *a = open_out("a"), *b = open_out("b");
	struct err e = { 0 };

	cr_expect_eq(scratch_count("."), 2);
	cr_assert_eq(outfile_commit(a, &e), 0);
	outfile_unlink_all();
	cr_expect_eq(scratch_count("."), 1, "what is committed stays");
	outfile_abort(b);
	outfile_unlink_all();
	cr_expect_eq(scratch_count("."), 1);
}

static int write_file(void)
{
	struct outfile *f = NULL;
	struct err e = { 0 };
	int r = outfile_open("out", &f, &e);

	return r < 0 ? r : outfile_commit(f, &e);
}

Test(outfile, survives_every_failed_allocation)
{
	allocfail_each(write_file);
	cr_expect_eq(scratch_count("."), 1);
}
