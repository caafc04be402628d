/* SPDX-License-Identifier: Apache-2.0 */
#include "fdpath.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The target of a link in /proc/self/fd: the path by which the kernel knows an open file. */
static int path_of_fd(int fd, char ret[PATH_MAX])
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, ret, PATH_MAX);
	if (n < 0)
		return -errno;
	if (n == PATH_MAX)
		return -ENAMETOOLONG;
	ret[n] = '\0';
	return 0;
}

int fdpath_below_root(int fd, int root_fd, char ret[PATH_MAX])
{
	char path[PATH_MAX], root[PATH_MAX];
	const char *from = path;
	size_t n;
	int r = path_of_fd(fd, path);

	if (r < 0)
		return r;
	if (path[0] != '/')
		return -ENOENT;
	if (root_fd >= 0 && path_of_fd(root_fd, root) == 0) {
		n = strlen(root);
		if (n > 1 && strncmp(path, root, n) == 0 && path[n] == '/')
			from += n;
	}
	memcpy(ret, from, strlen(from) + 1);
	return 0;
}
