/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of a test's own, in which it works and which goes away with it. */
#pragma once

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct scratch_dir {
	char path[64];
};

/* Makes the folder and goes there. */
static inline void scratch_enter(struct scratch_dir *d)
{
	strcpy(d->path, "/tmp/wick-unit-XXXXXX");
	cr_assert_not_null(mkdtemp(d->path));
	cr_assert_eq(chdir(d->path), 0);
}

static inline void scratch_leave(struct scratch_dir *d)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -rf %s", d->path);
	cr_assert_eq(chdir("/"), 0);
	cr_expect_eq(system(command), 0);
}

static inline void scratch_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	cr_assert_not_null(f);
	fputs(text, f);
	cr_assert_eq(fclose(f), 0);
}

/* The file's text, up to 4095 bytes; "(none)" when there is no such file. */
static inline const char *scratch_read(const char *path)
{
	static char text[4096];
	FILE *f = fopen(path, "r");
	size_t n;

	if (!f)
		return "(none)";
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

/* Files in the folder @path. */
static inline unsigned scratch_count(const char *path)
{
	DIR *dir = opendir(path);
	unsigned n = 0;

	cr_assert_not_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2; /* . and .. */
}
