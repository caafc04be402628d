/* SPDX-License-Identifier: Apache-2.0 */
#include "cachedir.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"

static bool is_own(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	       !(st.st_mode & (S_IWGRP | S_IWOTH));
}

/* Makes the folder if it is not there; whether it is this user's alone then. */
static bool make_own(const char *path)
{
	return (mkdir(path, 0700) == 0 || errno == EEXIST) && is_own(path);
}

int cachedir_default(char ret[PATH_MAX])
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char path[PATH_MAX];
	int n;

	if (base && base[0] == '/') {
		n = snprintf(path, sizeof(path), "%s", base);
	} else {
		/* Of sudo's $HOME the owner is another user than root. */
		if (!home || home[0] != '/' || !is_own(home))
			return -ENOENT;
		n = snprintf(path, sizeof(path), "%s/.cache", home);
	}
	if (n < 0 || (size_t)n + strlen("/wick") >= sizeof(path) || !make_own(path))
		return -ENOENT;
	strcat(path, "/wick");
	if (!make_own(path))
		return -ENOENT;
	strcpy(ret, path);
	return 0;
}

int cachedir_make(const char *path, struct err *e)
{
	char part[PATH_MAX];
	struct stat st;
	size_t n = strlen(path);

	if (n >= sizeof(part))
		return err_set(e, -ENAMETOOLONG, "the name of the cache folder is too long");
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0700) < 0 && errno != EEXIST && path[i] == '\0') {
			int r = -errno;

			return err_set(
				e, r,
				"cannot make the cache folder '%s': %s; give another one, or "
				"--cache off",
				path, strerror(-r));
		}
	}
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(e, -ENOTDIR, "'%s' is no folder; give --cache one, or --cache off",
			       path);
	return 0;
}
