/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "array.h"
#include "rootopen.h"
#include "scratch.h"

static struct scratch_dir dir;
static int root;

/* "root" is what somebody else controls; "outside" must never be reached from there. */
static void enter(void)
{
	scratch_enter(&dir);
	scratch_write("outside", "secret");
	cr_assert_eq(mkdir("root", 0700), 0);
	cr_assert_eq(chdir("root"), 0);
	scratch_write("file", "inside");
	cr_assert_eq(mkdir("folder", 0700), 0);
	scratch_write("folder/file", "inside");
	cr_assert_eq(mkfifo("fifo", 0600), 0); /* nobody writes to it: it must not block */
	cr_assert_eq(symlink("/folder/file", "absolute"), 0);
	cr_assert_eq(symlink("folder", "way"), 0);
	cr_assert_eq(symlink("../outside", "up"), 0);
	cr_assert_eq(symlink("/proc/self/root/etc/passwd", "magic"), 0);
	cr_assert_eq(symlink("loop", "loop"), 0);
	cr_assert_eq(symlink("fifo", "to-fifo"), 0);
	cr_assert_eq(symlink("/dev/null", "device"), 0);
	cr_assert_eq(chdir(".."), 0);
	root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	cr_assert_geq(root, 0);
}

static void leave(void)
{
	close(root);
	scratch_leave(&dir);
}

TestSuite(rootopen, .init = enter, .fini = leave, .timeout = 20);

struct row {
	const char *path;
	int r;
};

static void check(int root_fd, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int fd = -7, r = root_open_regular(root_fd, rows[i].path, &fd);
		char text[16] = "";

		cr_expect_eq(r, rows[i].r, "%s: %d", rows[i].path, r);
		if (r < 0) {
			cr_expect_eq(fd, -7, "%s", rows[i].path);
			continue;
		}
		cr_expect_gt(read(fd, text, sizeof(text) - 1), 0);
		cr_expect_str_eq(text, "inside", "%s", rows[i].path);
		cr_expect_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
		close(fd);
	}
}

static const struct row refused[] = {
	{ "fifo", -EINVAL },	{ "folder", -EINVAL },	{ "/", -EINVAL },
	{ "missing", -ENOENT }, { "file/x", -ENOTDIR }, { "outside", -ENOENT },
};

static const struct row plain[] = {
	{ "file", 0 },
	{ "/file", 0 },
	{ "folder/file", 0 },
	{ "//folder/./file", 0 },
};

Test(rootopen, stays_below_the_root)
{
	static const struct row rows[] = {
		{ "absolute", 0 },	 { "way/file", 0 },  { "../../file", 0 },
		{ "folder/../file", 0 }, { "up", -ENOENT },  { "../outside", -ENOENT },
		{ "magic", -ENOENT },	 { "loop", -ELOOP }, { "to-fifo", -EINVAL },
		{ "device", -ENOENT },
	};

	check(root, plain, ARRAY_LEN(plain));
	check(root, refused, ARRAY_LEN(refused));
	check(root, rows, ARRAY_LEN(rows));
}

Test(rootopen, takes_its_own_root_as_it_is)
{
	static const struct row rows[] = {
		{ "file", 0 },		{ "way/file", 0 },     { "../root/file", 0 },
		{ "to-fifo", -EINVAL }, { "device", -EINVAL }, { "/dev/null", -EINVAL },
	};

	cr_assert_eq(chdir("root"), 0);
	check(-1, rows, ARRAY_LEN(rows));
	check(-1, refused, 2);
}

Test(rootopen, needs_a_folder_as_root)
{
	int file = open("outside", O_RDONLY), fd = -7;

	cr_expect_eq(root_open_regular(file, "x", &fd), -ENOTDIR);
	close(file);
	cr_expect_eq(root_open_regular(file, "x", &fd), -EBADF);
	cr_expect_eq(fd, -7);
}

/* From here on openat2(2) answers @error, as it does in containers with old filters. */
static void forbid_openat2(int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = ARRAY_LEN(code), .filter = code };

	cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
		cr_skip("no seccomp filters here: %m");
	errno = 0;
	cr_assert(syscall(SYS_openat2, root, "file", NULL, 0) < 0 && errno == error);
}

static void check_without_openat2(int error)
{
	/* No link is followed, in the middle or at the end. */
	static const struct row rows[] = {
		{ "absolute", -EINVAL }, { "way/file", -ENOTDIR }, { "up", -EINVAL },
		{ "magic", -EINVAL },	 { "loop", -EINVAL },	   { "to-fifo", -EINVAL },
		{ "device", -EINVAL },	 { "../outside", -EXDEV }, { "folder/../file", -EXDEV },
	};

	forbid_openat2(error);
	check(root, plain, ARRAY_LEN(plain));
	check(root, refused, ARRAY_LEN(refused));
	check(root, rows, ARRAY_LEN(rows));
}

Test(rootopen, follows_nothing_without_openat2)
{
	check_without_openat2(ENOSYS);
}

Test(rootopen, follows_nothing_where_openat2_is_refused)
{
	check_without_openat2(EPERM);
}

Test(rootopen, leaves_nothing_open)
{
	int before = dup(0), after, fd;

	close(before);
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		cr_expect_lt(root_open_regular(root, refused[i].path, &fd), 0);
	after = dup(0);
	cr_expect_eq(after, before);
	close(after);
}
