/* SPDX-License-Identifier: Apache-2.0 */
#include "debug_fixture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buildid.h"

void sh(const char *fmt, ...)
{
	char command[8192];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	cr_assert_eq(system(command), 0, "%s", command);
}

void asking_open(struct asking *a, const char *path)
{
	struct elf_file again;

	a->fd = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert_geq(a->fd, 0, "%s: %m", path);
	cr_assert_eq(elf_file_open_fd(&a->f, a->fd, UINT64_MAX), 0);
	again = elf_file_again(&a->f);
	a->id[0] = '\0';
	(void)buildid_of_file(&again, a->id);
	elf_file_close(&again);
	a->root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

void asking_close(struct asking *a)
{
	elf_file_close(&a->f);
	close(a->fd);
	close(a->root);
}

const char *name_found(int r, int fd, const char *const *paths)
{
	static char text[32];
	const char *found = "?";
	struct stat a, b;

	if (r < 0) {
		cr_expect_eq(fd, -7);
		snprintf(text, sizeof(text), "%d", r);
		return text;
	}
	cr_assert_eq(fstat(fd, &a), 0);
	for (; *paths; paths++)
		if (stat(*paths, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
			found = *paths;
	close(fd);
	return found;
}

const char *put_by_id(const char *file, const char *at, const char *id)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/.build-id/%.2s/%s.debug", at, id, id + 2);
	sh("mkdir -p %s/.build-id/%.2s && cp %s %s", at, id, file, path);
	return path;
}

void make_other_id(const char *from, const char *to)
{
	sh("printf '\\4\\0\\0\\0\\24\\0\\0\\0\\3\\0\\0\\0GNU\\0aaaaaaaaaaaaaaaaaaaa' >note");
	sh("objcopy --update-section .note.gnu.build-id=note %s %s", from, to);
}
