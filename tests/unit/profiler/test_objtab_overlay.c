/* SPDX-License-Identifier: Apache-2.0 */
/* Files of an overlay, where the kernel shows other inode numbers in maps than in stat(2). */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aspace.h"
#include "objtab.h"
#include "scratch.h"

#define NOWHERE 123456789012 /* an inode number that no file has */

static struct scratch_dir dir;

static void leave_overlay(void)
{
	umount2("root/all", MNT_DETACH);
	umount2("root", MNT_DETACH);
	scratch_leave(&dir);
}

/* A mount namespace of this test's own, with an overlay at root/all over a file each. */
static void enter_overlay(void)
{
	scratch_enter(&dir);
	cr_assert_eq(mkdir("root", 0755), 0);
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "root", "tmpfs", 0, NULL) < 0)
		cr_skip("needs the right to mount");
	cr_assert_eq(mkdir("root/low", 0755) | mkdir("root/up", 0755) | mkdir("root/work", 0755) |
			     mkdir("root/all", 0755),
		     0);
	scratch_write("root/low/liba.so", "a");
	scratch_write("root/low/libb.so", "b");
	if (mount("none", "root/all", "overlay", 0,
		  "lowerdir=root/low,upperdir=root/up,workdir=root/work") < 0)
		cr_skip("this kernel has no overlay");
}

TestSuite(objtab_overlay, .init = enter_overlay, .fini = leave_overlay, .timeout = 20);

/* What is read of the object for @name when root/all/liba.so is what lies at its area by now, still
 * with its own name or @unlinked. */
static char first_byte(const char *name, bool unlinked)
{
	int fd = open("root/all/liba.so", O_RDONLY);
	void *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	struct vm_area a = { .start = (uintptr_t)code, .dev = 1, .ino = NOWHERE };
	char path[128], byte = 0;
	struct objtab t;

	cr_assert_neq(code, MAP_FAILED);
	close(fd);
	if (unlinked)
		cr_assert_eq(unlink("root/all/liba.so"), 0);
	a.end = a.start + 4096;
	snprintf(path, sizeof(path), "%s/root/all/%s", dir.path, name);
	objtab_init(&t, 10);
	cr_assert_eq(objtab_mapping(&t, getpid(), &a, path), 0);
	if (t.objects.items[0].fd >= 0)
		cr_expect_eq(pread(t.objects.items[0].fd, &byte, 1, 0), 1);
	objtab_done(&t);
	munmap(code, 4096);
	return byte;
}

Test(objtab_overlay, a_mapped_file_is_opened_whatever_its_number)
{
	cr_expect_eq(first_byte("liba.so", false), 'a');
}

Test(objtab_overlay, a_deleted_file_is_told_by_the_name_it_had)
{
	cr_expect_eq(first_byte("liba.so", true), 'a');
}

/* The process has unloaded what the area is of, and loaded something else there. */
Test(objtab_overlay, another_file_in_the_place_is_not_taken_for_it)
{
	cr_expect_eq(first_byte("libb.so", false), 0);
	cr_expect_eq(first_byte("a.so", true), 0);
}
